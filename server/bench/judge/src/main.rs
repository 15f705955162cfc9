//! Measures the judge beside the published rules of others, on made-up services with a known truth.
//!
//! Seeds come in two sets that share none: settings and the rules of others are chosen on one, everything is reported on
//! the other. Four of the noises were never used to choose anything.

mod cell;
mod crew;
mod dice;
mod elsewhere;
mod faults;
mod goals;
mod kayenta;
mod latency;
mod ours;
mod peers;
mod plot;
mod race;
mod recorded;
mod report;
mod speed;
mod world;

use clap::Parser;
use goals::Measured;
use ours::Setting;
use race::{REPORTING, Race, TUNING, Who};
use std::path::PathBuf;
use world::Noise;

/// Measures the judge beside the published rules of others
#[derive(Debug, Parser)]
struct Args {
    /// Releases of an unchanged canary per service and rule, a quarter of them per fault; 4000 take about an hour on two
    /// cores
    #[arg(long, default_value_t = 4000)]
    runs: u64,
    /// Few releases of some services: less than a minute
    #[arg(long)]
    quick: bool,
    /// Only this noise
    #[arg(long)]
    noise: Option<String>,
    /// Without the rules of others
    #[arg(long)]
    alone: bool,
    /// On the seeds that settings are chosen on
    #[arg(long)]
    tuning: bool,
    /// Judge recorded arms instead: a folder with pairs NAME-baseline.csv and NAME-canary.csv
    #[arg(long, value_name = "DIR")]
    arms: Option<PathBuf>,
    /// Folder for the tables and the pictures; left out: print the tables
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Settings of ours that are shown: what is tolerated by default and less, without history, and without patience.
const OURS: [Setting; 4] = [
    Setting::DEFAULT,
    Setting { history: false, ..Setting::DEFAULT },
    Setting { ratio: 1.2, ..Setting::DEFAULT },
    Setting { ratio: 1.2, patience: 0, ..Setting::DEFAULT },
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args = Args::parse();
    if let Some(folder) = &args.arms {
        print!("{}", recorded::text(folder)?);
        return Ok(());
    }
    let measured = measure(&args);
    let text = document(&args, &measured);
    let Some(folder) = &args.out else {
        print!("{text}\n## Errors\n{}", report::text(&measured.races));
        return Ok(());
    };
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("measured.md"), text)?;
    let (slow, fast): (Vec<&Race>, Vec<&Race>) = measured.races.iter().partition(|race| race.rps < 1000.0);
    for (name, races) in [("errors-200.md", slow), ("errors-2000.md", fast)] {
        let text = report::text(races);
        std::fs::write(folder.join(name), format!("# Errors, every rule\n\n`measured.md` says how.\n{text}"))?;
    }
    for race in &measured.races {
        let drawn = matches!((race.noise, race.rps), (Noise::All, 2000.0) | (Noise::Poisson, 200.0));
        if drawn && !args.alone {
            let name = format!("{}-{}", race.noise.name(), race.rps);
            plot::scatter(race, &folder.join(format!("judge-alarms-{name}.svg")))?;
            plot::delays(race, &folder.join(format!("judge-delays-{name}.svg")))?;
        }
    }
    Ok(())
}

fn runs(args: &Args) -> u64 {
    if args.quick { args.runs.min(40) } else { args.runs }
}

fn measure(args: &Args) -> Measured {
    let (runs, seeds) = (runs(args), if args.tuning { TUNING } else { REPORTING });
    // First, while nothing else has warmed the machine up.
    let speed = speed::measure();
    let asked = |noise: &Noise| match &args.noise {
        Some(name) => name == noise.name(),
        None => !args.quick || matches!(noise, Noise::Poisson | Noise::All),
    };
    let mut races = Vec::new();
    for noise in Noise::ALL.into_iter().filter(asked) {
        for rps in [200.0, 2000.0] {
            eprintln!("{}, {rps} requests/s", noise.name());
            races.push(Race::run(noise, rps, &OURS.map(Who::Ours), !args.alone, seeds, runs));
        }
    }
    eprintln!("latency");
    let latency = latency::all(seeds, runs / 8);
    eprintln!("other services");
    let elsewhere = elsewhere::all(seeds ^ (1 << 53), (runs / 4).max(20), asked);
    eprintln!("faults");
    let boundaries = faults::boundaries(seeds ^ (1 << 50), runs / 4);
    let silence = faults::silence(seeds ^ (1 << 51), (runs / 40).max(3));
    let replayed = faults::replayed(seeds ^ (1 << 52), (runs / 200).max(2));
    Measured { races, latency, elsewhere, boundaries, silence, replayed, speed }
}

fn document(args: &Args, measured: &Measured) -> String {
    let (runs, cores) = (runs(args), std::thread::available_parallelism().map_or(1, std::num::NonZero::get));
    let mut text = format!(
        "# The judge, measured\n\n`make bench-judge` wrote this. 5 % canary of twenty instances, 0.1 % errors as usual, ticks of \
         15 s, an hour, looked at after every tick. Delay: minutes from the beginning of the fault to the rollback, median / \
         95 %. {runs} releases without a fault and {} per fault (Kayenta a quarter of them; latency {} and {}), intervals of \
         95 % (Wilson). The rules of others as documented; theirs and ours tuned with hindsight to at most 1 % false alarms \
         on other seeds of the same noise; the tables say how many there were. Other settings of ours were chosen on other \
         seeds; heavy, sticky, mixed and zone were never used to choose any. {cores} cores.\n",
        runs / 4,
        runs / 16,
        runs / 8,
    );
    text += &goals::text(measured);
    text += &latency::text(&measured.latency);
    text += &elsewhere::text(&measured.elsewhere);
    text += &faults::text(&measured.boundaries, &measured.silence, measured.replayed);
    text += &measured.speed.text();
    text
}
