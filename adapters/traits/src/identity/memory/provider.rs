//! The trait, on top of the flows.

use async_trait::async_trait;

use super::MemoryIdentity;
use crate::identity::{
    AuthorizationOptions, AuthorizationRequest, Claims, ClientCredentialsOptions, DeviceAuthorization,
    DevicePoll, DevicePollOptions, DeviceStartOptions, DiscoverOptions, EndSessionOptions, ExchangeOptions,
    IdentityProvider, IntrospectOptions, Introspection, IssuerMetadata, PendingAuthorization, RefreshOptions,
    RevokeOptions, TokenKind, TokenSet, UserInfo, UserinfoOptions, VerifyOptions, operations,
};
use crate::{Capability, Context, Descriptor, Error, Secret, TokenFault};

#[async_trait]
impl IdentityProvider for MemoryIdentity {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn issuer(&self) -> &str {
        &self.config.issuer
    }

    fn client_id(&self) -> &str {
        &self.config.client_id
    }

    async fn discover(&self, ctx: &Context, _: &DiscoverOptions) -> Result<IssuerMetadata, Error> {
        ctx.check_deadline(self.clock.now())?;
        let issuer = &self.config.issuer;
        let at = |path: &str| Some(format!("{issuer}/{path}"));
        let offers = |capability, path| self.descriptor.has(capability).then(|| format!("{issuer}/{path}"));
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        let mut metadata = IssuerMetadata::new(issuer);
        metadata.authorization_endpoint = at("authorize");
        metadata.token_endpoint = at("token");
        metadata.jwks_uri = at("keys");
        metadata.userinfo_endpoint = offers(Capability::Userinfo, "userinfo");
        metadata.introspection_endpoint = offers(Capability::Introspect, "introspect");
        metadata.revocation_endpoint = offers(Capability::Revoke, "revoke");
        metadata.end_session_endpoint = offers(Capability::EndSession, "logout");
        metadata.device_authorization_endpoint = offers(Capability::DeviceFlow, "device");
        metadata.scopes = words(&["openid", "offline_access"]);
        metadata.grant_types = words(&["authorization_code", "refresh_token"]);
        metadata.id_token_algorithms = words(&["memory"]);
        metadata.code_challenge_methods = words(&["S256"]);
        Ok(metadata)
    }

    async fn verify_token(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &VerifyOptions,
    ) -> Result<Claims, Error> {
        ctx.check_deadline(self.clock.now())?;
        if options.kind == TokenKind::Access {
            self.require(Capability::VerifyAccessToken, operations::VERIFY_ACCESS_TOKEN)?;
        }
        self.verify(token, options)
    }

    async fn authorization_url(
        &self,
        ctx: &Context,
        options: &AuthorizationOptions,
    ) -> Result<AuthorizationRequest, Error> {
        ctx.check_deadline(self.clock.now())?;
        Ok(self.prepare(options))
    }

    async fn exchange(
        &self,
        ctx: &Context,
        code: &Secret,
        pending: &PendingAuthorization,
        options: &ExchangeOptions,
    ) -> Result<TokenSet, Error> {
        ctx.check_deadline(self.clock.now())?;
        self.trade_code(code, pending, options)
    }

    async fn refresh(
        &self,
        ctx: &Context,
        refresh_token: &Secret,
        options: &RefreshOptions,
    ) -> Result<TokenSet, Error> {
        ctx.check_deadline(self.clock.now())?;
        self.trade_refresh(refresh_token, options)
    }

    async fn userinfo(
        &self,
        ctx: &Context,
        access_token: &Secret,
        options: &UserinfoOptions,
    ) -> Result<UserInfo, Error> {
        ctx.check_deadline(self.clock.now())?;
        self.require(Capability::Userinfo, operations::USERINFO)?;
        let state = self.lock();
        let claims = state.active(access_token, self.clock.wall());
        let user = claims.and_then(|claims| state.users.get(&claims.sub));
        let user = user.ok_or_else(|| {
            Error::token(TokenFault::Inactive, "the issuer does not accept the access token")
                .with_provider_code("invalid_token")
        })?;
        if options.subject.as_ref().is_some_and(|subject| *subject != user.sub) {
            let why = "the access token was issued for another subject";
            return Err(Error::token(TokenFault::WrongSubject, why));
        }
        Ok(UserInfo::new(&user.sub, user.claims.clone()))
    }

    async fn introspect(
        &self,
        ctx: &Context,
        token: &Secret,
        _: &IntrospectOptions,
    ) -> Result<Introspection, Error> {
        ctx.check_deadline(self.clock.now())?;
        self.require(Capability::Introspect, operations::INTROSPECT)?;
        let (now, state) = (self.clock.wall(), self.lock());
        let mut answer = Introspection::active();
        if let Some(claims) = state.active(token, now) {
            answer.sub = Some(claims.sub.clone());
            answer.client_id.clone_from(&claims.client_id);
            answer.scope.clone_from(&claims.scope);
            answer.aud.clone_from(&claims.aud);
            answer.exp = Some(claims.exp);
            answer.token_type = Some("Bearer".to_owned());
            return Ok(answer);
        }
        let refresh = state.refreshes.get(token.expose()).filter(|refresh| {
            !refresh.used && now < refresh.expires && !state.has_ended(refresh.grant.family)
        });
        let Some(refresh) = refresh else { return Ok(Introspection::inactive()) };
        answer.sub = Some(refresh.grant.sub.clone());
        answer.client_id = Some(self.config.client_id.clone());
        answer.scope.clone_from(&refresh.grant.scopes);
        answer.exp = Some(refresh.expires);
        Ok(answer)
    }

    async fn revoke(&self, ctx: &Context, token: &Secret, _: &RevokeOptions) -> Result<(), Error> {
        ctx.check_deadline(self.clock.now())?;
        self.require(Capability::Revoke, operations::REVOKE)?;
        self.lock().revoke(token);
        Ok(())
    }

    async fn end_session_url(&self, ctx: &Context, options: &EndSessionOptions) -> Result<Secret, Error> {
        ctx.check_deadline(self.clock.now())?;
        self.require(Capability::EndSession, operations::END_SESSION_URL)?;
        Ok(self.logout_url(options))
    }

    async fn client_credentials(
        &self,
        ctx: &Context,
        options: &ClientCredentialsOptions,
    ) -> Result<TokenSet, Error> {
        ctx.check_deadline(self.clock.now())?;
        self.require(Capability::ClientCredentials, operations::CLIENT_CREDENTIALS)?;
        Ok(self.own_token(options))
    }

    async fn device_start(
        &self,
        ctx: &Context,
        options: &DeviceStartOptions,
    ) -> Result<DeviceAuthorization, Error> {
        ctx.check_deadline(self.clock.now())?;
        self.require(Capability::DeviceFlow, operations::DEVICE_START)?;
        Ok(self.start(options))
    }

    async fn device_poll(
        &self,
        ctx: &Context,
        device_code: &Secret,
        options: &DevicePollOptions,
    ) -> Result<DevicePoll, Error> {
        ctx.check_deadline(self.clock.now())?;
        self.require(Capability::DeviceFlow, operations::DEVICE_POLL)?;
        self.poll(device_code, options)
    }
}
