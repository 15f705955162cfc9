//! One stylesheet out of many.

use std::process::Command;

use crate::failure::Failure;
use crate::house::{self, House};
use crate::run;

/// Joins `style/main.css` with its imports and minifies the whole. Every stylesheet must be imported.
pub(crate) fn join(house: &House) -> Result<Vec<u8>, Failure> {
    let folder = house.root.join("style");
    let main = folder.join("main.css");
    let text = String::from_utf8_lossy(&house::read(&main)?).into_owned();
    let sheets = house::files_below(&folder)?;
    let styled = |sheet: &std::path::Path| {
        let name = sheet.strip_prefix(&folder).unwrap_or(sheet);
        sheet == main || imports(&text, &name.to_string_lossy())
    };
    for sheet in sheets.iter().filter(|path| path.extension().is_some_and(|end| end == "css")) {
        if !styled(sheet) {
            return Err(Failure::Unstyled(sheet.strip_prefix(&house.root).unwrap_or(sheet).to_owned()));
        }
    }
    let mut node: Command = run::node(&house.tools().join("style.mjs"));
    run::read(node.arg(&main))
}

fn imports(main: &str, name: &str) -> bool {
    main.lines().any(|line| line.trim() == format!("@import \"{name}\";"))
}

#[cfg(test)]
mod tests {
    use super::imports;

    #[test]
    fn given_a_name_that_is_only_the_end_of_another_then_it_is_not_imported() {
        let main = "/* order */\n@import \"components/board.css\";\n";
        assert!(imports(main, "components/board.css"));
        assert!(!imports(main, "board.css"));
    }
}
