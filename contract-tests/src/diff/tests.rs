use super::{breaking, newest, version};
use crate::{bundle, repo::Repo};
use serde_json::{Value, json};

/// A small contract with one of everything the rules look at.
fn released() -> Value {
    json!({
        "x-companyos-problems": {"type_base": "https://p/", "types": {
            "conflict": {"status": 409}, "rate-limited": {"status": 429, "retryable": true},
        }},
        "paths": {"/things": {"post": {
            "operationId": "createThing",
            "security": [{"apiKey": []}],
            "x-companyos-action": "thing.create",
            "x-companyos-scopes": ["things:write"],
            "x-companyos-idempotency": "required",
            "x-companyos-body": "import",
            "parameters": [
                {"name": "colour", "in": "query", "schema": {"type": "string", "enum": ["red", "blue"]}},
                {"name": "count", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3}},
            ],
            "requestBody": {"required": false, "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/Sent"}},
                "text/csv": {"schema": {"type": "string"}},
            }},
            "responses": {
                "201": {
                    "headers": {"Location": {}},
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answered"}}},
                },
                "409": {"content": {}},
            },
        }, "get": {"operationId": "readThings", "security": [], "x-companyos-idempotency": "natural",
            "responses": {"200": {}}}}},
        "components": {"schemas": {
            "Sent": {"type": "object", "required": ["name"], "properties": {
                "name": {"type": "string", "minLength": 1, "maxLength": 10, "pattern": "^a"},
                "tags": {"type": "array", "maxItems": 5, "items": {"type": "string"}},
                "note": {"type": ["string", "null"]},
                "labels": {"type": "object", "maxProperties": 3, "additionalProperties": {"type": "string"}},
            }},
            "Answered": {"type": "object", "required": ["id", "kind"], "properties": {
                "id": {"type": "string", "format": "uuid"},
                "kind": {"type": "string", "enum": ["a", "b"]},
                "state": {"type": "string", "enum": ["on"], "x-companyos-open": true},
                "parent": {"$ref": "#/components/schemas/Answered"},
            }},
        }},
    })
}

fn after(change: impl FnOnce(&mut Value)) -> Vec<String> {
    let mut new = released();
    change(&mut new);
    breaking(&released(), &new).into_iter().map(|finding| finding.problem).collect()
}

const CREATE: &str = "/paths/~1things/post";
const SENT: &str = "/components/schemas/Sent";
const ANSWERED: &str = "/components/schemas/Answered";

/// Merges a patch (RFC 7396) into the place below `base`.
fn patched(base: &str, patch: Value) -> Vec<String> {
    after(|new| merge(new.pointer_mut(base).unwrap(), patch))
}

fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else { return *target = patch };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        let map = target.as_object_mut().unwrap();
        if value.is_null() {
            map.shift_remove(&name);
        } else {
            merge(map.entry(name).or_insert(Value::Null), value);
        }
    }
}

#[test]
fn nothing_changed_breaks_nothing() {
    assert_eq!(after(|_| ()), Vec::<String>::new());
}

