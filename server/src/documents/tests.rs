//! Every way in which a document can be wrong, and what is said about it.

use super::*;

fn files(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

fn read(text: &str) -> Result<Vec<Document>, Vec<DocumentProblem>> {
    parse(&files(&[("a.yaml", text)]))
}

/// `line:column field` of each problem.
fn places(text: &str) -> Vec<String> {
    let problems = read(text).expect_err("is wrong");
    problems.iter().map(|p| format!("{}:{} {}", p.line, p.column, p.field)).collect()
}

fn texts(text: &str) -> String {
    read(text).expect_err("is wrong").iter().map(|p| p.text.clone()).collect::<Vec<_>>().join("\n")
}

const PLAN: &str = "kind: Plan\nname: canary\nstages:\n  - { weight: 5, bake: 10m }\n  - weight: 100\n    bake: 10m\nguards:\n  - metric: errors\n";

const RUNBOOK: &str = "---\nkind: Runbook\nname: back\ntitle: Back\nroles:\n  - { role: lead, duty: leads }\n---\n\n## 1. Stop\nRole: lead\n\nStop {{service}}.\n";

#[test]
fn a_plan_is_read_with_its_source_and_digest() {
    let documents = read(PLAN).expect("is well-formed");
    assert_eq!((documents[0].kind(), documents[0].name()), (Kind::Plan, "canary"));
    assert_eq!(documents[0].source, PLAN);
    let reordered = "# a comment\nkind: Plan\nguards: [{metric: errors}]\nname: canary\nstages:\n  - {weight: 5, bake: 600s}\n  - {weight: 100, bake: 10m}\n";
    assert_eq!(read(reordered).expect("is well-formed")[0].digest(), documents[0].digest());
}

#[test]
fn what_is_stored_can_be_read_again() {
    let documents = parse(&files(&[("a.yaml", PLAN), ("b.md", RUNBOOK)])).expect("are well-formed");
    for document in documents {
        let row = document.to_write(Timestamp::from_secs(1));
        let again = match &document.body {
            Body::Plan(_) => Body::Plan(serde_json::from_str(&row.body).expect("is a plan")),
            _ => Body::Runbook(serde_json::from_str(&row.body).expect("is a runbook")),
        };
        assert_eq!(again, document.body);
    }
}

#[test]
fn several_documents_share_a_file() {
    let text = format!("# first\n---\n{PLAN}---\n# second\n{}...\n", PLAN.replace("canary", "second"));
    let documents = read(&text).expect("is well-formed");
    assert_eq!(documents.iter().map(Document::name).collect::<Vec<_>>(), ["canary", "second"]);
    assert_eq!(documents[1].source, format!("# second\n{}", PLAN.replace("canary", "second")));
}

#[test]
fn however_documents_are_parted_the_source_of_each_says_what_it_says() {
    let second = PLAN.replace("canary", "second");
    let flow = "{kind: Flag, key: f, purpose: To try, owner: me, expires: 2030-01-01, default: {enabled: true}}";
    for text in [
        format!("{PLAN}...\n{second}"),
        format!("{PLAN}---\t\n{second}"),
        format!("{PLAN}---\r\n{}", second.replace('\n', "\r\n")),
        format!("{PLAN}\n\n--- # the second\n{second}\n"),
        format!("--- {flow}\n--- {}\n", flow.replace("key: f", "key: g")),
        format!("{PLAN}description: |\n  two spaces  \n---\n{second}"),
    ] {
        let documents = read(&text).expect(&text);
        assert_eq!(documents.len(), 2, "{text}");
        for document in documents {
            let again = read(&document.source).expect(&document.source);
            assert_eq!(again.len(), 1, "{}", document.source);
            assert_eq!(again[0].body, document.body, "{}", document.source);
        }
    }
}

#[test]
fn every_problem_of_every_file_is_reported_and_nothing_accepted() {
    let bad_plan = PLAN.replace("weight: 5,", "weight: 500,");
    let problems = parse(&files(&[
        ("good.yaml", PLAN),
        ("bad.yaml", &bad_plan.replace("canary", "other")),
        ("text.txt", "hello"),
        ("bad.md", "# no header"),
    ]))
    .expect_err("three are wrong");
    assert_eq!(problems.iter().map(|p| p.file.as_str()).collect::<Vec<_>>(), ["bad.md", "bad.yaml", "text.txt"]);
}

#[test]
fn a_wrong_value_is_found_at_its_place() {
    assert_eq!(places(&PLAN.replace("weight: 5,", "weight: 120,")), ["4:15 stages[0].weight"]);
    assert_eq!(places(&PLAN.replace("    bake: 10m", "    bake: ten")), ["6:11 stages[1].bake"]);
    assert_eq!(places(&PLAN.replace("name: canary", "name: 5")), ["2:7 name"]);
    assert!(texts(&PLAN.replace("name: canary", "name: 5")).contains("put it in quotes"));
    assert_eq!(places(&PLAN.replace("errors", "eras")), ["8:13 guards[0].metric"]);
    assert_eq!(places(&format!("{PLAN}mode: fast\n")), ["9:7 mode"]);
    assert!(texts(&format!("{PLAN}mode: fast\n")).contains("`manual`, `assisted`, `automatic`"));
}

#[test]
fn unknown_fields_are_all_named_beside_what_is_missing() {
    let text = "kind: Plan\nname: canary\nstagse: []\nguards:\n  - metric: errors\n    tolerence: 1\n";
    assert_eq!(places(text), ["1:1 stages", "3:1 stagse", "6:5 guards[0].tolerence"]);
}

#[test]
fn rules_of_the_plan_point_at_the_field_that_breaks_them() {
    let text = PLAN.replace("weight: 100", "weight: 5").replace("errors", "p99\n    tolerance: { ratio: 0.5 }");
    assert_eq!(places(&text), ["5:5 stages[1].weight", "5:5 stages[1].weight", "9:18 guards[0].tolerance.ratio"]);
}

#[test]
fn the_kind_decides() {
    assert_eq!(places("name: x\n"), ["1:1 kind"]);
    assert_eq!(places("kind: Deployment\nname: x\n"), ["1:1 kind"]);
    assert_eq!(places("- a\n- b\n"), ["1:1 kind"]);
    assert!(texts("kind: Runbook\n").contains("Markdown"));
    assert!(texts("# nothing\n").contains("holds no document"));
}

#[test]
fn the_same_name_twice_is_refused_at_the_second() {
    let problems = parse(&files(&[("a.yaml", PLAN), ("b.yaml", PLAN)])).expect_err("twins");
    assert_eq!((problems[0].file.as_str(), problems[0].line), ("b.yaml", 2));
    assert!(problems[0].text.contains("`a.yaml`, line 2"), "{problems:?}");
}

#[test]
fn services_name_only_what_is_there() {
    let text = "kind: Service\nname: checkout\ntraffic: memory\nsignals: memory\ndepends_on: [stock]\nrunbooks:\n  - rollback\n  - back\n";
    let documents = parse(&files(&[("s.yaml", text), ("b.md", RUNBOOK)])).expect("are well-formed");
    let problems = unknown_references(&documents, &[(Kind::Service, "stock".to_owned())].into());
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].line, problems[0].field.as_str()), (7, "runbooks[0]"));
}

