//! Adapters by name: what each kind takes, what it refuses, and that it opens.

use std::error::Error as StdError;

use companyos_adapters::catalog::{Family, Invalid, Kind, Opened, Place, Plan, Secrets};
use companyos_adapters::traits::conformance::{payment, storage};
use companyos_adapters::traits::{Context, ErrorKind, Secret};
use serde_json::{Value, json};

type Test = Result<(), Box<dyn StdError>>;

/// Part of every secret here, and of nothing else.
const HUSH: &str = "hunter2";

fn ctx() -> Context {
    Context::builder("acme", "eu-central").build()
}

fn secret(name: &str) -> Secret {
    Secret::new(match name {
        // ECDSA on P-256, as `ES256` wants it; and it is not well enough known to look for.
        "private_key" => rcgen::KeyPair::generate().map(|pair| pair.serialize_pem()).unwrap_or_default(),
        "api_key" => format!("sk_test_{HUSH}"),
        "webhook_secret" | "previous_webhook_secret" => format!("whsec_{HUSH}_0123456789"),
        _ => format!("{HUSH} of {name}"),
    })
}

fn plan(kind: Kind, settings: &Value, names: &[&str]) -> Result<Plan, Invalid> {
    let secrets: Secrets = names.iter().map(|name| ((*name).to_owned(), secret(name))).collect();
    let none = serde_json::Map::new();
    let plan = Plan::new(kind, settings.as_object().unwrap_or(&none), &secrets);
    let shown = match &plan {
        Ok(plan) => format!("{plan:?} {:?}", plan.origins()),
        Err(invalid) => format!("{invalid} {invalid:?}"),
    };
    assert!(!shown.contains(HUSH), "{shown}");
    plan
}

/// What each kind takes at least, and the secrets without which it does not.
fn least() -> [(Kind, Value, &'static [&'static str]); 6] {
    [
        (Kind::Fs, json!({}), &[]),
        (Kind::Gcs, json!({ "bucket": "objects", "location": "EU" }), &[]),
        (Kind::Oidc, json!({ "issuer": "https://id.example.test", "client_id": "web" }), &[]),
        (Kind::PaymentsStripe, json!({}), &["api_key"]),
        (Kind::PaymentsStub, json!({}), &["webhook_secret"]),
        (Kind::S3, json!({ "bucket": "objects", "region": "eu-central-1" }), &[]),
    ]
}

/// The settings of [`least`].
fn least_of(kind: Kind) -> Value {
    let mut all = least().into_iter();
    all.find(|(other, ..)| *other == kind).map(|(_, settings, _)| settings).unwrap_or_default()
}

/// `settings` with `more` in them.
fn with(settings: &Value, more: &Value) -> Value {
    let mut all = settings.clone();
    for (name, value) in more.as_object().into_iter().flatten() {
        all[name] = value.clone();
    }
    all
}

#[test]
fn every_kind_takes_what_it_needs_and_nothing_it_does_not_know() -> Test {
    assert_eq!(least().map(|(kind, ..)| kind).as_slice(), Kind::ALL);
    for (kind, settings, secrets) in least() {
        assert_eq!(plan(kind, &settings, secrets)?.kind(), kind);
        assert_eq!(kind.as_str().parse(), Ok(kind));
        let refused = |settings: &Value, secrets: &[&str]| match plan(kind, settings, secrets) {
            Ok(_) => format!("{kind} took {settings} and {secrets:?}"),
            Err(invalid) => invalid.member,
        };
        assert_eq!(refused(&with(&settings, &json!({ "nonsense": 1 })), secrets), "settings");
        for name in settings.as_object().into_iter().flat_map(serde_json::Map::keys) {
            let mut less = settings.clone();
            less.as_object_mut().map(|settings| settings.remove(name));
            assert_eq!(refused(&less, secrets), "settings", "{kind} without {name}");
            assert_eq!(refused(&with(&settings, &json!({ name: 7 })), secrets), "settings", "{kind}: {name}");
        }
        for name in secrets {
            assert_eq!(refused(&settings, &[]), format!("secrets.{name}"), "{kind}");
        }
        let strange = [secrets, &["nonsense"]].concat();
        assert_eq!(refused(&settings, &strange), "secrets.nonsense", "{kind}");
    }
    Ok(())
}

