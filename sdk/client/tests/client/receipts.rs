//! `response.receipt()`: what verifies, and what is found out.

use std::error::Error as _;

use companyos_receipt::key::{KeySet, Signer as _, SoftwareSigner};
use companyos_receipt::receipt::Outcome;
use companyos_receipt::tlog::Hash;
use companyos_receipt::verify::{Check, Failure};
use companyos_sdk::types::tenants::{Tenant, TenantCreate};
use companyos_sdk::{Client, ClientBuilder, Error, Response};

use crate::support::log::{Server, jwks};
use crate::support::{RECEIPT, TENANT, script, tenant};

fn builder(server: &Server) -> ClientBuilder {
    Client::builder().base_url("http://in-process.test").transport(server.transport()).region("eu-west-1")
}

fn leaf(byte: u8) -> Hash {
    Hash::from_slice(&[byte; 32]).expect("32 bytes")
}

fn build(server: &Server) -> Client {
    builder(server).build().expect("a client")
}

async fn create(client: &Client) -> Response<Tenant> {
    client.tenants().create(&TenantCreate::new("a", "A")).send().await.expect("created")
}

/// The check that the receipt of a new tenant fails.
async fn failed(client: &Client) -> Check {
    let error = create(client).await.receipt().await.expect_err("a receipt that fails");
    assert!(error.is_receipt() && !error.is_retryable(), "{error}");
    assert_eq!((error.code(), error.receipt_id()), ("receipt-invalid", Some(RECEIPT)));
    let check = error.source().and_then(|source| source.downcast_ref::<Failure>()).expect("a check").check;
    assert!(error.to_string().contains(check.name()), "the message does not name the check: {error}");
    check
}

/// Why a receipt that verifies is not the one of the action.
async fn contradiction(client: &Client) -> String {
    let error: Error = create(client).await.receipt().await.expect_err("another receipt");
    assert!(error.is_receipt() && error.source().is_none(), "{error}");
    error.to_string()
}

#[tokio::test]
async fn a_receipt_verifies_and_so_does_the_next_of_a_grown_log() {
    let server = Server::new();
    let client = build(&server);
    for index in 0..5 {
        let receipt = create(&client).await.receipt().await.expect("verified");
        assert_eq!(receipt.verified.claims.act, "tenant.create");
        assert_eq!(receipt.verified.inclusion.map(|inclusion| inclusion.index), Some(index));
    }
    let asked = server.with(|issuer| issuer.asked.clone());
    let count = |part: &str| asked.iter().filter(|target| target.contains(part)).count();
    assert_eq!(count("jwks"), 1, "the keys are fetched once");
    assert_eq!(count("consistency"), 4, "every later checkpoint is held against the one before");
    let [checkpoint] = &client.trusted_checkpoints()[..] else { panic!("one log") };
    assert_eq!(checkpoint.size(), 5);
}

#[tokio::test]
async fn a_receipt_can_be_verified_by_its_id() {
    let server = Server::new();
    let client = build(&server);
    let id = create(&client).await.receipt_id().expect("an id").to_owned();
    assert_eq!(client.receipt(&id).await.expect("verified").verified.claims.jti, id);
}

#[tokio::test]
async fn the_receipt_of_another_action_or_outcome_is_found_out() {
    let server = Server::new();
    let client = build(&server);
    server.with(|issuer| issuer.claims.act = "tenant.delete".to_owned());
    assert!(contradiction(&client).await.contains("it is about tenant.delete, not about tenant.create"));
    server.with(|issuer| issuer.claims.act = "tenant.create".to_owned());
    server.with(|issuer| issuer.claims.out = Outcome::Deny);
    assert!(contradiction(&client).await.contains("the receipt says deny"));
    server.with(|issuer| issuer.claims.out = Outcome::Ok);
    server.with(|issuer| issuer.claims.jti = RECEIPT.replace("89ab", "89ac"));
    assert!(contradiction(&client).await.contains("89ac"));
}

