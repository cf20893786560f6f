//! The contract as a judge of requests and responses, for tests.
//!
//! ```
//! use companyos_contract_tests::contract::{Contract, Response};
//!
//! let contract = Contract::load()?;
//! let findings = contract.validate_response(
//!     "getLivez",
//!     &Response { status: 200, headers: &[("content-type", "application/json")], body: br#"{"status": "ok"}"# },
//! );
//! assert_eq!(findings.len(), 1, "Request-Id is missing");
//! # Ok::<(), companyos_contract_tests::error::Error>(())
//! ```

mod request;
mod response;
mod route;
mod values;

pub use request::Request;
pub use response::Response;

use crate::{
    bundle,
    error::{Error, Finding},
    model::{Model, Operation, Parameter, members},
    repo::Repo,
    schema::Schemas,
};
use jsonschema::Validator;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A bundle with every schema of every operation compiled.
#[derive(Debug)]
pub struct Contract {
    document: Value,
    operations: BTreeMap<String, Rules>,
}

/// What one operation is held to.
#[derive(Debug)]
struct Rules {
    method: String,
    path: String,
    privileged: bool,
    parameters: Vec<ParameterRule>,
    body_required: bool,
    bodies: BTreeMap<String, Body>,
    responses: BTreeMap<u16, ResponseRule>,
}

#[derive(Debug)]
struct ParameterRule {
    name: String,
    location: String,
    required: bool,
    json: bool,
    rest: bool,
    schema: Value,
    validator: Arc<Validator>,
}

#[derive(Debug)]
struct ResponseRule {
    codes: BTreeSet<String>,
    headers: Vec<HeaderRule>,
    bodies: BTreeMap<String, Body>,
}

#[derive(Debug)]
struct HeaderRule {
    name: String,
    required: bool,
    schema: Value,
    validator: Arc<Validator>,
}

/// How a body of one media type is read.
#[derive(Debug)]
enum Body {
    Json(Arc<Validator>),
    Text,
    Binary,
}

impl Contract {
    /// The contract of the checkout this crate was built from.
    ///
    /// # Errors
    /// When the committed bundle cannot be read.
    pub fn load() -> Result<Self, Error> {
        let text = Repo::of_this_crate()?.read(bundle::BUNDLE)?;
        let document = serde_json::from_str(&text).map_err(|error| {
            Error::caused_by(format!("{} is not JSON", bundle::BUNDLE), "run `cargo contract bundle`", error)
        })?;
        Self::new(document)
    }

    /// The contract of a bundle.
    ///
    /// # Errors
    /// When a schema cannot be compiled.
    pub fn new(document: Value) -> Result<Self, Error> {
        let mut compiler = Compiler { schemas: Schemas::new(&document)?, shared: BTreeMap::new() };
        let mut operations = BTreeMap::new();
        for operation in Model::new(&document).operations() {
            operations.insert(operation.id().to_owned(), compiler.rules(operation)?);
        }
        Ok(Self { document, operations })
    }

    /// The bundle.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The bundle as a model.
    #[must_use]
    pub fn model(&self) -> Model<'_> {
        Model::new(&self.document)
    }

    /// The statuses an operation declares.
    #[must_use]
    pub fn statuses(&self, operation_id: &str) -> Vec<u16> {
        self.operations
            .get(operation_id)
            .map(|rules| rules.responses.keys().copied().collect())
            .unwrap_or_default()
    }

    /// The operation that a method and a path belong to.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<&str> {
        self.route(method, path).map(|(id, _, _)| id)
    }

    /// The finding that something was called which the contract does not know.
    fn unknown(operation_id: &str) -> Vec<Finding> {
        vec![Finding::new(
            "request",
            "",
            format!("the contract has no operation {operation_id}"),
            "correct the name",
        )]
    }
}

/// Compiles each component once, however often it is referred to.
struct Compiler {
    schemas: Schemas,
    shared: BTreeMap<String, Arc<Validator>>,
}

