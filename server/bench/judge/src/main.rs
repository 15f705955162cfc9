//! Measures the judge beside the published rules of others, on made-up services with a known truth.
//!
//! Seeds come in two sets that share none: settings and the rules of others are chosen on one, everything is reported on
//! the other. Three of the noises were never used to choose anything.

mod cell;
mod crew;
mod dice;
mod kayenta;
mod ours;
mod peers;
mod race;
mod report;
mod world;

use clap::Parser;
use ours::Setting;
use race::{REPORTING, Race, TUNING, Who};
use std::path::PathBuf;
use world::Noise;

#[derive(Debug, Parser)]
struct Args {
    /// Releases of an unchanged canary per cell; a quarter of them per effect
    #[arg(long, default_value_t = 4000)]
    runs: u64,
    /// Only this noise
    #[arg(long)]
    noise: Option<String>,
    /// Without the rules of others
    #[arg(long)]
    alone: bool,
    /// On the seeds that settings are chosen on
    #[arg(long)]
    tuning: bool,
    /// Folder for the table and the plots; left out: print
    #[arg(long)]
    out: Option<PathBuf>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    let ours = [
        Setting::DEFAULT,
        Setting { history: false, ..Setting::DEFAULT },
        Setting { ratio: 1.2, ..Setting::DEFAULT },
        Setting { ratio: 1.2, history: false, ..Setting::DEFAULT },
        Setting { ratio: 1.2, patience: 0, ..Setting::DEFAULT },
    ];
    let who = ours.map(Who::Ours);
    let seeds = if args.tuning { TUNING } else { REPORTING };
    let mut races = Vec::new();
    for noise in Noise::ALL.into_iter().filter(|noise| args.noise.as_deref().is_none_or(|name| name == noise.name())) {
        for rps in [200.0, 2000.0] {
            races.push(Race::run(noise, rps, &who, !args.alone, seeds, args.runs));
        }
    }
    let text = report::text(&races);
    match &args.out {
        None => print!("{text}"),
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            std::fs::write(folder.join("measured.md"), text)?;
        }
    }
    Ok(())
}
