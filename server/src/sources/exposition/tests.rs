use super::*;
use proptest::prelude::*;

fn one(line: &str, format: Format) -> Result<Sample, &'static str> {
    let page = if format == Format::OpenMetrics { format!("{line}\n# EOF\n") } else { format!("{line}\n") };
    let mut samples = parse(&page, format).map_err(|e| e.text)?;
    assert_eq!(samples.len(), 1);
    Ok(samples.remove(0))
}

fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn the_example_of_the_format_is_read() {
    let page = r#"
# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# Escaping in label values:
msdos_file_access_time_seconds{path="C:\\DIR\\FILE.TXT",error="Cannot find file:\n\"FILE.TXT\""} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem="division by zero"} +Inf -3982045
http_request_duration_seconds_bucket{le="+Inf"} 144320
"#;
    let samples = parse(page, Format::Text).expect("the format's own example");
    assert_eq!(samples.len(), 6);
    assert_eq!(samples[0].at, Some(Timestamp::from_secs(1_395_066_363)));
    assert_eq!(samples[0].labels, labels(&[("method", "post"), ("code", "200")]));
    assert_eq!(samples[2].labels["error"], "Cannot find file:\n\"FILE.TXT\"");
    assert_eq!((samples[4].value, samples[4].at), (f64::INFINITY, Some(Timestamp::from_micros(-3_982_045_000))));
}

#[test]
fn openmetrics_has_seconds_exemplars_and_an_end() {
    let read =
        one(r##"foo_bucket{le="0.1"} 8 1520879607.789 # {trace_id="a#b}"} 0.054 1520879607.7"##, Format::OpenMetrics);
    let sample = read.expect("the format's own example");
    assert_eq!((sample.value, sample.at), (8.0, Some(Timestamp::from_micros(1_520_879_607_789_000))));
    assert!(one("foo 1 # {} 1", Format::OpenMetrics).is_ok());
    let cut = parse("foo 1\nbar", Format::OpenMetrics);
    assert!(cut.is_err());
    assert_eq!(parse("foo 1\n", Format::OpenMetrics).expect_err("no end").line, 1);
    assert_eq!(parse("foo 1\n# EOF\nbar 1\n", Format::OpenMetrics).expect_err("goes on").line, 3);
}

#[test]
fn values_that_are_no_numbers_stay_what_they_are() {
    assert!(one("a NaN", Format::Text).is_ok_and(|s| s.value.is_nan()));
    assert!(one("a -Inf", Format::Text).is_ok_and(|s| s.value == f64::NEG_INFINITY));
    assert!(one("a one", Format::Text).is_err());
}

#[test]
fn names_in_quotes_are_names() {
    let sample = one(r#"{"http.requests","status code"="200",a="b",} 1"#, Format::Text).expect("UTF-8 names");
    assert_eq!((sample.name.as_str(), sample.labels), ("http.requests", labels(&[("status code", "200"), ("a", "b")])));
}

#[test]
fn malformed_lines_are_named() {
    for (line, said) in [
        ("{} 1", "a sample begins with a name"),
        ("1a 1", "a sample begins with a name"),
        ("a", "the value is not a number"),
        (r#"a{b="c" 1"#, "labels end with `}`"),
        (r#"a{b="c"#, "a label's value has no end"),
        (r#"a{b="\t"} 1"#, "only `\\\\`, `\\\"` and `\\n` can be escaped"),
        (r#"a{b="1",b="2"} 1"#, "a label is there twice"),
        (r#"a{b} 1"#, "a label has no `=`"),
        (r#"a{="x"} 1"#, "a label has no name"),
        (r#"a{"b"} 1"#, "a sample has two names"),
        ("a 1 2.5", "the timestamp is not a number"),
        ("a 1 2 3", "there is text after the sample"),
        ("a 1 99999999999999999", "the timestamp is not a number"),
    ] {
        assert_eq!(one(line, Format::Text), Err(said), "{line}");
    }
    assert_eq!(parse("a 1\n\nb x\n", Format::Text).expect_err("line 3 is wrong").line, 3);
}

fn write(sample: &Sample, format: Format) -> String {
    let escaped = |text: &str| text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    let labels: Vec<String> =
        sample.labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
    let at = sample.at.map(|at| match format {
        Format::Text => format!(" {}", at.micros() / 1_000),
        Format::OpenMetrics => format!(" {:.6}", at.micros() as f64 / 1e6),
    });
    format!("{}{{{}}} {:?}{}\n", sample.name, labels.join(","), sample.value, at.unwrap_or_default())
}

prop_compose! {
    fn any_sample()(
        name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,20}",
        labels in prop::collection::btree_map("[a-zA-Z_][a-zA-Z0-9_]{0,8}", "\\PC{0,12}|[\\\\\"\n]{0,4}", 0..4),
        value in prop_oneof![any::<f64>().prop_filter("comparable", |v| !v.is_nan()), Just(f64::INFINITY)],
        at in prop::option::of(0i64..4_000_000_000_000),
    ) -> Sample {
        Sample { name, labels, value, at: at.map(|millis| Timestamp::from_micros(millis * 1_000)) }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(samples in prop::collection::vec(any_sample(), 0..20), open in any::<bool>()) {
        let format = if open { Format::OpenMetrics } else { Format::Text };
        let mut page: String = samples.iter().map(|sample| write(sample, format)).collect();
        page.push_str("# EOF\n");
        prop_assert_eq!(parse(&page, format), Ok(samples));
    }

    #[test]
    fn no_page_makes_it_panic(page in "([a-z{}=\",#\\\\ \n0-9.é+-]|\\PC){0,200}", open in any::<bool>()) {
        let _ = parse(&page, if open { Format::OpenMetrics } else { Format::Text });
    }

    #[test]
    fn no_damage_to_a_good_line_makes_it_panic(sample in any_sample(), cut in 0usize..80, byte in any::<char>()) {
        let line = write(&sample, Format::Text);
        let at = line.char_indices().map(|(i, _)| i).nth(cut).unwrap_or(line.len());
        let _ = parse(&line[..at], Format::Text);
        let _ = parse(&format!("{}{byte}{}", &line[..at], &line[at..]), Format::OpenMetrics);
    }
}
