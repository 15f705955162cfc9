//! `sternway serve`.

use super::config::Where;
use crate::adapters::Connected;
use crate::config::ConfigError;
use crate::emergency::Brake;
use crate::http;
use crate::serve::{Base, ServeError, bind};
use crate::system::{SystemClock, SystemRng};
use crate::telemetry::log::{self, LogError};
use clap::Args;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    place: Where,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum ServeFailure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl Serve {
    pub(super) async fn run(self) -> Result<ExitCode, ServeFailure> {
        let effective = self.place.effective()?;
        let config = effective.config()?;
        log::start(&config.log_filter, config.log_format)?;
        for doubt in config.doubts() {
            tracing::warn!("{doubt}");
        }
        let (listener, address) = bind(config.listen).await?;
        let base = Base::lay(config, Arc::new(SystemClock), Arc::new(SystemRng)).await?;
        base.started_with(&effective.recorded()).await?;
        println!("Sternway listens on {}", base.address(address));
        if let Some(link) = base.setup_link(address).await? {
            println!("Nobody has an account yet. Make the first admin here, once: {link}");
        }
        let router = http::router(base.http(base.pages(Vec::new())));
        let adapters = Connected::new(base.outbound.clone(), base.service.clock.clone(), base.service.rng.clone());
        let brake = Brake { spool: base.config.emergency_spool.clone(), keys: base.config.emergency_keys.clone() };
        let engine = base.engine(Arc::new(adapters.with_brake(brake)));
        // What was rolled back without the server is known before the engine looks at anything.
        let intake = base.intake();
        intake.look().await;
        intake.warn_of_strangers().await;
        let emergencies = Box::pin(intake.run(base.shutdown.clone()));
        base.run(listener, router, vec![engine, emergencies]).await?;
        Ok(ExitCode::SUCCESS)
    }
}
