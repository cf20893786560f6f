//! The scripts of an item: variables before, assertions and captures after.

use crate::{
    error::Error,
    model::{Operation, strings},
    scenario::Step,
};
use serde_json::{Value, json};

/// How often a request is repeated at most while it waits for a value, and the pause in milliseconds.
const REPEATS: (u32, u32) = (100, 100);

/// Sets variables. Postman's dynamic variables, such as `{{$guid}}`, are resolved once here.
pub(super) fn before(step: &Step) -> Vec<String> {
    step.set
        .iter()
        .map(|(name, value)| {
            format!("pm.collectionVariables.set({}, pm.variables.replaceIn({}));", json!(name), json!(value))
        })
        .collect()
}

/// Asserts what the contract and the step say, then remembers what later requests need.
pub(super) fn after(operation: Operation<'_>, step: &Step) -> Result<Vec<String>, Error> {
    let status = status(operation, step)?;
    let mut lines = Vec::new();
    if let Some((pointer, values)) = &step.until {
        lines.extend(repeat(pointer, values));
    }
    let mut test =
        |name: String, body: String| lines.push(format!("pm.test({}, () => {{ {body} }});", json!(name)));
    test(format!("answers {status}"), format!("pm.response.to.have.status({status});"));
    test(
        "names the request".into(),
        "pm.expect(pm.response.headers.get(\"Request-Id\")).to.match(/^req_/);".into(),
    );
    if operation.action().is_some() && matches!(status, 200..=299 | 403) {
        test(
            "leaves a receipt".into(),
            "pm.expect(pm.response.headers.get(\"Receipt-Id\")).to.match(/^rcp_/);".into(),
        );
    }
    if status == 401 {
        test("says how to authenticate".into(), "pm.response.to.have.header(\"WWW-Authenticate\");".into());
    }
    media_type(operation, status, &mut test);
    if let Some(code) = &step.expect.code {
        test(
            format!("is the problem {code}"),
            format!("pm.expect(pm.response.json().code).to.equal({});", json!(code)),
        );
    }
    for (pointer, value) in &step.expect.json {
        let place = member(pointer);
        test(
            format!("{pointer} is {value}"),
            format!("pm.expect(pm.response.json(){place}).to.deep.equal({});", expected(value)),
        );
    }
    for (name, value) in &step.expect.headers {
        let check = match value {
            Some(value) => {
                format!(
                    "pm.expect(pm.response.headers.get({})).to.equal({});",
                    json!(name),
                    expected(&json!(value))
                )
            }
            None => format!("pm.response.to.have.header({});", json!(name)),
        };
        test(format!("has the header {name}"), check);
    }
    if let Some(text) = &step.expect.contains {
        test(
            format!("contains {text:?}"),
            format!("pm.expect(pm.response.text()).to.include({});", expected(&json!(text))),
        );
    }
    for (variable, source) in &step.capture {
        let value = match source.strip_prefix("header:") {
            Some(name) => format!("pm.response.headers.get({})", json!(name)),
            None if source == "text" => "pm.response.text()".to_owned(),
            None => format!("pm.response.json(){}", member(source)),
        };
        lines.push(format!("pm.collectionVariables.set({}, {value});", json!(variable)));
    }
    Ok(lines)
}

/// The media type, and the members that a JSON answer must have.
fn media_type(operation: Operation<'_>, status: u16, test: &mut impl FnMut(String, String)) {
    let responses = operation.responses();
    let Some((_, response)) = responses.iter().find(|(other, _)| *other == status) else { return };
    let Some((media, content)) = response["content"].as_object().and_then(|content| content.iter().next())
    else {
        return;
    };
    let check = format!("pm.expect(pm.response.headers.get(\"Content-Type\")).to.include({});", json!(media));
    test(format!("is {media}"), check);
    let required = strings(operation.resolve(&content["schema"]).get("required"));
    if !required.is_empty() {
        let check = format!("pm.expect(pm.response.json()).to.include.all.keys({});", json!(required));
        test("has every member that is required".into(), check);
    }
}

/// Sends the request again, after a pause, while the member has none of the values.
fn repeat(pointer: &str, values: &[Value]) -> Vec<String> {
    let (most, pause) = REPEATS;
    vec![
        "const rounds = Number(pm.collectionVariables.get(\"rounds\") || 0);".into(),
        format!("const reached = {}.includes(pm.response.json(){});", json!(values), member(pointer)),
        format!("if (!reached && rounds < {most}) {{"),
        "  pm.collectionVariables.set(\"rounds\", rounds + 1);".into(),
        "  pm.execution.setNextRequest(pm.info.requestId);".into(),
        format!("  setTimeout(() => {{}}, {pause});"),
        "  return;".into(),
        "}".into(),
        "pm.collectionVariables.set(\"rounds\", 0);".into(),
        format!(
            "pm.test({}, () => {{ pm.expect(reached).to.equal(true); }});",
            json!(format!("{pointer} is reached"))
        ),
    ]
}

/// An expected value as JavaScript; variables in it are resolved when the test runs.
fn expected(value: &Value) -> String {
    let text = value.to_string();
    match value {
        _ if !text.contains("{{") => text,
        Value::String(_) => format!("pm.variables.replaceIn({text})"),
        _ => format!("JSON.parse(pm.variables.replaceIn({}))", json!(text)),
    }
}

/// A JSON Pointer as JavaScript: `/items/0/id` becomes `["items"][0]["id"]`.
fn member(pointer: &str) -> String {
    pointer
        .split('/')
        .skip(1)
        .map(|token| match token.parse::<usize>() {
            Ok(index) => format!("[{index}]"),
            Err(_) => format!("[{}]", json!(token.replace("~1", "/").replace("~0", "~"))),
        })
        .collect()
}

fn status(operation: Operation<'_>, step: &Step) -> Result<u16, Error> {
    let declared: Vec<u16> = operation.responses().iter().map(|(status, _)| *status).collect();
    let status =
        step.expect.status.or_else(|| declared.iter().copied().find(|status| (200..300).contains(status)));
    status.filter(|status| declared.contains(status)).ok_or_else(|| {
        Error::new(
            format!("the step {:?} of {} expects a status that is not declared", step.name, operation.id()),
            format!("expect one of {declared:?}"),
        )
    })
}
