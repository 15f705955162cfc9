//! How fast a log is checked on this machine, with one core: `cargo run --release -p sternway-domain --example
//! verify_speed [ENTRIES]`. One million entries are the goal of three seconds.

use std::process::ExitCode;
use std::time::Instant;
use sternway_domain::actor::{Actor, Role};
use sternway_domain::audit::checkpoint::Checkpoint;
use sternway_domain::audit::commitment::Salt;
use sternway_domain::audit::merkle::{Frontier, leaf_hash};
use sternway_domain::audit::record::{Links, Record};
use sternway_domain::audit::verify::{Bad, Depth, Verifier};
use sternway_domain::audit::{Entry, Origin, Outcome, Target};
use sternway_domain::id::{DecisionId, Digest, PersonId, ReleaseId, ServiceName};
use sternway_domain::time::Timestamp;
use uuid::Uuid;

fn entry(number: u64) -> Vec<u8> {
    let entry = Entry {
        v: 2,
        id: DecisionId(Uuid::from_u128(u128::from(number) << 64)),
        at: Timestamp(1_795_269_795_000_000 + number as i64),
        occurred: None,
        actor: Actor::Person { id: PersonId(Uuid::from_u128(7)), name: "Maya Ortiz".into(), role: Role::OnCall },
        action: "rollback".into(),
        target: Target::Release {
            id: ReleaseId(Uuid::from_u128(u128::from(number))),
            service: ServiceName::new("checkout").expect("a name"),
        },
        expected_version: Some(17),
        reason: "errors at 3 %".into(),
        outcome: Outcome::Accepted,
        evidence: Some(Digest::of(b"evidence")),
        plan: Some(Digest::of(b"plan")),
        runbooks: vec![],
        overridden: vec![],
        effects: vec!["ask for 0 %".into()],
        origin: Origin {
            transport: "browser".into(),
            request_id: Some("00f067aa0ba902b7".into()),
            trace_id: Some("4bf92f3577b34da6a3ce929d0e0e4736".into()),
            ip: Some("192.0.2.7".into()),
            user_agent: None,
        },
    };
    Record::seal(&entry, &Links::default(), || Salt([7; 32])).expect("it fits").bytes
}

fn main() -> ExitCode {
    let size: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let start = Instant::now();
    // A hundred thousand different entries, over and over: they need not all be in memory.
    let entries: Vec<Vec<u8>> = (0..size.min(100_000)).map(entry).collect();
    println!(
        "{} entries sealed in {:.2} s, {} bytes each",
        entries.len(),
        start.elapsed().as_secs_f64(),
        entries[0].len()
    );
    let all = || (0..size).zip(entries.iter().cycle());

    let start = Instant::now();
    let mut tree = Frontier::default();
    all().for_each(|(_, bytes)| tree.push(leaf_hash(bytes)));
    println!("{size} entries appended in {:.2} s", start.elapsed().as_secs_f64());
    let head = Checkpoint::new("sternway.example/log", size, tree.root()).expect("a good origin");

    for depth in [Depth::Bytes, Depth::Meaning] {
        let start = Instant::now();
        let check = || -> Result<_, Bad> {
            let mut verifier = Verifier::new(vec![head.clone()], depth)?;
            for (index, bytes) in all() {
                verifier.entry(index, bytes, None)?;
            }
            verifier.finish()
        };
        match check() {
            Ok(verified) => {
                println!("{depth:?}: {} entries in {:.2} s", verified.entries, start.elapsed().as_secs_f64())
            }
            Err(bad) => {
                eprintln!("error: {bad}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
