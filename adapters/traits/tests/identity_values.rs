//! Claims, requirements and secrets: what every identity adapter judges with.

use std::time::{Duration, SystemTime};

use companyos_adapter_traits::identity::{
    AuthenticationRequirement, Claims, PendingAuthorization, TokenSet, VerifyOptions, amr, pkce,
};
use companyos_adapter_traits::{Error, ErrorKind, Outcome, RetryClass, Secret, TokenFault};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const ISSUER: &str = "https://issuer.test";
const NOW: Duration = Duration::from_secs(1_800_000_000);
const TOLERANCE: Duration = Duration::from_secs(30);

fn at(seconds: i64) -> SystemTime {
    let offset = Duration::from_secs(seconds.unsigned_abs());
    let now = SystemTime::UNIX_EPOCH + NOW;
    if seconds < 0 { now - offset } else { now + offset }
}

fn read(set: Value) -> Result<Claims, Error> {
    Claims::from_json(set.as_object().cloned().unwrap_or_default())
}

fn claims() -> Claims {
    Claims::new(ISSUER, "ada", ["client".to_owned()], at(300))
}

fn with(change: impl FnOnce(&mut Claims)) -> Claims {
    let mut claims = claims();
    change(&mut claims);
    claims
}

fn check(claims: &Claims, options: &VerifyOptions) -> Result<(), ErrorKind> {
    let judged = options.check(claims, ISSUER, "client", Some("client"), at(0), TOLERANCE);
    judged.map_err(|error| error.kind().clone())
}

fn fault(fault: TokenFault) -> Result<(), ErrorKind> {
    Err(ErrorKind::Token(fault))
}

#[test]
fn registered_claims_are_read_and_all_others_kept() -> Result<(), Error> {
    let claims = read(json!({
        "iss": ISSUER, "sub": "ada", "aud": "client", "exp": 1_800_000_300, "iat": 1_799_999_999.75,
        "acr": "gold", "amr": ["pwd", "otp"], "scope": "read  write", "email": "ada@example.test", "nbf": null,
    }))?;
    assert_eq!(claims.aud, ["client"]);
    assert_eq!((claims.exp, claims.iat, claims.nbf), (at(300), Some(at(-1)), None));
    assert_eq!(claims.scope, ["read", "write"]);
    assert_eq!(claims.amr, ["pwd", "otp"]);
    assert_eq!(Value::Object(claims.extra), json!({ "email": "ada@example.test" }));
    Ok(())
}

#[test]
fn a_claims_set_without_what_every_token_has_is_malformed() {
    let whole = json!({ "iss": ISSUER, "sub": "ada", "aud": ["client"], "exp": 1_800_000_300 });
    assert!(read(whole.clone()).is_ok());
    let bad = [
        ("iss", Value::Null),
        ("sub", json!("")),
        ("sub", json!(7)),
        ("aud", json!([])),
        ("aud", json!(["client", 7])),
        ("exp", Value::Null),
        ("exp", json!("1800000300")),
        ("exp", json!(-1)),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("iat", json!(true)),
        ("amr", json!({ "pwd": true })),
        ("nonce", json!(["a"])),
    ];
    for (name, value) in bad {
        let mut set = whole.clone();
        set[name] = value.clone();
        let refused = read(set).map(drop).map_err(|error| error.kind().clone());
        assert_eq!(refused, fault(TokenFault::Malformed), "{name}: {value}");
    }
}

proptest! {
    #[test]
    fn no_claims_set_is_too_strange_to_be_judged(
        names in proptest::collection::vec("iss|sub|aud|exp|iat|nbf|amr|scope|nonce|x", 0..8),
        numbers in proptest::collection::vec(any::<f64>(), 8),
    ) {
        let mut set = Map::new();
        for (name, number) in names.iter().zip(numbers) {
            let value = if number > 0.0 { json!(number) } else { json!([number.to_string()]) };
            set.insert(name.clone(), value);
        }
        if let Ok(claims) = Claims::from_json(set) {
            let _ = check(&claims, &VerifyOptions::id_token());
        }
    }
}