#[test]
fn problems_of_a_service_point_into_its_drivers() {
    let text = "kind: Service\nname: checkout\nsignals: memory\ntraffic:\n  haproxy:\n    address: unix:/run/h.sock\n    backend: \"a;b\"\n    baseline: [s1]\n    canary: []\n";
    assert_eq!(places(text), ["7:5 traffic.haproxy.backend", "9:5 traffic.haproxy.canary"]);
    let unknown = text.replace("backend: \"a;b\"", "backend: a\n    port: 1").replace("[]", "[c1]");
    assert_eq!(places(&unknown), ["8:5 traffic.haproxy.port"]);
}

#[test]
fn a_runbook_points_at_header_and_text() {
    let place = |text: &str| {
        let problems = parse(&files(&[("a.md", text)])).expect_err("is wrong");
        format!("{}:{} {}", problems[0].line, problems[0].column, problems[0].field)
    };
    assert_eq!(place(&RUNBOOK.replace("Role: lead", "Role: boss")), "10:1 ");
    assert_eq!(place(&RUNBOOK.replace("{{service}}", "{{servce}}")), "12:1 ");
    assert_eq!(place(&RUNBOOK.replace("title: Back", "titel: Back")), "2:1 title");
    assert_eq!(place(&RUNBOOK.replace("title: Back", "title: ''")), "4:1 title");
    assert_eq!(place(&RUNBOOK.replace("kind: Runbook", "kind: Plan")), "2:1 kind");
    assert_eq!(place("no header"), "1:1 ");
    assert_eq!(place("---\nkind: Runbook\n"), "1:1 ");
}

