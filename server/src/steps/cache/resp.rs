//! The protocol of Redis, version 2, as far as deleting keys needs it. Everything the server sends is limited.

use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The longest line, and the longest text of one value, in bytes. A key of Redis may be longer; such a cache is refused.
const MAX_TEXT: usize = 1024 * 1024;
/// Most values in one list.
const MAX_VALUES: usize = 100_000;

/// What the server sends.
#[derive(Debug, PartialEq)]
pub(super) enum Value {
    Text(Vec<u8>),
    Number(i64),
    List(Vec<Value>),
    Nothing,
    /// It answered and said no.
    Error(String),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum RespError {
    #[error("the connection was cut: {0}")]
    Cut(#[from] std::io::Error),
    #[error("it does not answer as Redis does: {0}")]
    Odd(String),
}

/// What it is spoken over: TCP, or TLS on it.
pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// One connection.
pub(super) struct Resp {
    stream: BufReader<Box<dyn Stream>>,
}

impl Resp {
    pub(super) fn over(stream: impl Stream + 'static) -> Self {
        Self { stream: BufReader::new(Box::new(stream)) }
    }

    /// Sends one command and reads its answer.
    pub(super) async fn ask(&mut self, words: &[&[u8]]) -> Result<Value, RespError> {
        let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
            bytes.extend_from_slice(word);
            bytes.extend_from_slice(b"\r\n");
        }
        self.stream.get_mut().write_all(&bytes).await?;
        // TLS may keep back what was not asked to leave.
        self.stream.get_mut().flush().await?;
        match self.read().await? {
            List::Whole(value) => Ok(value),
            List::Of(count) => {
                let mut values = Vec::new();
                for _ in 0..count {
                    values.push(match self.read().await? {
                        List::Whole(value) => value,
                        // Two levels are all that `SCAN` needs.
                        List::Of(inner) => {
                            let mut within = Vec::new();
                            for _ in 0..inner {
                                let List::Whole(value) = self.read().await? else {
                                    return Err(RespError::Odd("lists within lists within lists".to_owned()));
                                };
                                within.push(value);
                            }
                            Value::List(within)
                        }
                    });
                }
                Ok(Value::List(values))
            }
        }
    }

    async fn read(&mut self) -> Result<List, RespError> {
        let line = self.line().await?;
        let (kind, rest) = line.split_at_checked(1).ok_or_else(|| RespError::Odd("an empty line".to_owned()))?;
        let number = || rest.parse::<i64>().map_err(|_| RespError::Odd(shown(&line)));
        let whole = match kind {
            "+" => Value::Text(rest.as_bytes().to_vec()),
            "-" => Value::Error(shown(rest)),
            ":" => Value::Number(number()?),
            "$" => match usize::try_from(number()?) {
                Err(_) => Value::Nothing,
                Ok(length) if length > MAX_TEXT => return Err(RespError::Odd(format!("a text of {length} bytes"))),
                Ok(length) => {
                    let mut text = vec![0; length + 2];
                    self.stream.read_exact(&mut text).await?;
                    text.truncate(length);
                    Value::Text(text)
                }
            },
            "*" => match usize::try_from(number()?) {
                Err(_) => Value::Nothing,
                Ok(count) if count > MAX_VALUES => return Err(RespError::Odd(format!("a list of {count} values"))),
                Ok(count) => return Ok(List::Of(count)),
            },
            _ => return Err(RespError::Odd(shown(&line))),
        };
        Ok(List::Whole(whole))
    }

    async fn line(&mut self) -> Result<String, RespError> {
        let mut line = Vec::new();
        let limit = u64::try_from(MAX_TEXT).unwrap_or(u64::MAX);
        (&mut self.stream).take(limit).read_until(b'\n', &mut line).await?;
        if line.last() != Some(&b'\n') {
            let cut = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(if line.len() < MAX_TEXT { cut.into() } else { RespError::Odd("a line too long".to_owned()) });
        }
        Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned())
    }
}

enum List {
    Whole(Value),
    Of(usize),
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Connects within this time.
pub(super) async fn connect(host: &str, port: u16, within: Duration) -> std::io::Result<TcpStream> {
    match tokio::time::timeout(within, TcpStream::connect((host, port))).await {
        Ok(connected) => connected,
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut)),
    }
}
