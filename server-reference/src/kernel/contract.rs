//! The embedded contract, made ready for checking requests: every schema is compiled once, at start.

use std::collections::HashMap;
use std::sync::Arc;

use companyos_types::CONTRACT_JSON;
use companyos_types::ops::{self, Operation};
use http::header::{IF_MATCH, IF_NONE_MATCH};
use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::idempotency::IDEMPOTENCY_KEY;

/// The contract cannot be used. It is part of the program, so this is a defect of the build.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// The bundle is not JSON.
    #[error("the embedded contract is not JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// The bundle and the operation constants disagree.
    #[error("the embedded contract has no {what}")]
    Missing {
        /// What was looked for.
        what: String,
    },
    /// A schema does not compile.
    #[error("the schema of {place} does not compile: {reason}")]
    Schema {
        /// Where it is.
        place: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An operation is mounted that the contract does not have, or the other way round.
    #[error("mounted operations and the contract differ: {0}")]
    Mounted(String),
}

/// What the contract says about each operation, by `operationId`.
pub(crate) struct Contract {
    rules: HashMap<&'static str, Arc<Rules>>,
}

/// What one operation takes and gives.
pub(crate) struct Rules {
    pub(crate) path: Vec<Parameter>,
    pub(crate) query: Vec<Parameter>,
    /// Header fields, without those that have rules and problems of their own.
    pub(crate) headers: Vec<Parameter>,
    pub(crate) bodies: Vec<Body>,
    pub(crate) body_required: bool,
    /// The media types of its successes, without parameters.
    pub(crate) produces: Vec<String>,
    /// The path parameter that may hold slashes.
    pub(crate) rest: Option<String>,
}

/// A path, query or header parameter.
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) required: bool,
    pub(crate) default: Option<Value>,
    pub(crate) form: Form,
    pub(crate) validator: Arc<Validator>,
}

/// How a parameter's text becomes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Integer,
    Boolean,
    Json,
}

/// A media type an operation reads.
pub(crate) struct Body {
    pub(crate) media_type: String,
    /// Compiled for JSON; other bodies are read by their handlers.
    pub(crate) validator: Option<Arc<Validator>>,
}

impl Contract {
    /// Compiles the embedded contract.
    pub(crate) fn load() -> Result<Self, ContractError> {
        Self::of(serde_json::from_str(CONTRACT_JSON)?)
    }

    fn of(document: Value) -> Result<Self, ContractError> {
        let mut compiler = Compiler { document, compiled: HashMap::new() };
        let mut rules = HashMap::new();
        for operation in ops::ALL {
            rules.insert(operation.id, Arc::new(compiler.operation(operation)?));
        }
        Ok(Self { rules })
    }

    pub(crate) fn rules(&self, operation: &Operation) -> Result<Arc<Rules>, ContractError> {
        let missing = || ContractError::Missing { what: format!("operation {}", operation.id) };
        self.rules.get(operation.id).cloned().ok_or_else(missing)
    }
}

struct Compiler {
    document: Value,
    compiled: HashMap<String, Arc<Validator>>,
}

impl Compiler {
    fn operation(&mut self, operation: &Operation) -> Result<Rules, ContractError> {
        let missing = || ContractError::Missing { what: format!("{} {}", operation.method, operation.path) };
        let item = self.document["paths"].get(operation.path).cloned().ok_or_else(missing)?;
        let method = operation.method.as_str().to_lowercase();
        let object = item.get(&method).cloned().ok_or_else(missing)?;
        let mut rules = Rules {
            path: Vec::new(),
            query: Vec::new(),
            headers: Vec::new(),
            bodies: Vec::new(),
            body_required: false,
            produces: produces(&object, self),
            rest: None,
        };
        for raw in list(&item["parameters"]).iter().chain(list(&object["parameters"])) {
            let parameter = self.resolve(raw)?;
            let place = parameter["in"].as_str().unwrap_or_default().to_owned();
            if parameter["x-companyos-rest"] == json!(true) {
                rules.rest = parameter["name"].as_str().map(str::to_owned);
            }
            match place.as_str() {
                "path" => rules.path.push(self.parameter(&parameter, operation)?),
                "query" => rules.query.push(self.parameter(&parameter, operation)?),
                "header" if !has_rules_of_its_own(&parameter) => {
                    rules.headers.push(self.parameter(&parameter, operation)?);
                }
                _ => {}
            }
        }
        if let Some(body) = object.get("requestBody") {
            let body = self.resolve(body)?;
            rules.body_required = body["required"] == json!(true);
            for (media_type, media) in body["content"].as_object().unwrap_or(&Map::new()) {
                let place = format!("{} {media_type}", operation.id);
                let json = media_type == "application/json" || media_type.ends_with("+json");
                let validator = if json { Some(self.compile(&media["schema"], &place)?) } else { None };
                rules.bodies.push(Body { media_type: media_type.to_ascii_lowercase(), validator });
            }
        }
        Ok(rules)
    }

