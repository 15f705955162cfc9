//! Where each service's traffic is moved, and which may not go back, kept beside the database for when that is down. Names
//! of secrets stand in documents, never secrets, and of a document only what moves traffic is kept.

use super::no_return::{Follow, NoReturn, Standing, Together};
use crate::service::{Service as Sternway, ServiceError, decode, encode};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use sternway_domain::id::ServiceName;
use sternway_domain::service::{Service, Traffic};
use sternway_domain::time::Timestamp;

#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error("the copy of the services `{}` cannot be read; name the documents with `--services`", .path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the copy of the services `{}` is damaged; name the documents with `--services`", .path.display())]
    Odd {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
}

/// What is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copied {
    pub written: Timestamp,
    pub services: Vec<CopiedService>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub together: Vec<Together>,
    /// `None`: nobody knows whether data would be lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_return: Option<Vec<NoReturn>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CopiedService {
    pub name: ServiceName,
    pub traffic: Traffic,
}

impl Copied {
    /// A document with this traffic and nothing else, for building its driver.
    pub fn document(&self, name: &ServiceName) -> Option<Service> {
        let kept = self.services.iter().find(|service| service.name == *name)?;
        let document = serde_json::json!({"name": kept.name, "traffic": kept.traffic, "signals": "memory"});
        serde_json::from_value(document).ok()
    }
}

pub fn read(path: &Path) -> Result<Copied, CopyError> {
    let text = std::fs::read_to_string(path).map_err(|source| CopyError::Read { path: path.to_owned(), source })?;
    serde_json::from_str(&text).map_err(|source| CopyError::Odd { path: path.to_owned(), source })
}

#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error("the copy of the services cannot be written to `{}`", .path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Replaces the file in one step when anything in it is another, for its owner only. Not while Sternway is held: then the
/// file may know more than the database.
pub(super) async fn keep(sternway: &Sternway, follow: &mut Follow, path: &Path) -> Result<(), KeepError> {
    if !sternway.may_work().await? {
        return Ok(());
    }
    let mut services = Vec::new();
    for row in sternway.store.documents("Service").await.map_err(ServiceError::from)? {
        let document: Service = decode("service", &row.body)?;
        services.push(CopiedService { name: document.name, traffic: document.traffic });
    }
    let Standing { together, no_return } = follow.look(sternway).await?;
    let (written, no_return) = (sternway.clock.now(), Some(no_return));
    let next = Copied { written, services, together, no_return };
    if read(path).is_ok_and(|kept| Copied { written, ..kept } == next) {
        return Ok(());
    }
    let (text, to) = (encode(&next), path.to_owned());
    let written = tokio::task::spawn_blocking(move || crate::memory::write(&to, &text)).await;
    let written = written.unwrap_or_else(|_| Err(std::io::Error::other("writing ended")));
    written.map_err(|source| KeepError::Write { path: path.to_owned(), source })
}
