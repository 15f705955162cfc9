//! The server, as the command line sees it: the API, and nothing beside it.

use clap::Args;
use problem::Problem;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use sternway_domain::id::hex;
use stream::Stream;

mod download;
mod problem;
mod stream;
mod trouble;

pub(super) use trouble::{Result, Trouble, read_file, wrong};

/// For one answer, its body included.
const ANSWER: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(5);
/// How often one request is sent at most; its key makes sending twice acting once.
const ATTEMPTS: u32 = 3;
/// The longest wait between two of them.
const WAIT: Duration = Duration::from_secs(5);

/// Which server, and who asks.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct Remote {
    /// Address of the Sternway server
    #[arg(long, env = "STERNWAY_URL", default_value = "http://127.0.0.1:3000", value_name = "URL", global = true)]
    server: String,
    /// File with the API token; without it the token is taken from the environment, `STERNWAY_TOKEN`
    #[arg(long, env = "STERNWAY_TOKEN_FILE", value_name = "FILE", global = true)]
    token_file: Option<PathBuf>,
    /// Print JSON instead of text; errors too, on standard error
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// One key for one act.
#[derive(Debug, Clone, Args)]
pub(super) struct Key {
    /// Name this act yourself: the same key with the same request acts once, however often it is sent
    #[arg(long, value_name = "KEY", help_heading = "Server")]
    idempotency_key: Option<String>,
}

impl Key {
    /// The one that was given, or a new one.
    pub(super) fn get(&self) -> String {
        self.idempotency_key.clone().unwrap_or_else(|| {
            let mut random = [0u8; 16];
            crate::ports::Rng::fill(&crate::system::SystemRng, &mut random);
            hex(&random)
        })
    }

    pub(super) fn given(&self) -> bool {
        self.idempotency_key.is_some()
    }
}

