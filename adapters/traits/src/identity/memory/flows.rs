//! From a sign-in to tokens, and from tokens to newer ones.

use std::time::SystemTime;

use super::state::{Grant, State};
use super::{MemoryIdentity, REFRESH_LIFETIME, TOKEN_LIFETIME};
use crate::identity::{
    AuthorizationOptions, AuthorizationRequest, Claims, ClientCredentialsOptions, EndSessionOptions,
    ExchangeOptions, PendingAuthorization, RefreshOptions, TokenKind, TokenSet, VerifyOptions, pkce, url,
};
use crate::{Capability, Error, ErrorKind, Outcome, RetryClass, Secret, TokenFault};

pub(super) fn with_openid(scopes: &[String]) -> Vec<String> {
    let mut all = vec!["openid".to_owned()];
    all.extend(scopes.iter().filter(|scope| *scope != "openid").cloned());
    all
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::GrantRefused, why).with_provider_code("invalid_grant")
}

impl MemoryIdentity {
    pub(super) fn prepare(&self, options: &AuthorizationOptions) -> AuthorizationRequest {
        let config = &self.config;
        let mut state = self.lock();
        let (nonce, verifier) = (state.draw(config), Secret::new(state.draw(config)));
        let state = state.draw(config);
        let redirect_uri = options.redirect_uri.as_deref().unwrap_or(&config.redirect_uri);
        let (scope, challenge) = (with_openid(&options.scopes).join(" "), pkce::challenge(&verifier));
        let (prompt, acr) = (options.prompt.join(" "), options.acr.join(" "));
        let max_age = options.max_age.map(|age| age.as_secs().to_string()).unwrap_or_default();
        let mut parameters = vec![
            ("response_type", "code"),
            ("client_id", &config.client_id),
            ("redirect_uri", redirect_uri),
            ("scope", &scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("prompt", &prompt),
            ("login_hint", options.login_hint.as_deref().unwrap_or_default()),
            ("acr_values", &acr),
            ("max_age", &max_age),
        ];
        parameters.retain(|(_, value)| !value.is_empty());
        let url = url::with_query(&format!("{}/authorize", config.issuer), &parameters);
        let mut pending =
            PendingAuthorization::new(Secret::new(&state), Secret::new(&nonce), verifier, redirect_uri);
        pending.max_age = options.max_age;
        AuthorizationRequest::new(url, pending)
    }

    pub(super) fn trade_code(
        &self,
        code: &Secret,
        pending: &PendingAuthorization,
        options: &ExchangeOptions,
    ) -> Result<TokenSet, Error> {
        let now = self.clock.wall();
        let mut state = self.lock();
        let issued = state.codes.get_mut(code.expose()).ok_or_else(|| refused("the code is not known"))?;
        let grant = issued.grant.clone();
        // A code that is tried is used up, so that a thief has no second guess at the verifier.
        if std::mem::replace(&mut issued.used, true) {
            state.end(grant.family);
            return Err(refused("the code was used before"));
        }
        if now >= issued.expires {
            return Err(refused("the code has expired"));
        }
        if issued.redirect_uri != pending.redirect_uri {
            return Err(refused("the redirect URI is not the one of the request"));
        }
        if !pkce::is_verifier(&pending.verifier) || issued.challenge != pkce::challenge(&pending.verifier) {
            return Err(refused("the verifier is not the one of the request"));
        }
        let tokens = self.grant(&mut state, &grant, now);
        drop(state);
        self.verified(tokens, |expected| {
            let mut expected = expected.nonce(pending.nonce.clone());
            expected.authentication = options.authentication.clone();
            let ages = [options.authentication.max_age, pending.max_age];
            expected.authentication.max_age = ages.into_iter().flatten().min();
            expected
        })
    }

    pub(super) fn trade_refresh(&self, token: &Secret, options: &RefreshOptions) -> Result<TokenSet, Error> {
        let now = self.clock.wall();
        let mut state = self.lock();
        let rotates = self.descriptor.has(Capability::RefreshRotation);
        let refresh =
            state.refreshes.get_mut(token.expose()).ok_or_else(|| refused("the token is not known"))?;
        let mut grant = refresh.grant.clone();
        if refresh.used {
            state.end(grant.family);
            let why = "the refresh token was used before; what came of it has been ended";
            return Err(Error::new(ErrorKind::RefreshReused, why).with_provider_code("invalid_grant"));
        }
        if now >= refresh.expires {
            return Err(refused("the refresh token has expired"));
        }
        if let Some(other) = options.scopes.iter().find(|scope| !grant.scopes.contains(scope)) {
            let error = Error::new(ErrorKind::PermissionDenied, format!("the scope {other} was not granted"));
            return Err(error.with_provider_code("invalid_scope"));
        }
        refresh.used = rotates;
        if state.has_ended(grant.family) {
            return Err(refused("the refresh token has been revoked"));
        }
        // The nonce belongs to the flow that is over (OpenID Connect Core, section 12.2).
        grant.nonce = None;
        let scopes = if options.scopes.is_empty() { &grant.scopes } else { &options.scopes };
        let mut tokens = state.issue(&self.config, &grant, scopes, now);
        if rotates {
            tokens.refresh_token = Some(state.refreshable(&self.config, &grant, now, REFRESH_LIFETIME));
        }
        drop(state);
        self.verified(tokens, |expected| match &options.subject {
            Some(subject) => expected.subject(subject),
            None => expected,
        })
    }

    pub(super) fn grant(&self, state: &mut State, grant: &Grant, now: SystemTime) -> TokenSet {
        let mut tokens = state.issue(&self.config, grant, &grant.scopes, now);
        if grant.scopes.iter().any(|scope| scope == "offline_access") {
            tokens.refresh_token = Some(state.refreshable(&self.config, grant, now, REFRESH_LIFETIME));
        }
        tokens
    }

    /// Verifies the ID token among new tokens, as a client does.
    pub(super) fn verified(
        &self,
        mut tokens: TokenSet,
        expect: impl FnOnce(VerifyOptions) -> VerifyOptions,
    ) -> Result<TokenSet, Error> {
        if let Some(id_token) = &tokens.id_token {
            let expected = expect(VerifyOptions::id_token().issued_with(tokens.access_token.clone()));
            let claims = self.verify(id_token, &expected);
            // What was traded is used up, so this is no answer and must not be repeated.
            let refused =
                |error: Error| error.with_outcome(Outcome::MaybeSent).with_retry(RetryClass::Permanent);
            tokens.claims = Some(claims.map_err(refused)?);
        }
        Ok(tokens)
    }

    pub(super) fn verify(&self, token: &Secret, options: &VerifyOptions) -> Result<Claims, Error> {
        let (config, state) = (&self.config, self.lock());
        if state.keys_down {
            return Err(Error::new(ErrorKind::KeysUnavailable, "the issuer's keys cannot be fetched"));
        }
        let claims = state.read(token, options.kind)?;
        let audience = match options.kind {
            TokenKind::Id => &config.client_id,
            TokenKind::Access => &config.audience,
        };
        let (now, audience) = (self.clock.wall(), Some(audience.as_str()));
        options.check(claims, &config.issuer, &config.client_id, audience, now, config.tolerance)?;
        if let (Some(access_token), Some(hash)) = (&options.access_token, &claims.at_hash) {
            if *hash != pkce::at_hash_sha256(access_token) {
                let why = "the ID token came with another access token";
                return Err(Error::token(TokenFault::WrongAccessToken, why));
            }
        }
        Ok(claims.clone())
    }

    /// An access token for the client itself.
    pub(super) fn own_token(&self, options: &ClientCredentialsOptions) -> TokenSet {
        let (config, now) = (&self.config, self.clock.wall());
        let audience = options.resource.as_ref().unwrap_or(&config.audience);
        let mut claims =
            Claims::new(&config.issuer, &config.client_id, [audience.clone()], now + TOKEN_LIFETIME);
        claims.iat = Some(now);
        claims.client_id = Some(config.client_id.clone());
        claims.scope.clone_from(&options.scopes);
        let token = self.lock().sign(config, TokenKind::Access, claims, None);
        let mut tokens = TokenSet::bearer(token);
        tokens.expires_in = Some(TOKEN_LIFETIME);
        tokens.scope.clone_from(&options.scopes);
        tokens
    }

    pub(super) fn logout_url(&self, options: &EndSessionOptions) -> Secret {
        let text = |secret: &Option<Secret>| secret.as_ref().map(|secret| secret.expose().to_owned());
        let parameters = [
            ("client_id", Some(self.config.client_id.clone())),
            ("id_token_hint", text(&options.id_token_hint)),
            ("post_logout_redirect_uri", options.post_logout_redirect_uri.clone()),
            ("state", text(&options.state)),
        ];
        let present: Vec<_> =
            parameters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        Secret::new(url::with_query(&format!("{}/logout", self.config.issuer), &present))
    }
}
