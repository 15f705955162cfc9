//! What programs are told, and what stays inside.

use super::*;

#[test]
fn fields_become_pointers() {
    assert_eq!(pointer("candidate.digest"), "/candidate/digest");
    assert_eq!(pointer("a/b"), "/a~1b");
    assert_eq!(pointer(""), "");
}

#[test]
fn given_a_database_error_when_answered_then_its_text_stays_inside() {
    let source = sqlx::Error::Configuration("postgres://sternway:secret@db".into());
    let problem = Problem::from(StoreError::Unavailable { operation: "read", source });
    let text = serde_json::to_string(&problem.0).expect("json");
    assert!(!text.contains("secret") && problem.0.status == 503, "{text}");
}