    fn parameter(&mut self, parameter: &Value, operation: &Operation) -> Result<Parameter, ContractError> {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let place = format!("{} {name}", operation.id);
        let in_json = parameter["content"].get("application/json");
        let schema = in_json.map_or(&parameter["schema"], |media| &media["schema"]);
        let resolved = self.resolve(schema)?;
        let form = match (in_json, resolved["type"].as_str()) {
            (Some(_), _) => Form::Json,
            (None, Some("integer")) => Form::Integer,
            (None, Some("boolean")) => Form::Boolean,
            _ => Form::Text,
        };
        Ok(Parameter {
            required: parameter["required"] == json!(true),
            default: resolved.get("default").cloned(),
            validator: self.compile(schema, &place)?,
            form,
            name,
        })
    }

    /// Compiles a schema, once per component.
    fn compile(&mut self, schema: &Value, place: &str) -> Result<Arc<Validator>, ContractError> {
        let name = schema.to_string();
        if let Some(validator) = self.compiled.get(&name) {
            return Ok(Arc::clone(validator));
        }
        // References are relative to the document; so the schema takes the components along.
        let mut root = schema.as_object().cloned().unwrap_or_default();
        root.insert("components".to_owned(), json!({ "schemas": self.document["components"]["schemas"] }));
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(true)
            // Linear in the length of the text, whatever the text.
            .with_pattern_options(PatternOptions::regex())
            .build(&Value::Object(root))
            .map_err(|error| ContractError::Schema { place: place.to_owned(), reason: error.to_string() })?;
        let validator = Arc::new(validator);
        self.compiled.insert(name, Arc::clone(&validator));
        Ok(validator)
    }

    /// Follows a `$ref`, or returns the value as it is.
    fn resolve(&self, value: &Value) -> Result<Value, ContractError> {
        let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
            return Ok(value.clone());
        };
        let found = reference.strip_prefix('#').and_then(|pointer| self.document.pointer(pointer));
        found.cloned().ok_or_else(|| ContractError::Missing { what: reference.to_owned() })
    }
}

/// Whether a header field has problems and codes of its own: see idempotency.rs and conditional.rs.
fn has_rules_of_its_own(parameter: &Value) -> bool {
    let name = parameter["name"].as_str().unwrap_or_default();
    [IDEMPOTENCY_KEY, IF_MATCH, IF_NONE_MATCH].iter().any(|own| name.eq_ignore_ascii_case(own.as_str()))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn produces(object: &Value, compiler: &Compiler) -> Vec<String> {
    let empty = Map::new();
    let responses = object["responses"].as_object().unwrap_or(&empty);
    let successes = responses.iter().filter(|(status, _)| status.starts_with('2'));
    let mut types: Vec<String> = Vec::new();
    for (_, response) in successes {
        let response = compiler.resolve(response).unwrap_or_default();
        types.extend(
            response["content"].as_object().unwrap_or(&empty).keys().map(|name| name.to_ascii_lowercase()),
        );
    }
    types.sort();
    types.dedup();
    types
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_parameters_are_compiled_but_for_those_with_rules_of_their_own() {
        let mut document: Value = serde_json::from_str(CONTRACT_JSON).unwrap();
        document["paths"]["/meta"]["get"]["parameters"] = json!([
            { "name": "Idempotency-Key", "in": "header", "schema": { "type": "string" } },
            { "name": "if-none-match", "in": "header", "schema": { "type": "string" } },
            { "name": "Sample-Rate", "in": "header", "required": true, "schema": { "type": "integer" } },
        ]);
        let rules = Contract::of(document).unwrap().rules(&ops::GET_META).unwrap();
        let found: Vec<_> = rules.headers.iter().map(|rule| (rule.name.as_str(), rule.form)).collect();
        assert_eq!(found, [("Sample-Rate", Form::Integer)]);
        assert!(rules.headers[0].required);
    }

    #[test]
    fn every_operation_of_the_contract_compiles() {
        let contract = Contract::load().unwrap();
        assert_eq!(contract.rules.len(), ops::ALL.len());
    }

    #[test]
    fn an_operation_knows_what_it_takes_and_gives() {
        let contract = Contract::load().unwrap();
        let list = contract.rules(&ops::LIST_TENANTS).unwrap();
        let limit = list.query.iter().find(|parameter| parameter.name == "limit").unwrap();
        assert_eq!((limit.form, limit.default.clone()), (Form::Integer, Some(json!(50))));
        assert_eq!(list.produces, ["application/json"]);
        let import = contract.rules(&ops::BULK_IMPORT_TENANTS).unwrap();
        assert!(
            import.query.iter().any(|parameter| parameter.name == "mapping" && parameter.form == Form::Json)
        );
        assert_eq!(import.bodies.len(), 3);
        assert_eq!(contract.rules(&ops::GET_LOG_TILE).unwrap().rest.as_deref(), Some("index"));
    }
}
