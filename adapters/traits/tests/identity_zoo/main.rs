//! Providers that are wrong in one way each. The suite must catch every one, and for its own reason only: a check that
//! fails for somebody else's fault would send an adapter author looking in the wrong place.

mod faulty;
#[path = "../identity_driver/mod.rs"]
mod identity_driver;
mod provider;

use companyos_adapter_traits::Context;
use companyos_adapter_traits::conformance::identity;
use faulty::Faulty;
use identity_driver::Hands;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    MetadataAreOfAnother,
    SecretsAreReused,
    UrlShowsTheVerifier,
    CodesAreGoodTwice,
    VerifierIsIgnored,
    RedirectUriIsIgnored,
    NonceIsIgnored,
    AudienceIsIgnored,
    OtherClientIsAccepted,
    AuthorizedPartyIsIgnored,
    SubjectIsIgnored,
    AccessTokenHashIsIgnored,
    SpentCodesLookUnsent,
    AuthenticationIsIgnored,
    ScopesAreIgnored,
    ExpiryIsIgnored,
    NotBeforeIsIgnored,
    IssuerIsIgnored,
    SignatureIsNotChecked,
    UnsignedIsAccepted,
    AccessTokenPassesAsIdToken,
    UnknownKeyIsABadSignature,
    OutageIsABadSignature,
    RefreshDoesNotRotate,
    ReuseIsForgiven,
    RefreshIgnoresTheSubject,
    UserinfoIsClaimedAndMissing,
    UserinfoIgnoresTheSubject,
    IntrospectionSaysYes,
    RevocationDoesNothing,
    RevocationIsOfferedUnclaimed,
    LogoutForgetsTheState,
    RefusedDeviceStaysPending,
    ClientCredentialsAreClaimedAndMissing,
    DeadlineIsIgnored,
    ErrorsQuoteTheCode,
    DescriptorIsOutOfOrder,
    ExchangeForgetsTheNonce,
    UnknownCodeIsAnOutage,
    ClaimsChange,
    NoTokenIsAnOutage,
    IdTokenPassesAsAccessToken,
    SymmetricSignatureIsTried,
    RefreshBringsTheOldToken,
    UnknownRefreshTokenIsAnOutage,
    DeviceConfirmsItself,
    UnknownDeviceCodeWaits,
}
use Fault::*;