impl Compiler {
    fn validator(&mut self, pointer: &str, schema: &Value) -> Result<Arc<Validator>, Error> {
        let reference =
            schema.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        let pointer = reference.unwrap_or(pointer);
        if let Some(validator) = self.shared.get(pointer) {
            return Ok(Arc::clone(validator));
        }
        let validator = Arc::new(self.schemas.compile(pointer)?);
        self.shared.insert(pointer.to_owned(), Arc::clone(&validator));
        Ok(validator)
    }

    fn rules(&mut self, operation: Operation<'_>) -> Result<Rules, Error> {
        let pointer = operation.pointer();
        let mut parameters = Vec::new();
        for (index, parameter) in operation.parameters().into_iter().enumerate() {
            let own = operation.value["parameters"][index]["$ref"].as_str().and_then(|r| r.strip_prefix('#'));
            let place = own.map_or_else(|| format!("{pointer}/parameters/{index}"), str::to_owned);
            parameters.push(self.parameter(&place, parameter, operation)?);
        }
        let mut responses = BTreeMap::new();
        for (status, response) in operation.responses() {
            responses.insert(
                status,
                self.response(&format!("{pointer}/responses/{status}"), response, operation)?,
            );
        }
        Ok(Rules {
            method: operation.method.to_ascii_uppercase(),
            path: operation.path.to_owned(),
            privileged: operation.action().is_some(),
            parameters,
            body_required: operation.value.pointer("/requestBody/required") == Some(&Value::Bool(true)),
            bodies: self.bodies(&format!("{pointer}/requestBody"), operation.value.get("requestBody"))?,
            responses,
        })
    }

    fn parameter(
        &mut self,
        place: &str,
        parameter: Parameter<'_>,
        operation: Operation<'_>,
    ) -> Result<ParameterRule, Error> {
        let below = if parameter.is_json() { "/content/application~1json/schema" } else { "/schema" };
        Ok(ParameterRule {
            name: parameter.name.to_owned(),
            location: parameter.location.to_owned(),
            required: parameter.required,
            json: parameter.is_json(),
            rest: parameter.value["x-companyos-rest"] == Value::Bool(true),
            schema: operation.resolve(parameter.schema()).clone(),
            validator: self.validator(&format!("{place}{below}"), parameter.schema())?,
        })
    }

    fn response(
        &mut self,
        place: &str,
        response: &Value,
        operation: Operation<'_>,
    ) -> Result<ResponseRule, Error> {
        let mut headers = Vec::new();
        for (name, header) in members(response.get("headers")) {
            let own = header["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
            let place = own.map_or_else(|| format!("{place}/headers/{name}"), str::to_owned);
            let header = operation.resolve(header);
            headers.push(HeaderRule {
                name: name.to_ascii_lowercase(),
                required: header["required"] == Value::Bool(true),
                schema: operation.resolve(&header["schema"]).clone(),
                validator: self.validator(&format!("{place}/schema"), &header["schema"])?,
            });
        }
        let codes = crate::model::strings(response.get("x-companyos-codes"));
        Ok(ResponseRule {
            codes: codes.into_iter().map(str::to_owned).collect(),
            headers,
            bodies: self.bodies(place, Some(response))?,
        })
    }

    fn bodies(&mut self, place: &str, holder: Option<&Value>) -> Result<BTreeMap<String, Body>, Error> {
        let mut bodies = BTreeMap::new();
        for (media, content) in members(holder.and_then(|holder| holder.get("content"))) {
            let schema = &content["schema"];
            let body = if media == "application/json" || media.ends_with("+json") {
                let pointer =
                    format!("{}/schema", crate::error::push_pointer(&format!("{place}/content"), media));
                Body::Json(self.validator(&pointer, schema)?)
            } else if schema["format"] == "binary" {
                Body::Binary
            } else {
                Body::Text
            };
            bodies.insert(media.to_owned(), body);
        }
        Ok(bodies)
    }
}

#[cfg(test)]
mod tests;
