//! What is too large to be held: straight into a file, which is only there when all of it is.

use super::{ANSWER, Client, Result, Trouble, wrong};
use reqwest::header::AUTHORIZATION;
use std::io::Write;
use std::path::Path;

impl Client {
    /// Gives how many bytes there are.
    pub(in crate::cli) async fn download(&self, path: &[&str], query: &[(&str, String)], to: &Path) -> Result<u64> {
        let mut url = self.url(path);
        url.query_pairs_mut().extend_pairs(query);
        let mut request = self.http.get(url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let silent = || Trouble::Silent { server: self.server() };
        let response = tokio::time::timeout(ANSWER, request.send()).await.map_err(|_| silent())?;
        let mut response = response.map_err(|source| self.unreachable(source))?;
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        let failed = |error: std::io::Error| wrong(format!("`{}` cannot be written: {error}", to.display()));
        let beside = to.with_added_extension("part");
        let taken = async {
            let mut options = std::fs::OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(&beside).map_err(failed)?;
            let mut size = 0;
            loop {
                let piece = tokio::time::timeout(ANSWER, response.chunk()).await.map_err(|_| silent())?;
                let Some(piece) = piece.map_err(|source| self.unreachable(source))? else { break };
                file.write_all(&piece).map_err(failed)?;
                size += piece.len() as u64;
            }
            file.sync_all().map_err(failed)?;
            std::fs::rename(&beside, to).map_err(failed)?;
            Ok(size)
        };
        let taken = taken.await;
        if taken.is_err() {
            let _gone = std::fs::remove_file(&beside);
        }
        taken
    }
}
