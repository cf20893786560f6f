//! The suite for [`IdentityProvider`].

mod access;
mod device;
mod driver;
mod flawed;
mod flow;
mod optional;
mod refresh;
mod refusals;
mod tokens;

pub use driver::{Driver, Flaw};

use super::{CheckResult, Report, Stop, Verdict, Watcher, checks, ensure};
use crate::identity::{
    AuthorizationRequest, AuthorizationResponse, ExchangeOptions, IdentityProviderExt, TokenSet,
};
use crate::{
    Capability, Context, Error, ErrorKind, IdentityProvider, Outcome, RetryClass, Secret, TokenFault,
};

/// What the suite needs to know beyond the adapter and its driver.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// For whom, where and until when every call is made. Its deadline applies to the whole run.
    pub ctx: Context,
}

impl Default for Settings {
    /// The tenant `conformance` in the region `local`, with no deadline.
    fn default() -> Self {
        Self { ctx: Context::builder("conformance", "local").build() }
    }
}

impl Settings {
    /// Makes every call for `ctx`.
    #[must_use]
    pub fn ctx(mut self, ctx: Context) -> Self {
        self.ctx = ctx;
        self
    }
}

/// Runs every check against `provider`, where `driver` signs in.
pub async fn run(provider: &dyn IdentityProvider, driver: &dyn Driver, ctx: Context) -> Report {
    run_watched(provider, driver, &Settings::default().ctx(ctx), &()).await
}

/// Runs every check against `provider`, where `driver` signs in, and tells `watcher` of each.
pub async fn run_watched(
    provider: &dyn IdentityProvider,
    driver: &dyn Driver,
    settings: &Settings,
    watcher: &dyn Watcher,
) -> Report {
    let mut report = Report::new("identity", provider.descriptor());
    let subject = Subject { provider, driver, ctx: settings.ctx.clone() };
    for check in CHECKS {
        let result = CheckResult::of(check.name, (check.run)(&subject)).await;
        watcher.checked(&result, report.results.len() + 1, CHECKS.len());
        report.results.push(result);
    }
    report
}

/// The names of the checks, in the order in which they are made.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// Makes one check, by its name. A name that there is not is a failure.
pub async fn check<A: IdentityProvider, D: Driver>(
    (provider, driver): &(A, D),
    settings: &Settings,
    name: &'static str,
) -> CheckResult {
    let subject = Subject { provider, driver, ctx: settings.ctx.clone() };
    match CHECKS.iter().find(|check| check.name == name) {
        Some(check) => CheckResult::of(check.name, (check.run)(&subject)).await,
        None => CheckResult {
            name,
            verdict: Verdict::Failed("there is no such check".to_owned()),
            elapsed: std::time::Duration::ZERO,
        },
    }
}

/// The provider under test, seen by one check.
struct Subject<'s> {
    provider: &'s dyn IdentityProvider,
    driver: &'s dyn Driver,
    ctx: Context,
}

checks! { $
    /// Makes a `#[tokio::test]` of every check of the suite for identity providers.
    ///
    /// The argument is a function (or a closure) without arguments that returns a future of a pair: a provider and its
    /// [`Driver`](crate::conformance::identity::Driver). It is called once per test. A second argument is the
    /// [`Settings`](crate::conformance::identity::Settings). The crate that uses it needs `tokio` with the features
    /// `macros` and `rt`. A skipped check passes, and says on standard error that it was skipped and why.
    identity as identity_conformance;
    refusals::the_descriptor_is_in_order,
    flow::the_metadata_are_of_the_issuer,
    flow::every_flow_has_secrets_of_its_own,
    flow::the_url_asks_for_a_code_with_pkce,
    flow::a_code_becomes_tokens,
    flow::a_code_is_good_once,
    flow::a_code_without_its_verifier_is_refused,
    flow::a_code_for_another_redirect_uri_is_refused,
    flow::an_unknown_code_is_refused,
    flow::an_id_token_of_another_flow_is_refused,
    flow::a_sign_in_that_is_too_weak_brings_no_tokens,
    flow::an_exchange_without_keys_brings_no_tokens,
    tokens::an_id_token_says_who_signed_in,
    tokens::an_id_token_for_another_audience_is_refused,
    tokens::an_id_token_about_another_subject_is_refused,
    tokens::an_id_token_with_another_nonce_is_refused,
    tokens::an_id_token_of_another_access_token_is_refused,
    tokens::the_way_of_signing_in_can_be_required,
    tokens::a_tampered_token_is_refused,
    tokens::an_unsigned_token_is_refused,
    tokens::what_is_no_token_is_refused,
    tokens::an_access_token_is_no_id_token,
    access::an_access_token_is_verified_or_unsupported,
    access::an_access_token_for_another_audience_is_refused,
    access::a_scope_can_be_required,
    flawed::an_expired_token_is_refused,
    flawed::a_token_from_the_future_is_refused,
    flawed::a_token_of_another_issuer_is_refused,
    flawed::a_token_for_another_client_is_refused,
    flawed::a_token_with_another_authorized_party_is_refused,
    flawed::a_token_with_an_unknown_key_is_refused,
    flawed::a_token_with_a_symmetric_signature_is_refused,
    flawed::a_token_without_expiry_is_refused,
    flawed::without_keys_nothing_is_accepted,
    refresh::a_refresh_token_brings_new_tokens,
    refresh::an_unknown_refresh_token_is_refused,
    refresh::a_refresh_token_is_good_once_or_stays_good,
    refresh::a_refresh_token_used_twice_ends_its_family,
    refresh::a_refresh_for_another_subject_is_refused,
    optional::userinfo_tells_who_or_is_unsupported,
    optional::introspection_knows_good_from_bad_or_is_unsupported,
    optional::a_revoked_token_is_over_or_revocation_is_unsupported,
    optional::logout_has_a_url_or_is_unsupported,
    optional::a_client_has_a_token_of_its_own_or_that_is_unsupported,
    device::a_device_flow_waits_to_be_confirmed_or_is_unsupported,
    device::a_refused_device_flow_brings_no_tokens,
    device::an_unknown_device_code_is_refused,
    refusals::a_passed_deadline_is_refused,
    refusals::no_error_shows_a_secret,
}