impl Remote {
    pub(super) fn client(&self) -> Result<Client> {
        let base: Url = self.server.trim().parse().map_err(|error| {
            wrong(format!(
                "`--server`: `{}` is not an address such as `https://sternway.example.com`: {error}",
                self.server
            ))
        })?;
        if !matches!(base.scheme(), "http" | "https") || !base.has_host() {
            return Err(wrong(format!("`--server`: `{base}` does not begin with `http://` or `https://`")));
        }
        let loopback = base.host_str().is_some_and(|host| {
            let host = host.trim_matches(['[', ']']);
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        });
        let authorization = self.authorization()?;
        if authorization.is_some() && base.scheme() == "http" && !loopback {
            super::terminal::complain(&format!(
                "sternway: warning: the token travels unencrypted to `{base}`; use https"
            ));
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("sternway/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .redirect(Policy::none());
        if loopback {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| wrong(format!("no HTTP client can be made: {error}")))?;
        Ok(Client { http, base, authorization })
    }

    fn authorization(&self) -> Result<Option<HeaderValue>> {
        let (token, from) = match &self.token_file {
            Some(path) => (read_file(path)?, format!("`{}`", path.display())),
            None => (std::env::var("STERNWAY_TOKEN").unwrap_or_default(), "`STERNWAY_TOKEN`".to_owned()),
        };
        let token = token.trim();
        if token.is_empty() {
            return Ok(None);
        }
        // Whatever it is, it must not be shown.
        let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| wrong(format!("{from} holds something that cannot be a token; it begins with `swy_`")))?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

/// Asks one server. Knows no more than its API.
pub(super) struct Client {
    http: reqwest::Client,
    base: Url,
    authorization: Option<HeaderValue>,
}

impl Client {
    /// What is at this place, as JSON.
    pub(super) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> Result<Value> {
        let mut url = self.url(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.json(|| self.request(Method::GET, url.clone())).await
    }

    /// As it is stored, to check its digest.
    pub(super) async fn raw(&self, path: &[&str]) -> Result<Vec<u8>> {
        let url = self.url(path);
        self.bytes(|| self.request(Method::GET, url.clone())).await
    }

    /// A file beside the API, below the server's address.
    pub(super) async fn file(&self, path: &[&str]) -> Result<Vec<u8>> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        self.bytes(|| self.request(Method::GET, url.clone())).await
    }

    pub(super) async fn post(&self, path: &[&str], body: &Value, key: &str) -> Result<Value> {
        self.json(|| self.request(Method::POST, self.url(path)).header("idempotency-key", key).json(body)).await
    }

    pub(super) async fn put(&self, path: &[&str], body: &Value, key: &str) -> Result<Value> {
        self.json(|| self.request(Method::PUT, self.url(path)).header("idempotency-key", key).json(body)).await
    }

    pub(super) async fn delete(&self, path: &[&str], key: &str) -> Result<Value> {
        self.json(|| self.request(Method::DELETE, self.url(path)).header("idempotency-key", key)).await
    }

    /// Up to `limit` rows of a list that comes in pages, newest first.
    pub(super) async fn list(&self, path: &[&str], query: &[(&str, String)], limit: usize) -> Result<Vec<Value>> {
        const PAGE: usize = 200;
        let mut rows: Vec<Value> = Vec::new();
        let mut cursor: Option<String> = None;
        while rows.len() < limit {
            let mut query = query.to_vec();
            query.push(("limit", (limit - rows.len()).min(PAGE).to_string()));
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let mut page = self.get(path, &query).await?;
            if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
                rows.extend(items);
            }
            match page.get("next_cursor").and_then(Value::as_str) {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        Ok(rows)
    }

    /// What changes, as it changes; from after `last` on, if that is known.
    pub(super) async fn events(&self, last: Option<&str>) -> Result<Stream> {
        let mut request = self.http.get(self.url(&["events"])).header("accept", "text/event-stream");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let asked = tokio::time::timeout(ANSWER, request.send()).await;
        let response = asked.map_err(|_| Trouble::Silent { server: self.server() })?;
        let response = response.map_err(|source| self.unreachable(source))?;
        if response.status() == StatusCode::OK {
            return Ok(Stream::new(response, self.server()));
        }
        Err(self.refusal(response).await)
    }

    pub(super) fn server(&self) -> String {
        self.base.as_str().trim_end_matches('/').to_owned()
    }

    /// Below `/api/v1`, each part of the path written so that it stays one part.
    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        url
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        self.http.request(method, url).headers(headers).timeout(ANSWER)
    }

    async fn json(&self, build: impl Fn() -> RequestBuilder) -> Result<Value> {
        let bytes = self.bytes(build).await?;
        self.read(&bytes)
    }

    /// Sends, and sends again while the server is only busy or the line broke.
    async fn bytes(&self, build: impl Fn() -> RequestBuilder) -> Result<Vec<u8>> {
        let mut attempt = 1;
        loop {
            let last = attempt == ATTEMPTS;
            let pause = Duration::from_millis(250 << attempt);
            match build().send().await {
                Ok(response) if busy(response.status()) && !last => {
                    tokio::time::sleep(retry_after(&response).unwrap_or(pause).min(WAIT)).await;
                }
                Ok(response) if response.status().is_success() => {
                    let bytes = response.bytes().await.map_err(|source| self.unreachable(source))?;
                    return Ok(bytes.into());
                }
                Ok(response) => return Err(self.refusal(response).await),
                // Nobody is there: somebody waits for the answer, and it is this.
                Err(error) if error.is_connect() || error.is_builder() || last => return Err(self.unreachable(error)),
                Err(_) => tokio::time::sleep(pause).await,
            }
            attempt += 1;
        }
    }

    pub(super) fn read(&self, bytes: &[u8]) -> Result<Value> {
        serde_json::from_slice(bytes)
            .map_err(|_| Trouble::Strange { server: self.server(), what: "not JSON".to_owned() })
    }

    /// An answer in the shape it is documented with.
    pub(super) fn shape<T: DeserializeOwned>(&self, value: &Value) -> Result<T> {
        T::deserialize(value).map_err(|error| Trouble::Strange { server: self.server(), what: error.to_string() })
    }

    async fn refusal(&self, response: Response) -> Trouble {
        let status = response.status();
        let bytes = response.bytes().await.unwrap_or_default();
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Trouble::Refused(Box::new(problem)),
            Err(_) if status.is_redirection() => {
                Trouble::Strange { server: self.server(), what: "a redirect; name the address it leads to".to_owned() }
            }
            Err(_) if status == StatusCode::NOT_FOUND => Trouble::Missing { server: self.server() },
            Err(_) => Trouble::Strange { server: self.server(), what: format!("status {status} without a reason") },
        }
    }

    fn unreachable(&self, source: reqwest::Error) -> Trouble {
        if source.is_timeout() && !source.is_connect() {
            return Trouble::Silent { server: self.server() };
        }
        Trouble::Unreachable { server: self.server(), source: source.without_url() }
    }
}

fn busy(status: StatusCode) -> bool {
    matches!(status, StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT)
}

fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(server: &str) -> Result<Client> {
        Remote { server: server.to_owned(), token_file: None, json: false }.client()
    }

    #[test]
    fn given_a_server_below_a_path_when_asked_then_names_stay_one_part_of_the_path() {
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let client = client("https://example.com/ops/").expect("an address");
        assert_eq!(client.url(&["plans", "a/../b c"]).as_str(), "https://example.com/ops/api/v1/plans/a%2F..%2Fb%20c");
    }

    #[test]
    fn given_no_address_when_a_client_is_made_then_it_says_so() {
        for wrong in ["sternway.example.com", "ftp://example.com", "http://"] {
            assert!(matches!(client(wrong), Err(Trouble::Input(_))), "{wrong}");
        }
    }
}
