//! The overlay: what the contract cannot know about a run.

use super::{OVERLAY, find};
use crate::{error::Error, model::Model};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// `postman/overlay.json`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overlay {
    /// Requests before all others; each names its operation.
    pub setup: Vec<Step>,
    /// The folders in their order: area and operations. Every operation stands in exactly one.
    pub folders: Vec<(String, Vec<String>)>,
    /// What to send for each operation.
    pub operations: BTreeMap<String, Entry>,
}

/// What to send for one operation.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The requests that are not refusals every operation has. The first one's values are used for those refusals.
    pub steps: Vec<Step>,
    /// Values for the request of another tenant, where the usual ones are that tenant's own.
    #[serde(default)]
    pub foreign: BTreeMap<String, String>,
}

/// One request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Step {
    /// The operation, where it is not given by the place.
    pub operation: Option<String>,
    /// What the request shows.
    pub name: String,
    /// Variables to set before the request is sent.
    pub set: BTreeMap<String, String>,
    /// Path parameters; the variable of the same name when absent.
    pub path: BTreeMap<String, String>,
    /// Query parameters.
    pub query: Map<String, Value>,
    /// Headers.
    pub headers: BTreeMap<String, String>,
    /// The body as JSON.
    pub body: Option<Value>,
    /// The body as text.
    pub text: Option<String>,
    /// The body's media type; the operation's first when absent.
    pub media: Option<String>,
    /// The bearer token instead of the collection's; empty for none.
    pub token: Option<String>,
    /// The idempotency key where the operation takes one; a new one when absent, none when empty.
    pub key: Option<String>,
    /// What must come back.
    pub expect: Expectation,
    /// Variables to remember: from a JSON Pointer into the body, `header:<name>`, or `text` for the whole body.
    pub capture: BTreeMap<String, String>,
    /// Send again until the member at this JSON Pointer has one of these values.
    pub until: Option<(String, Vec<Value>)>,
}

/// What must come back.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Expectation {
    /// The status; the operation's lowest 2xx when absent.
    pub status: Option<u16>,
    /// The problem's code.
    pub code: Option<String>,
    /// Members by JSON Pointer and the values they have.
    pub json: Map<String, Value>,
    /// Headers that must be there, with the value, or null for any.
    pub headers: BTreeMap<String, Option<String>>,
    /// A text that the body contains.
    pub contains: Option<String>,
}

impl Overlay {
    /// Reads an overlay.
    ///
    /// # Errors
    /// When the text is not an overlay.
    pub fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|error| {
            Error::caused_by(
                format!("{OVERLAY} is not an overlay"),
                "correct it at the line and column named",
                error,
            )
        })
    }

    /// What to send for an operation.
    pub(super) fn entry(&self, id: &str) -> Result<&Entry, Error> {
        self.operations.get(id).filter(|entry| !entry.steps.is_empty()).ok_or_else(|| {
            Error::new(
                format!("{OVERLAY} says nothing of {id}"),
                format!("add `operations.{id}` with at least one step, and the operation to a folder"),
            )
        })
    }

    /// Checks that the overlay and the contract have the same operations.
    pub(super) fn fits(&self, model: Model<'_>) -> Result<(), Error> {
        let mut placed = BTreeSet::new();
        for (area, operations) in &self.folders {
            for id in operations {
                let operation = find(model, id)?;
                if operation.area() != area {
                    return Err(Error::new(
                        format!("{OVERLAY} has {id} in the folder {area}"),
                        format!("move it to the folder {}", operation.area()),
                    ));
                }
                if !placed.insert(id.as_str()) {
                    return Err(Error::new(
                        format!("{OVERLAY} has {id} in two places"),
                        "remove one of them",
                    ));
                }
            }
        }
        for operation in model.operations() {
            self.entry(operation.id())?;
            if !placed.contains(operation.id()) {
                return Err(Error::new(
                    format!("{OVERLAY} has {} in no folder", operation.id()),
                    format!("add it to the folder {} where its variables are known", operation.area()),
                ));
            }
        }
        for id in self.operations.keys() {
            find(model, id)?;
        }
        Ok(())
    }
}
