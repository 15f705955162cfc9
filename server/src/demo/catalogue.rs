//! Which services the demo runs, what they call, and how much work a request is.
//!
//! The rates are what clients outside send to a service directly; calls from other services come on top. They are
//! chosen so that the whole world stays a light load for one laptop.

/// What a request of a service costs and calls.
#[derive(Debug)]
pub(super) struct Spec {
    pub name: &'static str,
    pub description: &'static str,
    /// What clients ask for.
    pub path: &'static str,
    /// What runs before the first release.
    pub version: &'static str,
    /// Requests per second from clients outside, before the daily wave.
    pub offered: f64,
    /// Median of the service's own work, milliseconds.
    pub work_ms: f64,
    /// How many requests an instance works on at once.
    pub slots: u32,
    /// How many of these slots background jobs hold.
    pub background: u32,
    pub calls: Calls,
    /// Share of requests that end with a plain no (not an error): a card declined, nothing found. Ratio 0-1.
    pub refused: f64,
    /// The status of a plain no.
    pub refusal: Outcome,
    pub kpi: Option<KpiSpec>,
}

/// Which services a request calls, in order, stopping at the first failure.
#[derive(Debug)]
pub(super) enum Calls {
    /// Each with its own chance.
    Each(&'static [Call]),
    /// Exactly one; the shares add up to 1.
    OneOf(&'static [Call]),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub service: &'static str,
    /// How often, ratio 0-1.
    pub share: f64,
}

/// A business ratio: `good` of `of`, counters of `/metrics` without their `_total`.
#[derive(Debug, Clone, Copy)]
pub(super) struct KpiSpec {
    pub name: &'static str,
    pub good: &'static str,
    pub of: &'static str,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Served,
    Declined,
    NotFound,
    Failed,
    DependencyFailed,
    Full,
}

impl Outcome {
    pub(super) const ALL: [Outcome; 6] = [
        Outcome::Served,
        Outcome::Declined,
        Outcome::NotFound,
        Outcome::Failed,
        Outcome::DependencyFailed,
        Outcome::Full,
    ];

    /// The HTTP status.
    pub(super) fn code(self) -> &'static str {
        match self {
            Outcome::Served => "200",
            Outcome::Declined => "402",
            Outcome::NotFound => "404",
            Outcome::Failed => "500",
            Outcome::DependencyFailed => "502",
            Outcome::Full => "503",
        }
    }

    pub(super) fn says(self) -> &'static str {
        match self {
            Outcome::Served => "ok",
            Outcome::Declined => "declined",
            Outcome::NotFound => "nothing found",
            Outcome::Failed => "failed",
            Outcome::DependencyFailed => "a service this one needs failed",
            Outcome::Full => "every slot is taken",
        }
    }
}

const fn call(service: &'static str, share: f64) -> Call {
    Call { service, share }
}

/// Callers before the services they call.
pub(super) const SERVICES: [Spec; 7] = [
    Spec {
        name: "gateway",
        description: "The front door: takes what browsers and apps ask and passes it on.",
        path: "/",
        version: "5.12.0",
        offered: 20.0,
        work_ms: 3.0,
        slots: 96,
        background: 20,
        calls: Calls::OneOf(&[call("search", 0.5), call("checkout", 0.5)]),
        refused: 0.0,
        refusal: Outcome::NotFound,
        kpi: None,
    },
    Spec {
        name: "checkout",
        description: "Turns a basket into a paid order.",
        path: "/orders",
        version: "1.41.3",
        offered: 45.0,
        work_ms: 18.0,
        slots: 64,
        background: 22,
        calls: Calls::Each(&[call("pricing", 1.0), call("payments", 1.0)]),
        refused: 0.0,
        refusal: Outcome::Declined,
        kpi: Some(KpiSpec { name: "orders", good: "checkout_orders", of: "checkout_attempts" }),
    },
    Spec {
        name: "search",
        description: "Finds products.",
        path: "/search",
        version: "2026.11.2",
        offered: 60.0,
        work_ms: 24.0,
        slots: 64,
        background: 26,
        calls: Calls::Each(&[call("storage", 0.25)]),
        refused: 0.01,
        refusal: Outcome::NotFound,
        kpi: Some(KpiSpec { name: "found", good: "search_answers", of: "search_queries" }),
    },
    Spec {
        name: "pricing",
        description: "Works out what a basket costs: prices, discounts, taxes.",
        path: "/quotes",
        version: "7.3.1",
        offered: 6.0,
        work_ms: 9.0,
        slots: 64,
        background: 18,
        calls: Calls::Each(&[call("storage", 0.25)]),
        refused: 0.0,
        refusal: Outcome::NotFound,
        kpi: None,
    },
    Spec {
        name: "payments",
        description: "Asks the bank and records the answer.",
        path: "/authorisations",
        version: "3.8.0",
        offered: 6.0,
        work_ms: 30.0,
        slots: 64,
        background: 24,
        calls: Calls::Each(&[]),
        refused: 0.01,
        refusal: Outcome::Declined,
        kpi: Some(KpiSpec { name: "authorised", good: "payments_authorised", of: "payments_attempts" }),
    },
    Spec {
        name: "storage",
        description: "Keeps products and prices.",
        path: "/rows",
        version: "12.0.4",
        offered: 15.0,
        work_ms: 4.0,
        slots: 96,
        background: 30,
        calls: Calls::Each(&[]),
        refused: 0.0,
        refusal: Outcome::NotFound,
        kpi: None,
    },
    Spec {
        name: "orders",
        description: "Keeps orders and tells how far they are.",
        path: "/orders",
        version: "9.4.2",
        offered: 12.0,
        work_ms: 6.0,
        slots: 64,
        background: 18,
        calls: Calls::Each(&[]),
        refused: 0.0,
        refusal: Outcome::NotFound,
        kpi: None,
    },
];

impl Spec {
    /// The services that may be called, in order.
    pub(super) fn depends_on(&self) -> impl Iterator<Item = &'static str> {
        let (Calls::Each(calls) | Calls::OneOf(calls)) = self.calls;
        calls.iter().map(|call| call.service)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_down_the_list_so_that_no_request_goes_in_circles() {
        for (place, spec) in SERVICES.iter().enumerate() {
            for needed in spec.depends_on() {
                let below = SERVICES.iter().position(|other| other.name == needed);
                assert!(below > Some(place), "`{}` calls `{needed}`, which is not below it", spec.name);
            }
        }
    }
}
