//! What an issuer may answer, and what it is taken for.

use std::time::Duration;

use companyos_adapters::oidc::{ClientAuthentication, OidcConfig, OidcProvider};
use companyos_adapters::traits::identity::{
    ClientCredentialsOptions, DevicePoll, DevicePollOptions, DeviceStartOptions, DiscoverOptions,
    ExchangeOptions, IdentityProvider, IntrospectOptions, PendingAuthorization, RefreshOptions,
    RevokeOptions, UserinfoOptions,
};
use companyos_adapters::traits::{Error, ErrorKind, Outcome, RetryClass, Secret, TokenFault};
use proptest::prelude::*;
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::support::forge::Forge;
use crate::support::{ctx, shown};

async fn refresh(forge: &Forge) -> Result<(), Error> {
    let token = Secret::new("hush-refresh-token");
    forge.provider().refresh(&ctx(), &token, &RefreshOptions::default()).await.map(drop)
}

#[tokio::test]
async fn metadata_of_another_issuer_or_none_are_refused() {
    let mut forge = Forge::start().await;
    let discover = async |forge: &Forge| {
        forge.provider().discover(&ctx(), &DiscoverOptions::default()).await.unwrap_err()
    };
    let at = "/.well-known/openid-configuration";
    for issuer in ["https://elsewhere.example.test".to_owned(), format!("{}/", forge.issuer())] {
        let mut metadata = forge.metadata();
        metadata["issuer"] = json!(issuer);
        forge.answer_json(at, 200, &metadata).await;
        let error = discover(&forge).await;
        assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::WrongIssuer), "{issuer}");
    }
    let mut metadata = forge.metadata();
    metadata["jwks_uri"] = json!("not a URL");
    forge.answer_json(at, 200, &metadata).await;
    assert_eq!(discover(&forge).await.kind(), &ErrorKind::Internal);

    forge.answer(at, ResponseTemplate::new(302).insert_header("location", "http://10.0.0.1/")).await;
    let error = discover(&forge).await;
    assert_eq!((error.kind(), error.provider_code()), (&ErrorKind::Internal, Some("302")));
    assert!(error.message().contains("redirects are not followed"), "{error}");

    forge.answer(at, ResponseTemplate::new(200).set_body_bytes(vec![b' '; (1 << 20) + 1])).await;
    assert!(discover(&forge).await.message().contains("exceeds"));

    forge.answer(at, ResponseTemplate::new(503).insert_header("retry-after", "9")).await;
    let error = discover(&forge).await;
    assert_eq!((error.kind(), error.retry_after()), (&ErrorKind::Unavailable, Some(Duration::from_secs(9))));
}

#[tokio::test]
async fn an_endpoint_in_the_clear_beyond_the_own_machine_is_not_called() {
    let mut forge = Forge::start().await;
    let mut metadata = forge.metadata();
    metadata["token_endpoint"] = json!("http://issuer.example.test/token");
    forge.answer_json("/.well-known/openid-configuration", 200, &metadata).await;
    let error = refresh(&forge).await.unwrap_err();
    assert_eq!((error.kind(), error.outcome()), (&ErrorKind::InvalidInput, Outcome::NotSent));
}

#[test]
fn an_issuer_is_an_https_url_and_nothing_more() {
    for issuer in [
        "",
        "issuer.example.test",
        "ftp://issuer.example.test",
        "https://issuer.example.test?x",
        "https://issuer.example.test#x",
        "https://user:hush@issuer.example.test",
    ] {
        let config = OidcConfig::new(issuer, "web", ClientAuthentication::Public);
        let error = OidcProvider::new(config).unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::InvalidInput, "{issuer}");
        assert!(!shown(&error).contains("hush"));
    }
    let public = || OidcConfig::new("https://issuer.example.test", "web", ClientAuthentication::Public);
    OidcProvider::new(public()).unwrap();
    assert!(OidcProvider::new(public().algorithms([])).is_err());
    let nobody = OidcConfig::new("https://issuer.example.test", "", ClientAuthentication::Public);
    assert!(OidcProvider::new(nobody).is_err());
}