#[test]
fn a_token_is_good_until_it_expires_and_the_tolerance_is_over() {
    let options = VerifyOptions::id_token();
    for (exp, expected) in [
        (1, Ok(())),
        (0, Ok(())),
        (-29, Ok(())),
        (-30, fault(TokenFault::Expired)),
        (-1_000_000, fault(TokenFault::Expired)),
    ] {
        let claims = with(|claims| claims.exp = at(exp));
        assert_eq!(check(&claims, &options), expected, "expired at {exp}");
    }
    for (start, expected) in [(-10, Ok(())), (30, Ok(())), (31, fault(TokenFault::NotYetValid))] {
        for claims in
            [with(|claims| claims.nbf = Some(at(start))), with(|claims| claims.iat = Some(at(start)))]
        {
            assert_eq!(check(&claims, &options), expected, "begins at {start}");
        }
    }
}

#[test]
fn an_id_token_is_for_this_client_and_no_other() {
    let id = VerifyOptions::id_token();
    let of = |aud: &[&str], azp: Option<&str>| {
        with(|claims| {
            claims.aud = aud.iter().map(|one| (*one).to_owned()).collect();
            claims.azp = azp.map(str::to_owned);
        })
    };
    let wrong = || fault(TokenFault::WrongAudience);
    assert_eq!(check(&of(&["client"], None), &id), Ok(()));
    assert_eq!(check(&of(&["client", "api"], Some("client")), &id), Ok(()));
    assert_eq!(check(&of(&["client", "api"], None), &id), wrong());
    assert_eq!(check(&of(&["client"], Some("other")), &id), wrong());
    assert_eq!(check(&of(&["other"], Some("client")), &id), wrong());
    assert_eq!(check(&of(&["Client"], None), &id), wrong());
    // An access token is for the resource; whom it was issued to is not what is checked.
    let access = VerifyOptions::access_token().audience("api");
    assert_eq!(check(&of(&["api", "other"], Some("other")), &access), Ok(()));
}

#[test]
fn a_token_that_nothing_says_the_audience_of_is_not_judged() {
    let options = VerifyOptions::access_token();
    let judged = options.check(&claims(), ISSUER, "client", None, at(0), TOLERANCE);
    assert_eq!(judged.map_err(|error| error.kind().clone()), Err(ErrorKind::InvalidInput));
}

#[test]
fn an_issuer_is_compared_to_the_letter() {
    for iss in ["https://issuer.test/", "HTTPS://issuer.test", "https://issuer.test.evil.example"] {
        let claims = with(|claims| claims.iss = iss.to_owned());
        assert_eq!(check(&claims, &VerifyOptions::id_token()), fault(TokenFault::WrongIssuer), "{iss}");
    }
}

#[test]
fn a_nonce_that_is_expected_must_be_there() {
    let options = VerifyOptions::id_token().nonce(Secret::new("n-1"));
    assert_eq!(check(&claims(), &options), fault(TokenFault::WrongNonce));
    assert_eq!(check(&with(|claims| claims.nonce = Some("n-1".to_owned())), &options), Ok(()));
    assert_eq!(
        check(&with(|claims| claims.nonce = Some("n-10".to_owned())), &options),
        fault(TokenFault::WrongNonce)
    );
}

#[test]
fn two_methods_of_one_factor_are_one_factor() {
    for methods in [["pwd", "pin"], ["otp", "sms"], ["face", "fpt"], ["pwd", "mca"], ["geo", "rba"]] {
        assert!(!amr::is_multi_factor(&methods), "{methods:?}");
    }
    for methods in [["pwd", "otp"], ["hwk", "fpt"], ["pin", "sc"], ["kba", "mfa"], ["unheard-of", "mfa"]] {
        assert!(amr::is_multi_factor(&methods), "{methods:?}");
    }
    assert!(!amr::is_multi_factor::<&str>(&[]));
}

