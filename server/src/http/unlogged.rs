//! Which addresses leave no entry in the decision log, and why. Everything else does: every act, accepted or refused, and
//! every reading of the log. A test compares this list with the router and with what happens.

use std::fmt::Write as _;

/// Why nothing is written down, and where: methods and paths as the router has them.
const UNLOGGED: &[(&str, &[&str])] = &[
    (
        "Shows the work under way, with who acted last on it; the log itself is not read",
        &[
            "GET /",
            "GET /releases/new",
            "GET /releases/{id}",
            "GET /releases/{id}/checklist",
            "GET /releases/{id}/rehearsal",
            "GET /releases/{id}/act/{verb}",
            "GET /flags",
            "GET /flags/{id}/{verb}",
            "GET /services",
            "GET /services/{name}",
            "GET /runbooks",
            "GET /runbooks/{name}",
            "GET /api/v1/releases",
            "GET /api/v1/releases/{id}",
            "GET /api/v1/releases/{id}/history",
            "GET /api/v1/releases/{id}/ticks",
            "GET /api/v1/releases/{id}/saga",
            "GET /api/v1/releases/{id}/preview/rollback",
            "GET /api/v1/releases/{id}/preview/rollforward",
            "GET /api/v1/releases/{id}/rehearsal",
            "GET /api/v1/releases/{id}/migrations",
            "GET /api/v1/flags",
            "GET /api/v1/flags/{key}",
            "GET /api/v1/restore",
            "GET /api/v1/alarms",
        ],
    ),
    (
        "Shows the configuration",
        &[
            "GET /api/v1/services",
            "GET /api/v1/services/{name}",
            "GET /api/v1/plans",
            "GET /api/v1/plans/{name}",
            "GET /api/v1/plans/{name}/expected",
            "GET /api/v1/runbooks",
            "GET /api/v1/runbooks/{name}",
            "GET /api/v1/checklists",
            "GET /api/v1/checklists/{name}",
            "GET /api/v1/change-freezes",
            "GET /api/v1/change-freezes/{name}",
            "GET /api/v1/log/retention",
        ],
    ),
    ("Shows what is one's own", &["GET /api/v1/whoami", "GET /api/v1/tokens"]),
    (
        "Shows hashes and sealed entries: no names, no addresses, no free text",
        &[
            "GET /log/checkpoint",
            "GET /log/checkpoint/witnessed",
            "GET /log/key",
            "GET /log/tile/{place}",
            "GET /api/v1/decisions/{id}/proof",
            "GET /api/v1/log/consistency",
            "GET /api/v1/log/status",
        ],
    ),
    ("Says that something changed, never what", &["GET /api/v1/events", "GET /ofrep/v1/events"]),
    (
        "Evaluates flags; nothing of who is asked for is kept",
        &["POST /ofrep/v1/evaluate/flags", "POST /ofrep/v1/evaluate/flags/{key}"],
    ),
    ("The door, before anybody has come in", &["GET /signin", "GET /setup/{token}"]),
    ("Kept by the browser alone", &["POST /theme"]),
    (
        "The program's own files and health",
        &["GET /assets/{name}", "GET /api/v1/openapi.json", "GET /healthz", "GET /readyz", "GET /metrics"],
    ),
];

/// What is read there is written down, once an hour for each reader and each thing read.
pub const READ: &[&str] = &[
    "GET /decisions",
    "GET /decisions/{id}",
    "GET /decisions/{id}/redact",
    "GET /api/v1/decisions",
    "GET /api/v1/decisions/{id}",
    "GET /api/v1/decisions/{id}/entry",
    "GET /api/v1/releases/{id}/decisions",
    "GET /api/v1/evidence/{digest}",
    "GET /api/v1/people",
    "GET /api/v1/log/holds",
    // What a page in the browser reads: written down by what it shows.
    "POST /ui/page",
];

/// Why this leaves no entry; `None`: it leaves one.
pub fn why_unlogged(method: &str, path: &str) -> Option<&'static str> {
    let asked = format!("{method} {path}");
    UNLOGGED.iter().find(|(_, all)| all.contains(&asked.as_str())).map(|(why, _)| *why)
}

/// The whole list, for people.
pub fn unlogged() -> String {
    let mut text = String::from("These addresses leave no entry in the decision log:\n");
    for (why, all) in UNLOGGED {
        // Writing to a text does not fail.
        let _ = write!(text, "\n{why}:\n");
        for one in *all {
            let _ = writeln!(text, "  {one}");
        }
    }
    text.push_str("\nReading there is an entry, once an hour for each reader and each thing read:\n");
    for one in READ {
        let _ = writeln!(text, "  {one}");
    }
    text.push_str(
        "\nEverything else leaves an entry each time, refused or not. Requests with no valid session or token are \
         turned away with 401 and counted in `/metrics`; failed sign-ins are entries.\n",
    );
    text
}
