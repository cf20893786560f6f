use super::{Overlay, collection, files};
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
fn every_secured_operation_is_tried_without_a_credential_and_every_object_as_another_tenant() {
    let document = contract();
    let items = items(&committed());
    for operation in Model::new(&document).operations().into_iter().filter(|operation| !operation.is_public())
    {
        let item = named(&items, &format!("{}: without a credential", operation.id()));
        assert_eq!(item["request"]["auth"], json!({"type": "noauth"}));
        assert!(script(item).contains("unauthenticated"));
        if operation.path.contains('{') {
            let item = named(&items, &format!("{}: as another tenant", operation.id()));
            assert_eq!(item["request"]["auth"]["bearer"][0]["value"], "{{other_key}}");
            assert!(script(item).contains("not-found"));
        }
    }
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

fn overlay(change: impl FnOnce(&mut Value)) -> Result<Value, String> {
    let text = Repo::of_this_crate().unwrap().read(super::OVERLAY).unwrap();
    let mut value = serde_json::from_str(&text).unwrap();
    change(&mut value);
    let overlay = Overlay::parse(&value.to_string()).map_err(|error| error.to_string())?;
    collection(Model::new(&contract()), &overlay).map_err(|error| error.to_string())
}

#[test]
fn an_overlay_that_does_not_fit_the_contract_is_refused_with_what_to_do() {
    let refused = |change: fn(&mut Value)| overlay(change).unwrap_err();
    let error = refused(|o| {
        o["operations"].as_object_mut().unwrap().shift_remove("getTenant");
    });
    assert!(error.contains("says nothing of getTenant") && error.contains("next:"), "{error}");
    let error = refused(|o| o["operations"]["noSuch"] = json!({"steps": []}));
    assert!(error.contains("noSuch"), "{error}");
    let error = refused(|o| o["folders"][0][1].as_array_mut().unwrap().push(json!("getTenant")));
    assert!(error.contains("folder meta"), "{error}");
    let error = refused(|o| {
        o["folders"][0][1].as_array_mut().unwrap().pop();
    });
    assert!(error.contains("in no folder"), "{error}");
    let error = refused(|o| o["operations"]["getTenant"]["steps"][0]["expect"] = json!({"status": 418}));
    assert!(error.contains("not declared"), "{error}");
    let error = refused(|o| o["operations"]["getTenant"]["steps"][0]["path"] = json!({"id": "x"}));
    assert!(error.contains("path parameter id"), "{error}");
    let error = refused(|o| o["operations"]["getTenant"]["steps"][0]["epxect"] = json!({}));
    assert!(error.contains("epxect"), "{error}");
}

#[test]
fn waiting_sends_the_request_again_a_bounded_number_of_times() {
    let text = script(named(&items(&committed()), "getOperation: until it has succeeded"));
    assert!(text.contains("setNextRequest(pm.info.requestId)") && text.contains("rounds < 100"), "{text}");
}
