//! An identity provider, governed.
//!
//! The resource of every operation is the issuer. Receipts state who, for which client, for whom and how; never a
//! token, a code, a verifier or a user code, nor a hint at who is expected to sign in.

use async_trait::async_trait;

use super::{Call, Facts, Governed};
use crate::identity::{
    AuthenticationRequirement, AuthorizationOptions, AuthorizationRequest, Claims, ClientCredentialsOptions,
    DeviceAuthorization, DevicePoll, DevicePollOptions, DeviceStartOptions, DiscoverOptions,
    EndSessionOptions, ExchangeOptions, IdentityProvider, IntrospectOptions, Introspection, IssuerMetadata,
    PendingAuthorization, RefreshOptions, RevokeOptions, TokenSet, UserInfo, UserinfoOptions, VerifyOptions,
    operations,
};
use crate::{Context, Descriptor, Error, Secret};

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl<A: IdentityProvider> IdentityProvider for Governed<A> {
    fn descriptor(&self) -> &Descriptor {
        self.adapter.descriptor()
    }

    fn issuer(&self) -> &str {
        self.adapter.issuer()
    }

    fn client_id(&self) -> &str {
        self.adapter.client_id()
    }

    async fn discover(&self, ctx: &Context, options: &DiscoverOptions) -> Result<IssuerMetadata, Error> {
        let effect = || self.adapter.discover(ctx, options);
        self.run(ctx, self.ask(operations::DISCOVER, []), effect, |_| Facts::new()).await
    }

    async fn verify_token(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &VerifyOptions,
    ) -> Result<Claims, Error> {
        let mut asked = vec![("token", Some(options.kind.as_str().to_owned()))];
        asked.push(("audience", options.audience.clone()));
        asked.push(("required_scope", words(&options.scopes)));
        asked.extend(required(&options.authentication));
        let effect = || self.adapter.verify_token(ctx, token, options);
        self.run(ctx, self.ask(operations::VERIFY_TOKEN, asked), effect, who).await
    }

    async fn authorization_url(
        &self,
        ctx: &Context,
        options: &AuthorizationOptions,
    ) -> Result<AuthorizationRequest, Error> {
        let asked = [("redirect_uri", options.redirect_uri.clone()), ("scope", words(&options.scopes))];
        let effect = || self.adapter.authorization_url(ctx, options);
        let found =
            |request: &AuthorizationRequest| vec![("redirect_uri", request.pending.redirect_uri.clone())];
        self.run(ctx, self.ask(operations::AUTHORIZATION_URL, asked), effect, found).await
    }

    async fn exchange(
        &self,
        ctx: &Context,
        code: &Secret,
        pending: &PendingAuthorization,
        options: &ExchangeOptions,
    ) -> Result<TokenSet, Error> {
        let mut asked = vec![("redirect_uri", Some(pending.redirect_uri.clone()))];
        asked.extend(required(&options.authentication));
        let effect = || self.adapter.exchange(ctx, code, pending, options);
        self.run(ctx, self.ask(operations::EXCHANGE, asked), effect, granted).await
    }

    async fn refresh(
        &self,
        ctx: &Context,
        refresh_token: &Secret,
        options: &RefreshOptions,
    ) -> Result<TokenSet, Error> {
        let asked = [("sub", options.subject.clone()), ("scope", words(&options.scopes))];
        let effect = || self.adapter.refresh(ctx, refresh_token, options);
        self.run(ctx, self.ask(operations::REFRESH, asked), effect, granted).await
    }

    async fn userinfo(
        &self,
        ctx: &Context,
        access_token: &Secret,
        options: &UserinfoOptions,
    ) -> Result<UserInfo, Error> {
        let asked = [("sub", options.subject.clone())];
        let effect = || self.adapter.userinfo(ctx, access_token, options);
        let found = |info: &UserInfo| vec![("sub", info.sub.clone())];
        self.run(ctx, self.ask(operations::USERINFO, asked), effect, found).await
    }

    async fn introspect(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &IntrospectOptions,
    ) -> Result<Introspection, Error> {
        let effect = || self.adapter.introspect(ctx, token, options);
        let found = |answer: &Introspection| {
            present([
                ("active", Some(answer.active.to_string())),
                ("sub", answer.sub.clone()),
                ("token_client_id", answer.client_id.clone()),
                ("scope", words(&answer.scope)),
            ])
        };
        self.run(ctx, self.ask(operations::INTROSPECT, []), effect, found).await
    }

    async fn revoke(&self, ctx: &Context, token: &Secret, options: &RevokeOptions) -> Result<(), Error> {
        let effect = || self.adapter.revoke(ctx, token, options);
        self.run(ctx, self.ask(operations::REVOKE, []), effect, |()| Facts::new()).await
    }

    async fn end_session_url(&self, ctx: &Context, options: &EndSessionOptions) -> Result<Secret, Error> {
        let asked = [("post_logout_redirect_uri", options.post_logout_redirect_uri.clone())];
        let effect = || self.adapter.end_session_url(ctx, options);
        self.run(ctx, self.ask(operations::END_SESSION_URL, asked), effect, |_| Facts::new()).await
    }

    async fn client_credentials(
        &self,
        ctx: &Context,
        options: &ClientCredentialsOptions,
    ) -> Result<TokenSet, Error> {
        let asked = [("scope", words(&options.scopes)), ("audience", options.resource.clone())];
        let effect = || self.adapter.client_credentials(ctx, options);
        self.run(ctx, self.ask(operations::CLIENT_CREDENTIALS, asked), effect, granted).await
    }

    async fn device_start(
        &self,
        ctx: &Context,
        options: &DeviceStartOptions,
    ) -> Result<DeviceAuthorization, Error> {
        let asked = [("scope", words(&options.scopes))];
        let effect = || self.adapter.device_start(ctx, options);
        self.run(ctx, self.ask(operations::DEVICE_START, asked), effect, |_| Facts::new()).await
    }

    async fn device_poll(
        &self,
        ctx: &Context,
        device_code: &Secret,
        options: &DevicePollOptions,
    ) -> Result<DevicePoll, Error> {
        let effect = || self.adapter.device_poll(ctx, device_code, options);
        let found = |poll: &DevicePoll| match poll {
            DevicePoll::Pending { .. } => vec![("state", "pending".to_owned())],
            DevicePoll::Done(tokens) => {
                let mut facts = vec![("state", "done".to_owned())];
                facts.extend(granted(tokens));
                facts
            }
        };
        let asked = required(&options.authentication);
        self.run(ctx, self.ask(operations::DEVICE_POLL, asked), effect, found).await
    }
}

