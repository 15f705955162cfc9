//! The data of `orders`, in a file of its own: its release has taken it past the point of no return.

use super::{Stage, StageError, demo_name};
use crate::demo::Behaviour;
use crate::service::{Caller, DataRequest, DataWanted};
use crate::steps::settings::{Connection, StepSettings, shown};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection as _};
use std::path::Path;
use sternway_domain::audit::settings::Settings;
use sternway_domain::id::{ConnectionName, MigrationName};
use sternway_domain::migration::Phase;
use sternway_domain::service::Secret;

/// The service, its connection, and what both are about.
const NAME: &str = "orders";
const MIGRATION: &str = "order-state";

/// What a migration's conditions would have taken an hour for.
const NO_TIME: &str = "The demo has no hour to wait";

/// Names the file as a connection of this server.
pub fn connect(steps: &mut StepSettings, recorded: &mut Settings, file: &Path) {
    let name = ConnectionName::new(NAME).expect("letters are a name");
    let absolute = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let url = Secret::Value(format!("sqlite:{}", absolute.display()));
    recorded.settings.insert(format!("connections.{name}"), shown(&url));
    steps.connections.insert(name, Connection { url });
}

/// Orders as they are after the migration: each has its state.
pub async fn keep(file: &Path) -> Result<(), StageError> {
    const ORDERS: &str = "CREATE TABLE orders (id INTEGER PRIMARY KEY, state TEXT);
        WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 240)
        INSERT INTO orders SELECT id, CASE id % 4 WHEN 0 THEN 'paid' WHEN 1 THEN 'packed' WHEN 2 THEN 'on its way'
        ELSE 'delivered' END FROM n;";
    let mut connection = SqliteConnectOptions::new().filename(file).create_if_missing(true).connect().await?;
    sqlx::raw_sql(ORDERS).execute(&mut connection).await?;
    Ok(connection.close().await?)
}

/// Starts the release and moves its data on, as people would have done over some days.
pub(super) async fn play(stage: &Stage, admin: &Caller) -> Result<(), StageError> {
    let (reason, manager) = ("Orders say when they are on their way", &stage.manager);
    let migrations = vec![MIGRATION.to_owned()];
    let (name, plan) = (demo_name(NAME), "demo-assisted");
    let id = stage.release_with(manager, &name, plan, Behaviour::Healthy, reason, migrations).await?;
    let forced = |to| DataWanted::Move { to, override_conditions: true };
    let query = |name: &str| DataWanted::Validate { query: name.to_owned() };
    let acts = [
        (manager, forced(Phase::Expand), "The new column is there"),
        (manager, forced(Phase::DualWrite), "9.5.0 writes both columns"),
        (manager, forced(Phase::Backfill), NO_TIME),
        (manager, query("without-state"), "After the backfill"),
        (manager, query("orders"), "After the backfill"),
        (manager, DataWanted::Move { to: Phase::SwitchReads, override_conditions: false }, "Every order has its state"),
        (admin, DataWanted::Sign { role: "data owner".to_owned() }, "Reports read the new column"),
        (admin, forced(Phase::Contract), NO_TIME),
    ];
    let mut version = 1;
    for (caller, wanted, reason) in acts {
        let request = DataRequest {
            release: id,
            migration: MigrationName::new(MIGRATION).expect("letters are a name"),
            wanted,
            reason: reason.to_owned(),
            expected_version: version,
            idempotency_key: stage.service.new_id().to_string(),
        };
        version = stage.service.move_data(caller, request).await?.version;
    }
    Ok(())
}
