use super::{OVERLAY, Overlay, collection, files};
use crate::{bundle, model::Model, repo::Repo};
use serde_json::{Value, json};
use std::collections::BTreeSet;

fn contract() -> Value {
    bundle::bundle(&Repo::of_this_crate().unwrap()).unwrap()
}

fn committed() -> Value {
    let repo = Repo::of_this_crate().unwrap();
    let files = files(&repo, &contract()).unwrap();
    serde_json::from_str(&files[0].text).unwrap()
}

fn items(collection: &Value) -> Vec<Value> {
    collection["item"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|f| f["item"].as_array().unwrap().clone())
        .collect()
}

fn named<'a>(items: &'a [Value], name: &str) -> &'a Value {
    items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("no request is named {name:?}"))
}

fn script(item: &Value) -> String {
    item["event"].as_array().unwrap().iter().map(|event| event["script"]["exec"].to_string()).collect()
}

#[test]
fn every_operation_has_requests_in_the_folder_of_its_area() {
    let document = contract();
    let collection = committed();
    for operation in Model::new(&document).operations() {
        let folders = collection["item"].as_array().unwrap();
        let folder = folders.iter().find(|folder| folder["name"] == operation.area()).unwrap();
        let prefix = format!("{}: ", operation.id());
        let count = folder["item"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|i| i["name"].as_str().unwrap().starts_with(&prefix))
            .count();
        assert!(count > 0, "{}", operation.id());
    }
}

#[test]
fn request_names_are_unique() {
    let names: Vec<String> = items(&committed()).iter().map(|item| item["name"].to_string()).collect();
    let unique: BTreeSet<&String> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
}

#[test]
fn a_request_has_the_credential_its_step_asks_for() {
    let items = items(&committed());
    let item = named(&items, "getTenant: without a credential");
    assert_eq!(item["request"]["auth"], json!({"type": "noauth"}));
    assert!(script(item).contains("unauthenticated"));
    let item = named(&items, "getTenant: as another tenant");
    assert_eq!(item["request"]["auth"]["bearer"][0]["value"], "{{other_key}}");
    let item = named(&items, "getTenant: by id");
    assert!(item["request"].get("auth").is_none(), "it inherits the collection's: {item}");
}

#[test]
fn a_request_carries_what_the_operation_needs() {
    let items = items(&committed());
    let item = named(&items, "updateTenant: the name and a label");
    assert_eq!(item["request"]["method"], "PATCH");
    assert_eq!(item["request"]["url"]["raw"], "{{base_url}}/tenants/{{tenant_id}}");
    let headers = item["request"]["header"].to_string();
    assert!(headers.contains("application/merge-patch+json") && headers.contains("If-Match"), "{headers}");
    assert!(!headers.contains("Idempotency-Key"), "{headers}");
    let item = named(&items, "createTenant: without a name");
    assert!(item["request"]["header"].to_string().contains("{{$guid}}"));
    let item = named(&items, "createTenant: without an idempotency key");
    assert!(!item["request"]["header"].to_string().contains("Idempotency-Key"));
}

#[test]
fn scripts_assert_the_status_the_receipt_and_the_overlay_and_capture() {
    let items = items(&committed());
    let text = script(named(&items, "createTenant: with labels"));
    for part in [
        "to.have.status(201)",
        "Receipt-Id",
        "pm.collectionVariables.set(\\\"tenant_id\\\", pm.response.json()[\\\"id\\\"])",
        "pm.response.headers.get(\\\"ETag\\\")",
        "pm.variables.replaceIn(\\\"newman-{{$guid}}\\\")",
        "to.include.all.keys",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    let text = script(named(&items, "getTenant: by id"));
    assert!(text.contains("equal(pm.variables.replaceIn(\\\"{{etag}}\\\"))"), "{text}");
    assert!(!text.contains("Receipt-Id"), "reading leaves no receipt: {text}");
}

#[test]
fn a_status_that_is_not_declared_cannot_be_expected() {
    let text = Repo::of_this_crate().unwrap().read(OVERLAY).unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["operations"]["getTenant"]["steps"][0]["expect"] = json!({"status": 418});
    let overlay = Overlay::parse(&value.to_string()).unwrap();
    let error = collection(Model::new(&contract()), &overlay).unwrap_err().to_string();
    assert!(error.contains("not declared") && error.contains("next:"), "{error}");
}

#[test]
fn waiting_sends_the_request_again_a_bounded_number_of_times() {
    let text = script(named(&items(&committed()), "getOperation: until it has succeeded"));
    assert!(text.contains("setNextRequest(pm.info.requestId)") && text.contains("rounds < 100"), "{text}");
}
