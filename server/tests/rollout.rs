//! Whole rollouts: the engine and the application service on real HAProxy, real Prometheus, a real database, and the
//! real program ended at any moment.

mod rollout {
    mod acting;
    mod aftermath;
    mod alarms;
    mod data;
    mod disagree;
    mod ended;
    mod farewell;
    mod faults;
    mod fleet;
    mod forward;
    mod kill;
    mod lines;
    mod outage;
    mod pager;
    mod proxy;
    mod replicas;
    mod restored;
    mod returning;
    mod rig;
    mod room;
    mod saga;
    mod several;
    mod stages;
    mod start;
    mod support;
    mod takeover;
    mod told;
    mod yard;
}
