//! What was measured: a table for people, JSON for programs.

use crate::machine::Machine;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Its name in the JSON.
    pub(crate) name: &'static str,
    pub(crate) what: String,
    pub(crate) measured: String,
    /// What the machine itself does, in the same run.
    pub(crate) floor: String,
    pub(crate) goal: String,
    /// `None`: shown beside the others, without a goal of its own.
    pub(crate) met: Option<bool>,
    pub(crate) data: Value,
}

#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Figure>);

impl Report {
    pub(crate) fn add(&mut self, figure: Figure) {
        eprintln!("  {}: {}; floor: {}", figure.what, figure.measured, figure.floor);
        self.0.push(figure);
    }

    /// Markdown.
    pub(crate) fn table(&self, machine: &Machine, took: Duration) -> String {
        let mut text = format!("{}; the run took {:.0} s.\n\n", machine.words(), took.as_secs_f64());
        text += "| what | measured | floor, same run | to reach | |\n|---|---|---|---|---|\n";
        for Figure { what, measured, floor, goal, met, .. } in &self.0 {
            let met = match met {
                Some(true) => "met",
                Some(false) => "**missed**",
                None => "",
            };
            writeln!(text, "| {what} | {measured} | {floor} | {goal} | {met} |").expect("text grows");
        }
        text
    }

    pub(crate) fn json(&self, machine: &Machine, took: Duration) -> Value {
        let mut figures = Map::new();
        for figure in &self.0 {
            let mut data = figure.data.clone();
            data["goal"] = json!(figure.goal);
            data["met"] = json!(figure.met);
            figures.insert(figure.name.to_owned(), data);
        }
        json!({"machine": machine.json(), "took_s": took.as_secs_f64().round(), "figures": figures})
    }

    pub(crate) fn write(&self, path: &Path, machine: &Machine, took: Duration) -> std::io::Result<()> {
        std::fs::write(path, format!("{:#}\n", self.json(machine, took)))
    }

    /// Names of what missed its goal.
    pub(crate) fn missed(&self) -> Vec<&str> {
        self.0.iter().filter(|figure| figure.met == Some(false)).map(|figure| figure.what.as_str()).collect()
    }
}