#[test]
fn changes_that_break_a_client_are_found() {
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/paths", json!({"/things": null}), "POST /things is removed"),
        ("/paths/~1things", json!({"get": null}), "GET /things is removed"),
        (CREATE, json!({"operationId": "makeThing"}), "operationId createThing changes"),
        ("/paths/~1things/get", json!({"security": [{"apiKey": []}]}), "needs a credential"),
        (CREATE, json!({"x-companyos-scopes": ["things:write", "more:write"]}), "needs the scope more:write"),
        (CREATE, json!({"x-companyos-idempotency": "none"}), "from required to none"),
        ("/paths/~1things/get", json!({"x-companyos-idempotency": "required"}), "from natural to required"),
        (CREATE, json!({"x-companyos-action": null}), "no receipt"),
        (CREATE, json!({"x-companyos-action": "thing.make"}), "action in the receipt changes"),
        (CREATE, json!({"x-companyos-dual-control": true}), "x-companyos-dual-control"),
        (CREATE, json!({"x-companyos-mode": "development"}), "development mode only"),
        (CREATE, json!({"x-companyos-body": "normal"}), "limit of the request body shrinks"),
        (CREATE, json!({"parameters": []}), "parameter colour is removed"),
        ("/paths/~1things/post/parameters/0", json!({"required": true}), "colour becomes required"),
        (
            "/paths/~1things/post/parameters/0/schema",
            json!({"enum": ["red"]}),
            "\"blue\" is no longer accepted",
        ),
        ("/paths/~1things/post/parameters/1/schema", json!({"enum": [1]}), "only some values"),
        ("/paths/~1things/post/parameters/1/schema", json!({"minimum": 2}), "minimum is stricter"),
        ("/paths/~1things/post/parameters/1/schema", json!({"maximum": 8}), "maximum is stricter"),
        ("/paths/~1things/post/parameters/1/schema", json!({"default": 4}), "default changes"),
        ("/paths/~1things/post/parameters/1/schema", json!({"multipleOf": 2}), "multipleOf changes"),
        (
            "/paths/~1things/get",
            json!({"parameters": [{"name": "q", "in": "query", "required": true, "schema": {}}]}),
            "new parameter q is required",
        ),
        (CREATE, json!({"requestBody": {"required": true}}), "request body becomes required"),
        (CREATE, json!({"requestBody": {"content": {"text/csv": null}}}), "text/csv is no longer read"),
        (CREATE, json!({"responses": {"201": null, "200": {}}}), "response 201 is removed"),
        (CREATE, json!({"responses": {"202": {}}}), "response 202 is new"),
        (
            CREATE,
            json!({"responses": {"201": {"headers": {"Location": null}}}}),
            "header Location is removed",
        ),
        (
            CREATE,
            json!({"responses": {"201": {"content": {"application/json": null}}}}),
            "no longer given as application/json",
        ),
        (SENT, json!({"required": ["name", "tags"]}), "member tags becomes required"),
        (SENT, json!({"properties": {"tags": null}}), "member tags is removed"),
        (SENT, json!({"additionalProperties": false}), "unknown members are refused"),
        (SENT, json!({"properties": {"name": {"type": "integer"}}}), "type changes"),
        (SENT, json!({"properties": {"note": {"type": "string"}}}), "type changes"),
        (SENT, json!({"properties": {"name": {"minLength": 2}}}), "minLength is stricter"),
        (SENT, json!({"properties": {"name": {"maxLength": 9}}}), "maxLength is stricter"),
        (SENT, json!({"properties": {"note": {"maxLength": 9}}}), "maxLength is stricter"),
        (SENT, json!({"properties": {"name": {"pattern": "^b"}}}), "pattern changes"),
        (SENT, json!({"properties": {"name": {"format": "email"}}}), "format changes"),
        (SENT, json!({"properties": {"tags": {"maxItems": 4}}}), "maxItems is stricter"),
        (SENT, json!({"properties": {"tags": {"minItems": 1}}}), "minItems is stricter"),
        (SENT, json!({"properties": {"tags": {"uniqueItems": true}}}), "must be unique"),
        (SENT, json!({"properties": {"tags": {"items": {"type": "integer"}}}}), "type changes"),
        (SENT, json!({"properties": {"labels": {"maxProperties": 2}}}), "maxProperties is stricter"),
        (
            SENT,
            json!({"properties": {"labels": {"additionalProperties": {"type": "integer"}}}}),
            "type changes",
        ),
        (ANSWERED, json!({"properties": {"state": null}}), "member state is removed"),
        (ANSWERED, json!({"required": ["id"]}), "kind is no longer always there"),
        (ANSWERED, json!({"properties": {"id": {"type": ["string", "null"]}}}), "type changes"),
        (ANSWERED, json!({"properties": {"id": {"format": null}}}), "format changes"),
        (ANSWERED, json!({"properties": {"kind": {"enum": ["a", "b", "c"]}}}), "closed enumeration gets"),
        (ANSWERED, json!({"properties": {"kind": {"enum": null}}}), "any value"),
        ("/x-companyos-problems", json!({"type_base": "https://q/"}), "address of every problem"),
        ("/x-companyos-problems/types", json!({"conflict": null}), "problem conflict is removed"),
        ("/x-companyos-problems/types", json!({"conflict": {"status": 422}}), "has another status"),
        (
            "/x-companyos-problems/types",
            json!({"rate-limited": {"retryable": false}}),
            "no longer be retried",
        ),
    ];
    for (base, patch, expected) in cases {
        let found = patched(base, patch.clone());
        assert!(
            found.iter().any(|problem| problem.contains(expected)),
            "{patch} at {base} should break with {expected:?}, but found {found:#?}"
        );
    }
}

