//! Listeners and the client of the demo, loopback only.

use super::DemoError;
use axum::Router;
use axum::serve::ListenerExt as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long open requests may take to end once the world stops.
const GRACE: Duration = Duration::from_secs(2);

/// Runs what belongs to the world, and ends it together.
#[derive(Debug, Clone, Default)]
pub(super) struct Tasks {
    pub stop: CancellationToken,
    pub tracker: TaskTracker,
}

impl Tasks {
    /// Answers on this listener until the world stops.
    pub(super) fn serve(&self, listener: TcpListener, app: Router) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            // A connection that is gone already has no delay to be switched off.
            let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
            let server = axum::serve(listener, app).with_graceful_shutdown(stop.clone().cancelled_owned());
            let overdue = async {
                stop.cancelled().await;
                tokio::time::sleep(GRACE).await;
            };
            tokio::select! {
                ended = server => if let Err(error) = ended {
                    tracing::warn!(%error, "a demo listener ended");
                },
                () = overdue => tracing::debug!("a demo listener was dropped with open requests"),
            }
        });
    }

    /// Runs this until it ends or the world stops.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            stop.run_until_cancelled(work).await;
        });
    }
}

/// A listener on a free port of 127.0.0.1.
pub(super) async fn bind(what: &str) -> Result<(TcpListener, SocketAddr), DemoError> {
    let failed = |source| DemoError::Listen { what: what.to_owned(), source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
    let addr = listener.local_addr().map_err(failed)?;
    Ok((listener, addr))
}

/// Never goes through a proxy of the environment, never follows a redirect, never waits for more than 4 s.
pub(super) fn client() -> Result<reqwest::Client, DemoError> {
    // An error says that the process has a provider already, which is as good.
    drop(rustls::crypto::ring::default_provider().install_default());
    reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(4))
        .build()
        .map_err(|source| DemoError::Client { source })
}
