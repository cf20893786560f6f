use super::{ops, problems, rustfmt, types};
use crate::{bundle, model::Model, repo::Repo};
use serde_json::{Value, json};

/// The Rust of a document whose schemas all belong to the area `a`, without line breaks and indentation.
fn rust(schemas: Value) -> String {
    let mut schemas = schemas;
    for schema in schemas.as_object_mut().unwrap().values_mut() {
        schema.as_object_mut().unwrap().entry("x-companyos-area").or_insert(json!("a"));
    }
    let document = json!({"components": {"schemas": schemas}});
    flat(&types::area(Model::new(&document), "a").unwrap())
}

fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn has(text: &str, expected: &str) {
    assert!(text.contains(expected), "{expected:?} is not in\n{text}");
}

#[test]
fn member_types_follow_type_format_and_limits() {
    let text = rust(json!({"T": {"type": "object", "description": "A thing.",
    "required": ["s", "u", "i", "b", "f", "l", "m", "o", "h"],
    "properties": {
        "s": {"type": "string"}, "u": {"type": "integer", "minimum": 0}, "i": {"type": "integer"},
        "b": {"type": "boolean"}, "f": {"type": "number"},
        "l": {"type": "array", "items": {"type": "string"}},
        "m": {"type": "object", "additionalProperties": {"type": "string"}},
        "o": {"type": "object"}, "h": {"type": "integer", "format": "uint16", "minimum": 0},
    }}}));
    for member in [
        "/// A thing.",
        "pub s: String,",
        "pub u: u64,",
        "pub i: i64,",
        "pub b: bool,",
        "pub f: f64,",
        "pub l: Vec<String>,",
        "pub m: BTreeMap<String, String>,",
        "pub o: Map<String, Value>,",
        "pub h: u16,",
    ] {
        has(&text, member);
    }
}

#[test]
fn absence_and_null_are_told_apart() {
    let text = rust(json!({"T": {"type": "object", "required": ["n"], "properties": {
        "n": {"type": ["string", "null"]}, "o": {"type": "string"}, "p": {"type": ["string", "null"]},
    }}}));
    has(&text, "pub n: Option<String>,");
    has(&text, "#[serde(default, skip_serializing_if = \"Option::is_none\")] pub o: Option<String>,");
    has(&text, "with = \"crate::nullable\"");
    has(&text, "pub p: Option<Option<String>>,");
}

#[test]
fn only_requests_refuse_unknown_members_and_have_constructors() {
    let text = rust(json!({
        "Sent": {"type": "object", "additionalProperties": false, "required": ["a"],
            "properties": {"a": {"type": "string"}, "b": {"type": "boolean"}}},
        "Answered": {"type": "object", "properties": {"a": {"type": "string"}}},
    }));
    assert_eq!(text.matches("deny_unknown_fields").count(), 1);
    has(&text, "#[non_exhaustive] pub struct Sent");
    has(&text, "pub fn new(a: impl Into<String>,) -> Self { Self { a: a.into(),b: None, } }");
    has(&text, "pub fn with_b(mut self, b: bool) -> Self");
    assert_eq!(text.matches("crate::present::deserialize").count(), 1);
    assert!(!text.contains("impl Answered"), "{text}");
}

#[test]
fn a_request_with_only_optional_members_has_a_default() {
    let text = rust(
        json!({"T": {"type": "object", "additionalProperties": false, "properties": {"a": {"type": "string"}}}}),
    );
    has(&text, "Deserialize, Default)]");
    assert!(!text.contains("pub fn new"), "{text}");
}

#[test]
fn enumerations_are_open_where_the_contract_says_so() {
    let text = rust(json!({
        "Open": {"type": "string", "enum": ["one-two", "unknown"], "x-companyos-open": true},
        "Closed": {"type": "string", "enum": ["x"]},
    }));
    has(&text, "open_enum! { pub enum Open { OneTwo = \"one-two\", UnknownOpen = \"unknown\", } }");
    has(&text, "closed_enum! { pub enum Closed { X = \"x\", } }");
}

