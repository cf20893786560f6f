//! Cells that a spreadsheet would run as a formula.
//!
//! Export writes an apostrophe before them; import takes exactly that apostrophe away again. Cells
//! that already carry apostrophes before a formula character get one more, so that the pair is
//! lossless for every text.

/// Whether a spreadsheet might run `cell` once leading apostrophes are gone.
fn is_formula_like(cell: &str) -> bool {
    cell.trim_start_matches('\'').starts_with(['=', '+', '-', '@', '\t', '\r'])
}

/// The text to export: an apostrophe before what a spreadsheet would run (OWASP, "CSV Injection").
///
/// `None` when the cell is harmless as it is.
pub fn neutralise(cell: &str) -> Option<String> {
    is_formula_like(cell).then(|| format!("'{cell}"))
}

/// The text that was exported: undoes [`neutralise`], and leaves every other cell alone.
pub fn restore(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if is_formula_like(rest) => rest,
        _ => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::{neutralise, restore};

    #[test]
    fn formulas_get_an_apostrophe_and_lose_it_again() {
        for (cell, exported) in [
            ("=1+1", "'=1+1"),
            ("+49 30", "'+49 30"),
            ("-x", "'-x"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("'=1", "''=1"),
        ] {
            assert_eq!(neutralise(cell).as_deref(), Some(exported));
            assert_eq!(restore(exported), cell);
        }
    }

    #[test]
    fn harmless_cells_stay_as_they_are() {
        for cell in ["", "Acme", "'t Hooft", "a=b", " =1", "''"] {
            assert_eq!(neutralise(cell), None);
            assert_eq!(restore(cell), cell);
        }
    }

    proptest::proptest! {
        #[test]
        fn restoring_what_was_neutralised_gives_the_text_back(cell in "['=+@\\-\t\ra ]{0,8}") {
            let exported = neutralise(&cell).unwrap_or_else(|| cell.clone());
            proptest::prop_assert_eq!(restore(&exported), cell.as_str());
            proptest::prop_assert!(!exported.starts_with(['=', '+', '-', '@', '\t', '\r']));
        }
    }
}
