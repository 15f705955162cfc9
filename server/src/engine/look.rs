//! Looking at the signals: at one source, or at two side by side, so that neither delays or hides the other.

use super::Engine;
use crate::ports::SignalSource;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use sternway_domain::judge::pair::Names;
use sternway_domain::service::Service as Document;
use sternway_domain::signal::{Reading, Source, SourceFailure};
use sternway_domain::time::{Span, Timestamp};
use tokio_util::task::AbortOnDropHandle;

/// Signals as they were read, or why they could not be.
pub(super) type Answer = Result<Reading, SourceFailure>;

/// A source, or why there is none.
type Connected = Result<Arc<dyn SignalSource>, String>;

/// What is read of one release.
pub(super) struct Sources {
    pub(super) first: Connected,
    /// The other one, if the document names two, with what both are called.
    pub(super) second: Option<(Names, Connected)>,
}

impl Sources {
    /// Those that a document names.
    pub(super) fn of(engine: &Engine, document: &Document) -> Sources {
        let source = |which| engine.adapters.source(document, which);
        let names = document.source_names();
        Sources { first: source(Source::First), second: names.map(|names| (names, source(Source::Second))) }
    }

    /// Without a document there is nothing to read.
    pub(super) fn none(why: String) -> Sources {
        Sources { first: Err(why), second: None }
    }
}

/// A look that is under way. Ends when dropped.
#[derive(Debug)]
pub(super) struct Look {
    stage: u8,
    answers: AbortOnDropHandle<Answers>,
}

#[derive(Debug)]
struct Answers {
    first: Answer,
    second: Option<(Names, Answer)>,
}

/// What a look has brought, and the stage it was begun in: a reading of another stage says nothing about this one.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) stage: u8,
    pub(super) first: Answer,
    pub(super) second: Option<(Names, Answer)>,
}

impl Look {
    /// Asks all sources at once. `service` names what is asked about when there is nobody to ask.
    pub(super) fn begin(sources: &Sources, service: &str, stage: u8, interval: Span, now: Timestamp) -> Look {
        let first = read(sources.first.clone(), service.to_owned(), now);
        let second = sources
            .second
            .as_ref()
            .map(|(names, source)| (names.clone(), read(source.clone(), names.full(Source::Second), now)));
        let answers = async move {
            match second {
                None => Answers { first: first.await, second: None },
                Some((names, second)) => {
                    let (first, second) = side_by_side(first, second, &names, patience(interval)).await;
                    Answers { first, second: Some((names, second)) }
                }
            }
        };
        Look { stage, answers: AbortOnDropHandle::new(tokio::spawn(answers)) }
    }
}

/// Waits for the look under way; for ever, if there is none.
pub(super) async fn looked(look: &mut Option<Look>) -> Seen {
    let Some(Look { stage, answers }) = look else { return std::future::pending().await };
    let stage = *stage;
    let answers = answers.await.unwrap_or_else(|error| Answers { first: Err(broken(&error)), second: None });
    *look = None;
    Seen { stage, first: answers.first, second: answers.second }
}

/// How long a source that has answered waits for the other one: what it shows must not come late.
fn patience(interval: Span) -> Duration {
    let half = Duration::from_micros(interval.micros().unsigned_abs() / 2);
    half.clamp(Duration::from_millis(250), Duration::from_secs(5))
}

/// Reads in a task of its own: what breaks there breaks nothing else.
fn read(source: Connected, name: String, now: Timestamp) -> impl Future<Output = Answer> + Send + 'static {
    let reading = AbortOnDropHandle::new(tokio::spawn(async move {
        match source {
            Ok(source) => source.read(now).await,
            Err(detail) => Err(SourceFailure::Misconfigured { source_name: name, detail }),
        }
    }));
    async move { reading.await.unwrap_or_else(|error| Err(broken(&error))) }
}

fn broken(error: &tokio::task::JoinError) -> SourceFailure {
    SourceFailure::Down { source_name: "the source".into(), detail: format!("reading it failed: {error}") }
}