#[test]
fn additive_changes_break_nothing() {
    let cases: Vec<(&str, Value)> = vec![
        ("/paths", json!({"/more": {"get": {"operationId": "readMore", "responses": {"200": {}}}}})),
        (CREATE, json!({"summary": "Other words", "x-companyos-flow": "other"})),
        (CREATE, json!({"x-companyos-scopes": []})),
        (
            CREATE,
            json!({"requestBody": {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}}),
        ),
        (CREATE, json!({"responses": {"404": {"content": {}}, "201": {"headers": {"ETag": {}}}}})),
        ("/paths/~1things/post/parameters/0/schema", json!({"enum": ["red", "blue", "green"]})),
        ("/paths/~1things/post/parameters/1/schema", json!({"minimum": 0, "maximum": 10})),
        ("/paths/~1things/post/parameters/1/schema", json!({"type": "number"})),
        (SENT, json!({"properties": {"extra": {"type": "string"}}, "required": []})),
        (SENT, json!({"properties": {"name": {"minLength": 0, "maxLength": 20, "pattern": null}}})),
        (ANSWERED, json!({"properties": {"extra": {"type": "string"}}, "required": ["id", "kind", "state"]})),
        (ANSWERED, json!({"properties": {"state": {"enum": ["on", "off"]}, "kind": {"enum": ["a"]}}})),
        ("/x-companyos-problems/types", json!({"new": {"status": 400}})),
    ];
    for (base, patch) in cases {
        assert_eq!(patched(base, patch.clone()), Vec::<String>::new(), "{patch} at {base}");
    }
}

#[test]
fn a_new_optional_parameter_breaks_nothing() {
    let found = after(|new| {
        let parameters = new.pointer_mut("/paths/~1things/post/parameters").unwrap().as_array_mut().unwrap();
        parameters.push(json!({"name": "size", "in": "query", "schema": {"type": "integer"}}));
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_change_deep_in_a_recursive_schema_is_found_once() {
    let found = patched(ANSWERED, json!({"properties": {"id": {"type": "integer"}}}));
    assert_eq!(found.iter().filter(|problem| problem.contains("type changes")).count(), 1, "{found:#?}");
}

#[test]
fn moving_a_schema_into_a_component_is_no_change() {
    let found = after(|new| {
        let inline = new.pointer(ANSWERED).unwrap().clone();
        let place = "/paths/~1things/post/responses/201/content/application~1json/schema";
        *new.pointer_mut(place).unwrap() = inline;
    });
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn a_contract_breaks_no_client_of_itself() {
    let contract = bundle::bundle(&Repo::of_this_crate().unwrap()).unwrap();
    assert!(breaking(&contract, &contract).is_empty());
}

#[test]
fn the_contract_breaks_no_client_of_the_newest_release() {
    let repo = Repo::of_this_crate().unwrap();
    let contract = bundle::bundle(&repo).unwrap();
    if let Some(release) = newest(&repo).unwrap() {
        let found = breaking(&release.document, &contract);
        assert!(
            found.is_empty(),
            "if you are here because this failed: {} was released\n{found:#?}",
            release.path
        );
    }
}

#[test]
fn versions_are_ordered_by_number() {
    assert!(version("0.27.0") < version("0.100.0"));
    assert_eq!(version("0.27"), None);
    assert_eq!(version("next"), None);
}