#[test]
fn a_schema_of_another_area_is_imported_from_its_module() {
    let text = rust(json!({
        "Other": {"type": "string", "x-companyos-area": "retry-tests"},
        "T": {"type": "object", "required": ["type"], "properties": {"type": {"$ref": "#/components/schemas/Other"}}},
    }));
    has(&text, "use crate::retry_tests::Other;");
    has(&text, "pub r#type: Other,");
    assert!(!text.contains("pub type Other"), "{text}");
}

#[test]
fn secrets_have_their_own_type() {
    let text = rust(json!({"T": {"type": "object", "required": ["s"],
        "properties": {"s": {"type": "string", "x-companyos-secret": true}}}}));
    has(&text, "use crate::Secret;");
    has(&text, "pub s: Secret,");
}

#[test]
fn documentation_carries_the_limits_the_type_cannot() {
    let text = rust(json!({"T": {"type": "string", "description": "D.", "minLength": 1, "maxLength": 9}}));
    has(&text, "/// D. /// /// Limits: 1 to 9 characters. pub type T = String;");
}

#[test]
fn a_shape_the_generator_does_not_know_is_refused_by_name() {
    let document = json!({"components": {"schemas": {"T": {"x-companyos-area": "a", "type": "object",
        "properties": {"p": {"oneOf": []}}}}}});
    let error = types::area(Model::new(&document), "a").unwrap_err().to_string();
    assert!(error.contains("T.p") && error.contains("next:"), "{error}");
}

#[test]
fn an_operation_constant_says_what_the_contract_says() {
    let repo = Repo::of_this_crate().unwrap();
    let document = bundle::bundle(&repo).unwrap();
    let text = ops::file(Model::new(&document)).unwrap();
    let text = flat(&rustfmt::format(&repo, "ops.rs", &text).unwrap());
    has(
        &text,
        "/// Create tenants from a CSV, JSON or NDJSON file: `POST /tenants/bulk-import`. \
         pub const BULK_IMPORT_TENANTS: Operation = Operation { id: \"bulkImportTenants\", area: \"tenants\", \
         method: Method::Post, path: \"/tenants/bulk-import\", action: Some(\"tenant.import\"), dual_control: false, \
         receipt_only: false, idempotency: Idempotency::Required, scopes: &[\"tenants:write\"], public: false, \
         flow: \"tenants_bulk_import\", paginated: false, asynchronous: true, body: BodyClass::Import, \
         development_only: false, query: &[\"dry_run\", \"plan_digest\", \"mapping\", \"delimiter\"], \
         if_match: false, };",
    );
}

#[test]
fn a_deprecated_operation_is_listed_with_its_headers() {
    let mut document = bundle::bundle(&Repo::of_this_crate().unwrap()).unwrap();
    let of = |document: &Value| flat(&ops::file(Model::new(document)).unwrap());
    has(&of(&document), "pub(crate) const DEPRECATED: &[(&str, Deprecation)] = &[];");
    document["paths"]["/meta"]["get"]["x-companyos-deprecation"] =
        json!({"since": "2026-01-16", "sunset": "2026-07-16"});
    has(
        &of(&document),
        "&[(\"getMeta\", Deprecation { since: \"@1768521600\", \
         sunset: Some(\"Thu, 16 Jul 2026 00:00:00 GMT\") }),];",
    );
}

#[test]
fn a_problem_constant_says_whether_a_retry_can_help() {
    let document = bundle::bundle(&Repo::of_this_crate().unwrap()).unwrap();
    let text = flat(&problems::file(&document));
    has(&text, "pub const RATE_LIMITED: ProblemType = ProblemType { code: \"rate-limited\", status: 429,");
    has(&text, "pub const ALL: &[ProblemType] = &[MALFORMED_REQUEST,");
}

#[test]
fn text_that_is_not_rust_is_reported_as_a_defect_of_the_generator() {
    let repo = Repo::of_this_crate().unwrap();
    let error = rustfmt::format(&repo, "x.rs", "fn {").unwrap_err().to_string();
    assert!(error.contains("x.rs") && error.contains("generator"), "{error}");
}