#[tokio::test]
async fn a_refused_grant_says_why_and_what_may_have_happened() {
    let mut forge = Forge::start().await;
    for (status, code, kind) in [
        (400, "invalid_grant", ErrorKind::GrantRefused),
        (401, "invalid_client", ErrorKind::Unauthenticated),
        (400, "invalid_client", ErrorKind::Unauthenticated),
        (400, "unauthorized_client", ErrorKind::PermissionDenied),
        (400, "access_denied", ErrorKind::PermissionDenied),
        (400, "invalid_scope", ErrorKind::InvalidInput),
        (400, "invalid_request", ErrorKind::InvalidInput),
        (400, "temporarily_unavailable", ErrorKind::Unavailable),
        (400, "an_extension", ErrorKind::InvalidInput),
    ] {
        let body = json!({ "error": code, "error_description": "hush-refresh-token was sent" });
        forge
            .answer(
                "/token",
                ResponseTemplate::new(status).set_body_json(body).insert_header("x-request-id", "r7"),
            )
            .await;
        let error = refresh(&forge).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (&kind, Outcome::Answered), "{code}");
        assert_eq!((error.provider_code(), error.provider_request_id()), (Some(code), Some("r7")));
        assert!(!shown(&error).contains("hush"), "{}", shown(&error));
    }
    for (status, body, kind, outcome) in [
        (500, json!({ "error": "invalid_grant" }), ErrorKind::Unavailable, Outcome::MaybeSent),
        (503, Value::Null, ErrorKind::Unavailable, Outcome::MaybeSent),
        (429, json!({ "error": "invalid_client" }), ErrorKind::RateLimited, Outcome::Answered),
        (400, json!("text"), ErrorKind::InvalidInput, Outcome::Answered),
        (401, json!({}), ErrorKind::Unauthenticated, Outcome::Answered),
        (400, json!({ "error": "two words" }), ErrorKind::InvalidInput, Outcome::Answered),
    ] {
        let answer = ResponseTemplate::new(status).set_body_json(body).insert_header("retry-after", "3");
        forge.answer("/token", answer).await;
        let error = refresh(&forge).await.unwrap_err();
        assert_eq!((error.kind(), error.outcome()), (&kind, outcome), "{status}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(error.provider_code(), Some(status.to_string().as_str()));
    }
}

#[tokio::test]
async fn a_redirect_of_the_token_endpoint_is_refused_with_the_secrets_unsent() {
    let mut forge = Forge::start().await;
    let elsewhere = format!("{}/elsewhere", forge.issuer());
    forge.answer("/token", ResponseTemplate::new(307).insert_header("location", elsewhere)).await;
    let error = refresh(&forge).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (&ErrorKind::Internal, RetryClass::Permanent));
    assert_eq!(forge.requests("/elsewhere").await, 0);
}

#[tokio::test]
async fn a_success_that_is_none_is_refused_and_not_shown() {
    let mut forge = Forge::start().await;
    let id_token = forge.id_token(json!({ "aud": "elsewhere" }));
    for (body, kind) in [
        (json!({ "token_type": "Bearer" }), ErrorKind::Internal),
        (json!({ "access_token": "hush-access-token" }), ErrorKind::Internal),
        (json!({ "access_token": ["hush-access-token"], "token_type": "Bearer" }), ErrorKind::Internal),
        (json!({ "access_token": "hush-access-token", "token_type": "DPoP" }), ErrorKind::Internal),
        (
            json!({ "access_token": "hush-access-token", "token_type": "bearer", "id_token": "hush" }),
            ErrorKind::Token(TokenFault::Malformed),
        ),
        (
            json!({ "access_token": "hush-access-token", "token_type": "bearer", "id_token": id_token.expose() }),
            ErrorKind::Token(TokenFault::WrongAudience),
        ),
    ] {
        forge.answer_json("/token", 200, &body).await;
        let error = refresh(&forge).await.unwrap_err();
        assert_eq!(error.kind(), &kind, "{body}");
        assert!(!shown(&error).contains("hush"), "{}", shown(&error));
    }
}

#[tokio::test]
async fn a_lifetime_may_be_spelt_in_several_ways() {
    let mut forge = Forge::start().await;
    for (spelt, read) in [
        (json!(300), Some(300)),
        (json!("300"), Some(300)),
        (json!(300.0), Some(300)),
        (json!(-1), None),
        (json!("soon"), None),
        (Value::Null, None),
    ] {
        let body = json!({ "access_token": "a", "token_type": "Bearer", "expires_in": spelt });
        forge.answer_json("/token", 200, &body).await;
        let tokens =
            forge.provider().client_credentials(&ctx(), &ClientCredentialsOptions::default()).await.unwrap();
        assert_eq!(tokens.expires_in, read.map(Duration::from_secs), "{spelt}");
    }
}

