use super::*;
use crate::id::Digest;
use proptest::prelude::*;
use std::collections::BTreeSet;

fn name(text: &str) -> ServiceName {
    ServiceName::new(text).expect("plain")
}

fn artifact(version: &str) -> Artifact {
    Artifact { version: version.to_owned().try_into().expect("plain"), digest: Digest::of(version.as_bytes()) }
}

/// `needs` as `(name, accepts of the candidate, accepts of the baseline)`.
fn component(called: &str, needs: &[(&str, Option<&str>, Option<&str>)]) -> Component {
    let rule = |text: &Option<&str>| text.map(|text| text.parse().expect("a rule"));
    Component {
        name: name(called),
        layer: Layer::Service,
        baseline: artifact("1.41.3"),
        candidate: artifact("1.42.0"),
        needs: needs
            .iter()
            .map(|(on, accepts, before)| Need { on: name(on), accepts: rule(accepts), baseline_accepts: rule(before) })
            .collect(),
        cells: vec![],
        features: vec![],
    }
}

fn plain(called: &str, needs: &[&str]) -> Component {
    component(called, &needs.iter().map(|on| (*on, None, None)).collect::<Vec<_>>())
}

fn shop() -> Components {
    let list = vec![
        plain("api", &["auth", "storage", "cache"]),
        plain("auth", &["storage"]),
        plain("messaging", &["storage"]),
        plain("storage", &[]),
        plain("cache", &[]),
    ];
    Components::new(list, vec![]).expect("has an order")
}

fn only(names: &[&str]) -> Scope {
    Scope { components: Some(names.iter().map(|n| name(n)).collect()), ..Scope::default() }
}

#[test]
fn given_needs_then_start_goes_up_and_rollback_comes_down() {
    let words = |levels: &[Vec<ServiceName>]| -> Vec<String> {
        levels.iter().map(|level| level.iter().map(ServiceName::as_str).collect::<Vec<_>>().join("+")).collect()
    };
    assert_eq!(words(shop().start_levels()), ["cache+storage", "auth+messaging", "api"]);
    assert_eq!(words(&shop().rollback_levels()), ["api", "auth+messaging", "cache+storage"]);
}

#[test]
fn given_a_circle_then_its_members_are_named_in_order() {
    let list = vec![plain("a", &["b"]), plain("b", &["c"]), plain("c", &["b"]), plain("d", &["a"])];
    let problems = Components::new(list, vec![]).expect_err("has no order");
    assert_eq!(problems, [ComponentError::Circle(vec![name("b"), name("c")])]);
    assert!(problems[0].to_string().contains("`b` → `c` → `b`"), "{}", problems[0]);
}

#[test]
fn given_a_need_that_nobody_fills_then_both_are_named() {
    let problems = Components::new(vec![plain("api", &["ghost", "api"])], vec![]).expect_err("has no order");
    assert_eq!(
        problems,
        [ComponentError::Missing { user: name("api"), on: name("ghost") }, ComponentError::Itself(name("api"))]
    );
    let neighbour = Neighbour { name: name("ghost"), version: None, needs: vec![] };
    assert!(Components::new(vec![plain("api", &["ghost"])], vec![neighbour]).is_ok());
}

#[test]
fn given_a_storage_that_goes_back_alone_then_its_users_are_asked() {
    let list = vec![
        component("api", &[("storage", Some(">=1.42"), Some("any"))]),
        component("auth", &[("storage", Some(">=1.40"), Some("any"))]),
        component("storage", &[]),
    ];
    let components = Components::new(list, vec![]).expect("has an order");
    let check = components.check_partial(&only(&["storage"])).expect("in scope");
    assert_eq!(check.fit(), Fit::Breaks);
    assert_eq!(check.also, [name("api")]);
    assert_eq!(
        check.explain(),
        "`storage` goes back; `api` and `auth` stay on the candidate. `api` 1.42.0 would break: it works with `storage` \
         >=1.42, and would get 1.41.3. Roll back `api` too, and everything fits."
    );
    let wider = components.check_partial(&only(&["storage", "api"])).expect("in scope");
    assert_eq!(wider.fit(), Fit::Fits);
}