impl Subject<'_> {
    fn claims(&self, capability: Capability) -> bool {
        self.provider.descriptor().has(capability)
    }

    fn skip_unless(&self, capability: Capability) -> Result<(), Stop> {
        if self.claims(capability) { Ok(()) } else { Err(skipped(format!("{capability} is not claimed"))) }
    }

    /// A flow up to the redirect.
    async fn begin(&self) -> Result<(AuthorizationRequest, AuthorizationResponse), Stop> {
        let options = self.driver.authorization_options();
        let request = self.provider.authorization_url(&self.ctx, &options).await?;
        let response = self.driver.sign_in(&request).await?;
        Ok((request, response))
    }

    /// A whole flow.
    async fn sign_in(&self) -> Result<(AuthorizationRequest, TokenSet), Stop> {
        let (request, response) = self.begin().await?;
        let options = ExchangeOptions::default();
        let tokens = self.provider.complete(&self.ctx, &request.pending, &response, &options).await?;
        Ok((request, tokens))
    }
}

fn skipped(why: impl Into<String>) -> Stop {
    Stop::Skipped(why.into())
}

fn id_token(tokens: &TokenSet) -> Result<&Secret, Stop> {
    tokens.id_token.as_ref().ok_or_else(|| Stop::Failed("no ID token came of a sign-in".to_owned()))
}

fn refresh_token(tokens: &TokenSet) -> Result<&Secret, Stop> {
    tokens.refresh_token.as_ref().ok_or_else(|| skipped("no refresh token came of the sign-in"))
}

/// The error of a call that must fail with a certain kind.
fn expect_kind<T>(result: Result<T, Error>, what: &str, expected: &ErrorKind) -> Result<Error, Stop> {
    expect_one_of(result, what, std::slice::from_ref(expected))
}

fn expect_one_of<T>(result: Result<T, Error>, what: &str, expected: &[ErrorKind]) -> Result<Error, Stop> {
    let names: Vec<_> = expected.iter().map(ErrorKind::as_str).collect();
    let names = names.join(" or ");
    match result {
        Ok(_) => Err(Stop::Failed(format!("{what} succeeded, expected {names}"))),
        Err(error) => {
            ensure!(expected.contains(error.kind()), "{what} failed with \"{error}\", expected {names}");
            Ok(error)
        }
    }
}

/// A grant that was traded, and whose ID token was then refused: whether the provider did its part is no question, so
/// the error may neither say that nothing happened nor ask for a repetition.
fn expect_spent<T>(result: Result<T, Error>, what: &str, expected: TokenFault) -> Result<(), Stop> {
    let error = expect_kind(result, what, &ErrorKind::Token(expected))?;
    let (outcome, retry) = (error.outcome(), error.retry());
    ensure!(outcome == Outcome::MaybeSent, "{what} used up the grant, and failed as {outcome:?}");
    ensure!(retry == RetryClass::Permanent, "{what} used up the grant, and failed as {retry:?}");
    Ok(())
}

fn expect_fault<T>(result: Result<T, Error>, what: &str, expected: TokenFault) -> Result<(), Stop> {
    expect_kind(result, what, &ErrorKind::Token(expected)).map(drop)
}

/// What is not claimed must be refused under its name, before anything is done.
fn expect_unsupported<T>(
    subject: &Subject<'_>,
    result: Result<T, Error>,
    operation: &'static str,
) -> Result<(), Stop> {
    let adapter = subject.provider.descriptor().name.clone();
    let what = format!("{operation}, which is not claimed,");
    let error = expect_kind(result, &what, &ErrorKind::Unsupported { operation, adapter })?;
    ensure!(error.outcome() == Outcome::NotSent, "{what} has the outcome {:?}", error.outcome());
    Ok(())
}
