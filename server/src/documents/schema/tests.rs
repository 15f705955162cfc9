use super::*;
use crate::documents::{Body, examples, parse};
use jsonschema::Validator;

fn validator(kind: Kind) -> Validator {
    jsonschema::draft202012::new(&schema(kind)).expect("the schema is one")
}

/// The documents of a YAML text, or the header of a runbook, as plain JSON.
fn values(path: &str, text: &str) -> Vec<Value> {
    let yaml = match path.ends_with(".md") {
        true => text.split("---\n").nth(1).expect("a runbook has a header"),
        false => text,
    };
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_multiple_with_options(yaml, options).expect("is YAML")
}

fn kind_of(value: &Value) -> Kind {
    Kind::named(value["kind"].as_str().expect("names its kind")).expect("is a kind")
}

#[test]
fn every_kind_has_a_schema_that_is_one() {
    for kind in Kind::ALL {
        let schema = schema(kind);
        jsonschema::draft202012::meta::validate(&schema).unwrap_or_else(|error| panic!("{kind}: {error}"));
        assert_eq!(schema["additionalProperties"], json!(false), "{kind}");
        assert!(!schema.to_string().contains("#/components"), "{kind}");
        let names: Vec<_> = schema["required"].as_array().expect("is a list").iter().collect();
        let name = if kind == Kind::Flag { "key" } else { "name" };
        assert!(names.contains(&&json!("kind")) && names.contains(&&json!(name)), "{kind}: {names:?}");
    }
}

#[test]
fn every_shipped_document_fits_its_schema() {
    let mut seen = 0;
    for (path, text) in examples() {
        for value in values(&path, &text) {
            let found: Vec<_> = validator(kind_of(&value)).iter_errors(&value).map(|e| e.to_string()).collect();
            assert_eq!(found, [""; 0], "{path}");
            seen += 1;
        }
    }
    assert_eq!(seen, 20);
}

#[test]
fn what_is_written_back_fits_the_schema_too() {
    for document in parse(&examples()).expect("are shipped") {
        let mut value: Value = serde_json::from_str(&document.canonical()).expect("is JSON");
        if matches!(document.body, Body::Runbook(_)) {
            for part in ["intro", "steps", "closing"] {
                value.as_object_mut().expect("is a map").remove(part);
            }
        }
        value["kind"] = json!(document.kind().as_str());
        assert!(validator(document.kind()).is_valid(&value), "{} {}", document.kind(), document.name());
    }
}

const PLAN: &str =
    "kind: Plan\nname: a\nstages:\n  - {weight: 100, bake: 10m}\nguards:\n  - {metric: errors, slo: 0.01}\n";
const SERVICE: &str = r#"kind: Service
name: a
owners: [team]
objectives: {rto: 15m}
traffic: {haproxy: {address: "tcp:h:1", backend: b, baseline: [s1], canary: [c1]}}
signals: {prometheus: {url: "http://p:9090", baseline: 'a="1"', canary: 'a="2"', bearer: {env: STERNWAY_SECRET_P}}}
"#;
const CHECKLIST: &str =
    "kind: Checklist\nname: a\ntitle: A\nitems:\n  - {id: x, title: X, evidence: y, owner: z, may_not_apply: true}\n";
const FLAG: &str = "kind: Flag\nkey: pay.new_1\npurpose: Pays anew\nowner: team\nexpires: 2027-01-31\nvariants: {off: 1, on: 2}\ndefault: {enabled: true, split: [{variant: on, percent: 12.5}]}\nenvironments: {staging: {enabled: false}}\n";
const FREEZE: &str = "kind: ChangeFreeze\nname: a\ndescription: Christmas\nservices: [shop]\nzone: Europe/Berlin\nwindows: [{once: {from: 2026-12-20T18:00, to: 2027-01-04T08:00}}, {weekly: {days: [fri, sat], from: '16:00', to: '24:00'}}, {yearly: {from: 12-20 18:00, to: 01-04 08:00}}]\nlifted: false\n";
const MIGRATION: &str = "kind: Migration\nname: a\ncomponent: shop\ndescription: b\nconnection: orders\ndata_loss: lost\nlast_safe: backfill\nqueries: {q: {sql: SELECT 1, expect: {at_most: 0}, timeout: 5s}}\nenter: {contract: [{validated: {query: q, within: 10m}}, {lasted: 1h}]}\n";
const RUNBOOK: &str = "---\nkind: Runbook\nname: a\ntitle: A\npurpose: rollback\nobjective: 5m\nroles:\n  - {role: lead, duty: leads}\n---\n## 1. Go\nRole: lead\n";

