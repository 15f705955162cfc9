//! The API, version 1: each endpoint with its documentation, request, errors and handler in one place.

use super::{Http, sse};
use axum::middleware::from_fn;
use std::collections::BTreeMap;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContactBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApiBuilder, Ref, RefOr,
    Response, ResponseBuilder, SecurityRequirement,
};
use utoipa::{IntoResponses, PartialSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

mod acts;
mod alarms;
mod apply;
mod data;
mod decisions;
mod documents;
mod expected;
mod flags;
mod freezes;
mod holds;
mod log;
mod log_keys;
mod packs;
mod people;
mod rehearsal;
mod releases;
mod restore;
mod sagas;
mod shapes;
mod tokens;
mod whoami;

pub(super) use packs::ZIP;

/// Every answer that is not a success.
pub(super) struct Faults;

impl IntoResponses for Faults {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let problem = |description: &str| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
            ResponseBuilder::new().description(description).content("application/problem+json", content).build().into()
        };
        BTreeMap::from([
            ("4XX".to_owned(), problem("The request was refused: `status`, `detail` and `errors` say why")),
            ("5XX".to_owned(), problem("Sternway could not answer")),
        ])
    }
}

/// Routes and their documentation in one.
pub(super) fn api() -> OpenApiRouter<Http> {
    let http = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("swy_…").build();
    let cookie = ApiKey::Cookie(ApiKeyValue::new(super::COOKIE));
    let components = ComponentsBuilder::new()
        .security_scheme("token", SecurityScheme::Http(http))
        .security_scheme("session", SecurityScheme::ApiKey(cookie))
        .schema("Problem", super::Details::schema())
        .schema("FieldProblem", super::FieldProblem::schema())
        .build();
    let info = InfoBuilder::new()
        .title("Sternway")
        .version("1")
        .description(Some(
            "Watch canaries, promote them, take them back. Every act names its reason and the version it saw.",
        ))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .contact(Some(ContactBuilder::new().name(Some("Whoever runs this Sternway")).build()))
        .build();
    let document = OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([
            SecurityRequirement::new("token", Vec::<String>::new()),
            SecurityRequirement::new("session", Vec::<String>::new()),
        ]))
        .build();
    let routes = OpenApiRouter::new()
        .routes(routes!(releases::list, releases::create))
        .routes(routes!(releases::get))
        .routes(routes!(releases::history))
        .routes(routes!(releases::ticks))
        .routes(routes!(decisions::of_release))
        .routes(routes!(acts::act))
        .routes(routes!(acts::set_item))
        .routes(routes!(sagas::get))
        .routes(routes!(sagas::preview))
        .routes(routes!(sagas::preview_forward))
        .routes(routes!(sagas::choose))
        .routes(routes!(rehearsal::rehearsal))
        .routes(routes!(data::list))
        .routes(routes!(data::act))
        .routes(routes!(decisions::list))
        .routes(routes!(decisions::get))
        .routes(routes!(decisions::evidence))
        .routes(routes!(log::inclusion))
        .routes(routes!(packs::pack))
        .routes(routes!(log::entry))
        .routes(routes!(log::consistency))
        .routes(routes!(log::redact))
        .routes(routes!(log_keys::status))
        .routes(routes!(log_keys::change))
        .routes(routes!(holds::list, holds::place))
        .routes(routes!(holds::release))
        .routes(routes!(holds::retention))
        .routes(routes!(apply::apply))
        .routes(routes!(documents::services))
        .routes(routes!(documents::service))
        .routes(routes!(documents::plans))
        .routes(routes!(documents::plan))
        .routes(routes!(expected::expected))
        .routes(routes!(documents::runbooks))
        .routes(routes!(documents::runbook))
        .routes(routes!(documents::checklists))
        .routes(routes!(documents::checklist))
        .routes(routes!(freezes::change_freezes))
        .routes(routes!(freezes::change_freeze))
        .routes(routes!(flags::list))
        .routes(routes!(flags::get, flags::put))
        .routes(routes!(flags::split))
        .routes(routes!(flags::retire))
        .routes(routes!(people::list, people::create))
        .routes(routes!(people::change))
        .routes(routes!(tokens::list, tokens::create))
        .routes(routes!(tokens::revoke))
        .routes(routes!(alarms::list))
        .routes(routes!(alarms::test))
        .routes(routes!(restore::get, restore::confirm))
        .routes(routes!(whoami::whoami))
        .routes(routes!(sse::events))
        .layer(from_fn(super::identity::required));
    OpenApiRouter::with_openapi(document).nest("/api/v1", routes)
}
