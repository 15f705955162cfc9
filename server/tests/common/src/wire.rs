//! Just enough HTTP/1.1 on kept connections for instances and clients that agree with each other.

use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The next message's first line and headers; what came after them stays in `rest`. `None` when the other side ended.
pub(crate) async fn read_head(stream: &mut TcpStream, rest: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head: Vec<u8> = rest.drain(..end + 4).collect();
            return Some(String::from_utf8_lossy(&head).into_owned());
        }
        more(stream, rest).await?;
    }
}

/// The next `length` bytes.
pub(crate) async fn read_body(stream: &mut TcpStream, rest: &mut Vec<u8>, length: usize) -> Option<String> {
    while rest.len() < length {
        more(stream, rest).await?;
    }
    let body: Vec<u8> = rest.drain(..length).collect();
    Some(String::from_utf8_lossy(&body).into_owned())
}

async fn more(stream: &mut TcpStream, rest: &mut Vec<u8>) -> Option<()> {
    let mut bytes = [0; 4096];
    match stream.read(&mut bytes).await {
        Ok(n) if n > 0 => rest.extend_from_slice(&bytes[..n]),
        _ => return None,
    }
    Some(())
}

pub(crate) async fn respond(stream: &mut TcpStream, status: u16, body: &str, stays: bool) -> io::Result<()> {
    let connection = if stays { "keep-alive" } else { "close" };
    let answer = format!(
        "HTTP/1.1 {status} Answer\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: {connection}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await
}
