//! The document around the app.

use serde::{Deserialize, Serialize};

/// Addresses of the built files, with their hashes in the names. Provided by the server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Assets {
    /// `/assets/sternway.3f2a91c0.css`.
    pub css: String,
    /// The wasm-bindgen module.
    pub js: String,
    pub wasm: String,
    pub favicon: String,
}
