//! A line to a server of this machine that can be held up and cut.

use crate::loopback;
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    Whole,
    /// Connections stay, nothing passes, nobody is told: as when packets are lost.
    Stalled,
    /// Connections end, and new ones too.
    Cut,
}

/// Ends when dropped.
pub struct Cable {
    port: u16,
    line: watch::Sender<Line>,
    task: JoinHandle<()>,
}

impl Cable {
    pub async fn to(target: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("loopback has free ports");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let (line, seen) = watch::channel(Line::Whole);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                connections.spawn(connect(near, target, seen.clone()));
                while connections.try_join_next().is_some() {}
            }
        });
        Self { port, line, task }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connect(near: TcpStream, target: u16, mut line: watch::Receiver<Line>) {
    if passes(&mut line).await.is_none() {
        return;
    }
    let Ok(far) = TcpStream::connect(loopback(target)).await else { return };
    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
    let mut cut = line.clone();
    tokio::select! {
        () = carry(near_in, far_out, line.clone()) => {}
        () = carry(far_in, near_out, line) => {}
        _ = cut.wait_for(|line| *line == Line::Cut) => {}
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut line: watch::Receiver<Line>) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if passes(&mut line).await.is_none() || to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

/// Waits while nothing passes; `None` once it is cut.
async fn passes(line: &mut watch::Receiver<Line>) -> Option<()> {
    let now = *line.wait_for(|line| *line != Line::Stalled).await.ok()?;
    (now == Line::Whole).then_some(())
}
