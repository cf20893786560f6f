//! Which operation has been seen to answer with which of its declared statuses.
//!
//! The pairs that no test exercises are committed as a list that may only shrink: a pair that becomes uncovered
//! fails the build, and so does one that is covered but still listed.

use crate::model::Model;
use std::{
    collections::BTreeSet,
    fmt,
    sync::{Mutex, PoisonError},
};

/// An `operationId` and a status.
pub type Pair = (String, u16);

/// Collects what tests have seen. Shared between threads.
#[derive(Debug, Default)]
pub struct Coverage {
    seen: Mutex<BTreeSet<Pair>>,
}

/// How the pairs seen differ from what the committed list allows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// Pairs that nothing exercised and the list does not excuse.
    pub uncovered: Vec<Pair>,
    /// Pairs that the list excuses although something exercised them.
    pub covered_but_listed: Vec<Pair>,
    /// Entries of the list that the contract does not declare.
    pub unknown: Vec<String>,
}

impl Coverage {
    /// Records that an operation answered with a status.
    pub fn record(&self, operation_id: &str, status: u16) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert((operation_id.to_owned(), status));
    }

    /// The declared pairs that were not seen.
    #[must_use]
    pub fn uncovered(&self, model: Model<'_>) -> BTreeSet<Pair> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        declared(model).difference(&seen).cloned().collect()
    }

    /// Compares with the committed list: one `operationId status` per line, `#` for comments.
    #[must_use]
    pub fn verdict(&self, model: Model<'_>, committed: &str) -> Verdict {
        let declared = declared(model);
        let uncovered = self.uncovered(model);
        let mut verdict = Verdict::default();
        let mut excused = BTreeSet::new();
        for line in committed.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
            if line.is_empty() {
                continue;
            }
            let pair = line
                .split_once(' ')
                .and_then(|(id, status)| Some((id.to_owned(), status.trim().parse().ok()?)));
            match pair.filter(|pair| declared.contains(pair)) {
                None => verdict.unknown.push(line.to_owned()),
                Some(pair) => {
                    if !uncovered.contains(&pair) {
                        verdict.covered_but_listed.push(pair.clone());
                    }
                    excused.insert(pair);
                }
            }
        }
        verdict.uncovered = uncovered.difference(&excused).cloned().collect();
        verdict
    }

    /// The list as it would be committed now.
    #[must_use]
    pub fn list(&self, model: Model<'_>) -> String {
        self.uncovered(model).iter().map(|(id, status)| format!("{id} {status}\n")).collect()
    }
}

impl Verdict {
    /// Whether the list is exactly right.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, status) in &self.uncovered {
            writeln!(f, "{id} never answered {status}: write the test")?;
        }
        for (id, status) in &self.covered_but_listed {
            writeln!(f, "{id} {status} is covered now: remove its line from the list")?;
        }
        for line in &self.unknown {
            writeln!(f, "{line:?} is no operation and status of the contract: remove the line")?;
        }
        Ok(())
    }
}

/// Every operation with every status it declares.
fn declared(model: Model<'_>) -> BTreeSet<Pair> {
    let operations = model.operations();
    operations
        .iter()
        .flat_map(|operation| {
            operation.responses().into_iter().map(|(status, _)| (operation.id().to_owned(), status))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Coverage, Model};
    use serde_json::{Value, json};

    fn contract() -> Value {
        json!({"paths": {"/a": {"get": {"operationId": "readA", "responses": {"200": {}, "404": {}}}}}})
    }

    #[test]
    fn a_pair_nobody_exercised_must_be_listed() {
        let (document, coverage) = (contract(), Coverage::default());
        coverage.record("readA", 200);
        let verdict = coverage.verdict(Model::new(&document), "");
        assert_eq!(verdict.uncovered, [("readA".to_owned(), 404)]);
        assert!(verdict.to_string().contains("readA never answered 404"));
        assert!(coverage.verdict(Model::new(&document), "# why\nreadA 404 # hard\n").is_clean());
    }

    #[test]
    fn a_pair_that_is_covered_must_leave_the_list() {
        let (document, coverage) = (contract(), Coverage::default());
        coverage.record("readA", 200);
        coverage.record("readA", 404);
        let verdict = coverage.verdict(Model::new(&document), "readA 404\n");
        assert_eq!(verdict.covered_but_listed, [("readA".to_owned(), 404)]);
        assert!(!verdict.is_clean());
    }

    #[test]
    fn the_list_names_only_what_the_contract_declares() {
        let (document, coverage) = (contract(), Coverage::default());
        let verdict = coverage.verdict(Model::new(&document), "readA 200\nreadA 404\nreadB 200\nreadA many");
        assert_eq!(verdict.unknown, ["readB 200", "readA many"]);
    }

    #[test]
    fn the_list_it_writes_is_one_it_accepts() {
        let (document, coverage) = (contract(), Coverage::default());
        coverage.record("readA", 404);
        let list = coverage.list(Model::new(&document));
        assert_eq!(list, "readA 200\n");
        assert!(coverage.verdict(Model::new(&document), &list).is_clean());
    }
}