#[tokio::test]
async fn a_code_that_brings_no_id_token_signs_nobody_in() {
    let mut forge = Forge::start().await;
    forge.answer_json("/token", 200, &json!({ "access_token": "a", "token_type": "Bearer" })).await;
    let secret = |text: &str| Secret::new(text);
    let pending =
        PendingAuthorization::new(secret("s"), secret("n"), secret("v"), "http://127.0.0.1:9/callback");
    let options = ExchangeOptions::default();
    let error = forge.provider().exchange(&ctx(), &secret("code"), &pending, &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::Malformed));
}

#[tokio::test]
async fn a_refresh_token_that_is_not_rotated_can_come_again() {
    let mut forge = Forge::start().await;
    let provider = forge.provider();
    let token = Secret::new("stays");
    let options = RefreshOptions::default();
    for again in [json!(null), json!("stays")] {
        let body = json!({ "access_token": "a", "token_type": "Bearer", "refresh_token": again });
        forge.answer_json("/token", 200, &body).await;
        provider.refresh(&ctx(), &token, &options).await.unwrap();
    }
    forge.answer_json("/token", 400, &json!({ "error": "invalid_grant" })).await;
    let error = provider.refresh(&ctx(), &token, &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::GrantRefused, "ended, not reused");
}

#[tokio::test]
async fn a_device_is_told_to_wait_and_to_wait_longer() {
    let mut forge = Forge::start().await;
    let provider = forge.provider();
    let mut started = json!({
        "device_code": "hush", "user_code": "AB-CD", "verification_uri": "https://v.test", "expires_in": 600,
    });
    for (interval, seconds) in [(Value::Null, 5), (json!(7), 7), (json!(0), 1)] {
        started["interval"] = interval;
        forge.answer_json("/device", 200, &started).await;
        let device = provider.device_start(&ctx(), &DeviceStartOptions::default()).await.unwrap();
        assert_eq!(device.interval, Duration::from_secs(seconds));
    }
    for (code, slow) in [("authorization_pending", false), ("slow_down", true)] {
        forge.answer_json("/token", 400, &json!({ "error": code })).await;
        let code = Secret::new("hush");
        let poll = provider.device_poll(&ctx(), &code, &DevicePollOptions::default()).await.unwrap();
        assert!(matches!(poll, DevicePoll::Pending { slow_down } if slow_down == slow), "{poll:?}");
    }
    forge.answer_json("/token", 400, &json!({ "error": "expired_token" })).await;
    let options = DevicePollOptions::default();
    let error = provider.device_poll(&ctx(), &Secret::new("hush"), &options).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::GrantRefused);
}

