//! Tokens that must not be accepted, and how close to the edge one may come.

use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use companyos_adapters::oidc::{OidcProvider, SignatureAlgorithm};
use companyos_adapters::traits::identity::{IdentityProvider, VerifyOptions};
use companyos_adapters::traits::{ErrorKind, Secret, TokenFault};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::forge::{Forge, verify};
use crate::support::keys::KeyPair;
use crate::support::{API, ctx};

async fn fault(provider: &OidcProvider, token: &Secret) -> TokenFault {
    match verify(provider, token).await.unwrap_err().kind() {
        ErrorKind::Token(fault) => *fault,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_an_id_token_must_say_is_checked() {
    let forge = Forge::start().await;
    let provider = forge.provider();
    for good in [
        json!({}),
        json!({ "aud": ["web"] }),
        json!({ "azp": "web" }),
        json!({ "at_hash": "not looked at without an access token" }),
    ] {
        verify(&provider, &forge.id_token(good.clone()))
            .await
            .unwrap_or_else(|error| panic!("{good}: {error}"));
    }
    for (bad, expected) in [
        (json!({ "iss": "https://elsewhere.example.test" }), TokenFault::WrongIssuer),
        (json!({ "iss": format!("{}/", forge.issuer()) }), TokenFault::WrongIssuer),
        (json!({ "aud": "elsewhere" }), TokenFault::WrongAudience),
        (json!({ "aud": ["web", "elsewhere"], "azp": "web" }), TokenFault::WrongAudience),
        (json!({ "azp": "elsewhere" }), TokenFault::WrongAudience),
        (json!({ "iss": null }), TokenFault::Malformed),
        (json!({ "sub": null }), TokenFault::Malformed),
        (json!({ "sub": 7 }), TokenFault::Malformed),
        (json!({ "aud": null }), TokenFault::Malformed),
        (json!({ "exp": null }), TokenFault::Malformed),
        (json!({ "exp": "soon" }), TokenFault::Malformed),
        (json!({ "iat": null }), TokenFault::Malformed),
    ] {
        assert_eq!(fault(&provider, &forge.id_token(bad.clone())).await, expected, "{bad}");
    }
    let config = forge.config().trusted_audiences(["elsewhere".to_owned()]);
    let trusting = OidcProvider::new(config).unwrap();
    verify(&trusting, &forge.id_token(json!({ "aud": ["web", "elsewhere"], "azp": "web" }))).await.unwrap();
    let token = forge.id_token(json!({ "aud": ["web", "elsewhere"] }));
    assert_eq!(fault(&trusting, &token).await, TokenFault::WrongAudience, "several audiences need an azp");
}

#[tokio::test]
async fn clocks_may_be_apart_by_the_tolerance_and_no_more() {
    let forge = Forge::start().await;
    for tolerance in [0, 60, 300] {
        let provider =
            OidcProvider::new(forge.config().clock_tolerance(Duration::from_secs(tolerance))).unwrap();
        let tolerance = i64::try_from(tolerance).unwrap();
        let at = |from_now: i64| json!(forge.time(from_now));
        for (good, bad, expected) in [
            (json!({ "exp": at(1 - tolerance) }), json!({ "exp": at(-tolerance) }), TokenFault::Expired),
            (json!({ "iat": at(tolerance) }), json!({ "iat": at(tolerance + 1) }), TokenFault::NotYetValid),
            (json!({ "nbf": at(tolerance) }), json!({ "nbf": at(tolerance + 1) }), TokenFault::NotYetValid),
        ] {
            verify(&provider, &forge.id_token(good.clone()))
                .await
                .unwrap_or_else(|error| panic!("{good}: {error}"));
            assert_eq!(fault(&provider, &forge.id_token(bad.clone())).await, expected, "{bad}");
        }
    }
}

#[tokio::test]
async fn an_id_token_belongs_to_its_access_token() {
    let hashes = [
        (SignatureAlgorithm::Rs256, &digest::SHA256),
        (SignatureAlgorithm::Es256, &digest::SHA256),
        (SignatureAlgorithm::Es384, &digest::SHA384),
        (SignatureAlgorithm::EdDsa, &digest::SHA512),
    ];
    for (algorithm, hash) in hashes {
        let forge = Forge::signing(algorithm).await;
        let provider = forge.provider();
        let digest = digest::digest(hash, b"the access token");
        let half = &digest.as_ref()[..digest.as_ref().len() / 2];
        let token = forge.id_token(json!({ "at_hash": URL_SAFE_NO_PAD.encode(half) }));
        let with = |access_token: &str| VerifyOptions::id_token().issued_with(Secret::new(access_token));
        provider.verify_token(&ctx(), &token, &with("the access token")).await.unwrap();
        let error = provider.verify_token(&ctx(), &token, &with("another")).await.unwrap_err();
        assert_eq!(error.kind(), &ErrorKind::Token(TokenFault::WrongAccessToken), "{algorithm:?}");
    }
}

#[tokio::test]
async fn a_token_without_a_good_signature_is_refused_however_it_dresses() {
    let forge = Forge::signing(SignatureAlgorithm::Rs256).await;
    let provider = forge.provider();
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let claims = forge.claims(json!({}));
    let jwk = forge.key.jwk();

    // No signature, however it is spelt.
    for alg in ["none", "None", "NONE"] {
        let signed = format!("{}.{}", encode(&json!({ "alg": alg })), encode(&claims));
        for token in [format!("{signed}."), format!("{signed}.AAAA")] {
            assert_eq!(fault(&provider, &Secret::new(token)).await, TokenFault::AlgorithmRefused);
        }
    }
    // The issuer's public key as a shared secret, in every form in which somebody might take it for one.
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    for secret in [jwk.to_string().into_bytes(), modulus, jwk["n"].as_str().unwrap().into(), Vec::new()] {
        let header = json!({ "alg": "HS256", "kid": forge.key.kid, "typ": "JWT" });
        let signed = format!("{}.{}", encode(&header), encode(&claims));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), signed.as_bytes());
        let token = Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)));
        assert_eq!(fault(&provider, &token).await, TokenFault::AlgorithmRefused);
    }
    // A stranger's key: under the issuer's key id, and brought along in the header.
    let stranger = KeyPair::generate(SignatureAlgorithm::Rs256, &forge.key.kid);
    assert_eq!(fault(&provider, &Secret::new(stranger.sign(&claims))).await, TokenFault::BadSignature);
    let header =
        json!({ "alg": "RS256", "kid": forge.key.kid, "jwk": stranger.jwk(), "jku": "https://x.test" });
    let token = Secret::new(stranger.sign_with(&header, &claims));
    assert_eq!(fault(&provider, &token).await, TokenFault::BadSignature);
    // A key is for the algorithm it states, and for no other.
    for alg in ["RS512", "PS256", "ES256", "EdDSA"] {
        let token = Secret::new(forge.key.sign_with(&json!({ "alg": alg, "kid": forge.key.kid }), &claims));
        assert_eq!(fault(&provider, &token).await, TokenFault::UnknownKey, "{alg}");
    }
    // Without a key id, every key that fits is tried.
    let token = Secret::new(forge.key.sign_with(&json!({ "alg": "RS256" }), &claims));
    verify(&provider, &token).await.unwrap();
    let token = Secret::new(stranger.sign_with(&json!({ "alg": "RS256" }), &claims));
    assert_eq!(fault(&provider, &token).await, TokenFault::BadSignature);
}