#[test]
fn what_each_kind_can_be_told_beyond_that_is_taken() -> Test {
    for (kind, more, secrets) in [
        (Kind::Gcs, json!({ "anonymous": true, "endpoint": "http://127.0.0.1:9" }), &[][..]),
        (Kind::Gcs, json!({}), &["access_token"]),
        (Kind::Gcs, json!({}), &["service_account_key"]),
        (Kind::Oidc, json!({ "audience": "https://api.example.test" }), &["client_secret"]),
        (Kind::Oidc, json!({ "token_endpoint_auth_method": "client_secret_post" }), &["client_secret"]),
        (
            Kind::Oidc,
            json!({ "token_endpoint_auth_method": "private_key_jwt", "key_id": "1" }),
            &["private_key"],
        ),
        (
            Kind::Oidc,
            json!({ "redirect_uri": "https://app.example.test", "accept_untyped_access_tokens": true }),
            &[],
        ),
        (Kind::PaymentsStripe, json!({ "method_types": ["card"] }), Kind::PaymentsStripe.secrets()),
        (Kind::PaymentsStub, json!({ "script": { "rules": [] } }), &["webhook_secret"]),
        (Kind::S3, json!({ "virtual_hosted": true, "kms_encryption": true }), Kind::S3.secrets()),
        (Kind::S3, json!({ "storage_classes": ["STANDARD"], "endpoint": "http://127.0.0.1:9" }), &[]),
    ] {
        plan(kind, &with(&least_of(kind), &more), secrets)?;
    }
    Ok(())
}

#[test]
fn what_does_not_go_together_is_refused_where_it_is_wrong() {
    for (kind, more, secrets, member) in [
        (Kind::Gcs, json!({}), &["access_token", "service_account_key"][..], "secrets"),
        (Kind::Gcs, json!({ "anonymous": true }), &["access_token"], "settings"),
        (Kind::Oidc, json!({ "issuer": "ftp://id.example.test" }), &[], "settings"),
        (Kind::Oidc, json!({ "token_endpoint_auth_method": "nonsense" }), &[], "settings"),
        (
            Kind::Oidc,
            json!({ "token_endpoint_auth_method": "none" }),
            &["client_secret"],
            "secrets.client_secret",
        ),
        (
            Kind::Oidc,
            json!({ "token_endpoint_auth_method": "client_secret_basic" }),
            &[],
            "secrets.client_secret",
        ),
        (Kind::Oidc, json!({ "token_endpoint_auth_method": "private_key_jwt" }), &[], "secrets.private_key"),
        (
            Kind::Oidc,
            json!({ "token_endpoint_auth_method": "private_key_jwt", "signing_algorithm": "HS256" }),
            &["private_key"],
            "settings.signing_algorithm",
        ),
        (
            Kind::Oidc,
            json!({ "token_endpoint_auth_method": "private_key_jwt", "signing_algorithm": "RS256" }),
            &["private_key"],
            "secrets.private_key",
        ),
        (Kind::PaymentsStripe, json!({ "base_url": "nonsense" }), &["api_key"], "settings"),
        (Kind::PaymentsStripe, json!({ "method_types": [] }), &["api_key"], "settings"),
        (Kind::PaymentsStub, json!({ "script": { "rules": [{}] } }), &["webhook_secret"], "settings"),
        (Kind::S3, json!({}), &["access_key_id"], "secrets.secret_access_key"),
        (Kind::S3, json!({}), &["session_token"], "secrets.access_key_id"),
    ] {
        let settings = with(&least_of(kind), &more);
        let refused = plan(kind, &settings, secrets).err().map(|invalid| invalid.member);
        assert_eq!(refused.as_deref(), Some(member), "{kind} with {settings} and {secrets:?}");
    }
}

#[test]
fn a_secret_that_cannot_be_one_is_refused_unrepeated() {
    for (kind, name, member) in [
        (Kind::PaymentsStub, "webhook_secret", "secrets.webhook_secret: "),
        (Kind::PaymentsStripe, "api_key", "settings: "),
    ] {
        let secrets = Secrets::from([(name.to_owned(), Secret::new(HUSH))]);
        let refused = Plan::new(kind, &serde_json::Map::new(), &secrets).err();
        let said = refused.map(|invalid| invalid.to_string()).unwrap_or_default();
        assert!(said.starts_with(member) && !said.contains(HUSH), "{said}");
    }
}

