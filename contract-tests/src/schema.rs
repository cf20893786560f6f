//! Schemas of a bundle, compiled as JSON Schema 2020-12 with formats checked.

use crate::error::Error;
use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};

const BUNDLE_URI: &str = "urn:companyos:contract";

/// Compiles schemas by their place in a bundle.
#[derive(Debug)]
pub struct Schemas {
    registry: Registry<'static>,
}

impl Schemas {
    /// Prepares the schemas of a bundle.
    ///
    /// # Errors
    /// When a reference inside the bundle leads nowhere.
    pub fn new(bundle: &Value) -> Result<Self, Error> {
        let advice = "run `cargo contract check`, which names the reference";
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .add(BUNDLE_URI, bundle.clone())
            .and_then(|registry| registry.prepare())
            .map_err(|error| Error::caused_by("the contract's schemas do not resolve", advice, error))?;
        Ok(Self { registry })
    }

    /// Compiles the schema at a JSON Pointer into the bundle.
    ///
    /// # Errors
    /// When there is none, or it is not a valid schema.
    pub fn compile(&self, pointer: &str) -> Result<Validator, Error> {
        // Path templates hold braces, which a URI fragment may not.
        let fragment = pointer.replace('%', "%25").replace('{', "%7B").replace('}', "%7D");
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&self.registry)
            .should_validate_formats(true)
            .build(&json!({"$ref": format!("{BUNDLE_URI}#{fragment}")}))
            .map_err(|error| {
                let what = format!("the schema at {pointer} cannot be compiled: {error}");
                Error::new(what, "correct it in openapi/ and bundle again")
            })
    }
}

/// The violations of an instance, as `pointer: message`.
#[must_use]
pub fn violations(validator: &Validator, instance: &Value) -> Vec<(String, String)> {
    validator
        .iter_errors(instance)
        .map(|error| {
            let place = error.instance_path().to_string();
            (if place.is_empty() { "/".into() } else { place }, error.to_string())
        })
        .collect()
}