#[test]
fn given_no_declaration_then_a_partial_rollback_is_not_called_fit() {
    let components =
        Components::new(vec![plain("api", &["storage"]), plain("storage", &[])], vec![]).expect("an order");
    let check = components.check_partial(&only(&["api"])).expect("in scope");
    assert_eq!(check.fit(), Fit::Undeclared);
    assert!(check.explain().contains("Nobody declared whether `api` 1.41.3 works with `storage` 1.42.0"));
    let whole = components.check_partial(&Scope::default()).expect("in scope");
    assert_eq!((whole.fit(), whole.staying.len()), (Fit::Fits, 0));
}

#[test]
fn given_a_neighbour_that_needs_the_new_version_then_widening_does_not_help() {
    let need = Need { on: name("storage"), accepts: Some(">=1.42".parse().expect("a rule")), baseline_accepts: None };
    let neighbour = Neighbour { name: name("billing"), version: None, needs: vec![need] };
    let components = Components::new(vec![plain("storage", &[])], vec![neighbour]).expect("an order");
    let check = components.check_partial(&Scope::default()).expect("in scope");
    assert_eq!((check.fit(), check.also.len()), (Fit::Breaks, 0));
    assert!(check.explain().contains("`billing` (version not known) would break"), "{}", check.explain());
}

#[test]
fn given_cells_and_flags_then_the_boundary_is_checked() {
    let mut api = plain("api", &[]);
    api.cells = vec![CellName::new("eu").expect("plain"), CellName::new("us").expect("plain")];
    api.features = vec!["new-price".parse().expect("a key")];
    let components = Components::new(vec![api, plain("storage", &[])], vec![]).expect("an order");
    let eu: BTreeSet<CellName> = [CellName::new("eu").expect("plain")].into();
    let scope = Scope { cells: eu.clone(), ..only(&["api"]) };
    let check = components.check_partial(&scope).expect("in scope");
    assert!(check.explain().contains("Only in `eu`"), "{}", check.explain());
    assert_eq!(check.features.len(), 1);
    let all = Scope { cells: eu, ..Scope::default() };
    assert!(matches!(components.check_partial(&all), Err(ScopeError::NotCelled { .. })));
    let asia = Scope { cells: [CellName::new("asia").expect("plain")].into(), ..only(&["api"]) };
    assert!(matches!(components.check_partial(&asia), Err(ScopeError::NoCell { .. })));
    let ghost = Scope { features: Some(["ghost".parse().expect("a key")].into()), ..only(&[]) };
    assert!(matches!(components.check_partial(&ghost), Err(ScopeError::NoFeature { .. })));
    assert_eq!(components.check_partial(&Scope { features: Some([].into()), ..only(&[]) }), Err(ScopeError::Nothing));
    assert!(matches!(components.check_partial(&only(&["ghost"])), Err(ScopeError::NoComponent { .. })));
}

proptest! {
    #[test]
    fn whatever_has_no_circle_is_ordered_before_its_users(edges in prop::collection::vec((0usize..12, 0usize..12), 0..40)) {
        let mut list: Vec<Component> = (0..12).map(|i| plain(&format!("s{i}"), &[])).collect();
        for (a, b) in edges {
            let (low, high) = (a.min(b), a.max(b));
            let need = Need { on: name(&format!("s{low}")), accepts: None, baseline_accepts: None };
            if low != high && !list[high].needs.contains(&need) {
                list[high].needs.push(need);
            }
        }
        let components = Components::new(list, vec![]).expect("edges lead down, so there is no circle");
        let level = |of: &ServiceName| components.start_levels().iter().position(|level| level.contains(of));
        for component in components.iter() {
            for need in &component.needs {
                prop_assert!(level(&need.on) < level(&component.name));
            }
        }
        prop_assert_eq!(components.start_levels().iter().map(Vec::len).sum::<usize>(), 12);
    }
}
