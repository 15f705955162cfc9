//! What decisions are found by.

/// Reason, actor and service. Lower case here and not in SQL: SQLite knows only the case of ASCII.
pub fn searchable(reason: &str, actor_label: &str, service: Option<&str>) -> String {
    format!("{reason}\n{actor_label}\n{}", service.unwrap_or_default()).to_lowercase()
}

/// Whether this is it, without writing it where that is not needed: whoever checks a log asks a million times.
pub fn is_searchable(found: &[u8], reason: &str, actor_label: &str, service: Option<&str>) -> bool {
    if !(reason.is_ascii() && actor_label.is_ascii()) {
        return found == searchable(reason, actor_label, service).as_bytes();
    }
    let mut rest = Some(found);
    for part in [reason, "\n", actor_label, "\n", service.unwrap_or_default()] {
        let Some((own, after)) = rest.and_then(|rest| rest.split_at_checked(part.len())) else { return false };
        let lower = own.iter().zip(part.bytes()).all(|(one, other)| *one == other.to_ascii_lowercase());
        rest = lower.then_some(after);
    }
    rest == Some(&[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn given_what_is_kept_then_only_the_lower_case_of_the_same_parts_is_it() {
        for (reason, actor, service) in
            [("Errors at 3 %", "Maya Ortiz", Some("checkout")), ("ÄRGER mit Σ", "Zoë", None), ("", "", None)]
        {
            let kept = searchable(reason, actor, service);
            assert!(is_searchable(kept.as_bytes(), reason, actor, service), "{kept}");
            for wrong in [format!("{kept}x"), format!("x{kept}"), kept.to_uppercase(), kept.replace('\n', " ")] {
                assert_eq!(is_searchable(wrong.as_bytes(), reason, actor, service), wrong == kept, "{wrong:?}");
            }
        }
    }
}
