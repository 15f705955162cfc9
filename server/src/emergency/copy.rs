//! Where each service's traffic is moved, kept beside the database for when that is down. Names of secrets stand in
//! documents, never secrets, and of a document only what moves traffic is kept.

use crate::store::Store;
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

/// Replaces the file in one step when a service is new or another, for its owner only.
pub(super) async fn keep(store: &dyn Store, path: &Path, now: Timestamp) -> Result<(), String> {
    let rows = store.documents("Service").await.map_err(|error| error.to_string())?;
    let mut services = Vec::new();
    for row in rows {
        let document: Service = serde_json::from_str(&row.body).map_err(|error| format!("`{}`: {error}", row.name))?;
        services.push(CopiedService { name: document.name, traffic: document.traffic });
    }
    if read(path).is_ok_and(|kept| kept.services == services) {
        return Ok(());
    }
    let text = serde_json::to_string_pretty(&Copied { written: now, services }).map_err(|error| error.to_string())?;
    let path = path.to_owned();
    let write = move || {
        use std::io::Write as _;
        let beside = path.with_extension("json.new");
        // A half of one may be left from a crash.
        let _none = std::fs::remove_file(&beside);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&beside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &path)
    };
    let written = tokio::task::spawn_blocking(write).await.map_err(|error| error.to_string())?;
    written.map_err(|error| error.to_string())
}
