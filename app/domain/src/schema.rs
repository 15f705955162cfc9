//! What the values that are written as text or numbers look like in JSON Schema and OpenAPI.
//!
//! Structs and enums derive theirs; these have a form of their own.

use crate::change_freeze::{ClockTime, LocalTime, YearTime, Zone};
use crate::component::Accepts;
use crate::id::{
    CellName, ChecklistName, ConnectionName, Digest, FlagKey, FreezeName, ItemId, MigrationName, PlanName, RunbookName,
    ServiceName,
};
use crate::plan::{Metric, Weight};
use crate::service::HaproxyAddress;
use crate::time::Span;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, Object, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type};
use utoipa::{PartialSchema, ToSchema};

fn text(description: &str, pattern: &str) -> RefOr<Schema> {
    RefOr::T(Schema::Object(
        ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::String))
            .description(Some(description))
            .pattern(Some(pattern))
            .build(),
    ))
}

macro_rules! written_as_text {
    ($($type:ty: $description:literal, $pattern:expr;)+) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                text($description, $pattern)
            }
        }

        impl ToSchema for $type {}
    )+};
}

const NAME: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";

written_as_text! {
    ServiceName: "The name of a service.", NAME;
    PlanName: "The name of a plan.", NAME;
    ChecklistName: "The name of a checklist.", NAME;
    RunbookName: "The name of a runbook.", NAME;
    CellName: "The name of a cell or region.", NAME;
    MigrationName: "The name of a data migration.", NAME;
    FreezeName: "The name of a change freeze.", NAME;
    Zone: "A time zone of the IANA database: `Europe/Berlin`, `UTC`.", "^[A-Za-z0-9_+/-]+$";
    ClockTime: "A time of day: `16:00`; `24:00` is midnight at its end.", "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$";
    LocalTime: "A day and a time there: `2026-12-20T18:00`.", "^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}$";
    YearTime: "A day of every year and a time: `12-20 18:00`.", "^[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}$";
    ConnectionName: "The name of a connection in the server's configuration.", NAME;
    Accepts: "Versions: `any`, `1.41.3`, `1.41.*`, `>=1.41 <2`, alternatives with `||`.", ".";
    FlagKey: "The key of a flag.", "^(?!\\.+$)[A-Za-z0-9._-]{1,128}$";
    ItemId: "The id of an item, unique within its checklist.", NAME;
    Digest: "A SHA-256 digest.", "^sha256:[0-9a-f]{64}$";
    Span: "A length of time: `90s`, `10m`, `1h30m` or `250ms`.", "^\\s*([0-9]+(us|ms|s|m|h|d))+\\s*$";
    Metric: "`errors`, `p50`, `p90`, `p95`, `p99`, `traffic`, `saturation` or `kpi:NAME`.",
        "^(errors|p50|p90|p95|p99|traffic|saturation|kpi:[a-z0-9_-]{1,40})$";
    HaproxyAddress: "`unix:/run/haproxy/admin.sock` or `tcp:127.0.0.1:9999`.", "^(unix:/|tcp:.+:[0-9]+$)";
}

impl PartialSchema for Weight {
    fn schema() -> RefOr<Schema> {
        let object: Object = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .description(Some("A share of traffic in whole percent."))
            .minimum(Some(0))
            .maximum(Some(100))
            .build();
        RefOr::T(Schema::Object(object))
    }
}

impl ToSchema for Weight {}
