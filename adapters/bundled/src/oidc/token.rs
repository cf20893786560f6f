//! The token endpoint: every grant, and what comes of it.

use std::time::Duration;

use companyos_adapter_traits::identity::{
    AuthenticationRequirement, ClientCredentialsOptions, ExchangeOptions, PendingAuthorization,
    RefreshOptions, TokenSet, VerifyOptions, operations,
};
use companyos_adapter_traits::{Context, Error, ErrorKind, Outcome, RetryClass, Secret, TokenFault};
use http::{Response, StatusCode};
use serde::Deserialize;
use url::Url;

use bytes::Bytes;

use super::OidcProvider;
use super::error::{clock_difference, refused, unreadable};
use super::form::Form;

/// A success of the token endpoint (RFC 6749 section 5.1). Null members count as absent.
#[derive(Deserialize)]
pub(super) struct Granted {
    access_token: String,
    token_type: String,
    expires_in: Option<Seconds>,
    refresh_token: Option<String>,
    id_token: Option<String>,
    scope: Option<String>,
}

/// Seconds as a number, or as the text some issuers send.
#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Seconds {
    Number(u64),
    Fraction(f64),
    Text(String),
}

impl Seconds {
    /// `None` for what is no length of time: then the issuer has not said.
    pub(super) fn duration(&self) -> Option<Duration> {
        match self {
            Self::Number(seconds) => Some(Duration::from_secs(*seconds)),
            Self::Fraction(seconds) => Duration::try_from_secs_f64(*seconds).ok(),
            Self::Text(text) => text.parse().ok().map(Duration::from_secs),
        }
    }
}

impl OidcProvider {
    pub(super) async fn exchange_code(
        &self,
        ctx: &Context,
        code: &Secret,
        pending: &PendingAuthorization,
        options: &ExchangeOptions,
    ) -> Result<TokenSet, Error> {
        let form = Form::new()
            .with("grant_type", "authorization_code")
            .with("code", code.expose())
            .with("redirect_uri", &pending.redirect_uri)
            .with("code_verifier", pending.verifier.expose())
            .with_some("resource", self.shared.config.sent_resource());
        let granted = self.grant(ctx, form, operations::EXCHANGE, "exchanging the code").await?;
        let mut required = options.authentication.clone();
        required.max_age = required.max_age.into_iter().chain(pending.max_age).min();
        let expected = VerifyOptions::id_token().nonce(pending.nonce.clone()).authentication(required);
        let tokens = self.verified(ctx, granted, expected).await?;
        if tokens.claims.is_none() {
            // `openid` was asked for, so it is owed (OpenID Connect Core section 3.1.3.3).
            return Err(used_up(Error::token(TokenFault::Malformed, "the issuer sent no ID token")));
        }
        Ok(tokens)
    }

    pub(super) async fn refresh_tokens(
        &self,
        ctx: &Context,
        refresh_token: &Secret,
        options: &RefreshOptions,
    ) -> Result<TokenSet, Error> {
        let form = Form::new()
            .with("grant_type", "refresh_token")
            .with("refresh_token", refresh_token.expose())
            .with_words("scope", &options.scopes)
            .with_some("resource", self.shared.config.sent_resource());
        let spent = &self.shared.spent;
        // A token that was traded before is sent all the same: seeing it, the issuer ends its family.
        let granted = self.grant(ctx, form, operations::REFRESH, "refreshing the tokens").await;
        let granted = granted.map_err(|error| match error.kind() {
            ErrorKind::GrantRefused if spent.contains(refresh_token) => {
                let message = "the refresh token was traded for another before";
                Error::new(ErrorKind::RefreshReused, message).with_source(error)
            }
            _ => error,
        })?;
        if granted.refresh_token.as_deref().is_some_and(|new| !refresh_token.matches(new)) {
            spent.insert(refresh_token);
        }
        let mut expected = VerifyOptions::id_token();
        expected.subject.clone_from(&options.subject);
        self.verified(ctx, granted, expected).await
    }

    pub(super) async fn own_token(
        &self,
        ctx: &Context,
        options: &ClientCredentialsOptions,
    ) -> Result<TokenSet, Error> {
        let resource = options.resource.as_deref().or(self.shared.config.sent_resource());
        let form = Form::new()
            .with("grant_type", "client_credentials")
            .with_words("scope", &options.scopes)
            .with_some("resource", resource);
        let doing = "obtaining a token for the client";
        let granted = self.grant(ctx, form, operations::CLIENT_CREDENTIALS, doing).await?;
        self.verified(ctx, granted, VerifyOptions::id_token()).await
    }

