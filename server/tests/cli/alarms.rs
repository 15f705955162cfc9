//! Who is told: listed, and tried.

use super::rig::{Rig, bare};
use sternway_domain::actor::Role;

#[tokio::test(flavor = "multi_thread")]
async fn given_nobody_is_told_when_tried_then_what_to_set_up_is_said_and_only_who_may_act_may_try() {
    let rig = Rig::new().await;
    let (oncall, viewer) = (rig.token(Role::OnCall).await, rig.token(Role::Viewer).await);
    rig.run(&viewer, &["alarms", "list"]).await.done().says(&["Nothing needed a person."]);
    let tried = rig.run(&oncall, &["alarms", "test"]).await.failed(3);
    tried.complains(&["nobody is told of anything", "[channels.NAME]"]);
    rig.run(&oncall, &["alarms", "test", "pager"]).await.failed(3).complains(&["the channel `pager` is not set up"]);
    rig.run(&viewer, &["alarms", "test"]).await.failed(3).complains(&["viewer may not send test messages"]);
}

#[tokio::test]
async fn given_a_configuration_when_checked_then_that_nobody_is_told_is_said() {
    let checked = bare(&["config", "check"]).output().await.expect("it runs");
    let told = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(
        told.contains("nobody is told when a release needs a person") && told.contains("sternway alarms test"),
        "{told}"
    );
}