#[tokio::test]
async fn the_receipt_of_another_call_of_the_same_action_is_found_out() {
    let server = Server::new();
    server.with(|issuer| issuer.told_key = Some("somebody-elses".to_owned()));
    assert!(contradiction(&build(&server)).await.contains("its idempotency key is not this one's"));
}

#[tokio::test]
async fn a_receipt_from_another_region_is_found_out() {
    let server = Server::new();
    server.with(|issuer| issuer.claims.region = "us-east-1".to_owned());
    assert!(contradiction(&build(&server)).await.contains("from the region us-east-1, not from eu-west-1"));
}

#[tokio::test]
async fn a_log_that_shows_two_roots_for_one_size_is_found_out() {
    let server = Server::new();
    let client = build(&server);
    create(&client).await.receipt().await.expect("verified");
    server.with(|issuer| issuer.leaves.clear());
    server.with(|issuer| issuer.claims.iat += 1);
    assert_eq!(failed(&client).await, Check::ConsistencyProof);
}

#[tokio::test]
async fn a_log_that_was_rewritten_is_found_out_even_by_the_next_run() {
    let server = Server::new();
    let first_run = build(&server);
    for _ in 0..3 {
        create(&first_run).await.receipt().await.expect("verified");
    }
    let saved = first_run.trusted_checkpoints();
    server.with(|issuer| issuer.leaves[1] = leaf(5));
    let next_run = saved.into_iter().fold(builder(&server), ClientBuilder::trusted_checkpoint);
    assert_eq!(failed(&next_run.build().expect("a client")).await, Check::ConsistencyProof);

    let no_memory = build(&server);
    create(&no_memory)
        .await
        .receipt()
        .await
        .expect("a client that saw nothing before has nothing to compare");
}

#[tokio::test]
async fn an_older_checkpoint_is_held_against_the_newest_and_does_not_replace_it() {
    let server = Server::new();
    let client = build(&server);
    let id = create(&client).await.receipt_id().expect("an id").to_owned();
    server.with(|issuer| issuer.leaves.extend((1..5).map(leaf)));
    client.receipt(&id).await.expect("verified");
    server.with(|issuer| issuer.tree = Some(3));
    client.receipt(&id).await.expect("an older tree of the same history is no lie");
    assert_eq!(client.trusted_checkpoints()[0].size(), 5);
    assert!(
        server.with(|issuer| issuer.asked.iter().any(|target| target.ends_with("consistency?from=3&to=5")))
    );
    server.with(|issuer| issuer.leaves[2] = leaf(9));
    let error = client.receipt(&id).await.expect_err("an older tree of another history");
    assert!(error.is_receipt(), "{error}");
}

#[tokio::test]
async fn keys_are_fetched_again_after_a_rotation() {
    let server = Server::new();
    let client = build(&server);
    create(&client).await.receipt().await.expect("verified");
    let next = SoftwareSigner::from_seed([8; 32]);
    server.with(|issuer| {
        issuer.jwks = jwks(&next);
        issuer.signer = next;
    });
    create(&client).await.receipt().await.expect("verified with the new key");
}

#[tokio::test]
async fn pinned_keys_are_the_only_ones_trusted() {
    let server = Server::new();
    let own = KeySet::from_public_keys(&[*SoftwareSigner::from_seed([7; 32]).public_key()]).expect("a key");
    create(&builder(&server).receipt_keys(own).build().expect("a client"))
        .await
        .receipt()
        .await
        .expect("verified");
    let other = KeySet::from_public_keys(&[*SoftwareSigner::from_seed([1; 32]).public_key()]).expect("a key");
    let client = builder(&server).receipt_keys(other).build().expect("a client");
    assert_eq!(failed(&client).await, Check::UnknownKey);
    assert!(server.with(|issuer| issuer.asked.iter().all(|target| !target.contains("jwks"))));
}

#[tokio::test]
async fn an_answer_without_a_receipt_has_none_to_verify() {
    let server = script([tenant()]).await;
    let (client, _timer) = crate::support::client(&server);
    let error =
        client.tenants().get(TENANT).send().await.expect("a tenant").receipt().await.expect_err("none");
    assert!(error.is_receipt() && error.code() == "receipt-missing");
}
