//! Who may do what, for every operation of the contract, and the receipt each privileged one leaves.

use bytes::Bytes;
use companyos_receipt::receipt::Outcome;
use companyos_types::identity::ApiKeyCreate;
use companyos_types::ops::{self, Operation};
use companyos_types::tenants::TenantCreate;
use http::Response;

use crate::sample::{Ids, request, unique, with_header, with_query};
use crate::world::{World, adapter, waiting_operation};

/// The receipt an answer names.
fn receipt_id(response: &Response<Bytes>) -> Option<&str> {
    response.headers().get("receipt-id").map(|id| id.to_str().expect("ASCII"))
}

/// Fails unless the answer names a receipt of this action and outcome that verifies.
async fn expect_receipt(
    world: &World,
    operation: &Operation,
    answer: &Response<Bytes>,
    outcomes: &[Outcome],
) {
    let id = receipt_id(answer).unwrap_or_else(|| panic!("{} left no receipt", operation.id));
    let receipt =
        world.operator.receipt(id).await.unwrap_or_else(|error| panic!("{}: {error}", operation.id));
    let claims = &receipt.verified.claims;
    assert_eq!(Some(claims.act.as_str()), operation.action, "{}", operation.id);
    assert!(outcomes.contains(&claims.out), "{}: the receipt says {:?}", operation.id, claims.out);
    assert!(receipt.verified.disclosed.contains_key("actor"), "{}: nobody did it", operation.id);
}

#[tokio::test]
async fn without_a_credential_nothing_but_the_public_operations_answers() {
    let world = World::start().await;
    for operation in ops::ALL {
        let answer = world.watched.call(request(operation, &world.ids, None)).await;
        if operation.public {
            assert!(answer.status().is_success(), "{}: {answer:?}", operation.id);
            continue;
        }
        assert_eq!(answer.status(), 401, "{}", operation.id);
        assert!(answer.headers().contains_key("www-authenticate"), "{}", operation.id);
    }
    let public: Vec<_> = ops::ALL.iter().filter(|one| one.public).map(|one| one.id).collect();
    assert_eq!(
        public,
        ["getWellKnown", "getJwks", "getLivez", "getMeta", "getOpenapi", "getReadyz", "getStartupz"],
        "an operation became public, or is no longer: is that what you want?"
    );
}

#[tokio::test]
async fn a_tenant_sees_nothing_of_another() {
    let world = World::start().await;
    let secrets: Vec<&String> = world
        .ids
        .iter()
        .filter(|(name, _)| name.ends_with("_id"))
        .map(|(_, id)| id)
        .chain([&world.alice.tenant_id])
        .collect();
    for operation in ops::ALL.iter().filter(|operation| !operation.public) {
        let valid = || request(operation, &world.ids, Some(&world.bob.key));
        let answer = world.watched.call(valid()).await;
        let body = String::from_utf8_lossy(answer.body());
        if operation.path.contains('{') {
            assert_eq!(answer.status(), 404, "{}: {body}", operation.id);
        } else {
            assert!(answer.status().is_success(), "{}: {body}", operation.id);
            let shown: Vec<_> = secrets.iter().filter(|id| body.contains(id.as_str())).collect();
            assert!(shown.is_empty(), "{} shows {shown:?} to a stranger: {body}", operation.id);
        }
        if operation.query.contains(&"tenant_id") {
            let answer = with_query(valid(), &format!("tenant_id={}", world.alice.tenant_id));
            let answer = world.watched.call(answer).await;
            assert_eq!(answer.status(), 403, "{} acts for another tenant", operation.id);
        }
    }
    let wanted =
        ApiKeyCreate::new("theirs", vec!["tenants:read".to_owned()]).with_tenant_id(&world.alice.tenant_id);
    let refused = world.bob.client.identity().issue(&wanted).send().await.unwrap_err();
    assert!(refused.is_denied() && refused.receipt_id().is_some(), "{refused}");
}

