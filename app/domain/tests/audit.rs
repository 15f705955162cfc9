//! The decision log against other implementations and against hostile bytes.

#[path = "audit/corpus.rs"]
mod corpus;
#[path = "audit/go.rs"]
mod go;
#[path = "audit/hostile.rs"]
mod hostile;
#[path = "audit/log.rs"]
mod log;
#[path = "audit/oracle.rs"]
mod oracle;
#[path = "audit/parsers.rs"]
mod parsers;