#[test]
fn windows_line_ends_are_read() {
    let text = RUNBOOK.replace('\n', "\r\n");
    assert!(parse(&files(&[("a.md", &text), ("b.yaml", &PLAN.replace('\n', "\r\n"))])).is_ok());
}

mod hostile {
    use super::*;

    /// Every hostile text is refused; one that cost more than its length would hang the test.
    fn refused(file: &str, text: String) -> String {
        let problems = parse(&[(file.to_owned(), text)]).expect_err("is hostile");
        problems[0].text.clone()
    }

    #[test]
    fn aliases_do_not_multiply() {
        let mut bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n".to_owned();
        for (this, last) in "bcdefghij".chars().zip("abcdefghi".chars()) {
            bomb.push_str(&format!(
                "{this}: &{this} [*{last},*{last},*{last},*{last},*{last},*{last},*{last},*{last}]\n"
            ));
        }
        refused("a.yaml", format!("kind: Plan\n{bomb}"));
        refused("a.yaml", "kind: &a [*a]\n".to_owned());
    }

    #[test]
    fn depth_is_bounded() {
        refused("a.yaml", "[".repeat(100_000));
        refused("a.yaml", format!("kind: {}1{}", "[".repeat(5_000), "]".repeat(5_000)));
        refused("a.yaml", (0..5_000).map(|i| format!("{}a:\n", " ".repeat(i.min(180)))).collect());
        refused("a.yaml", "- ".repeat(100_000));
        refused("a.yaml", format!("{}a: 1", "? ".repeat(10_000)));
    }

    #[test]
    fn size_is_bounded() {
        assert!(refused("a.yaml", "a".repeat(10 * 1024 * 1024)).contains("bytes"));
        assert!(refused("a.yaml", "a: 1\n---\n".repeat(10_000)).len() < 500);
        assert!(refused("a.yaml", format!("kind: Plan\nname: {}", "a".repeat(1_000_000))).len() < 500);
        let many: Vec<_> = (0..501).map(|i| (format!("{i}.yaml"), String::new())).collect();
        assert!(parse(&many).expect_err("too many")[0].text.contains("501 files"));
        let large: Vec<_> = (0..9).map(|i| (format!("{i}.yaml"), "a".repeat(MOST_BYTES))).collect();
        assert!(parse(&large).expect_err("too large")[0].text.contains("together"));
    }

    #[test]
    fn problems_are_counted_not_listed_for_ever() {
        let text: String = (0..10_000).map(|i| format!("x{i}: 1\n")).collect();
        let problems = read(&format!("kind: Plan\n{text}")).expect_err("is wrong");
        assert_eq!(problems.len(), MOST_PROBLEMS + 1);
        assert!(problems[MOST_PROBLEMS].text.contains("more problems"));
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert!(refused("a.yaml", "kind: Plan\nname: a\0b\n".to_owned()).contains("U+0000"));
        assert!(refused("a.md", format!("{RUNBOOK}\u{202e}")).contains("U+202E"));
        let problem = text_of("a.yaml", b"kind: Plan\nname: \xff\n".to_vec()).expect_err("is not UTF-8");
        assert_eq!((problem.line, problem.text.as_str()), (2, "is not UTF-8 text"));
        assert!(text_of("a.yaml", vec![b'a'; MOST_BYTES + 1]).is_err());
    }

    #[test]
    fn keys_are_unique_and_tags_and_merges_are_refused() {
        assert_eq!(places(&format!("{PLAN}name: again\n"))[0].split(' ').next(), Some("9:1"));
        for text in [
            "kind: !!python/object:os.system Plan\nname: a\n",
            "kind: Plan\n<<: {name: a}\n",
            "kind: Plan\nname: !include /etc/passwd\n",
            "kind: Plan\nname: a\ninterval: .nan\n",
            "kind: Plan\n? [a, b]\n: c\n",
            "kind: [Plan]\n",
            "kind: Plan\nstages: {weight: 5}\n",
            "kind: Plan\nname: {a: b}\n",
            "\"unclosed",
            "a: b: c",
            "\t",
            "%YAML 9.9\n---\na",
        ] {
            refused("a.yaml", text.to_owned());
        }
    }

    #[test]
    fn scripts_stay_text() {
        let text = "kind: Checklist\nname: c\ntitle: <script>alert(1)</script>\nitems:\n  - {id: a, title: '<img src=x onerror=alert(1)>', evidence: x, owner: y}\n";
        let documents = read(text).expect("angle brackets are text");
        assert!(documents[0].canonical().contains("<script>"));
    }
}
