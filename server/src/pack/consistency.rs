//! `consistency.json`: that the log begins with the one that whoever asked remembers.

use serde::{Deserialize, Serialize};
use sternway_domain::audit::merkle::TreeHash;

/// RFC 6962, section 2.1.2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Consistency {
    pub from: u64,
    pub to: u64,
    pub hashes: Vec<TreeHash>,
}
