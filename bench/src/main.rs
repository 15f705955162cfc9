//! Measures the judge beside the published rules of others, on made-up services with a known truth.

mod dice;
mod ours;
mod world;

use clap::Parser;
use ours::{Names, Setting};
use world::{Effect, Noise, TICK, World, hour};

#[derive(Debug, Parser)]
struct Args {
    /// Runs of an unchanged canary per cell
    #[arg(long, default_value_t = 4000)]
    runs: u64,
    #[arg(long, default_value_t = 1.5)]
    ratio: f64,
    #[arg(long, default_value_t = 0.05)]
    alarms: f64,
    #[arg(long, default_value_t = 30)]
    patience: i64,
    #[arg(long, default_value_t = 0.0)]
    plus: f64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() {
    let args = Args::parse();
    let setting = Setting { ratio: args.ratio, plus: args.plus, false_alarms: args.alarms, patience: args.patience };
    let names = Names::new();
    let minutes = |ticks: usize| ticks as f64 * TICK / 60.0;
    for noise in [Noise::Poisson, Noise::All, Noise::Burst] {
        for rps in [200.0, 2000.0] {
            let world = World::new(noise, rps, Effect::None);
            let policy = setting.policy(world.share);
            let mut early = 0;
            for run in 0..args.runs {
                early += u64::from(ours::alarm(&names, &policy, &hour(world, args.seed * 1_000_000 + run)).is_some());
            }
            let mut cells = Vec::new();
            for effect in [
                Effect::Step { times: 5.0, at: 0 },
                Effect::Step { times: 5.0, at: 80 },
                Effect::Step { times: 2.0, at: 0 },
                Effect::Blip { times: 100.0, secs: 30.0 },
            ] {
                let world = World { effect, ..world };
                let n = args.runs / 4;
                let mut delays: Vec<f64> = (0..n)
                    .map(|run| {
                        let alarm = ours::alarm(&names, &policy, &hour(world, args.seed * 2_000_000 + run));
                        alarm.map_or(f64::INFINITY, |tick| minutes((tick + 1).saturating_sub(effect.onset())))
                    })
                    .collect();
                delays.sort_by(f64::total_cmp);
                let at = |q: f64| delays[((n as f64 - 1.0) * q) as usize];
                let missed = delays.iter().filter(|d| d.is_infinite()).count() as f64 / n as f64;
                cells.push(format!("{:.2}/{:.2} miss {:.0}%", at(0.5), at(0.95), missed * 100.0));
            }
            println!(
                "{:8} {:6} FA {:6.3}%  {}",
                noise.name(),
                rps,
                100.0 * early as f64 / args.runs as f64,
                cells.join(" | ")
            );
        }
    }
}
