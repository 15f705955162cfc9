//! The body of Sternway: storage, engine, sources, drivers, HTTP and the command line around the rules of
//! `sternway-domain` and the pages of `sternway-app`.

pub mod adapters;
pub mod alarms;
pub mod auth;
pub mod charts;
pub mod cli;
pub mod config;
pub mod demo;
pub mod documents;
pub mod drivers;
pub mod emergency;
pub mod engine;
pub mod flags;
pub mod http;
pub mod keeper;
pub mod ledger;
pub mod live;
pub mod memory;
pub mod notary;
pub mod outage;
pub mod outbound;
pub mod pack;
pub mod plane;
pub mod ports;
pub mod serve;
pub mod service;
pub mod sources;
pub mod steps;
pub mod store;
pub mod system;
pub mod telemetry;