#[tokio::test]
async fn a_key_that_is_weak_or_not_public_or_for_something_else_verifies_nothing() {
    let mut forge = Forge::signing(SignatureAlgorithm::Rs256).await;
    let good = forge.key.jwk();
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let short: String = good["n"].as_str().unwrap().chars().take(340).collect();
    for (key, why) in [
        (with("use", json!("enc")), "for encryption"),
        (with("alg", json!("RS384")), "for another algorithm"),
        (with("alg", json!("RSA-OAEP")), "for encryption by its algorithm"),
        (with("kty", json!("oct")), "symmetric"),
        (with("d", json!("AQAB")), "private"),
        (with("n", json!(short)), "below 2048 bits"),
        (with("n", json!(7)), "not a key"),
        (json!("text"), "not an object"),
    ] {
        let other = KeyPair::generate(SignatureAlgorithm::Es256, "other");
        forge.publish(&[key, other.jwk()]).await;
        let provider = forge.provider();
        assert_eq!(fault(&provider, &forge.id_token(json!({}))).await, TokenFault::UnknownKey, "{why}");
        // What cannot be used does not get in the way of what can.
        verify(&provider, &Secret::new(other.sign(&forge.claims(json!({}))))).await.unwrap();
    }
}

#[tokio::test]
async fn a_token_says_what_it_is_for() {
    let forge = Forge::start().await;
    let of_type = |kind: Value, aud: &str| {
        let mut header = json!({ "alg": "ES256", "kid": forge.key.kid });
        if !kind.is_null() {
            header["typ"] = kind;
        }
        Secret::new(forge.key.sign_with(&header, &forge.claims(json!({ "aud": aud }))))
    };
    let strict = forge.provider();
    let lenient = OidcProvider::new(forge.config().accept_untyped_access_tokens()).unwrap();
    let access = VerifyOptions::access_token();
    for (kind, id, typed, untyped) in [
        (json!("at+jwt"), false, true, true),
        (json!("application/AT+JWT"), false, true, true),
        (json!("JWT"), true, false, true),
        (Value::Null, true, false, true),
        (json!("logout+jwt"), false, false, false),
        (json!("dpop+jwt"), false, false, false),
    ] {
        assert_eq!(verify(&strict, &of_type(kind.clone(), "web")).await.is_ok(), id, "{kind}");
        let token = of_type(kind.clone(), API);
        assert_eq!(strict.verify_token(&ctx(), &token, &access).await.is_ok(), typed, "{kind}");
        assert_eq!(lenient.verify_token(&ctx(), &token, &access).await.is_ok(), untyped, "{kind}");
        // An ID token does not open the API, because it is for the client.
        let token = of_type(kind.clone(), "web");
        assert!(lenient.verify_token(&ctx(), &token, &access).await.is_err(), "{kind}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_token_that_is_changed_anywhere_is_refused(at: prop::sample::Index, to in "[A-Za-z0-9_.-]|.") {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let forge = Forge::start().await;
            let provider = forge.provider();
            let good = forge.id_token(json!({}));
            let mut letters: Vec<String> = good.expose().chars().map(String::from).collect();
            let at = at.index(letters.len());
            prop_assume!(letters[at] != to);
            letters[at] = to;
            let changed = Secret::new(letters.concat());
            prop_assert!(verify(&provider, &good).await.is_ok());
            let error = verify(&provider, &changed).await.map(drop).unwrap_err();
            prop_assert!(matches!(error.kind(), ErrorKind::Token(_)), "{}", error);
            Ok(())
        })?;
    }
}
