//! Deletes the keys of a Redis (or Valkey, KeyDB) that match a pattern: `SCAN`, then `UNLINK` in batches.
//!
//! A scan meets every key that is there from its beginning to its end; what is written meanwhile may stay. Deleting what
//! is gone already does nothing, so doing it again is harmless. Deliberately absent: clusters, certificates of our own.

use super::resp::{Resp, RespError, Value, connect};
use super::tls::{self, TlsError};
use std::path::PathBuf;
use std::time::Duration;
use sternway_domain::saga::Answer;
use url::Url;

/// Keys looked at by one `SCAN`.
const COUNT: &[u8] = b"500";
const CONNECTING: Duration = Duration::from_secs(5);
/// For all of it.
const WITHIN: Duration = Duration::from_secs(300);

/// Never shows the address: it may hold a password.
pub(super) async fn delete(url: &str, pattern: &str) -> Answer {
    let place = match place(url) {
        Ok(place) => place,
        Err(text) => return Answer::Failed { error: text.to_owned(), again: false },
    };
    let resp = match reach(&place).await {
        Ok(resp) => resp,
        Err(failed) => return failed,
    };
    let mut deleted = 0;
    match tokio::time::timeout(WITHIN, run(resp, &place.url, pattern.as_bytes(), &mut deleted)).await {
        Ok(Ok(())) => Answer::Done { output: format!("keys deleted: {deleted}") },
        Ok(Err(Stop::No(error))) if deleted == 0 => Answer::Failed { error, again: false },
        Ok(Err(Stop::No(error) | Stop::Cut(error))) => {
            Answer::Unknown { detail: format!("{error}; keys deleted before: {deleted}") }
        }
        Err(_) => Answer::Unknown { detail: format!("not through within 300\u{a0}s; keys deleted: {deleted}") },
    }
}

enum Stop {
    /// It said no.
    No(String),
    Cut(String),
}

impl From<RespError> for Stop {
    fn from(error: RespError) -> Self {
        Stop::Cut(error.to_string())
    }
}

/// What an address says.
struct Place {
    host: String,
    port: u16,
    tls: bool,
    /// The authorities that are believed, in a PEM file; the machine's when left out.
    roots: Option<PathBuf>,
    url: Url,
}

fn place(url: &str) -> Result<Place, &'static str> {
    let url = Url::parse(url).map_err(|_| "its address is not a URL: write `redis://host:6379/0`")?;
    let tls = match url.scheme() {
        "redis" => false,
        "rediss" => true,
        _ => return Err("its address begins neither with `redis://` nor, for TLS, with `rediss://`"),
    };
    let mut roots = None;
    for (name, value) in url.query_pairs() {
        match name.as_ref() {
            "sslrootcert" if tls => roots = Some(PathBuf::from(value.into_owned())),
            _ => {
                return Err(
                    "its address may end with `?sslrootcert=FILE` where it begins with `rediss://`, and with nothing else",
                );
            }
        }
    }
    let host = url.host_str().ok_or("its address names no host")?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Place { host, port: url.port().unwrap_or(6379), tls, roots, url })
}

/// A connection on which nothing has been said yet: whatever goes wrong, nothing happened.
async fn reach(place: &Place) -> Result<Resp, Answer> {
    let failed = |error: String, again| Answer::Failed { error, again };
    let stream = connect(&place.host, place.port, CONNECTING).await;
    let stream = stream.map_err(|error| failed(format!("it cannot be reached: {error}"), true))?;
    if !place.tls {
        return Ok(Resp::over(stream));
    }
    let shaken = tokio::time::timeout(CONNECTING, tls::over(stream, &place.host, place.roots.as_deref())).await;
    match shaken {
        Ok(Ok(stream)) => Ok(Resp::over(stream)),
        Ok(Err(error)) => {
            let again = matches!(error, TlsError::Cut(_));
            Err(failed(error.to_string(), again))
        }
        Err(_) => Err(failed(format!("no TLS with it within {}\u{a0}s", CONNECTING.as_secs()), true)),
    }
}

async fn run(mut redis: Resp, url: &Url, pattern: &[u8], deleted: &mut u64) -> Result<(), Stop> {
    sign_in(&mut redis, url).await?;
    let mut cursor = b"0".to_vec();
    let mut command: &[u8] = b"UNLINK";
    loop {
        let (next, keys) = scan(&mut redis, &cursor, pattern).await?;
        if !keys.is_empty() {
            let mut said = redis.ask(&words(command, &keys)).await?;
            // Before version 4 there is only `DEL`.
            if command == b"UNLINK" && matches!(&said, Value::Error(text) if text.contains("unknown command")) {
                command = b"DEL";
                said = redis.ask(&words(command, &keys)).await?;
            }
            match said {
                Value::Number(count) => *deleted += u64::try_from(count).unwrap_or(0),
                other => return Err(no("deleting", &other)),
            }
        }
        if next == b"0" {
            return Ok(());
        }
        cursor = next;
    }
}

fn words<'a>(command: &'a [u8], keys: &'a [Vec<u8>]) -> Vec<&'a [u8]> {
    std::iter::once(command).chain(keys.iter().map(Vec::as_slice)).collect()
}

async fn sign_in(redis: &mut Resp, url: &Url) -> Result<(), Stop> {
    let plain = |text: &str| percent(text).ok_or_else(|| Stop::No("its password is not well encoded".to_owned()));
    if let Some(password) = url.password() {
        let (user, password) = (plain(url.username())?, plain(password)?);
        let words: Vec<&[u8]> =
            if user.is_empty() { vec![b"AUTH", &password] } else { vec![b"AUTH", &user, &password] };
        expect_ok(redis.ask(&words).await?, "signing in")?;
    }
    let number = url.path().trim_start_matches('/');
    if !number.is_empty() {
        expect_ok(redis.ask(&[b"SELECT", number.as_bytes()]).await?, "choosing the database")?;
    }
    Ok(())
}

async fn scan(redis: &mut Resp, cursor: &[u8], pattern: &[u8]) -> Result<(Vec<u8>, Vec<Vec<u8>>), Stop> {
    let said = redis.ask(&[b"SCAN", cursor, b"MATCH", pattern, b"COUNT", COUNT]).await?;
    let Value::List(parts) = said else { return Err(no("looking for keys", &said)) };
    match <[Value; 2]>::try_from(parts) {
        Ok([Value::Text(next), Value::List(keys)]) => {
            let keys = keys.into_iter().filter_map(|key| if let Value::Text(key) = key { Some(key) } else { None });
            Ok((next, keys.collect()))
        }
        _ => Err(Stop::Cut("it does not answer `SCAN` as Redis does".to_owned())),
    }
}

fn expect_ok(said: Value, doing: &str) -> Result<(), Stop> {
    if said == Value::Text(b"OK".to_vec()) { Ok(()) } else { Err(no(doing, &said)) }
}

fn no(doing: &str, said: &Value) -> Stop {
    match said {
        Value::Error(text) => Stop::No(format!("{doing}: {text}")),
        _ => Stop::No(format!("{doing}: an answer of another kind than expected")),
    }
}

/// `%41` is `A`.
fn percent(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut plain = Vec::new();
    while let Some(byte) = bytes.next() {
        plain.push(match byte {
            b'%' => {
                let digits = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    Some(plain)
}
