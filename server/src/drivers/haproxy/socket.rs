//! HAProxy's runtime socket: one command per connection, the answer ends with the connection.

use crate::outbound::Outbound;
use crate::ports::DriverFailure;
use std::io;
use std::time::Duration;
use sternway_domain::service::HaproxyAddress;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

/// The longest answer that is read: thousands of servers.
const MAX_BYTES: u64 = 8 * 1024 * 1024;

pub(super) struct Socket {
    pub(super) address: HaproxyAddress,
    pub(super) outbound: Outbound,
    /// For a whole exchange.
    pub(super) timeout: Duration,
    /// For people.
    pub(super) name: String,
}

impl Socket {
    /// Sends one command and reads all of the answer.
    pub(super) async fn ask(&self, command: &str) -> Result<String, DriverFailure> {
        if command.contains([';', '\n', '\r', '\\', '\0']) {
            return Err(self.refused(format!("{command:?} would be more than one command")));
        }
        let answer = tokio::time::timeout(self.timeout, self.exchange(command)).await;
        match answer {
            Ok(answer) => answer,
            Err(_) => Err(self.unreachable(format!("no answer within {}\u{a0}ms", self.timeout.as_millis()))),
        }
    }

    pub(super) fn refused(&self, detail: impl Into<String>) -> DriverFailure {
        DriverFailure::Refused { target_name: self.name.clone(), detail: detail.into() }
    }

    fn unreachable(&self, detail: impl Into<String>) -> DriverFailure {
        DriverFailure::Unreachable { target_name: self.name.clone(), detail: detail.into() }
    }

    async fn exchange(&self, command: &str) -> Result<String, DriverFailure> {
        let lost = |e: io::Error| self.unreachable(e.to_string());
        let bytes = match &self.address {
            HaproxyAddress::Unix(path) => {
                converse(UnixStream::connect(path).await.map_err(lost)?, command).await.map_err(lost)?
            }
            HaproxyAddress::Tcp { host, port } => {
                let addresses =
                    self.outbound.resolve(host, *port).await.map_err(|e| self.unreachable(e.to_string()))?;
                converse(TcpStream::connect(&addresses[..]).await.map_err(lost)?, command).await.map_err(lost)?
            }
        };
        if bytes.is_empty() {
            return Err(self.unreachable("the connection was closed without an answer"));
        }
        String::from_utf8(bytes).map_err(|_| self.refused("the answer is not text; is this HAProxy's runtime socket?"))
    }
}

async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, command: &str) -> io::Result<Vec<u8>> {
    stream.write_all(format!("{command}\n").as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.take(MAX_BYTES).read_to_end(&mut bytes).await?;
    Ok(bytes)
}
