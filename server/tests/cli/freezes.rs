//! Change freezes from the command line: what is in force first, then what comes next.

use super::rig::Rig;
use sternway_domain::actor::Role;

const FREEZES: [(&str, &str); 3] = [
    (
        "archive",
        r#"{"name": "archive", "description": "Over", "zone": "UTC", "lifted": true,
            "windows": [{"once": {"from": "2020-01-01T00:00", "to": "2999-01-01T00:00"}}]}"#,
    ),
    (
        "move",
        r#"{"name": "move", "description": "The house is moved", "zone": "Europe/Berlin", "services": ["search"],
            "windows": [{"once": {"from": "2998-01-06T18:00", "to": "2998-01-07T08:00"}}]}"#,
    ),
    (
        "no-changes",
        r#"{"name": "no-changes", "description": "For good", "zone": "UTC", "services": ["checkout"],
            "windows": [{"once": {"from": "2020-01-01T00:00", "to": "2999-01-01T00:00"}}]}"#,
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn given_change_freezes_when_listed_then_what_is_in_force_comes_first_and_a_service_shows_its_own() {
    let rig = Rig::new().await;
    let viewer = rig.token(Role::Viewer).await;
    rig.run(&viewer, &["freezes", "list"]).await.done().says(&["There is no change freeze."]);
    for (name, body) in FREEZES {
        rig.document("ChangeFreeze", name, body).await;
    }
    let listed = rig.run(&viewer, &["freezes", "list"]).await.done();
    let places: Vec<usize> =
        ["for more than a year", "2998 18:00 to ", "lifted"].map(|part| listed.out.find(part).unwrap()).into();
    assert!(places.is_sorted(), "{}", listed.out);
    let own = rig.run(&viewer, &["freezes", "list", "--service", "search"]).await.done();
    own.says(&["move", "Europe/Berlin", "archive"]);
    assert!(!own.out.contains("no-changes"), "{}", own.out);
    let json = rig.run(&viewer, &["freezes", "list", "--service", "checkout", "--json"]).await.done().json();
    assert_eq!(json["items"][1]["in_force"]["since"], "2020-01-01T00:00:00Z", "{json}");
}