#[test]
fn a_name_that_is_nobodys_is_answered_with_those_there_are() {
    let said = "FS".parse::<Kind>().map_err(|unknown| unknown.to_string());
    let names = "fs, gcs, oidc, payments-stripe, payments-stub, s3";
    assert_eq!(said, Err(format!("there is no adapter \"FS\"; choose of {names}")));
}

#[test]
fn what_a_kind_will_talk_to_is_known_before_it_does() -> Test {
    for (kind, settings, secrets) in least() {
        let issuer = (kind == Kind::Oidc).then(|| "https://id.example.test".to_owned());
        assert_eq!(plan(kind, &settings, secrets)?.origins(), Vec::from_iter(issuer), "{kind}");
        let name = match kind {
            Kind::S3 | Kind::Gcs => "endpoint",
            Kind::PaymentsStripe => "base_url",
            _ => continue,
        };
        let elsewhere = with(&settings, &json!({ name: "https://elsewhere.example.test" }));
        assert_eq!(plan(kind, &elsewhere, secrets)?.origins(), ["https://elsewhere.example.test"]);
    }
    Ok(())
}

#[tokio::test]
async fn files_open_in_the_folder_they_are_given() -> Test {
    let folder = tempfile::tempdir()?;
    let files = plan(Kind::Fs, &json!({}), &[])?;
    let error = files.open(&ctx(), &Place::new("eu-central")).await.err();
    assert_eq!(error.map(|error| error.kind().clone()), Some(ErrorKind::InvalidInput));
    let opened = files.open(&ctx(), &Place::new("eu-central").folder(folder.path())).await?;
    assert_eq!(Kind::Fs.family(), Family::Storage);
    assert_eq!(opened.descriptor().region.as_deref(), Some("eu-central"));
    works(&opened).await
}

/// That a store keeps what it is given.
async fn works(opened: &Opened) -> Test {
    let Opened::Storage(store) = opened else { return Err(format!("{opened:?} is no store").into()) };
    let settings = storage::Settings::default().ctx(ctx()).prefix("catalog/");
    for name in
        ["what_was_put_is_got_back", "a_listing_is_complete_and_in_key_order", "create_never_replaces"]
    {
        let result = storage::check(store.as_ref(), &settings, name).await;
        assert_eq!((result.verdict.as_str(), result.verdict.reason()), ("passed", None), "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn the_payment_stub_opens_with_and_without_a_folder() -> Test {
    let folder = tempfile::tempdir()?;
    let stub = plan(Kind::PaymentsStub, &json!({}), &["webhook_secret"])?;
    for place in [Place::new("eu-central"), Place::new("eu-central").folder(folder.path())] {
        let opened = stub.open(&ctx(), &place).await?;
        assert!(matches!(opened, Opened::Payment(_)), "{opened:?}");
        drop(opened);
        let stage = stub.stage(&place).await?.ok_or("the stub has no stage")?;
        let report = payment::run(stage.as_ref(), ctx(), "catalog").await;
        assert!(report.passed() && report.skips().next().is_none(), "{report}");
    }
    assert!(std::fs::metadata(folder.path().join("payments.log"))?.len() > 0);
    Ok(())
}

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a test that did nothing says so")]
#[expect(clippy::disallowed_methods, reason = "tests are configured by the environment")]
async fn a_bucket_of_s3_opens_and_works() -> Test {
    let Ok(url) = std::env::var("COMPANYOS_TEST_MOTO") else {
        eprintln!("skipped: COMPANYOS_TEST_MOTO is not set; `cargo contract test --only test` sets it");
        return Ok(());
    };
    let bucket = format!("catalog-{}", std::process::id());
    let made = reqwest::Client::new().put(format!("{url}/{bucket}")).send().await?;
    assert!(made.status().is_success(), "{}", made.text().await?);
    let settings = |bucket: &str| json!({ "bucket": bucket, "region": "us-east-1", "endpoint": url });
    let place = Place::new("eu-central");
    let opened = plan(Kind::S3, &settings(&bucket), Kind::S3.secrets())?.open(&ctx(), &place).await?;
    assert_eq!(opened.descriptor().region.as_deref(), Some("eu-central"));
    works(&opened).await?;
    let absent = plan(Kind::S3, &settings("catalog-absent"), Kind::S3.secrets())?;
    let error = absent.open(&ctx(), &place).await.err().ok_or("a bucket that is not there opened")?;
    assert!(!format!("{error} {error:?}").contains(HUSH), "{error:?}");
    Ok(())
}