#[tokio::test]
async fn an_answer_about_a_person_or_a_token_must_be_one() {
    let mut forge = Forge::start().await;
    let provider = forge.provider();
    let token = Secret::new("hush-access-token");
    let options = UserinfoOptions::default();
    let jwt = |forge: &Forge, more: Value| {
        let signed = forge.id_token(more);
        ResponseTemplate::new(200).set_body_raw(signed.expose().to_owned(), "application/jwt; charset=utf-8")
    };
    let good = jwt(&forge, json!({}));
    forge.answer("/me", good).await;
    assert_eq!(provider.userinfo(&ctx(), &token, &options).await.unwrap().sub, "ada");
    let strange_issuer = jwt(&forge, json!({ "iss": "https://elsewhere.example.test" }));
    let strange_client = jwt(&forge, json!({ "aud": ["elsewhere"] }));
    let unsigned = ResponseTemplate::new(200).set_body_raw("hush", "application/jwt");
    for (answer, kind) in [
        (strange_issuer, ErrorKind::Token(TokenFault::WrongIssuer)),
        (strange_client, ErrorKind::Token(TokenFault::WrongAudience)),
        (unsigned, ErrorKind::Token(TokenFault::Malformed)),
        (ResponseTemplate::new(200).set_body_json(json!({ "name": "hush" })), ErrorKind::Internal),
        (ResponseTemplate::new(200).set_body_json(json!({ "sub": 7 })), ErrorKind::Internal),
        (ResponseTemplate::new(200).set_body_string("hush"), ErrorKind::Internal),
        (ResponseTemplate::new(401), ErrorKind::Token(TokenFault::Inactive)),
        (ResponseTemplate::new(403), ErrorKind::PermissionDenied),
        (ResponseTemplate::new(500), ErrorKind::Unavailable),
    ] {
        forge.answer("/me", answer).await;
        let error = provider.userinfo(&ctx(), &token, &options).await.unwrap_err();
        assert_eq!(error.kind(), &kind);
        assert!(!shown(&error).contains("hush"), "{}", shown(&error));
    }
    for body in [
        json!({}),
        json!({ "active": "yes" }),
        json!({ "active": true, "sub": 7 }),
        json!({ "active": true, "aud": [7] }),
        json!({ "active": true, "exp": -1 }),
        json!([]),
    ] {
        forge.answer_json("/introspect", 200, &body).await;
        let error = provider.introspect(&ctx(), &token, &IntrospectOptions::default()).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Internal, "{body}");
    }
    forge.answer_json("/introspect", 200, &json!({ "active": false, "sub": "ada" })).await;
    let state = provider.introspect(&ctx(), &token, &IntrospectOptions::default()).await.unwrap();
    assert!(!state.active && state.sub.is_none(), "of an inactive token nothing else is said");

    forge.answer_json("/revoke", 400, &json!({ "error": "unsupported_token_type" })).await;
    let error = provider.revoke(&ctx(), &token, &RevokeOptions::default()).await.unwrap_err();
    assert_eq!(error.kind(), &ErrorKind::PermissionDenied);
}

#[tokio::test]
async fn what_is_not_claimed_or_not_published_is_unsupported() {
    let mut forge = Forge::start().await;
    let mut metadata = forge.metadata();
    let members = metadata.as_object_mut().unwrap();
    members.remove("userinfo_endpoint");
    members.remove("revocation_endpoint");
    forge.answer_json("/.well-known/openid-configuration", 200, &metadata).await;
    let token = Secret::new("hush");
    let bare = OidcProvider::new(forge.config().capabilities([])).unwrap();
    for provider in [forge.provider(), bare] {
        let error = provider.userinfo(&ctx(), &token, &UserinfoOptions::default()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
        let error = provider.revoke(&ctx(), &token, &RevokeOptions::default()).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Unsupported { .. }), "{error}");
    }
    assert_eq!(forge.requests("/me").await + forge.requests("/revoke").await, 0);
}

/// JSON of any shape, with the members an issuer's answers have.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    let name = "sub|active|aud|exp|scope|access_token|token_type|expires_in|id_token|device_code|user_code|\
        verification_uri|interval|error|[a-z]{0,6}";
    leaf.prop_recursive(2, 24, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..10).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn no_answer_makes_it_panic_or_counts_as_what_it_is_not(body in any_json(), status in prop::sample::select(vec![200_u16, 400, 401])) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut forge = Forge::start().await;
            let provider = forge.provider();
            for at in ["/token", "/device", "/me", "/introspect", "/revoke"] {
                forge.answer_json(at, status, &body).await;
            }
            let token = Secret::new("hush");
            let says = |name: &str| body.get(name).and_then(Value::as_str).is_some();
            let own = provider.client_credentials(&ctx(), &ClientCredentialsOptions::default()).await;
            prop_assert!(own.is_err() || status == 200 && says("access_token") && says("token_type"));
            let device = provider.device_start(&ctx(), &DeviceStartOptions::default()).await;
            prop_assert!(device.is_err() || status == 200 && says("device_code") && says("user_code"));
            let poll = provider.device_poll(&ctx(), &token, &DevicePollOptions::default()).await;
            prop_assert!(poll.is_err() || says("access_token") || says("error"));
            let person = provider.userinfo(&ctx(), &token, &UserinfoOptions::default()).await;
            prop_assert!(person.is_err() || status == 200 && says("sub"));
            let state = provider.introspect(&ctx(), &token, &IntrospectOptions::default()).await;
            prop_assert!(state.is_err() || status == 200 && body["active"].is_boolean());
            let revoked = provider.revoke(&ctx(), &token, &RevokeOptions::default()).await;
            prop_assert_eq!(revoked.is_ok(), status == 200);
            Ok(())
        })?;
    }
}
