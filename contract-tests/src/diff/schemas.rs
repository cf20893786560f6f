//! Changes of schemas, by direction.

use super::Changes;
use crate::{
    error::push_pointer,
    model::{members, reference_name, strings},
};
use serde_json::Value;
use std::collections::BTreeSet;

/// Who writes what the schema describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// The client: the new schema must accept all that the old one accepted.
    Sent,
    /// The server: the new schema must describe nothing that the old one did not.
    Answered,
}

/// Compares two schemas and everything below them.
pub(super) fn compare(
    changes: &mut Changes<'_>,
    direction: Direction,
    old: &Value,
    new: &Value,
    place: &str,
) {
    let mut comparison = Comparison { changes, direction, seen: BTreeSet::new() };
    comparison.run(old, new, place);
}

struct Comparison<'c, 'a> {
    changes: &'c mut Changes<'a>,
    direction: Direction,
    /// Component pairs on the way here, because schemas may be recursive.
    seen: BTreeSet<(String, String)>,
}

impl Comparison<'_, '_> {
    fn run(&mut self, old: &Value, new: &Value, place: &str) {
        let names = (reference_name(old).unwrap_or_default(), reference_name(new).unwrap_or_default());
        let pair = (names.0.to_owned(), names.1.to_owned());
        if names != ("", "") && !self.seen.insert(pair.clone()) {
            return;
        }
        // Owned copies keep the borrow of the models apart from the list of findings.
        let old = self.changes.old.resolve(&old.clone()).clone();
        let new = self.changes.new.resolve(&new.clone()).clone();
        self.types(&old, &new, place);
        self.enumerations(&old, &new, place);
        if self.direction == Direction::Sent {
            self.limits(&old, &new, place);
        }
        self.members(&old, &new, place);
        for name in ["items", "additionalProperties", "propertyNames"] {
            if old[name].is_object() && new[name].is_object() {
                self.run(&old[name], &new[name], &push_pointer(place, name));
            }
        }
        self.seen.remove(&pair);
    }

    fn types(&mut self, old: &Value, new: &Value, place: &str) {
        let (before, after) = (types(old), types(new));
        let (from, to) = match self.direction {
            Direction::Sent => (&before, &after),
            Direction::Answered => (&after, &before),
        };
        // An empty list means any type. Every integer is a number.
        let covered = to.is_empty()
            || (!from.is_empty()
                && from
                    .iter()
                    .all(|name| to.contains(name) || (*name == "integer" && to.contains(&"number"))));
        self.changes.breaks(!covered, place, format!("the type changes from {before:?} to {after:?}"));
        let format = |schema: &Value| schema["format"].as_str().map(str::to_owned);
        let changed =
            format(old) != format(new) && (self.direction == Direction::Answered || format(new).is_some());
        self.changes.breaks(changed, place, "the format changes");
    }

    fn enumerations(&mut self, old: &Value, new: &Value, place: &str) {
        let values = |schema: &Value| schema.get("enum").and_then(Value::as_array).cloned();
        let (before, after) = (values(old), values(new));
        match (self.direction, before, after) {
            (Direction::Sent, None, Some(_)) => {
                self.changes.breaks(true, place, "only some values are accepted now")
            }
            (Direction::Sent, Some(before), Some(after)) => {
                for value in before.iter().filter(|value| !after.contains(value)) {
                    self.changes.breaks(true, place, format!("the value {value} is no longer accepted"));
                }
            }
            (Direction::Answered, Some(before), after) if old["x-companyos-open"] != Value::Bool(true) => {
                match after {
                    None => self.changes.breaks(true, place, "any value can be answered now"),
                    Some(after) => {
                        for value in after.iter().filter(|value| !before.contains(value)) {
                            self.changes.breaks(
                                true,
                                place,
                                format!("the closed enumeration gets the value {value}"),
                            );
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn limits(&mut self, old: &Value, new: &Value, place: &str) {
        for name in ["minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum"] {
            let stricter = match (old[name].as_f64(), new[name].as_f64()) {
                (Some(before), Some(after)) => after > before,
                // A lower limit of zero on a size is none.
                (None, Some(after)) => after > 0.0 || name.contains("inimum"),
                _ => false,
            };
            self.changes.breaks(stricter, place, format!("{name} is stricter"));
        }
        for name in ["maxLength", "maxItems", "maxProperties", "maximum", "exclusiveMaximum"] {
            let stricter = match (old[name].as_f64(), new[name].as_f64()) {
                (Some(before), Some(after)) => after < before,
                (None, Some(_)) => true,
                _ => false,
            };
            self.changes.breaks(stricter, place, format!("{name} is stricter"));
        }
        for name in ["pattern", "multipleOf", "const"] {
            let stricter = new.get(name).is_some() && old.get(name) != new.get(name);
            self.changes.breaks(stricter, place, format!("{name} changes"));
        }
        let unique = new["uniqueItems"] == true && old["uniqueItems"] != true;
        self.changes.breaks(unique, place, "items must be unique now");
        let closed = new["additionalProperties"] == false && old["additionalProperties"] != false;
        self.changes.breaks(closed, place, "unknown members are refused now");
        let typed = new["additionalProperties"].is_object() && !old["additionalProperties"].is_object();
        let typed = typed && old["additionalProperties"] != false;
        self.changes.breaks(typed, place, "additional members are restricted now");
        let changed = old.get("default").is_some() && old.get("default") != new.get("default");
        self.changes.breaks(changed, place, "the default changes");
    }

    fn members(&mut self, old: &Value, new: &Value, place: &str) {
        let (before, after) = (strings(old.get("required")), strings(new.get("required")));
        match self.direction {
            Direction::Sent => {
                for name in after.iter().filter(|name| !before.contains(name)) {
                    self.changes.breaks(true, place, format!("the member {name} becomes required"));
                }
            }
            Direction::Answered => {
                for name in before.iter().filter(|name| !after.contains(name)) {
                    self.changes.breaks(true, place, format!("the member {name} is no longer always there"));
                }
            }
        }
        for (name, member) in members(old.get("properties")) {
            let place = push_pointer(&push_pointer(place, "properties"), name);
            match new["properties"].get(name) {
                None => self.changes.breaks(true, &place, format!("the member {name} is removed")),
                Some(now) => self.run(member, now, &place),
            }
        }
    }
}

fn types(schema: &Value) -> Vec<&str> {
    schema["type"].as_str().map_or_else(|| strings(schema.get("type")), |name| vec![name])
}
