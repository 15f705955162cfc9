//! Lines that look like signals, the same on every run.

use std::fmt::Write as _;
use sternway_app::view::board::{MiniStage, SignalCell};
use sternway_app::view::chart::*;
use sternway_app::view::{Icon, Tone};

fn noise(seed: u32, at: usize) -> f64 {
    let mut x = seed.wrapping_mul(2_654_435_761).wrapping_add(u32::try_from(at).unwrap_or(0).wrapping_mul(40_503));
    x ^= x >> 13;
    x = x.wrapping_mul(1_274_126_177);
    x ^= x >> 16;
    f64::from(x % 1000) / 500.0 - 1.0
}

fn path(points: &[(f64, f64)]) -> String {
    points.iter().enumerate().fold(String::new(), |mut out, (at, (x, y))| {
        let _ = write!(out, "{}{x:.0} {y:.1}", if at == 0 { "M" } else { "L" });
        out
    })
}

/// `texts`: key, name, flag, now, against. Levels in percent of the height from the top.
pub(crate) fn chart(texts: [&str; 5], level: f64, rise: f64, tolerance: f64) -> ChartView {
    let [key, name, flag, now, against] = texts;
    let count = 81_usize;
    let at = |index: usize| index as f64 / 80.0;
    let seed = u32::try_from(key.len()).unwrap_or(1) * 31 + 7;
    let canary: Vec<(f64, f64)> = (0..count)
        .map(|index| {
            let late = ((at(index) - 0.9) / 0.1).clamp(0.0, 1.0);
            (at(index) * 1000.0, level + noise(seed, index) * 2.0 - rise * late)
        })
        .collect();
    let baseline: Vec<(f64, f64)> =
        (0..count).map(|index| (at(index) * 1000.0, level + 2.0 + noise(seed + 1, index) * 1.2)).collect();
    let (canary_end, baseline_end) = (canary[count - 1].1, baseline[count - 1].1);
    let over = tolerance > canary_end;
    let beyond = if over {
        let mut shape: Vec<(f64, f64)> = canary.iter().copied().filter(|(_, y)| *y < tolerance).collect();
        let first = shape.first().map_or(0.0, |(x, _)| *x);
        shape.push((1000.0, tolerance));
        shape.push((first, tolerance));
        format!("<path class=\"beyond\" d=\"{}Z\"/>", path(&shape))
    } else {
        String::new()
    };
    let apart = (canary_end - baseline_end).abs() < 16.0;
    let points = (0..count)
        .step_by(4)
        .map(|index| PointView {
            at: format!("13:{:02}:00", 43 + index / 5),
            x: at(index) * 100.0,
            values: vec![
                Some(ValueView { y: canary[index].1, text: now.to_owned() }),
                Some(ValueView { y: baseline[index].1, text: against.replace("against ", "") }),
            ],
        })
        .collect();
    ChartView {
        key: key.into(),
        name: name.into(),
        flag: Some(FlagView {
            tone: if over { Tone::Caution } else { Tone::Go },
            icon: if over { Icon::Suspect } else { Icon::Pass },
            text: flag.into(),
        }),
        now: now.into(),
        against: against.into(),
        sentence: format!("{name} from 13:43 to 14:03: canary {now}, {against}."),
        grid: vec![
            GridLine { y: 0.0, label: "top".into() },
            GridLine { y: 33.3, label: String::new() },
            GridLine { y: 66.7, label: String::new() },
        ],
        levels: vec![LevelView { y: tolerance, label: "tolerated".into(), below: false }],
        lines: vec![(Arm::Canary, "canary".into()), (Arm::Baseline, "baseline".into())],
        marks: vec![
            MarkView { kind: MarkKind::Stage, x: 79.1, label: "25\u{a0}%".into() },
            MarkView { kind: MarkKind::Act, x: 95.6, label: if over { "suspect".into() } else { String::new() } },
        ],
        gaps: if key == "saturation" { vec![GapView { x: 35.7, width: 6.7 }] } else { Vec::new() },
        ticks: vec![
            TickView { x: 10.0, label: "13:45".into(), fine: false },
            TickView { x: 59.9, label: "13:55".into(), fine: false },
            TickView { x: 100.0, label: "14:03".into(), fine: false },
        ],
        ends: vec![
            EndView {
                arm: Arm::Canary,
                x: 100.0,
                y: canary_end,
                label_y: if apart { canary_end - 7.0 } else { canary_end },
                label: "canary".into(),
            },
            EndView {
                arm: Arm::Baseline,
                x: 100.0,
                y: baseline_end,
                label_y: if apart { baseline_end + 7.0 } else { baseline_end },
                label: "baseline".into(),
            },
        ],
        inner_svg: format!(
            "{beyond}<path class=\"tolerance\" d=\"M0 {tolerance}H1000\"/><path class=\"baseline\" d=\"{}\"/><path class=\"canary\" d=\"{}\"/>",
            path(&baseline),
            path(&canary)
        ),
        points,
        table: TableView::default(),
    }
}

pub(crate) fn cells(off: bool, silent: bool) -> Vec<SignalCell> {
    [
        ("Errors", "0.31 %", "0.10 %"),
        ("p99", "212 ms", "208 ms"),
        ("Traffic", "103/s", "309/s"),
        ("Saturation", "61 %", "58 %"),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, (label, now, base))| SignalCell {
        label: label.into(),
        now: if silent { "–".into() } else { now.replace(' ', "\u{a0}") },
        base: if silent { format!("was {}", base.replace(' ', "\u{a0}")) } else { base.replace(' ', "\u{a0}") },
        off: off && at == 0,
        spark: (!silent).then(|| spark(u32::try_from(at).unwrap_or(0), off && at == 0)),
    })
    .collect()
}

fn spark(seed: u32, off: bool) -> SparkView {
    let line = |seed: u32, rise: f64| -> Vec<(f64, f64)> {
        (0..24_usize)
            .map(|at| {
                let late = ((at as f64 - 18.0) / 5.0).clamp(0.0, 1.0);
                (at as f64 * 100.0 / 23.0, 17.0 + noise(seed, at) * 1.6 - rise * late)
            })
            .collect()
    };
    let canary = line(seed + 3, if off { 14.0 } else { 0.0 });
    let limit = if seed == 2 { String::new() } else { "M0 8H100".into() };
    let beyond = if off { "M84 8L88 6L92 4L96 3.5L100 3L100 8Z".into() } else { String::new() };
    SparkView { canary: path(&canary), baseline: path(&line(seed + 9, 0.0)), beyond, limit }
}

pub(crate) fn stages(now: usize, part: f64) -> Vec<MiniStage> {
    [5_u8, 25, 50, 100]
        .into_iter()
        .enumerate()
        .map(|(at, percent)| MiniStage { percent, done: at < now, now: (at == now).then_some(part) })
        .collect()
}
