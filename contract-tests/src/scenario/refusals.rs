//! The refusals that every operation gives by its shape.

use super::overlay::{Entry, Expectation, Step};
use crate::model::{Model, Operation};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The scope of the key `{{narrow_key}}`, which the setup issues to be refused nearly everywhere.
const NARROW_SCOPE: &str = "operations:read";

/// The refusals of an operation, from least to most known about the caller.
pub(super) fn of(model: Model<'_>, operation: Operation<'_>, entry: &Entry) -> Vec<Step> {
    let Some(base) = entry.steps.first() else { return Vec::new() };
    // A refusal repeats the first step with one thing wrong, and remembers and sets nothing.
    let refusal = |name: &str, status: u16, code: &str| Step {
        name: name.to_owned(),
        expect: Expectation { status: Some(status), code: Some(code.to_owned()), ..Expectation::default() },
        capture: BTreeMap::new(),
        until: None,
        key: None,
        ..base.clone()
    };
    let mut steps = Vec::new();
    if !operation.is_public() {
        steps.push(Step {
            token: Some(String::new()),
            ..refusal("without a credential", 401, "unauthenticated")
        });
        let forged = "cos_test_00000000000000000000000000000000000000000000".to_owned();
        steps.push(Step { token: Some(forged), ..refusal("with a forged key", 401, "unauthenticated") });
        if operation.list("x-companyos-scopes") != [NARROW_SCOPE] {
            let token = Some("{{narrow_key}}".to_owned());
            steps.push(Step { token, ..refusal("without the scope", 403, "policy-denied") });
        }
    }
    let mut query = base.query.clone();
    query.insert("no_such_parameter".into(), json!("1"));
    steps.push(Step { query, ..refusal("with an unknown parameter", 400, "unknown-parameter") });
    if operation
        .responses()
        .iter()
        .any(|(status, response)| *status < 300 && response.get("content").is_some())
    {
        let mut headers = base.headers.clone();
        headers.insert("Accept".into(), "image/png".into());
        steps.push(Step { headers, ..refusal("in a format nobody has", 406, "not-acceptable") });
    }
    if operation.flag("x-companyos-pagination") {
        let query = Map::from_iter([("cursor".to_owned(), json!("not-a-cursor"))]);
        steps.push(Step { query, ..refusal("with a forged cursor", 400, "invalid-cursor") });
        let query = Map::from_iter([("limit".to_owned(), json!("0"))]);
        steps.push(Step { query, ..refusal("with a limit of nothing", 400, "invalid-parameter") });
    }
    if operation.text("x-companyos-idempotency") == "required" {
        let key = Some(String::new());
        steps.push(Step { key, ..refusal("without an idempotency key", 400, "idempotency-key-missing") });
        let key = Some("no blanks".to_owned());
        steps.push(Step {
            key,
            ..refusal("with a malformed idempotency key", 400, "idempotency-key-invalid")
        });
    }
    bodies(model, operation, base, &refusal, &mut steps);
    if operation.parameters().iter().any(|parameter| parameter.name == "If-Match") {
        let headers = base.headers.clone().into_iter().filter(|(name, _)| name != "If-Match").collect();
        steps.push(Step { headers, ..refusal("without If-Match", 428, "precondition-required") });
        let mut headers = base.headers.clone();
        headers.insert("If-Match".into(), "\"stale\"".into());
        steps.push(Step { headers, ..refusal("with a stale If-Match", 412, "precondition-failed") });
    }
    let owned = operation.path.contains('{') && operation.list("x-companyos-problems").contains(&"not-found");
    if owned {
        let mut path = base.path.clone();
        path.extend(entry.foreign.clone());
        let token = Some("{{other_key}}".to_owned());
        steps.push(Step { path, token, ..refusal("as another tenant", 404, "not-found") });
    }
    steps
}

/// What is refused about a body: not JSON, an unknown member, a media type that is not read.
fn bodies(
    model: Model<'_>,
    operation: Operation<'_>,
    base: &Step,
    refusal: &impl Fn(&str, u16, &str) -> Step,
    steps: &mut Vec<Step>,
) {
    let content = operation.request_content();
    let Some((media, schema)) =
        content.iter().find(|(media, _)| *media == "application/json" || media.ends_with("+json"))
    else {
        return;
    };
    let media = Some((*media).to_owned());
    let broken = Step {
        body: None,
        text: Some("{".into()),
        media: media.clone(),
        ..refusal("with a torn body", 400, "malformed-request")
    };
    steps.push(broken);
    let closed = model.resolve(schema)["additionalProperties"] == Value::Bool(false);
    if closed && let Some(Value::Object(body)) = &base.body {
        let mut body = body.clone();
        body.insert("no_such_member".into(), json!(1));
        let body = Some(Value::Object(body));
        steps.push(Step { body, media, ..refusal("with an unknown member", 422, "validation-failed") });
    }
    let media = Some("application/x-unheard-of".to_owned());
    steps.push(Step { media, ..refusal("in a media type nobody reads", 415, "unsupported-media-type") });
}
