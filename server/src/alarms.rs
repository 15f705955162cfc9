//! Sees to it that people are told when something needs them, and that it is over.
//!
//! One replica at a time, under a lease, looks at what moved, writes down what began to need a person or no longer does,
//! with one message for each channel, and sends these until they are taken. What needs a person is a rule of
//! [`sternway_domain::alarm`]. The engine waits for none of it.
//!
//! A message that was sent and not ticked off before a crash is sent again under the same id: whoever receives it twice
//! can tell. A shutdown begins no message and waits a moment for those under way, so that the next replica knows.

use crate::live::Topic;
use crate::service::Service;
use crate::store::rows::Fence;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use sternway_app::path;
use sternway_domain::id::{AlarmId, ReleaseId};
use sternway_domain::time::Span;
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

mod look;
mod post;

pub(crate) use look::AlarmBody;
use look::Lookout;

const LEASE_NAME: &str = "alarms";
/// A lease that is not renewed for so long is over; it is renewed with every look.
const LEASE: Span = Span::from_secs(10);
/// By this replica's own clock it is over earlier.
const OWN_LEASE: Duration = Duration::from_secs(8);
/// How much later something is seen whose signal was lost.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks, however much happens.
const PAUSE: Duration = Duration::from_millis(100);

/// Who is told of everything, and where people look at it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlarmSettings {
    pub channels: Vec<String>,
    /// How people reach this Sternway, without a slash at the end.
    pub address: Option<String>,
}

impl AlarmSettings {
    /// Where people look at it; `None` while it is not set how they reach this Sternway.
    pub fn link(&self, release: Option<ReleaseId>) -> Option<String> {
        let address = self.address.as_deref()?;
        let place = release.map_or_else(|| path::BOARD.to_owned(), |id| path::release(&id.to_string()));
        Some(format!("{address}{place}"))
    }
}

/// The work of one replica.
#[derive(Clone)]
pub struct Alarms {
    service: Service,
    holder: String,
    term: Term,
}

/// By what right messages are sent.
#[derive(Debug, Clone)]
enum Right {
    /// This one's turn, until then by this replica's own clock.
    Lease(Fence, Instant),
    /// Sternway is held, as far as this replica knows: it takes no lease, as tokens must not grow meanwhile, and tells
    /// nothing but that. Each message is claimed before it is sent.
    Held,
}

/// The right of this replica, shared by what looks and what sends.
#[derive(Debug, Clone, Default)]
struct Term(Arc<Mutex<Option<Right>>>);

impl Term {
    fn set(&self, right: Option<Right>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = right;
    }

    /// `None`: another replica's turn.
    fn right(&self) -> Option<Right> {
        let right = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        right.filter(|right| match right {
            Right::Lease(_, until) => Instant::now() < *until,
            Right::Held => true,
        })
    }
}

impl Right {
    fn fence(&self) -> Option<&Fence> {
        match self {
            Right::Lease(fence, _) => Some(fence),
            Right::Held => None,
        }
    }
}

impl Alarms {
    pub fn new(service: Service, holder: String) -> Self {
        Self { service, holder, term: Term::default() }
    }

    /// Until the shutdown.
    pub async fn run(self, shutdown: CancellationToken) {
        let news = Arc::new(Notify::new());
        let looking = self.clone().look_again(news.clone());
        let sending = post::Post::new(self.service.clone(), self.term.clone(), shutdown).work(news);
        tokio::select! {
            () = looking => {}
            () = sending => {}
        }
    }

    async fn look_again(self, news: Arc<Notify>) {
        let mut changes = self.service.bus.subscribe();
        let (mut lookout, mut told) = (Lookout::default(), false);
        loop {
            match self.look(&mut lookout).await {
                Ok(written) => {
                    told = false;
                    if written {
                        news.notify_one();
                    }
                }
                Err(error) if !told => {
                    told = true;
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "what needs a person could not be looked up"
                    );
                }
                Err(_) => {}
            }
            tokio::time::sleep(PAUSE).await;
            let heard = async {
                loop {
                    match changes.recv().await {
                        Ok(change) if matches!(change.topic, Topic::Release { .. } | Topic::Decisions) => return,
                        Ok(_) => {}
                        Err(RecvError::Lagged(_)) => return,
                        Err(RecvError::Closed) => std::future::pending().await,
                    }
                }
            };
            let _by_time_or_signal = tokio::time::timeout(LOOK, heard).await;
            while changes.try_recv().is_ok() {}
        }
    }

    /// One look. Says whether there is something to be sent.
    async fn look(&self, lookout: &mut Lookout) -> Result<bool, look::LookError> {
        let works = self.service.may_work().await?;
        let mut written = lookout.own(&self.service).await?;
        if !works {
            self.term.set(Some(Right::Held));
            lookout.forget();
            return Ok(written);
        }
        let asked = Instant::now();
        match self.service.store.lease(LEASE_NAME, &self.holder, LEASE).await? {
            Some(lease) => {
                let fence = Fence { lease: lease.name, token: lease.token };
                self.term.set(Some(Right::Lease(fence.clone(), asked + OWN_LEASE)));
                written |= lookout.turn(&self.service, &fence).await?;
            }
            None => {
                self.term.set(None);
                lookout.forget();
            }
        }
        Ok(written)
    }
}

/// The id of a message: the same for every try, another for every channel.
pub(crate) fn message_id(alarm: AlarmId, about: &str, channel: &str) -> String {
    format!("alarm_{}_{about}_{channel}", alarm.0.simple())
}
