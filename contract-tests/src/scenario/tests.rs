use super::{Answer, Call, Draft, OVERLAY, Overlay, Step, Wire, find, plan, run};
use crate::{bundle, contract::Contract, coverage::Coverage, model::Model, repo::Repo};
use serde_json::{Value, json};

fn contract() -> Value {
    bundle::bundle(&Repo::of_this_crate().unwrap()).unwrap()
}

fn overlay() -> Overlay {
    Overlay::parse(&Repo::of_this_crate().unwrap().read(OVERLAY).unwrap()).unwrap()
}

fn spoilt(change: impl FnOnce(&mut Value)) -> String {
    let mut value = serde_json::from_str(&Repo::of_this_crate().unwrap().read(OVERLAY).unwrap()).unwrap();
    change(&mut value);
    match Overlay::parse(&value.to_string()) {
        Ok(overlay) => plan(Model::new(&contract()), &overlay).unwrap_err().to_string(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_overlay_that_does_not_fit_the_contract_is_refused_with_what_to_do() {
    let error = spoilt(|o| {
        o["operations"].as_object_mut().unwrap().shift_remove("getTenant");
    });
    assert!(error.contains("says nothing of getTenant") && error.contains("next:"), "{error}");
    let error = spoilt(|o| o["operations"]["noSuch"] = json!({"steps": []}));
    assert!(error.contains("noSuch"), "{error}");
    let error = spoilt(|o| o["folders"][0][1].as_array_mut().unwrap().push(json!("getTenant")));
    assert!(error.contains("folder meta"), "{error}");
    let error = spoilt(|o| {
        o["folders"][0][1].as_array_mut().unwrap().pop();
    });
    assert!(error.contains("in no folder"), "{error}");
    let error = spoilt(|o| o["operations"]["getTenant"]["steps"][0]["epxect"] = json!({}));
    assert!(error.contains("epxect"), "{error}");
}

#[test]
fn every_secured_operation_is_tried_without_a_credential_and_every_object_as_another_tenant() {
    let document = contract();
    let model = Model::new(&document);
    let planned = plan(model, &overlay()).unwrap();
    for operation in model.operations().into_iter().filter(|operation| !operation.is_public()) {
        let has =
            |name: &str| planned.iter().any(|p| p.operation.id() == operation.id() && p.step.name == name);
        assert!(has("without a credential"), "{}", operation.id());
        assert!(has("as another tenant") == operation.path.contains('{'), "{}", operation.id());
    }
}

#[test]
fn a_draft_carries_what_the_operation_needs() {
    let document = contract();
    let model = Model::new(&document);
    let step = Step { body: Some(json!({"name": "x"})), ..Step::default() };
    let draft = Draft::new(find(model, "updateTenant").unwrap(), &step).unwrap();
    assert_eq!(draft.method, "PATCH");
    assert_eq!(draft.path, ["tenants", "{{tenant_id}}"]);
    assert_eq!(draft.headers, [("Content-Type".to_owned(), "application/merge-patch+json".to_owned())]);
    assert_eq!(draft.token.as_deref(), Some("{{api_key}}"));
    let draft = Draft::new(find(model, "createTenant").unwrap(), &step).unwrap();
    assert!(draft.headers.contains(&("Idempotency-Key".to_owned(), "{{$guid}}".to_owned())));
    assert_eq!(Draft::new(find(model, "getLivez").unwrap(), &step).unwrap().token, None);
    let wrong = Step { path: [("id".to_owned(), "x".to_owned())].into(), ..Step::default() };
    assert!(
        Draft::new(find(model, "getTenant").unwrap(), &wrong)
            .unwrap_err()
            .to_string()
            .contains("parameter id")
    );
}

/// A server that refuses everything, so that every step has something to be found.
struct Refuser {
    calls: Vec<Call>,
}

impl Wire for Refuser {
    fn send(&mut self, call: &Call) -> Result<Answer, String> {
        self.calls.push(call.clone());
        Ok(Answer { status: 500, ..Answer::default() })
    }

    fn pause(&mut self) {}
}

#[test]
fn a_server_that_is_always_wrong_is_found_out_at_every_step() {
    let contract = Contract::new(contract()).unwrap();
    let overlay = overlay();
    let coverage = Coverage::default();
    let mut wire = Refuser { calls: Vec::new() };
    let findings = run(&contract, &overlay, &coverage, "cos_dev_x", &mut wire).unwrap();
    for planned in plan(contract.model(), &overlay).unwrap() {
        let name = format!("{}: {}", planned.operation.id(), planned.step.name);
        assert!(findings.iter().any(|f| f.file == name && f.problem.contains("was expected")), "{name}");
    }
    let create = wire.calls.iter().find(|call| call.operation_id == "createTenant").unwrap();
    assert!(create.headers.contains(&("Authorization".into(), "Bearer cos_dev_x".into())), "{create:?}");
    assert!(!String::from_utf8_lossy(&create.body).contains("{{"), "variables are filled in: {create:?}");
    assert!(!coverage.uncovered(contract.model()).contains(&("createTenant".to_owned(), 500)));
}