    async fn grant(
        &self,
        ctx: &Context,
        form: Form,
        operation: &'static str,
        doing: &str,
    ) -> Result<Granted, Error> {
        let answer = self.ask_for_tokens(ctx, form, operation).await?;
        if answer.status() == StatusCode::OK { read(&answer) } else { Err(self.refused(doing, &answer)) }
    }

    /// Sends a grant and returns whatever comes.
    pub(super) async fn ask_for_tokens(
        &self,
        ctx: &Context,
        form: Form,
        operation: &'static str,
    ) -> Result<Response<Bytes>, Error> {
        let metadata = self.shared.issuer.metadata(ctx).await?;
        self.post(ctx, metadata.token.as_ref(), form, operation).await
    }

    /// Sends a form with the client's credentials.
    pub(super) async fn post(
        &self,
        ctx: &Context,
        endpoint: Option<&Url>,
        mut form: Form,
        operation: &'static str,
    ) -> Result<Response<Bytes>, Error> {
        let endpoint = self.offered(endpoint, operation)?;
        let config = &self.shared.config;
        let audience = config.assertion_audience.as_deref().unwrap_or(&config.issuer);
        config.authentication.apply(&config.client_id, audience, config.clock.wall(), &mut form)?;
        self.shared.issuer.http.send(ctx, form.post(endpoint)?).await
    }

    /// Reads a refusal. When the issuer does not accept the client's assertion and its clock is far from ours, that
    /// is why: an assertion is good for a minute of the issuer's time.
    pub(super) fn refused(&self, doing: &str, answer: &Response<Bytes>) -> Error {
        let config = &self.shared.config;
        let error = refused(&self.shared.issuer.http, doing, answer);
        if !matches!(error.kind(), ErrorKind::Unauthenticated) || !config.authentication.tells_the_time() {
            return error;
        }
        match clock_difference(answer, config.clock.wall()) {
            Some(apart) if apart > config.tolerance => {
                let message =
                    format!("{doing} failed: the issuer's clock and ours are {} s apart", apart.as_secs());
                Error::new(ErrorKind::ClockSkew, message).with_source(error)
            }
            _ => error,
        }
    }

    /// Verifies the ID token of an answer, if there is one, and hands the tokens out.
    pub(super) async fn verified(
        &self,
        ctx: &Context,
        granted: Granted,
        mut expected: VerifyOptions,
    ) -> Result<TokenSet, Error> {
        if !granted.token_type.eq_ignore_ascii_case("bearer") {
            // RFC 6749 section 7.1: a type that is not understood must not be used.
            let message = "the issuer sent a token that is not a bearer token";
            return Err(Error::new(ErrorKind::Internal, message).with_outcome(Outcome::MaybeSent));
        }
        let mut tokens = TokenSet::bearer(Secret::new(granted.access_token));
        tokens.expires_in = granted.expires_in.as_ref().and_then(Seconds::duration);
        tokens.refresh_token = granted.refresh_token.map(Secret::new);
        tokens.scope =
            granted.scope.iter().flat_map(|scope| scope.split_whitespace()).map(str::to_owned).collect();
        match granted.id_token.map(Secret::new) {
            Some(id_token) => {
                expected = expected.issued_with(tokens.access_token.clone());
                let claims = self.verify(ctx, &id_token, &expected).await.map_err(used_up)?;
                tokens.claims = Some(claims);
                tokens.id_token = Some(id_token);
            }
            None if expected.authentication != AuthenticationRequirement::default() => {
                let why = "the issuer sent no ID token to show how the person signed in";
                return Err(used_up(Error::token(TokenFault::InsufficientAuthentication, why)));
            }
            None => {}
        }
        Ok(tokens)
    }
}

/// The issuer has traded the grant, and what it gave for it is not handed out. Sending the grant again would be taken
/// for a theft.
fn used_up(error: Error) -> Error {
    error.with_outcome(Outcome::MaybeSent).with_retry(RetryClass::Permanent)
}

pub(super) fn read(answer: &Response<Bytes>) -> Result<Granted, Error> {
    serde_json::from_slice(answer.body()).map_err(|_| unreadable("the issuer's answer to a grant"))
}
