//! `sternway demo`.

use crate::config::{ConfigError, Effective, SettingFlags};
use crate::demo::stage::{Stage, StageError, orders};
use crate::demo::{DemoError, DemoWorld};
use crate::http;
use crate::serve::{Base, ServeError, Task, bind};
use crate::system::{SystemClock, SystemRng};
use crate::telemetry::log::{self, LogError};
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// The demo begins anew each time: its services live in this process, and with them what was released.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Where the pages are.
    #[arg(long, env = "STERNWAY_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:3000")]
    listen: SocketAddr,
    /// Where the database and `demo.json` are kept; a demo that was there before is replaced.
    #[arg(long, value_name = "DIR", default_value = "data/demo")]
    data: PathBuf,
    /// Decides the traffic; the same number gives the same demo.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum DemoFailure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("the folder `{}` cannot be made ready for the demo", .path.display())]
    Data { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    World(#[from] DemoError),
    #[error(transparent)]
    Stage(#[from] StageError),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl Demo {
    pub(super) async fn run(self) -> Result<ExitCode, DemoFailure> {
        let database = self.fresh_database()?;
        let flags = SettingFlags::default()
            .set("listen", self.listen.to_string())
            .set("database", format!("sqlite:{}", database.display()))
            .set("outbound-allow", "127.0.0.0/8")
            .set("log-filter", std::env::var("STERNWAY_LOG_FILTER").unwrap_or_else(|_| "warn".into()));
        let effective = Effective::collect(None, |_| None, &flags)?;
        let (mut config, mut settings) = (effective.config()?, effective.recorded());
        let orders = self.data.join("orders.db");
        orders::connect(&mut config.steps, &mut settings, &orders);
        orders::keep(&orders).await?;
        log::start(&config.log_filter, config.log_format)?;
        let (listener, address) = bind(config.listen).await?;
        println!("Setting the stage …");
        let base = Base::lay(config, Arc::new(SystemClock), Arc::new(SystemRng)).await?;
        base.started_with(&settings).await?;
        let world = DemoWorld::start(self.seed, base.service.clock.clone()).await?;
        let stage = Stage::set(world.clone(), base.service.clone(), &base.auth, base.outbound.clone()).await?;
        let url = base.address(address);
        let file = self.data.join("demo.json");
        stage.write(&file, &url)?;
        println!("Sternway's demo runs at {url}");
        println!("  data        {}", self.data.display());
        println!("  people      offered on the sign-in page; for scripts in {}", file.display());
        println!("  on stage    search goes well, checkout starts to fail, payments gets slower,");
        println!("              orders has changed its data and cannot simply go back");
        println!("Ctrl-C ends it.");
        let follow: Task = Box::pin(stage.clone().follow(base.shutdown.clone()));
        let engine = base.engine(stage.clone());
        let mut pages = base.pages(stage.people());
        pages.demo = Some(stage.clone());
        let router = http::router(base.http(pages));
        let served = base.run(listener, router, vec![engine, follow]).await;
        world.shutdown().await;
        served?;
        Ok(ExitCode::SUCCESS)
    }

    /// An empty folder for the database; what an earlier demo left there goes, its log's key and last checkpoint too.
    fn fresh_database(&self) -> Result<PathBuf, DemoFailure> {
        let failed = |source| DemoFailure::Data { path: self.data.clone(), source };
        std::fs::create_dir_all(&self.data).map_err(failed)?;
        for entry in std::fs::read_dir(&self.data).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with("demo.db") || ["orders.db", "demo.json"].contains(&name.as_str()) {
                std::fs::remove_file(entry.path()).map_err(failed)?;
            }
        }
        Ok(self.data.join("demo.db"))
    }
}
