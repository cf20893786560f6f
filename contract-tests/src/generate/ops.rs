//! `ops.rs`: one constant per operation.

use super::{NOTICE, doc, literal, pascal, screaming};
use crate::{
    deprecation::{Day, Deprecation},
    error::Error,
    model::{Model, Operation},
};
use std::fmt::Write as _;

/// The whole file.
pub(super) fn file(model: Model<'_>) -> Result<String, Error> {
    let mut out = format!(
        "{NOTICE}//! Every operation of the contract, as a constant.\n\n\
         pub use crate::operation::{{BodyClass, Deprecation, Idempotency, Method, Operation}};\n\n"
    );
    let (mut all, mut deprecated) = (String::new(), String::new());
    for operation in model.operations() {
        let _ = writeln!(all, "&{},", screaming(operation.id()));
        out.push_str(&constant(operation)?);
        deprecated.push_str(&deprecation(operation)?);
    }
    let _ =
        writeln!(out, "/// Every operation, by path and method.\npub const ALL: &[&Operation] = &[{all}];\n");
    let _ = writeln!(
        out,
        "/// The deprecated operations, by `operationId`.\n\
         pub(crate) const DEPRECATED: &[(&str, Deprecation)] = &[{deprecated}];"
    );
    Ok(out)
}

/// The entry of a deprecated operation, nothing for any other.
fn deprecation(operation: Operation<'_>) -> Result<String, Error> {
    let read = Deprecation::of(operation).map_err(|problem| {
        Error::new(
            format!("{}: {}: {problem}", operation.pointer(), Deprecation::EXTENSION),
            "run `cargo contract check`",
        )
    })?;
    Ok(read.map_or_else(String::new, |Deprecation { since, sunset }| {
        format!(
            "({}, Deprecation {{ since: {}, sunset: {:?} }}),",
            literal(operation.id()),
            literal(&since.structured()),
            sunset.map(Day::http_date)
        )
    }))
}

fn constant(operation: Operation<'_>) -> Result<String, Error> {
    let parameters = operation.parameters();
    let query: Vec<&str> = parameters.iter().filter(|p| p.location == "query").map(|p| p.name).collect();
    let if_match = parameters.iter().any(|p| p.location == "header" && p.name == "If-Match");
    let known = |extension: &str, values: &[&str]| -> Result<String, Error> {
        let value = operation.text(extension);
        if values.contains(&value) {
            return Ok(pascal(value));
        }
        Err(Error::new(
            format!("{}: {extension} is {value:?}", operation.pointer()),
            format!("set {extension} of {} to one of {values:?} in openapi/areas", operation.id()),
        ))
    };
    let body = if operation.request_content().is_empty() {
        "None".to_owned()
    } else {
        known("x-companyos-body", &["normal", "import"])?
    };
    Ok(format!(
        "{doc}pub const {constant}: Operation = Operation {{
            id: {id}, area: {area}, method: Method::{method}, path: {path}, action: {action:?},
            dual_control: {dual}, receipt_only: {receipt_only}, idempotency: Idempotency::{idempotency},
            scopes: &{scopes:?}, public: {public}, flow: {flow}, paginated: {paginated}, asynchronous: {asynchronous},
            body: BodyClass::{body}, development_only: {development}, query: &{query:?}, if_match: {if_match},
        }};\n\n",
        doc = doc(&format!(
            "{}: `{} {}`.",
            operation.text("summary"),
            operation.method.to_ascii_uppercase(),
            operation.path
        )),
        constant = screaming(operation.id()),
        id = literal(operation.id()),
        area = literal(operation.area()),
        method = pascal(operation.method),
        path = literal(operation.path),
        action = operation.action(),
        dual = operation.flag("x-companyos-dual-control"),
        receipt_only = operation.flag("x-companyos-receipt-only"),
        idempotency = known("x-companyos-idempotency", &["required", "natural", "none"])?,
        scopes = operation.list("x-companyos-scopes"),
        public = operation.is_public(),
        flow = literal(operation.text("x-companyos-flow")),
        paginated = operation.flag("x-companyos-pagination"),
        asynchronous = operation.flag("x-companyos-async"),
        development = operation.text("x-companyos-mode") == "development",
    ))
}
