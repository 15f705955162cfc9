//! What a stage shows counts for that stage alone.

use super::rig::Rig;
use sternway_domain::judge::VerdictKind;
use sternway_domain::release::{Refusal, Release};
use sternway_server::service::{ServiceError, Wanted};

fn passes(release: &Release) -> bool {
    release.confirmed() && release.current_verdict().is_some_and(|note| note.kind == VerdictKind::Pass)
}

#[tokio::test]
async fn given_a_pass_at_one_share_when_the_next_is_entered_then_nothing_is_judged_there_until_it_was_seen() {
    let rig = Rig::start_slowly(61, 1, "assisted").await;
    let id = rig.started().await;
    rig.desk.until_release(id, "it passes at 5 %", passes).await;
    let promote = Wanted::Promote { override_verdict: false };
    rig.desk.act(id, promote.clone()).await.expect("it passes");
    let at = |release: &Release| release.confirmed() && release.state.stage() == Some(1);
    let release = rig.desk.until_release(id, "25 % is confirmed", at).await;
    assert_eq!(release.current_verdict(), None, "the next reading is seconds away");
    let refused = rig.desk.act(id, promote.clone()).await;
    assert!(matches!(refused, Err(ServiceError::Refused(Refusal::NoPass(_)))), "{refused:?}");
    rig.desk.until_release(id, "it passes at 25 %", |release| at(release) && passes(release)).await;
    rig.desk.act(id, promote).await.expect("it passes there too");
    rig.end().await;
}
