//! The pages before signing in.

use super::Plane;
use crate::service::Result;
use sternway_app::error::AppError;
use sternway_app::view::door::{SetupView, SignInView};

impl Plane {
    pub(super) async fn sign_in_view(&self, next: &str) -> std::result::Result<SignInView, AppError> {
        // The door stays open when the database is down: the page says so when somebody tries.
        let first_start = self.service.store.people().await.is_ok_and(|people| people.is_empty());
        Ok(SignInView { next: next.to_owned(), people: self.demo_people.clone(), first_start, ..SignInView::default() })
    }

    pub(super) async fn setup_view(&self, token: &str) -> Result<SetupView> {
        let valid = crate::auth::setup_open(self.service.store.as_ref(), token).await?;
        Ok(SetupView { token: token.to_owned(), valid, ..SetupView::default() })
    }
}
