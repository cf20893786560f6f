//! What must not be in the tree.

use super::tree;

const LONGEST: usize = 600;
const MEDIAN: usize = 150;

#[test]
fn files_are_short() {
    let mut lengths = Vec::new();
    for (path, text) in tree::rust() {
        if tree::generated(&text) {
            continue;
        }
        let lines = text.lines().count();
        assert!(
            lines <= LONGEST,
            "{path} has {lines} lines; split it by subject, not by layer (limit {LONGEST})"
        );
        lengths.push(lines);
    }
    lengths.sort_unstable();
    assert!(lengths.len() > 50, "the sources were not read");
    let median = lengths[lengths.len() / 2];
    assert!(median <= MEDIAN, "the median file has {median} lines (limit {MEDIAN})");
}

#[test]
fn nothing_unfinished_is_committed() {
    // Put together here so that this file does not trip over itself.
    let marks = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("dbg", "!("),
        concat!("#[", "ignore"),
        concat!("#[", "allow("),
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    for (path, text) in tree::rust() {
        for (number, line) in text.lines().enumerate() {
            for mark in marks {
                assert!(
                    !line.contains(mark),
                    "{path}:{}: `{mark}` marks unfinished work: {}",
                    number + 1,
                    line.trim()
                );
            }
        }
    }
}

#[test]
fn generated_files_say_so() {
    let generated = tree::files("sdk/types/src", "rs")
        .into_iter()
        .chain(tree::files("sdk/client/src/areas", "rs"))
        .filter(|(path, text)| tree::generated(text) && !path.ends_with("lib.rs"))
        .count();
    assert!(generated >= 12, "only {generated} files carry the generator's mark");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut checked = 0;
    for (path, text) in tree::files(".", "md") {
        let folder = tree::root().join(&path).parent().expect("a folder").to_path_buf();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            // Addresses are elsewhere, and rustdoc checks what names an item.
            if file.is_empty() || file.contains(' ') || file.contains("::") || file.contains("://") {
                continue;
            }
            assert!(folder.join(file).exists(), "{path} links to {target}, which is not there");
            checked += 1;
        }
    }
    assert!(checked > 10, "only {checked} links were found");
}