/// A fact that may not be known.
type Maybe = (&'static str, Option<String>);

impl<A: IdentityProvider> Governed<A> {
    fn ask(&self, action: &'static str, asked: impl IntoIterator<Item = Maybe>) -> Call<'_> {
        let mut facts = vec![("client_id", self.adapter.client_id().to_owned())];
        facts.extend(present(asked));
        Call { descriptor: self.adapter.descriptor(), action, resource: self.adapter.issuer(), facts }
    }
}

fn present(facts: impl IntoIterator<Item = Maybe>) -> Facts {
    facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

fn words(items: &[String]) -> Option<String> {
    (!items.is_empty()).then(|| items.join(" "))
}

fn required(authentication: &AuthenticationRequirement) -> [Maybe; 4] {
    [
        ("required_acr", words(&authentication.acr)),
        ("required_amr", words(&authentication.amr)),
        ("required_multi_factor", authentication.multi_factor.then(|| "true".to_owned())),
        ("required_max_age_seconds", authentication.max_age.map(|age| age.as_secs().to_string())),
    ]
}

fn who(claims: &Claims) -> Facts {
    present([
        ("sub", Some(claims.sub.clone())),
        ("aud", words(&claims.aud)),
        ("acr", claims.acr.clone()),
        ("amr", words(&claims.amr)),
        ("sid", claims.sid.clone()),
        ("jti", claims.jti.clone()),
        ("token_client_id", claims.azp.clone().or_else(|| claims.client_id.clone())),
        ("scope", words(&claims.scope)),
    ])
}

fn granted(tokens: &TokenSet) -> Facts {
    let mut facts = tokens.claims.as_ref().map(who).unwrap_or_default();
    facts.extend(present([
        ("scope", words(&tokens.scope)),
        ("refreshable", Some(tokens.refresh_token.is_some().to_string())),
    ]));
    facts
}
