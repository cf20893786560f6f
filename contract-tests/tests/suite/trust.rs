//! What stands between client and server cannot make an action look receipted that is not.

use bytes::Bytes;
use companyos_sdk::{BoxError, Client, Error, InProcess};
use companyos_server::testing::TestServer;
use companyos_types::tenants::{Tenant, TenantCreate};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value;

use crate::watch::{Hurry, REGION};

/// A client whose answers pass through `tamper`, with the path they are about.
fn through(
    server: &TestServer,
    tamper: impl Fn(&str, Response<Bytes>) -> Response<Bytes> + Clone + Send + Sync + 'static,
) -> Client {
    let server = server.clone();
    let key = server.operator_key().to_owned();
    let carry = move |request: Request<companyos_sdk::RequestBody>| {
        let (server, tamper) = (server.clone(), tamper.clone());
        async move {
            let (parts, body) = request.into_parts();
            let path = parts.uri.path().to_owned();
            let request = Request::from_parts(parts, body.collect().await?.to_bytes());
            Ok::<_, BoxError>(tamper(&path, server.call(request).await?).map(Full::new))
        }
    };
    let builder = Client::builder().base_url("http://proxy.test").api_key(key).region(REGION).timer(Hurry);
    builder.transport(InProcess::new(carry)).build().expect("a client")
}

async fn create(client: &Client, external_id: &str) -> Result<companyos_sdk::Response<Tenant>, Error> {
    client.tenants().create(&TenantCreate::new(external_id, "A tenant")).send().await
}

#[tokio::test]
async fn an_action_without_its_receipt_id_is_an_error() {
    let server = TestServer::start().await.unwrap();
    let silent = through(&server, |_, mut answer| {
        answer.headers_mut().remove("receipt-id");
        answer
    });
    let error = create(&silent, "a").await.unwrap_err();
    assert!(error.is_receipt() && error.code() == "receipt-missing", "{error}");
    assert!(!error.is_retryable() && error.attempts().len() == 1, "the action has happened");
    silent.tenants().list().send().await.expect("reading leaves no receipt");

    let empty = through(&server, |_, mut answer| {
        if let Some(id) = answer.headers_mut().get_mut("receipt-id") {
            *id = http::HeaderValue::from_static("");
        }
        answer
    });
    assert_eq!(create(&empty, "b").await.unwrap_err().code(), "receipt-missing");
}

/// What a receipt, or else its proof, is changed into.
type Change = fn(&str) -> String;

/// Changes every receipt, or else every proof, on its way.
fn altering(
    proof: bool,
    change: Change,
) -> impl Fn(&str, Response<Bytes>) -> Response<Bytes> + Clone + Send + Sync + 'static {
    move |path, answer| {
        if !path.starts_with("/receipts/rcp_") || path.ends_with("/proof") != proof {
            return answer;
        }
        answer.map(|body| {
            if proof {
                return change(std::str::from_utf8(&body).expect("text")).into();
            }
            let mut receipt: Value = serde_json::from_slice(&body).expect("JSON");
            receipt["sd_jwt"] = change(receipt["sd_jwt"].as_str().expect("a receipt")).into();
            receipt.to_string().into()
        })
    }
}

/// Flips a bit that keeps the text what it is: base64url stays base64url, a letter a letter.
fn flip(text: &str, at: usize) -> String {
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
    String::from_utf8(bytes).expect("ASCII")
}

#[tokio::test]
async fn a_receipt_altered_on_its_way_does_not_verify() {
    let server = TestServer::start().await.unwrap();
    let changes: [(&str, bool, Change); 5] = [
        ("sd-jwt-signature", false, |jwt| flip(jwt, jwt.find('~').expect("an SD-JWT") - 40)),
        ("sd-jwt-signature", false, |jwt| flip(jwt, jwt.find('.').expect("a JWT") + 60)),
        ("disclosure-unreferenced", false, |jwt| flip(jwt, jwt.find('~').expect("an SD-JWT") + 20)),
        ("key-binding-unexpected", false, |jwt| jwt[..jwt.len() - 1].to_owned()),
        ("inclusion-proof", true, |proof| {
            // The line after the index is the first hash.
            let index = proof.find("\nindex ").expect("an index") + 1;
            flip(proof, index + proof[index..].find('\n').expect("a hash") + 9)
        }),
    ];
    // A tree of one leaf proves itself with no hash that could be altered.
    create(&through(&server, |_, answer| answer), "before").await.unwrap();
    for (number, (check, proof, change)) in changes.into_iter().enumerate() {
        let proxy = through(&server, altering(proof, change));
        let created = create(&proxy, &format!("t{number}")).await.expect("the action itself goes through");
        let error = created.receipt().await.expect_err("it verified");
        assert!(error.is_receipt() && error.code() == "receipt-invalid", "{check}: {error}");
        let source = std::error::Error::source(&error).expect("the check is the cause").to_string();
        assert!(source.starts_with(check), "expected {check}, found {source}");
    }
}

#[tokio::test]
async fn the_receipt_of_a_refusal_or_of_another_action_is_no_receipt_of_this_one() {
    let server = TestServer::start().await.unwrap();
    let honest = through(&server, |_, answer| answer);
    create(&honest, "taken").await.unwrap();
    let refusal = create(&honest, "taken").await.unwrap_err().receipt_id().unwrap().to_owned();
    let export = honest.tenants().export().send().await.unwrap().receipt_id().unwrap().to_owned();
    for stand_in in [refusal, export] {
        let named = stand_in.clone();
        let swapping = through(&server, move |path, mut answer| {
            if path == "/tenants" && answer.status() == 201 {
                answer.headers_mut().insert("receipt-id", named.parse().expect("a value"));
            }
            answer
        });
        let created = create(&swapping, &stand_in).await.unwrap();
        let error = created.receipt().await.unwrap_err();
        assert!(error.is_receipt() && error.code() == "receipt-invalid", "{error}");
    }
}

#[tokio::test]
async fn pinned_keys_do_not_believe_a_server_that_signs_with_others() {
    let (honest, impostor) = (TestServer::start().await.unwrap(), TestServer::start().await.unwrap());
    let jwks = through(&honest, |_, answer| answer).meta().jwks().send().await.unwrap().into_inner();
    let keys = companyos_receipt::key::KeySet::from_jwks(&serde_json::to_vec(&jwks).unwrap()).unwrap();
    let server = impostor.clone();
    let carry = move |request: Request<companyos_sdk::RequestBody>| {
        let server = server.clone();
        async move {
            let (parts, body) = request.into_parts();
            let request = Request::from_parts(parts, body.collect().await?.to_bytes());
            Ok::<_, BoxError>(server.call(request).await?.map(Full::new))
        }
    };
    let client = Client::builder()
        .base_url("http://impostor.test")
        .api_key(impostor.operator_key().to_owned())
        .receipt_keys(keys)
        .transport(InProcess::new(carry))
        .build()
        .unwrap();
    let error = create(&client, "a").await.unwrap().receipt().await.unwrap_err();
    assert!(error.is_receipt(), "{error}");
    assert!(std::error::Error::source(&error).unwrap().to_string().starts_with("unknown-key"));
}
