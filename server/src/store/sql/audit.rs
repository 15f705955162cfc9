//! What is read by whoever checks the whole of it.

use super::link::args;
use super::people::read_document;
use super::{Backend, all, whole};
use crate::store::rows::*;
use crate::store::{AuditStore, Result};
use async_trait::async_trait;

#[async_trait]
impl<B: Backend> AuditStore for B {
    async fn gap(&self, leaves: i64) -> Result<Option<String>> {
        whole::gap(self.reads("look for gaps among the events"), leaves).await
    }

    async fn documents_after(&self, after: (&str, &str, i64), limit: u32) -> Result<Vec<DocumentRow>> {
        const AFTER: &str = "SELECT kind, name, version, digest, body, source, at FROM document \
            WHERE (kind, name, version) > ($1, $2, $3) ORDER BY kind, name, version LIMIT $4";
        let (kind, name, version) = after;
        let link = self.reads("read the documents");
        all(&link.all(AFTER, args![kind, name, version, i64::from(limit)]).await?, read_document)
    }
}
