//! What a first visit costs, and how much it may.

use crate::Care;
use crate::failure::Failure;
use crate::publish::Sent;

/// Bytes over the wire, brotli, 1 KB = 1,000 bytes. All of a first visit is 400 KB at most; 40 KB are left for the page.
const WASM_LIMIT: usize = 300_000;
const VISIT_LIMIT: usize = 360_000;

/// What checks the log in the browser, script and module: loaded by pages that have something to check, after all else.
const CHECKER_LIMIT: usize = 120_000;
const CHECKER: &[&str] = &["proof-js", "proof-wasm"];

/// Not loaded by a first visit to any page: only in print and where linked.
const LATER: &[&str] = &["mark", "wordmark"];

/// Prints a table. A build that ships is refused above the limits.
pub(crate) fn report(files: &[Sent], care: Care) -> Result<(), Failure> {
    println!("      {:<10} {:>10} {:>10}", "file", "plain KB", "brotli KB");
    for file in files {
        println!("      {:<10} {:>10} {:>10}", file.role, kilobytes(file.plain), kilobytes(file.brotli));
    }
    let visit = first_visit(files);
    let (visit_kb, limit_kb) = (kilobytes(visit), VISIT_LIMIT / 1_000);
    println!("      first visit, without the page itself: {visit_kb} KB of {limit_kb} KB");
    let (checker_kb, limit_kb) = (kilobytes(sum(files, CHECKER)), CHECKER_LIMIT / 1_000);
    println!("      checking the log: {checker_kb} KB of {limit_kb} KB");
    if care == Care::Ship { within(files, visit) } else { Ok(()) }
}

fn within(files: &[Sent], visit: usize) -> Result<(), Failure> {
    let wasm = sum(files, &["wasm"]);
    if wasm > WASM_LIMIT {
        let limit = WASM_LIMIT / 1_000;
        return Err(Failure::OverBudget(format!("WebAssembly is {} KB, allowed are {limit} KB", kilobytes(wasm))));
    }
    if visit > VISIT_LIMIT {
        let limit = VISIT_LIMIT / 1_000;
        return Err(Failure::OverBudget(format!("all files are {} KB, allowed are {limit} KB", kilobytes(visit))));
    }
    let checker = sum(files, CHECKER);
    if checker > CHECKER_LIMIT {
        let limit = CHECKER_LIMIT / 1_000;
        return Err(Failure::OverBudget(format!("the checker is {} KB, allowed are {limit} KB", kilobytes(checker))));
    }
    Ok(())
}

fn sum(files: &[Sent], roles: &[&str]) -> usize {
    files.iter().filter(|file| roles.contains(&file.role.as_str())).map(|file| file.brotli).sum()
}

fn first_visit(files: &[Sent]) -> usize {
    let later = |role: &str| LATER.contains(&role) || CHECKER.contains(&role);
    files.iter().filter(|file| !later(&file.role)).map(|file| file.brotli).sum()
}

fn kilobytes(bytes: usize) -> String {
    format!("{}.{}", bytes / 1_000, bytes % 1_000 / 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(role: &str, brotli: usize) -> Sent {
        Sent { role: role.to_owned(), plain: brotli * 3, brotli }
    }

    #[test]
    fn given_exactly_the_limits_then_they_pass_and_one_byte_more_does_not() {
        let files = |wasm, css| vec![sent("wasm", wasm), sent("css", css), sent("mark", 900_000)];
        assert!(report(&files(WASM_LIMIT, VISIT_LIMIT - WASM_LIMIT), Care::Ship).is_ok());
        assert!(report(&files(WASM_LIMIT + 1, 0), Care::Ship).is_err());
        assert!(report(&files(WASM_LIMIT, VISIT_LIMIT - WASM_LIMIT + 1), Care::Ship).is_err());
        assert!(report(&files(WASM_LIMIT + 1, VISIT_LIMIT), Care::Quick).is_ok());
        let checker = |bytes| vec![sent("proof-wasm", bytes), sent("proof-js", 1)];
        assert!(report(&checker(CHECKER_LIMIT - 1), Care::Ship).is_ok());
        assert!(report(&checker(CHECKER_LIMIT), Care::Ship).is_err());
    }
}
