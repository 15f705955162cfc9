//! What deploys: a program that is told by webhook, a command on this machine, a table in memory.

pub mod command;
pub mod memory;
pub mod webhook;

pub use command::CommandDeployer;
pub use memory::{Behaviour, MemoryDeployments};
pub use webhook::WebhookDeployer;
