//! A small HTTP server that answers every request with one text, to be changed while it runs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Ends when dropped.
pub struct Page {
    address: SocketAddr,
    answer: Arc<Mutex<String>>,
    requests: Arc<AtomicU64>,
    head: Arc<Mutex<String>>,
    task: JoinHandle<()>,
}

impl Page {
    /// Answers 200 with this text as `text/plain`.
    pub async fn start(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("a bound socket has an address");
        let answer = Arc::new(Mutex::new(ok(body)));
        let requests = Arc::new(AtomicU64::new(0));
        let head = Arc::new(Mutex::new(String::new()));
        let (text, count, last) = (Arc::clone(&answer), Arc::clone(&requests), Arc::clone(&head));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let text = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
                tokio::spawn(serve(stream, text, Arc::clone(&last)));
            }
        });
        Self { address, answer, requests, head, task }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// `http://127.0.0.1:PORT` and a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on 200 with this text.
    pub fn set(&self, body: &str) {
        self.set_raw(ok(body));
    }

    /// From now on exactly these bytes: status line, headers, body.
    pub fn set_raw(&self, answer: String) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// Request line and headers of the last request.
    pub fn last_head(&self) -> String {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections so far.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

async fn serve(mut stream: TcpStream, answer: String, last: Arc<Mutex<String>>) {
    let mut head = Vec::new();
    let mut byte = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut byte).await {
            Ok(n) if n > 0 => head.extend_from_slice(&byte[..n]),
            _ => return,
        }
    }
    *last.lock().unwrap_or_else(PoisonError::into_inner) = String::from_utf8_lossy(&head).into_owned();
    // The other side may have gone; it is the one to complain.
    let _ = stream.write_all(answer.as_bytes()).await;
}