#[test]
fn more_than_one_factor_is_shown_by_methods_or_by_a_class_that_means_it() {
    let gold = ["urn:issuer:gold".to_owned()];
    let required = |acr: &[String]| {
        VerifyOptions::id_token().authentication(AuthenticationRequirement::multi_factor(acr.to_vec()))
    };
    let weak = || fault(TokenFault::InsufficientAuthentication);
    let by_class = with(|claims| claims.acr = Some("urn:issuer:gold".to_owned()));
    assert_eq!(check(&by_class, &required(&gold)), Ok(()));
    assert_eq!(check(&by_class, &required(&[])), weak());
    let by_methods = with(|claims| claims.amr = vec!["pwd".to_owned(), "otp".to_owned()]);
    assert_eq!(check(&by_methods, &required(&[])), Ok(()));
    assert_eq!(check(&claims(), &required(&gold)), weak());
}

#[test]
fn a_sign_in_must_be_recent_if_that_is_required() {
    let recent = AuthenticationRequirement::default().max_age(Duration::from_secs(60));
    let options = VerifyOptions::id_token().authentication(recent);
    let weak = || fault(TokenFault::InsufficientAuthentication);
    for (auth_time, expected) in
        [(Some(at(-90)), Ok(())), (Some(at(-91)), weak()), (Some(at(5)), Ok(())), (None, weak())]
    {
        assert_eq!(check(&with(|claims| claims.auth_time = auth_time), &options), expected, "{auth_time:?}");
    }
}

#[test]
fn a_secret_does_not_print_wherever_it_is_kept() {
    let secret = || Secret::new("s3cret");
    let mut tokens = TokenSet::bearer(secret());
    tokens.refresh_token = Some(secret());
    tokens.id_token = Some(secret());
    let pending = PendingAuthorization::new(secret(), secret(), secret(), "https://app.test");
    let options = VerifyOptions::id_token().nonce(secret()).issued_with(secret());
    let printed = format!("{:?} {tokens:?} {pending:?} {options:?}", secret());
    assert!(!printed.contains("s3cret"), "{printed}");
}

#[test]
fn a_secret_matches_only_itself() {
    let secret = Secret::new("s3cret");
    assert!(secret.matches("s3cret"));
    for other in ["", "s3cre", "s3cret ", "S3cret", "t3rc3s"] {
        assert!(!secret.matches(other), "{other:?}");
    }
    assert!(Secret::new("").matches(""));
}

#[test]
fn a_redirect_with_another_state_is_refused_before_anything_is_sent() {
    let part = || Secret::new("a-state-of-the-flow");
    let pending = PendingAuthorization::new(part(), part(), part(), "https://app.test");
    assert!(pending.check_state("a-state-of-the-flow").is_ok());
    let refused = pending.check_state("another").map_err(|error| (error.kind().clone(), error.outcome()));
    assert_eq!(refused, Err((ErrorKind::GrantRefused, Outcome::NotSent)));
}

#[test]
fn a_verifier_has_the_form_of_the_standard() {
    assert!(pkce::is_verifier(&Secret::new("a".repeat(43))));
    assert!(pkce::is_verifier(&Secret::new("-._~".repeat(32))));
    for bad in ["a".repeat(42), "a".repeat(129), format!("{}+", "a".repeat(43)), String::new()] {
        assert!(!pkce::is_verifier(&Secret::new(&bad)), "{bad}");
    }
}

#[test]
fn the_hash_of_an_access_token_is_that_of_the_standard() {
    // The access token and its hash as in OpenID Connect Core 1.0, appendix A.4.
    let token = Secret::new("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y");
    assert_eq!(pkce::at_hash_sha256(&token), "77QmUPtjPfzWtF2AnpK9RQ");
}

#[test]
fn only_an_outage_of_the_keys_can_be_waited_for() {
    let outage = Error::new(ErrorKind::KeysUnavailable, "");
    assert_eq!((outage.outcome(), outage.retry()), (Outcome::NotSent, RetryClass::Temporary));
    for kind in [ErrorKind::Token(TokenFault::Expired), ErrorKind::GrantRefused, ErrorKind::RefreshReused] {
        assert_eq!(Error::new(kind, "").retry(), RetryClass::Permanent);
    }
}