/// Each fault, and the checks that must fail for it.
const ZOO: [(Fault, &[&str]); 47] = [
    (MetadataAreOfAnother, &["the_metadata_are_of_the_issuer"]),
    (SecretsAreReused, &["every_flow_has_secrets_of_its_own"]),
    (UrlShowsTheVerifier, &["the_url_asks_for_a_code_with_pkce"]),
    (CodesAreGoodTwice, &["a_code_is_good_once"]),
    (VerifierIsIgnored, &["a_code_without_its_verifier_is_refused"]),
    (RedirectUriIsIgnored, &["a_code_for_another_redirect_uri_is_refused"]),
    (
        NonceIsIgnored,
        &["an_id_token_of_another_flow_is_refused", "an_id_token_with_another_nonce_is_refused"],
    ),
    (
        AudienceIsIgnored,
        &["an_id_token_for_another_audience_is_refused", "an_access_token_for_another_audience_is_refused"],
    ),
    (OtherClientIsAccepted, &["a_token_for_another_client_is_refused"]),
    (AuthorizedPartyIsIgnored, &["a_token_with_another_authorized_party_is_refused"]),
    (SubjectIsIgnored, &["an_id_token_about_another_subject_is_refused"]),
    (AccessTokenHashIsIgnored, &["an_id_token_of_another_access_token_is_refused"]),
    (
        AuthenticationIsIgnored,
        &["a_sign_in_that_is_too_weak_brings_no_tokens", "the_way_of_signing_in_can_be_required"],
    ),
    (
        SpentCodesLookUnsent,
        &[
            "an_id_token_of_another_flow_is_refused",
            "a_sign_in_that_is_too_weak_brings_no_tokens",
            "an_exchange_without_keys_brings_no_tokens",
        ],
    ),
    (ScopesAreIgnored, &["a_scope_can_be_required"]),
    (ExpiryIsIgnored, &["an_expired_token_is_refused"]),
    (NotBeforeIsIgnored, &["a_token_from_the_future_is_refused"]),
    (IssuerIsIgnored, &["a_token_of_another_issuer_is_refused"]),
    (SignatureIsNotChecked, &["a_tampered_token_is_refused"]),
    (UnsignedIsAccepted, &["an_unsigned_token_is_refused"]),
    (AccessTokenPassesAsIdToken, &["an_access_token_is_no_id_token"]),
    (UnknownKeyIsABadSignature, &["a_token_with_an_unknown_key_is_refused"]),
    (OutageIsABadSignature, &["without_keys_nothing_is_accepted"]),
    (
        RefreshDoesNotRotate,
        &["a_refresh_token_is_good_once_or_stays_good", "a_refresh_token_used_twice_ends_its_family"],
    ),
    (ReuseIsForgiven, &["a_refresh_token_used_twice_ends_its_family"]),
    (RefreshIgnoresTheSubject, &["a_refresh_for_another_subject_is_refused"]),
    (UserinfoIsClaimedAndMissing, &["userinfo_tells_who_or_is_unsupported"]),
    (UserinfoIgnoresTheSubject, &["userinfo_tells_who_or_is_unsupported"]),
    (
        IntrospectionSaysYes,
        &[
            "introspection_knows_good_from_bad_or_is_unsupported",
            "a_revoked_token_is_over_or_revocation_is_unsupported",
        ],
    ),
    (RevocationDoesNothing, &["a_revoked_token_is_over_or_revocation_is_unsupported"]),
    (RevocationIsOfferedUnclaimed, &["a_revoked_token_is_over_or_revocation_is_unsupported"]),
    (LogoutForgetsTheState, &["logout_has_a_url_or_is_unsupported"]),
    (RefusedDeviceStaysPending, &["a_refused_device_flow_brings_no_tokens"]),
    (ClientCredentialsAreClaimedAndMissing, &["a_client_has_a_token_of_its_own_or_that_is_unsupported"]),
    (DeadlineIsIgnored, &["a_passed_deadline_is_refused"]),
    (ErrorsQuoteTheCode, &["no_error_shows_a_secret"]),
    (DescriptorIsOutOfOrder, &["the_descriptor_is_in_order"]),
    (ExchangeForgetsTheNonce, &["a_code_becomes_tokens"]),
    (UnknownCodeIsAnOutage, &["an_unknown_code_is_refused"]),
    (ClaimsChange, &["an_id_token_says_who_signed_in"]),
    (NoTokenIsAnOutage, &["what_is_no_token_is_refused"]),
    (IdTokenPassesAsAccessToken, &["an_access_token_is_verified_or_unsupported"]),
    (SymmetricSignatureIsTried, &["a_token_with_a_symmetric_signature_is_refused"]),
    (RefreshBringsTheOldToken, &["a_refresh_token_brings_new_tokens"]),
    (UnknownRefreshTokenIsAnOutage, &["an_unknown_refresh_token_is_refused"]),
    (DeviceConfirmsItself, &["a_device_flow_waits_to_be_confirmed_or_is_unsupported"]),
    (UnknownDeviceCodeWaits, &["an_unknown_device_code_is_refused"]),
];

#[tokio::test]
async fn every_animal_is_caught_for_its_own_reason() {
    for (fault, expected) in ZOO {
        let faulty = Faulty::new(fault);
        let hands = Hands(faulty.inner.clone());
        let ctx = Context::builder("suite", "local").build();
        let report = identity::run(&faulty, &hands, ctx).await;
        let failures: Vec<_> = report.failures().collect();
        assert_eq!(failures, expected, "{fault:?}\n{report}");
    }
}

#[test]
fn every_check_catches_some_animal() {
    let caught = |name: &&str| ZOO.iter().any(|(_, checks)| checks.contains(name));
    let idle: Vec<_> = identity::names().filter(|name| !caught(name)).collect();
    // The provider in memory cannot issue a token without an expiry, so no animal of its kind can accept one.
    assert_eq!(idle, ["a_token_without_expiry_is_refused"]);
}
