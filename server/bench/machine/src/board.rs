//! The board with many releases: how long it takes, and how much of it goes over the wire.

use crate::fleet::RELEASES;
use crate::report::{Figure, Report};
use crate::site::{Place, Site};
use crate::stats::{Times, kilobytes, shown};
use crate::wire::{Answer, Connection};
use serde_json::json;
use std::time::{Duration, Instant};

const GOAL: Duration = Duration::from_millis(100);
const FIRST_VISIT: usize = 400_000;
const WASM: usize = 300_000;
/// How often the board is read, one reading after the other.
const READINGS: usize = 200;
const BROWSER: &str = "Accept-Encoding: gzip, deflate, br\r\n";

/// The page as a browser asks for it.
async fn page(site: &Site, connection: &mut Connection, encoding: &str) -> Answer {
    let headers = format!("{}Accept: text/html\r\n{encoding}", site.browser);
    let answer = connection.ask("GET", "/", &headers, &[]).await.expect("the program answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

pub(crate) async fn measure(place: &Place, site: &Site, report: &mut Report) {
    let mut connection = site.connect().await;
    let whole = page(site, &mut connection, "").await;
    let html = whole.text();
    // For whoever wonders what is in it.
    std::fs::write(place.data.join("board.html"), &whole.body).expect("the folder for data is ours");
    let rows = html.matches("href=\"/releases/").count();
    assert!(rows >= RELEASES, "the board shows {RELEASES} releases: {rows}");
    let (mut times, mut plain, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for i in 0..READINGS {
        // Now and then without compression, to see what that costs.
        if i % 4 == 0 {
            let began = Instant::now();
            page(site, &mut connection, "").await;
            plain.push(began.elapsed());
        }
        let began = Instant::now();
        page(site, &mut connection, BROWSER).await;
        times.push(began.elapsed());
        let began = Instant::now();
        connection.ask("GET", "/healthz", BROWSER, &[]).await.expect("the program answers");
        floor.push(began.elapsed());
    }
    let (times, plain, floor) = (Times::of(times), Times::of(plain), Times::of(floor));
    report.add(Figure {
        name: "board",
        what: format!("board with {RELEASES} active releases, until the last byte"),
        measured: format!("{}; not compressed p50 {}", times.words(), shown(plain.p50())),
        floor: format!("`/healthz` on the same connection: {}", floor.words()),
        goal: format!("p99 {}\u{a0}ms", GOAL.as_millis()),
        met: Some(times.p99() <= GOAL),
        data: json!({"board": times.json(), "plain": plain.json(), "floor_healthz": floor.json(), "releases": RELEASES}),
    });
    sizes(site, &mut connection, &whole, report).await;
}

/// Everything a browser fetches at a first visit.
async fn sizes(site: &Site, connection: &mut Connection, whole: &Answer, report: &mut Report) {
    let gzip = page(site, connection, "Accept-Encoding: gzip\r\n").await.body.len();
    let brotli = page(site, connection, BROWSER).await;
    assert_eq!(brotli.header("content-encoding"), Some("br"));
    let (plain, brotli) = (whole.body.len(), brotli.body.len());
    let html = whole.text();
    let mut assets: Vec<&str> = html.split(['"', '\'']).filter(|text| text.starts_with("/assets/")).collect();
    assets.sort_unstable();
    assets.dedup();
    let (mut files, mut wasm) = (0, 0);
    for path in &assets {
        let answer = connection.ask("GET", path, BROWSER, &[]).await.expect("the program answers");
        assert_eq!(answer.status, 200, "{path}");
        files += answer.body.len();
        if path.ends_with(".wasm") {
            wasm = answer.body.len();
        }
    }
    assert!(wasm > 0, "the page names its WebAssembly: {assets:?}");
    let all = brotli + files;
    report.add(Figure {
        name: "first_visit",
        what: "first visit to that board, over the wire".into(),
        measured: format!(
            "{}: HTML {}, {} files {}, of them WebAssembly {}",
            kilobytes(all),
            kilobytes(brotli),
            assets.len(),
            kilobytes(files),
            kilobytes(wasm)
        ),
        floor: format!("HTML plain {}, gzip {}", kilobytes(plain), kilobytes(gzip)),
        goal: format!("{}, WebAssembly {}", kilobytes(FIRST_VISIT), kilobytes(WASM)),
        met: Some(all <= FIRST_VISIT && wasm <= WASM),
        data: json!({
            "all_bytes": all, "html_plain": plain, "html_gzip": gzip, "html_br": brotli, "files_br": files,
            "wasm_br": wasm,
        }),
    });
}