mod sdk_modules {
    use super::{flat, has};
    use crate::{generate::sdk, model::Model};
    use serde_json::{Value, json};

    fn document(operation: Value) -> Value {
        let mut operation = operation;
        let defaults = json!({"operationId": "createThing", "x-companyos-area": "things", "summary": "Create a thing",
            "x-companyos-idempotency": "natural", "x-companyos-scopes": ["things:write"],
            "responses": {"200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}});
        for (name, value) in defaults.as_object().unwrap() {
            operation.as_object_mut().unwrap().entry(name).or_insert(value.clone());
        }
        json!({
            "x-companyos-areas": ["things"],
            "tags": [{"name": "things", "description": "Things."}],
            "paths": {"/things/{thing_id}": {"post": operation}},
            "components": {"schemas": {
                "Thing": {"type": "object", "x-companyos-area": "things"},
                "Kind": {"type": "string", "enum": ["a"], "x-companyos-area": "things"},
                "ThingPage": {"type": "object", "x-companyos-area": "things", "properties":
                    {"items": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}}},
            }},
        })
    }

    fn module(operation: Value) -> String {
        flat(&sdk::area(Model::new(&document(operation)), "things").unwrap())
    }

    #[test]
    fn required_parameters_are_arguments_and_optional_ones_are_setters() {
        let text = module(json!({"parameters": [
            {"name": "thing_id", "in": "path", "required": true, "schema": {"type": "string"}},
            {"name": "rest", "in": "path", "required": true, "x-companyos-rest": true, "schema": {"type": "string"}},
            {"name": "If-Match", "in": "header", "required": true, "schema": {"type": "string"}},
            {"name": "kind", "in": "query", "schema": {"$ref": "#/components/schemas/Kind"}},
            {"name": "count", "in": "query", "schema": {"type": "integer"}},
            {"name": "dry_run", "in": "query", "schema": {"type": "boolean"}},
        ]}));
        has(&text, "pub fn create(&self,thing_id: impl Display,rest: impl Display,if_match: impl Display,)");
        has(&text, ".path(\"thing_id\", thing_id).path_rest(\"rest\", rest).header(\"if-match\", if_match)");
        has(&text, "pub fn kind(mut self, kind: Kind) -> Self");
        has(&text, "pub fn count(mut self, count: u64) -> Self");
        has(
            &text,
            "pub fn dry_run(mut self, dry_run: bool) -> Self { self.call = self.call.query(\"dry_run\", dry_run);",
        );
    }

    #[test]
    fn a_deprecated_operation_warns_whoever_calls_it() {
        let text = module(json!({"deprecated": true,
            "x-companyos-deprecation": {"since": "2026-01-16", "sunset": "2026-07-16"}}));
        has(
            &text,
            "#[deprecated(note = \"deprecated since 2026-01-16; it may be gone from 2026-07-16 on\")] pub fn create(",
        );
        assert!(!module(json!({})).contains("deprecated"));
    }

    #[test]
    fn only_an_operation_that_requires_a_key_has_its_setter() {
        let keyed = module(json!({"x-companyos-idempotency": "required",
            "parameters": [{"name": "Idempotency-Key", "in": "header", "required": true, "schema": {"type": "string"}}]}));
        has(&keyed, "pub fn idempotency_key(mut self, key: impl Into<IdempotencyKey>) -> Self");
        has(&keyed, "pub fn create(&self,) -> CreateThing<'c>");
        assert!(!module(json!({})).contains("idempotency_key"));
    }

    #[test]
    fn the_answer_decides_how_the_call_is_sent() {
        let answer = |content: Value| module(json!({"responses": {"200": {"content": content}}}));
        has(
            &module(json!({})),
            "send(self) -> Result<Response<Thing>, Error> { self.call.send_json().await }",
        );
        has(&answer(json!({"text/csv": {"schema": {"type": "string"}}})), "Result<Response<String>, Error>");
        has(
            &answer(json!({"application/x": {"schema": {"type": "string", "format": "binary"}}})),
            "Result<Response<Bytes>, Error> { self.call.send_bytes().await }",
        );
        has(
            &module(json!({"responses": {"204": {}}})),
            "Result<Response<()>, Error> { self.call.send_unit().await }",
        );
    }

    #[test]
    fn a_long_operation_can_be_followed() {
        let schema = json!({"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}});
        let text = module(json!({"x-companyos-async": true,
            "responses": {"200": {"content": schema}, "202": {"content": {}}}}));
        has(
            &text,
            "send(self) -> Result<Response<Accepted<Thing>>, Error> { self.call.send_accepted().await }",
        );
        has(&text, "pub async fn poller(self) -> Result<Poller<Thing>, Error>");
        has(&text, "pub async fn wait(self)");
    }

    #[test]
    fn a_list_has_its_streams() {
        let page = json!({"application/json": {"schema": {"$ref": "#/components/schemas/ThingPage"}}});
        let text = module(json!({"operationId": "listThings", "x-companyos-pagination": true,
            "responses": {"200": {"content": page}}}));
        has(&text, "pub fn list(&self,)");
        has(&text, "impl Page for ThingPage { type Item = Thing;");
        has(&text, "pub fn by_page(self) -> PageStream<'c, ThingPage>");
        has(&text, "pub fn by_item(self) -> ItemStream<'c, Thing>");
    }

    #[test]
    fn one_body_is_an_argument_and_several_are_an_enumeration() {
        let one = module(json!({"requestBody": {"content":
            {"application/merge-patch+json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}}));
        has(&one, "body: &Thing,");
        has(&one, ".json_as(\"application/merge-patch+json\", body)");
        let several = module(json!({"requestBody": {"content": {
            "text/csv": {"schema": {"type": "string"}},
            "application/json": {"schema": {"type": "array", "items": {"$ref": "#/components/schemas/Thing"}}},
        }}}));
        has(&several, "body: impl Into<CreateThingBody>,");
        has(&several, "CreateThingBody::Csv(body) => call.body(\"text/csv\", body),");
        has(&several, "CreateThingBody::Json(body) => call.json(&body),");
        has(&several, "impl From<Vec<Thing>> for CreateThingBody");
    }

    #[test]
    fn documentation_says_what_the_contract_says() {
        let text = module(json!({"description": "More.", "x-companyos-action": "thing.create",
            "x-companyos-idempotency": "required", "x-companyos-problems": ["conflict", "internal"]}));
        for part in [
            "/// Create a thing. /// /// More.",
            "`POST /things/{thing_id}` needs the scope `things:write`.",
            "the receipt of the action `thing.create`",
            "Safe to retry",
            "Besides those that any call can meet: `conflict`.",
        ] {
            has(&text.replace("/// ", "").replace("///", ""), &part.replace("/// ", "").replace("///", ""));
        }
    }

    #[test]
    fn two_operations_of_one_method_name_are_refused() {
        let mut document = document(json!({}));
        let operation = document["paths"]["/things/{thing_id}"]["post"].clone();
        document["paths"]["/others"] = json!({"post": operation});
        let error = sdk::area(Model::new(&document), "things").unwrap_err().to_string();
        assert!(error.contains("method create") && error.contains("x-companyos-method"), "{error}");
    }

    #[test]
    fn an_explicit_method_name_wins() {
        has(&module(json!({"x-companyos-method": "make"})), "pub fn make(&self,)");
    }
}

#[test]
fn doc_paragraphs_are_filled_and_headings_stand_alone() {
    let long = "word ".repeat(30);
    assert_eq!(
        super::doc("A\nb.\n\nC.\n\n# Errors\nNone."),
        "/// A b.\n///\n/// C.\n///\n/// # Errors\n/// None.\n"
    );
    assert_eq!(super::doc(""), "");
    assert!(super::doc(&long).lines().all(|line| line.len() <= 105));
    assert!(super::doc(&format!("{}- x", "word ".repeat(20))).lines().all(|line| !line.starts_with("/// -")));
}
