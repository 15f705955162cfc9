//! PromQL as far as sources must understand it: which series a question names. Pure.

use promql_parser::label::Matcher;
use promql_parser::parser::token::T_LOR;
use promql_parser::parser::{self, Expr, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use std::collections::BTreeMap;
use std::convert::Infallible;
use sternway_domain::service::ARM;

/// Longer questions are refused before they are parsed.
const MAX_LENGTH: usize = 4_000;

/// A question with the arm filled in, and every selector in it.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) text: String,
    expression: Expr,
}

/// Fills the arm's matchers in and parses. `Err` says what is wrong.
pub(super) fn parse(text: &str, arm: &str) -> Result<Parsed, String> {
    let text = text.replace(ARM, arm);
    if text.len() > MAX_LENGTH {
        return Err(format!("longer than {MAX_LENGTH} characters"));
    }
    let expression = parser::parse(&text).map_err(|e| format!("not PromQL: {e} in `{text}`"))?;
    Ok(Parsed { text, expression })
}

impl Parsed {
    /// Every selector in it, as text.
    pub(super) fn selectors(&self) -> Vec<String> {
        struct Collect(Vec<String>);
        impl ExprVisitor for Collect {
            type Error = Infallible;

            fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
                match expression {
                    Expr::VectorSelector(selector) => self.0.push(selector.to_string()),
                    Expr::MatrixSelector(matrix) => self.0.push(matrix.vs.to_string()),
                    _ => {}
                }
                Ok(true)
            }
        }
        let mut found = Collect(Vec::new());
        let Ok(_) = walk_expr(&mut found, &self.expression);
        found.0.sort();
        found.0.dedup();
        found.0
    }

    /// Whether it looks at a stretch of time, as `rate` does.
    pub(super) fn spans_time(&self) -> bool {
        struct Find(bool);
        impl ExprVisitor for Find {
            type Error = Infallible;

            fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Infallible> {
                self.0 |= matches!(expression, Expr::MatrixSelector(_) | Expr::Subquery(_));
                Ok(true)
            }
        }
        let mut found = Find(false);
        let Ok(_) = walk_expr(&mut found, &self.expression);
        found.0
    }

    /// As something that can be matched against samples here; only selectors joined by `or` can.
    pub(super) fn local(&self) -> Result<Selectors, String> {
        let mut found = Vec::new();
        collect(&self.expression, &mut found)?;
        Ok(Selectors(found))
    }
}

fn collect(expression: &Expr, into: &mut Vec<VectorSelector>) -> Result<(), String> {
    match expression {
        Expr::Paren(inner) => collect(&inner.expr, into),
        Expr::Binary(both) if both.op.id() == T_LOR => {
            collect(&both.lhs, into)?;
            collect(&both.rhs, into)
        }
        Expr::VectorSelector(selector) if selector.offset.is_none() && selector.at.is_none() => {
            into.push(selector.clone());
            Ok(())
        }
        _ => Err("a scraped page is read by plain selectors joined by `or`; use `prometheus` for more".to_owned()),
    }
}

/// A choice of series.
#[derive(Debug, Clone)]
pub(super) struct Selectors(Vec<VectorSelector>);

impl Selectors {
    pub(super) fn matches(&self, name: &str, labels: &BTreeMap<String, String>) -> bool {
        self.0.iter().any(|selector| {
            let fits = |matcher: &Matcher| {
                let value =
                    if matcher.name == "__name__" { Some(name) } else { labels.get(&matcher.name).map(String::as_str) };
                matcher.is_match(value.unwrap_or_default())
            };
            let alternatives = &selector.matchers.or_matchers;
            selector.name.as_deref().is_none_or(|wanted| wanted == name)
                && selector.matchers.matchers.iter().all(fits)
                && (alternatives.is_empty() || alternatives.iter().any(|all| all.iter().all(fits)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sternway_domain::service::Preset;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_preset_is_promql_with_and_without_an_arm() {
        for preset in [Preset::OtelHttp, Preset::HttpRequestsTotal, Preset::Haproxy, Preset::Envoy] {
            for (field, text) in preset.queries().each() {
                for arm in ["", r#"job="checkout",track=~"a|b""#] {
                    let parsed = parse(text, arm).unwrap_or_else(|e| panic!("{preset:?} {field}: {e}"));
                    assert!(parsed.local().is_ok() && !parsed.spans_time());
                    for selector in parsed.selectors() {
                        assert!(parser::parse(&selector).is_ok(), "{selector}");
                        assert_eq!(selector.contains("track"), !arm.is_empty(), "{selector}");
                    }
                }
            }
        }
    }

    #[test]
    fn selectors_match_as_prometheus_would() {
        let parsed = parse(r#"a{code=~"5..",x!="y"} or (b{code=""})"#, "").expect("PromQL");
        let selectors = parsed.local().expect("selectors");
        assert!(selectors.matches("a", &labels(&[("code", "503")])));
        assert!(!selectors.matches("a", &labels(&[("code", "503"), ("x", "y")])));
        assert!(!selectors.matches("a", &labels(&[("code", "5031")])));
        assert!(selectors.matches("b", &labels(&[])) && !selectors.matches("c", &labels(&[])));
    }

    #[test]
    fn what_needs_an_engine_is_not_taken_for_a_selector() {
        for text in ["sum(a)", "a / b", "a offset 5m", "rate(a[1m])", "1"] {
            assert!(parse(text, "").expect("PromQL").local().is_err(), "{text} was taken");
        }
        assert!(parse("sum(rate(a[1m]))", "").expect("PromQL").spans_time());
        assert!(parse("a{", "").is_err() && parse(&"a+".repeat(4_000), "").is_err());
    }
}
