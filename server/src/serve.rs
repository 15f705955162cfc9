//! Starts and ends: the store, the application service, who may enter, then the listener, and all of it in reverse.

use crate::alarms::{AlarmSettings, Alarms};
use crate::auth::{Auth, AuthError, Doors, Hasher};
use crate::config::Config;
use crate::emergency::Intake;
use crate::engine::{Adapters, Engine, EngineConfig};
use crate::http::{Http, HttpSettings, Pages, assets};
use crate::keeper::{self, Keeper};
use crate::ledger::{Ledger, LedgerError};
use crate::live;
use crate::memory::{Memory, MemoryError};
use crate::notary::{self, LookFault, Notary, OpenFault, Opening, origin_of, witness};
use crate::outage;
use crate::outbound::{Outbound, OutboundError};
use crate::plane::Plane;
use crate::ports::{Clock, Rng};
use crate::service::{Service, ServiceError};
use crate::steps::Hands;
use crate::store::{self, StoreError};
use axum::Router;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use sternway_app::view::door::DemoPersonView;
use sternway_domain::audit::settings::Settings;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Why Sternway could not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the database could not be opened")]
    Store(#[source] StoreError),
    #[error(transparent)]
    Memory(#[from] MemoryError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("what had been redacted could not be taken out again")]
    Redact(#[source] ServiceError),
    #[error(
        "with which settings this server starts could not be written into the log, and nothing is done under settings that \
         the log does not have: make room for the database, or make it writable, and start again"
    )]
    Settings(#[source] ServiceError),
    #[error(transparent)]
    Key(#[from] OpenFault),
    #[error("the log could not be compared with what was signed before")]
    Look(#[from] LookFault),
    #[error("passwords cannot be hashed on this machine")]
    Auth(#[source] AuthError),
    #[error("the HTTP client for sources, drivers and webhooks could not be made")]
    Outbound(#[source] OutboundError),
    #[error("`{address}` cannot be listened on; is another program using it?")]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error("SIGTERM and Ctrl-C cannot be waited for")]
    Signals(#[source] std::io::Error),
    #[error("the listener failed")]
    Accept(#[source] std::io::Error),
}

/// What everything else stands on. Cheap to clone.
#[derive(Clone)]
pub struct Base {
    pub service: Service,
    pub auth: Auth,
    pub outbound: Outbound,
    /// Names this replica in leases.
    pub holder: String,
    /// Cancelled when Sternway is to end: streams, engine and listener watch it.
    pub shutdown: CancellationToken,
    pub config: Arc<Config>,
}

/// Work beside the listener; ends by itself soon after the shutdown begins.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Base {
    /// Opens the database, bringing its schema up to date, and sets up who may enter.
    pub async fn lay(config: Config, clock: Arc<dyn Clock>, rng: Arc<dyn Rng>) -> Result<Self, ServeError> {
        let store = store::open(&config.database).await.map_err(ServeError::Store)?;
        let mut service = Service::new(store, clock, rng.clone());
        service.environment = config.environment.clone();
        service.steps = Arc::new(config.steps.clone());
        service.memory = Memory::open(&config.state)?;
        let (pin, usual) = (config.state.with_added_extension("checkpoint"), origin_of(&config));
        let opening = Opening { place: &config.log_key, origin: &config.log_origin, usual: &usual, pin: Some(pin) };
        service.notary = Notary::open(service.store.as_ref(), opening, service.rng.as_ref()).await?;
        service.witnesses = Arc::new(config.log_witnesses.clone());
        service.ledger = Ledger::open(&config.state.with_added_extension("redactions"))?;
        service.memory.look(service.store.as_ref(), &service.notary, service.clock.now()).await?;
        notary::look(&service).await?;
        keeper::begin(&service).await?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let hasher = Hasher::new(rng, cores.min(4)).map_err(ServeError::Auth)?;
        let auth = Auth::new(service.clone(), hasher, Doors::new(config.sign_in));
        let outbound = Outbound::new(config.outbound_allow.clone()).map_err(ServeError::Outbound)?;
        let hands = Arc::new(Hands::new(outbound.clone(), service.clock.clone(), service.steps.clone()));
        service.queries = hands.clone();
        service.teller = hands;
        let address = config.public_url.as_ref().map(|url| url.as_str().trim_end_matches('/').to_owned());
        service.alarms = Arc::new(AlarmSettings { channels: config.alarms.clone(), address });
        let holder = if config.replica.is_empty() { service.new_id().to_string() } else { config.replica.clone() };
        Ok(Self { service, auth, outbound, holder, shutdown: CancellationToken::new(), config: Arc::new(config) })
    }

    /// Leaves an entry in the log if this server starts with other settings than the one before. Before the engine begins:
    /// nothing is done under settings that the log does not have.
    pub async fn started_with(&self, settings: &Settings) -> Result<(), ServeError> {
        if self.service.started_with(settings).await.map_err(ServeError::Settings)? {
            tracing::info!("the settings of this start are new or changed; the log says which");
        }
        Ok(())
    }

    /// The pages over what is stored here, with the browser's files of this build.
    pub fn pages(&self, demo_people: Vec<DemoPersonView>) -> Pages {
        let plane = Plane { service: self.service.clone(), demo_people };
        Pages::new(Arc::new(plane), assets::addresses())
    }

    pub fn http(&self, pages: Pages) -> Http {
        let settings = HttpSettings {
            trusted_proxies: self.config.trusted_proxies.clone(),
            open_metrics: self.config.metrics_open,
            open_log: self.config.log_public,
            retention: self.config.log_retention,
            flag_origins: self.config.flag_origins.clone(),
            flag_limit: self.config.flag_limit,
            ..HttpSettings::default()
        };
        Http {
            service: self.service.clone(),
            auth: self.auth.clone(),
            pages,
            settings: Arc::new(settings),
            shutdown: self.shutdown.clone(),
        }
    }

    /// The link that makes the first admin, while nobody has an account.
    pub async fn setup_link(&self, address: SocketAddr) -> Result<Option<String>, ServeError> {
        let secret = self.auth.setup_secret().await.map_err(ServeError::Auth)?;
        Ok(secret.map(|secret| format!("{}/setup/{secret}", self.address(address))))
    }

    /// How people reach this Sternway, without a slash at the end.
    pub fn address(&self, listening: SocketAddr) -> String {
        match &self.config.public_url {
            Some(url) => url.as_str().trim_end_matches('/').to_owned(),
            None => format!("http://{listening}"),
        }
    }

    /// The engine of this replica, as work beside the listener.
    pub fn engine(&self, adapters: Arc<dyn Adapters>) -> Task {
        let config = EngineConfig {
            holder: self.holder.clone(),
            lease: self.config.engine_lease,
            poll: Duration::from_micros(self.config.engine_poll.micros().unsigned_abs()),
        };
        let hands = Hands::new(self.outbound.clone(), self.service.clock.clone(), self.service.steps.clone());
        let engine = Engine { service: self.service.clone(), adapters, hands, config };
        Box::pin(engine.run(self.shutdown.clone()))
    }

    /// What takes spooled emergencies in.
    pub fn intake(&self) -> Intake {
        Intake {
            service: self.service.clone(),
            keys: self.config.emergency_keys.clone(),
            spool: self.config.emergency_spool.clone(),
            copy: self.config.emergency_services.clone(),
        }
    }

    /// Serves until a signal or [`Base::shutdown`], then ends everything within the time allowed for it.
    pub async fn run(&self, listener: TcpListener, router: Router, tasks: Vec<Task>) -> Result<(), ServeError> {
        // Before anything is answered: who is told that this is ready may ask it to end.
        let signals = Signals::hear().map_err(ServeError::Signals)?;
        let mut work = JoinSet::new();
        for task in tasks {
            work.spawn(task);
        }
        work.spawn(live::follow(self.service.clone(), self.holder.clone(), self.shutdown.clone()));
        work.spawn(notary::run(self.service.clone(), self.holder.clone(), self.shutdown.clone()));
        let holder = self.holder.clone();
        work.spawn(witness::run(self.service.clone(), self.outbound.clone(), holder, self.shutdown.clone()));
        work.spawn(outage::watch(self.service.clone(), self.shutdown.clone()));
        let keeper = Keeper::new(self.service.clone(), self.holder.clone(), self.config.log_retention);
        work.spawn(keeper.run(self.shutdown.clone()));
        work.spawn(Alarms::new(self.service.clone(), self.holder.clone()).run(self.shutdown.clone()));
        let token = self.shutdown.clone();
        work.spawn(async move {
            tokio::select! {
                () = signals.next() => token.cancel(),
                () = token.cancelled() => {}
            }
        });
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let graceful = axum::serve(listener, service).with_graceful_shutdown(self.shutdown.clone().cancelled_owned());
        let serving = async { graceful.await.map_err(ServeError::Accept) };
        tokio::pin!(serving);
        let ended = tokio::select! {
            ended = &mut serving => ended,
            () = self.shutdown.cancelled() => {
                tracing::info!("shutting down");
                let drained = async {
                    let served = serving.await;
                    while work.join_next().await.is_some() {}
                    served
                };
                match tokio::time::timeout(self.config.shutdown.saturating_sub(RESERVE), drained).await {
                    Ok(served) => served,
                    Err(_) => {
                        tracing::warn!("some requests or tasks did not end in time and are cut off");
                        Ok(())
                    }
                }
            }
        };
        self.shutdown.cancel();
        work.abort_all();
        // Other replicas need not wait for the leases to run out.
        match tokio::time::timeout(RESERVE, self.service.store.release_leases(&self.holder)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "leases were not given back"),
            Err(_) => tracing::warn!("leases were not given back in time"),
        }
        tracing::info!("ended");
        ended
    }
}

/// Kept back from the time of a shutdown for giving leases back.
const RESERVE: Duration = Duration::from_millis(500);

/// Binds the address of the configuration.
pub async fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let failed = |source| ServeError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// SIGTERM and Ctrl-C, heard from the moment this is made.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    #[cfg(unix)]
    fn hear() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    #[cfg(unix)]
    async fn next(mut self) {
        tokio::select! { _ = self.terminate.recv() => {}, _ = self.interrupt.recv() => {} }
    }

    #[cfg(not(unix))]
    fn hear() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