/// What is wrong with one field, as an exchange of one part of a good document.
const WRONG: &[(&str, &str, &str)] = &[
    (PLAN, "kind: Plan", "kind: plan"),
    (PLAN, "kind: Plan", "kind: 1"),
    (PLAN, "name: a", "name: A B"),
    (PLAN, "name: a", "name: 5"),
    (PLAN, "name: a", "nam: a"),
    (PLAN, "name: a", "name: a\nmore: 1"),
    (PLAN, "name: a", "name: a\nmode: fast"),
    (PLAN, "name: a", "name: a\nmode: null"),
    (PLAN, "name: a", "name: a\ndescription: null"),
    (PLAN, "name: a", "name: a\ndescription: [a]"),
    (PLAN, "name: a", "name: a\ninterval: 10"),
    (PLAN, "name: a", "name: a\ninterval: 10 minutes"),
    (PLAN, "name: a", "name: a\nmin_data: {requests: -1}"),
    (PLAN, "name: a", "name: a\nmin_data: {requests: 1.5}"),
    (PLAN, "name: a", "name: a\nmin_data: {reqests: 1}"),
    (PLAN, "name: a", "name: a\non_deadline: {then: promote}"),
    (PLAN, "name: a", "name: a\nhard_limits: [{metric: p99, bound: {over: 1}, for: 1m}]"),
    (PLAN, "name: a", "name: a\nhard_limits: [{metric: p99, bound: {above: 1, below: 2}, for: 1m}]"),
    (PLAN, "name: a", "name: a\nhard_limits: [{metric: p99, bound: {above: x}, for: 1m}]"),
    (PLAN, "name: a", "name: a\nhard_limits: [{metric: p99, bound: {above: 1}}]"),
    (PLAN, "weight: 100", "weight: 101"),
    (PLAN, "weight: 100", "weight: -1"),
    (PLAN, "weight: 100", "weight: 99.5"),
    (PLAN, "weight: 100", "weight: '100'"),
    (PLAN, "weight: 100, ", ""),
    (PLAN, "metric: errors", "metric: p42"),
    (PLAN, "metric: errors", "metric: kpi:A B"),
    (PLAN, "slo: 0.01", "slo: low"),
    (PLAN, "slo: 0.01", "tolerance: 1.5"),
    (PLAN, "slo: 0.01", "tolerance: {ration: 1.5}"),
    (SERVICE, "name: a", "name: -a"),
    (SERVICE, "[team]", "team"),
    (SERVICE, "[team]", "[1]"),
    (SERVICE, "rto: 15m", "rto: soon"),
    (SERVICE, "rto: 15m", "rt: 15m"),
    (SERVICE, "haproxy:", "nginx:"),
    (SERVICE, "backend: b", "backend: b, port: 1"),
    (SERVICE, "backend: b, ", ""),
    (SERVICE, "tcp:h:1", "h:1"),
    (SERVICE, "baseline: [s1]", "baseline: s1"),
    (SERVICE, "env: STERNWAY_SECRET_P", "vault: x"),
    (SERVICE, "bearer: {env: STERNWAY_SECRET_P}", "preset: datadog"),
    (SERVICE, "bearer: {env: STERNWAY_SECRET_P}", "queries: {request: x}"),
    (SERVICE, "bearer: {env: STERNWAY_SECRET_P}", "queries: {kpis: {orders: {good: x}}}"),
    (SERVICE, "bearer: {env: STERNWAY_SECRET_P}", "headers: {a: b}"),
    (CHECKLIST, "title: A", "title: [A]"),
    (CHECKLIST, "title: A", "titel: A"),
    (CHECKLIST, "id: x", "id: X Y"),
    (CHECKLIST, "evidence: y, ", ""),
    (CHECKLIST, "may_not_apply: true", "may_not_apply: yes"),
    (CHECKLIST, "may_not_apply: true", "may_not_aply: true"),
    (FLAG, "key: pay.new_1", "key: pay new"),
    (FLAG, "key: pay.new_1", "key: .."),
    (FLAG, "key: pay.new_1", "name: pay.new_1"),
    (FLAG, "owner: team\n", ""),
    (FLAG, "2027-01-31", "soon"),
    (FLAG, "2027-01-31", "5"),
    (FLAG, "enabled: true", "enabled: yes"),
    (FLAG, "enabled: true", "enabled: true, serves: on"),
    (FLAG, "enabled: true, ", ""),
    (FLAG, "percent: 12.5", "percent: all"),
    (FLAG, "variants: {off: 1, on: 2}", "variants: [1, 2]"),
    (MIGRATION, "component: shop", "component: A B"),
    (MIGRATION, "component: shop\n", ""),
    (MIGRATION, "data_loss: lost\n", ""),
    (MIGRATION, "connection: orders", "connection: [orders]"),
    (MIGRATION, "last_safe: backfill", "last_safe: later"),
    (MIGRATION, "sql: SELECT 1, ", ""),
    (MIGRATION, "at_most: 0", "below: 0"),
    (MIGRATION, "timeout: 5s", "timeout: soon"),
    (MIGRATION, "within: 10m", "within: 10"),
    (MIGRATION, "lasted: 1h", "lasts: 1h"),
    (MIGRATION, "enter:", "enters:"),
    (RUNBOOK, "purpose: rollback", "purpose: back"),
    (RUNBOOK, "objective: 5m", "objective: 5"),
    (FREEZE, "zone: Europe/Berlin", "zone: Central European"),
    (FREEZE, "18:00, to: 2027", "18:00Z, to: 2027"),
    (FREEZE, "'16:00'", "'16'"),
    (FREEZE, "fri,", "friday,"),
    (FREEZE, "{yearly: {from: 12-20 18:00", "{yearly: {from: 2026-12-20T18:00"),
    (FREEZE, "{weekly: {days", "{weekly: {on: 1, days"),
    (FREEZE, "windows: [", "windows: [{monthly: {}}, "),
    (RUNBOOK, "duty: leads", "does: leads"),
    (RUNBOOK, "role: lead,", "role: [lead],"),
    (RUNBOOK, "title: A", "title: null"),
];

#[test]
fn schema_and_parser_refuse_the_same_documents() {
    let kinds = [
        (PLAN, Kind::Plan),
        (SERVICE, Kind::Service),
        (CHECKLIST, Kind::Checklist),
        (FLAG, Kind::Flag),
        (MIGRATION, Kind::Migration),
        (FREEZE, Kind::ChangeFreeze),
        (RUNBOOK, Kind::Runbook),
    ];
    for (good, kind) in kinds {
        assert_eq!(verdicts(kind, good), (true, true), "{good}");
        for (_, from, to) in WRONG.iter().filter(|(of, _, _)| *of == good) {
            assert!(good.contains(from), "{from} is not in {good}");
            assert_eq!(verdicts(kind, &good.replacen(from, to, 1)), (false, false), "{from} -> {to}: (schema, parser)");
        }
    }
}

/// Whether the schema, and whether the parser, takes it.
fn verdicts(kind: Kind, text: &str) -> (bool, bool) {
    let path = if kind == Kind::Runbook { "a.md" } else { "a.yaml" };
    let value = values(path, text).remove(0);
    (validator(kind).is_valid(&value), parse(&[(path.to_owned(), text.to_owned())]).is_ok())
}