/// Waits for both. Once one of them has brought a reading, the other has only so much longer; a failure hurries nobody.
async fn side_by_side(
    first: impl Future<Output = Answer>,
    second: impl Future<Output = Answer>,
    names: &Names,
    patience: Duration,
) -> (Answer, Answer) {
    tokio::pin!(first, second);
    let late = |source: Source, beside: &Answer| {
        let beside = beside.is_ok();
        let failure = SourceFailure::Down {
            source_name: names.of(source).to_owned(),
            detail: format!(
                "no answer within {:.1}\u{a0}s of the {}'s",
                patience.as_secs_f64(),
                source.other().label().to_lowercase()
            ),
        };
        async move {
            match beside {
                true => {
                    tokio::time::sleep(patience).await;
                    Err(failure)
                }
                false => std::future::pending().await,
            }
        }
    };
    tokio::select! {
        first = &mut first => {
            let late = late(Source::Second, &first);
            let second = tokio::select! { biased; second = &mut second => second, late = late => late };
            (first, second)
        }
        second = &mut second => {
            let late = late(Source::First, &second);
            let first = tokio::select! { biased; first = &mut first => first, late = late => late };
            (first, second)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use tokio::sync::oneshot;

    fn names() -> Names {
        Names { first: "scrape".into(), second: "Prometheus prom-b:9090".into() }
    }

    fn reading() -> Answer {
        Ok(Reading::default())
    }

    fn refused() -> Answer {
        Err(SourceFailure::Down { source_name: "scrape".into(), detail: "refused".into() })
    }

    /// A source that answers when it is told to.
    fn source() -> (oneshot::Sender<Answer>, impl Future<Output = Answer>) {
        let (tell, told) = oneshot::channel::<Answer>();
        (tell, async { told.await.expect("the test tells it") })
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn given_two_sources_then_a_look_takes_until_the_slower_one_has_answered() {
        let ((tell, first), (tell_second, second)) = (source(), source());
        let names = names();
        let mut both = std::pin::pin!(side_by_side(first, second, &names, LONG));
        tell_second.send(reading()).expect("it listens");
        assert!(tokio::time::timeout(SHORT, &mut both).await.is_err(), "it waits for the first one");
        tell.send(refused()).expect("it listens");
        assert_eq!(both.await, (refused(), reading()));
    }

    #[tokio::test]
    async fn given_one_that_hangs_then_the_other_is_late_by_its_patience_and_no_more() {
        let hangs = std::future::pending::<Answer>;
        let (first, second) = side_by_side(async { reading() }, hangs(), &names(), SHORT).await;
        assert_eq!(first, reading());
        let failure = second.expect_err("it hung").to_string();
        let late = "Prometheus prom-b:9090 cannot be reached: no answer within 0.0\u{a0}s of the first source's";
        assert_eq!(failure, late);
        let (first, second) = side_by_side(hangs(), async { reading() }, &names(), SHORT).await;
        assert_eq!(second, reading());
        assert!(first.is_err_and(|failure| failure.to_string().starts_with("scrape ")));
    }

    #[tokio::test]
    async fn given_one_that_fails_at_once_then_the_other_has_all_its_own_time() {
        for turned in [false, true] {
            let (tell, slow) = source();
            let (slow, fails) = (slow.boxed(), async { refused() }.boxed());
            let (first, second) = if turned { (slow, fails) } else { (fails, slow) };
            let names = names();
            let mut both = std::pin::pin!(side_by_side(first, second, &names, Duration::from_millis(1)));
            assert!(tokio::time::timeout(SHORT, &mut both).await.is_err(), "a failure hurries nobody");
            tell.send(reading()).expect("it listens");
            let answers = if turned { (reading(), refused()) } else { (refused(), reading()) };
            assert_eq!(both.await, answers);
        }
    }

    #[test]
    fn given_an_interval_then_half_of_it_is_waited_within_bounds() {
        for (secs, millis) in [(0.1, 250), (1.0, 500), (2.0, 1_000), (15.0, 5_000)] {
            let interval = Span::from_micros((secs * 1e6) as i64);
            assert_eq!(patience(interval), Duration::from_millis(millis), "{secs} s");
        }
    }
}
