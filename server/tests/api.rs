//! The router as a whole, in this process, on a database of its own: every route, every role, and what must never work.

mod api {
    mod alarms;
    mod contract;
    mod data;
    mod doors;
    mod events;
    mod flag_ends;
    mod flags;
    mod forms;
    mod freezes;
    mod go;
    mod hostile;
    mod log;
    mod log_bad;
    mod log_keys;
    mod ofrep;
    mod openapi;
    mod privacy;
    mod proof;
    mod put_back;
    mod redact;
    mod rig;
    mod rights;
    mod routes;
    mod starts;
    mod tokens;
    mod unwritten;
    mod witness;
}
