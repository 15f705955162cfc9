//! Going back while the database is down: `sternway emergency rollback` drives the proxy from configuration alone, on the
//! machine of whoever holds a registered key, and writes what it did into a signed spool. The server takes the spool in
//! when it works again, as late entries of the log.
//!
//! Deliberately absent: everything but giving the baseline all traffic. What is deployed, and data, wait for the server.

mod act;
mod brake;
mod copy;
mod intake;
mod key;
mod no_return;
mod order;
mod spool;

pub use act::{Asked, Outcome, roll_back};
pub use brake::Brake;
pub use copy::{Copied, CopiedService, CopyError, read as read_copy};
pub use intake::Intake;
pub use key::{KeyError, Registered, SecretKey};
pub use no_return::{NoReturn, Together};
pub use spool::{Loss, Record, Said, Spool, SpoolError, read as read_spool};