#[tokio::test]
async fn without_the_scope_an_operation_is_refused_and_a_privileged_one_leaves_the_refusal() {
    let world = World::start().await;
    for operation in ops::ALL.iter().copied().filter(|operation| !operation.public) {
        let other = if operation.scopes == ["metrics:read"] { "tenants:read" } else { "metrics:read" };
        let key = world.key(&[other]).await;
        let answer = world.watched.call(request(operation, &world.ids, Some(&key))).await;
        assert_eq!(answer.status(), 403, "{}", operation.id);
        let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(problem["rule"], format!("scope.missing:{}", operation.scopes[0]), "{}", operation.id);
        match operation.action {
            Some(_) => expect_receipt(&world, operation, &answer, &[Outcome::Deny]).await,
            None => assert_eq!(receipt_id(&answer), None, "{}", operation.id),
        }
    }
}

#[tokio::test]
async fn every_privileged_operation_leaves_a_receipt_of_its_success() {
    let world = World::start().await;
    for operation in ops::ALL.iter().copied().filter(|operation| operation.is_privileged()) {
        let attempt = async || {
            let ids = fresh(&world, operation).await;
            world.watched.call(request(operation, &ids, Some(&world.alice.key))).await
        };
        let mut answer = attempt().await;
        for _ in 0..20 {
            // Something that waits may begin before it is cancelled.
            if answer.status() == 409 {
                answer = attempt().await;
            }
        }
        let body = String::from_utf8_lossy(answer.body());
        assert!(answer.status().is_success(), "{}: {body}", operation.id);
        // What goes on after the answer leaves an intent first, and its outcome when it ends.
        expect_receipt(&world, operation, &answer, &[Outcome::Ok, Outcome::Allow]).await;
    }
}

#[tokio::test]
async fn every_privileged_operation_on_nothing_leaves_a_receipt_of_its_refusal() {
    let world = World::start().await;
    let nothing = crate::sample::nothing();
    for operation in ops::ALL.iter().copied().filter(|one| one.is_privileged() && one.path.contains('{')) {
        let answer = world.watched.call(request(operation, &nothing, Some(&world.alice.key))).await;
        assert_eq!(answer.status(), 404, "{}", operation.id);
        expect_receipt(&world, operation, &answer, &[Outcome::Error]).await;
    }
}

#[tokio::test]
async fn an_operator_acts_for_any_tenant_and_its_receipts_go_to_that_tenants_log() {
    let world = World::start().await;
    let key = world.watched.server.operator_key().to_owned();
    let log_of = |tenant: &str| {
        let (client, tenant) = (world.operator.clone(), tenant.to_owned());
        async move { client.receipts().list_logs().tenant_id(tenant).send().await.unwrap().items[0].clone() }
    };
    let before = log_of(&world.alice.tenant_id).await;
    let mut receipted = 0;
    for operation in ops::ALL.iter().copied().filter(|one| one.query.contains(&"tenant_id")) {
        let sent = with_query(
            request(operation, &world.ids, Some(&key)),
            &format!("tenant_id={}", world.alice.tenant_id),
        );
        let answer = world.watched.call(with_header(sent, "accept", "*/*")).await;
        assert!(answer.status().is_success(), "{}: {answer:?}", operation.id);
        if operation.is_privileged() {
            expect_receipt(&world, operation, &answer, &[Outcome::Ok]).await;
            receipted += 1;
        }
    }
    assert!(receipted >= 2, "an export and an adapter");
    let after = log_of(&world.alice.tenant_id).await;
    assert_eq!((after.id, after.size), (before.id, before.size + receipted), "each has its receipt there");
}

/// Objects that this operation has not acted on yet.
async fn fresh(world: &World, operation: &Operation) -> Ids {
    let client = &world.alice.client;
    let mut ids = world.ids.clone();
    if operation.path.contains("{api_key_id}") {
        let wanted = ApiKeyCreate::new("used up", vec!["tenants:read".to_owned()]);
        let issued = client.identity().issue(&wanted).send().await.unwrap();
        ids.insert("api_key_id", issued.api_key.id.clone());
    }
    if operation.path.contains("{tenant_id}") {
        let tenant = client.tenants().create(&TenantCreate::new(unique(), "Used up")).send().await.unwrap();
        ids.insert("tenant_id", tenant.id.clone());
    }
    if operation.path.contains("{adapter_id}") {
        ids.insert("adapter_id", adapter(client).await);
    }
    if operation.path.contains("{operation_id}") {
        ids.insert("operation_id", waiting_operation(client).await);
    }
    ids
}
