//! The trait, with the fault where it belongs.

use async_trait::async_trait;
use companyos_adapter_traits::identity::{
    AuthenticationRequirement, AuthorizationOptions, AuthorizationRequest, Claims, ClientCredentialsOptions,
    DeviceAuthorization, DevicePoll, DevicePollOptions, DeviceStartOptions, DiscoverOptions,
    EndSessionOptions, ExchangeOptions, IntrospectOptions, Introspection, IssuerMetadata,
    PendingAuthorization, RefreshOptions, RevokeOptions, TokenSet, UserInfo, UserinfoOptions, VerifyOptions,
    operations,
};
use companyos_adapter_traits::{Context, Descriptor, Error, ErrorKind, IdentityProvider, Secret};

use crate::Fault::*;
use crate::faulty::Faulty;
use crate::identity_driver::{ADA, OTHER_ISSUER};

#[async_trait]
impl IdentityProvider for Faulty {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn issuer(&self) -> &str {
        self.inner.issuer()
    }

    fn client_id(&self) -> &str {
        self.inner.client_id()
    }

    async fn discover(&self, ctx: &Context, options: &DiscoverOptions) -> Result<IssuerMetadata, Error> {
        let mut metadata = self.inner.discover(&self.ctx(ctx), options).await?;
        if self.is(MetadataAreOfAnother) {
            metadata.issuer = OTHER_ISSUER.to_owned();
        }
        Ok(metadata)
    }

    async fn verify_token(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &VerifyOptions,
    ) -> Result<Claims, Error> {
        let mut options = options.clone();
        match self.fault {
            NonceIsIgnored => options.nonce = None,
            AudienceIsIgnored => options.audience = None,
            SubjectIsIgnored => options.subject = None,
            AccessTokenHashIsIgnored => options.access_token = None,
            AuthenticationIsIgnored => options.authentication = AuthenticationRequirement::default(),
            ScopesAreIgnored => options.scopes.clear(),
            _ => {}
        }
        let (ctx, original) = (self.ctx(ctx), self.original(token));
        match self.inner.verify_token(&ctx, original.as_ref().unwrap_or(token), &options).await {
            Ok(mut claims) => {
                self.seen().verified += 1;
                if self.is(ClaimsChange) {
                    claims.extra.insert("verified".to_owned(), self.seen().verified.into());
                }
                Ok(claims)
            }
            Err(error) => self.excuse(&ctx, token, &options, error).await,
        }
    }

    async fn authorization_url(
        &self,
        ctx: &Context,
        options: &AuthorizationOptions,
    ) -> Result<AuthorizationRequest, Error> {
        let mut request = self.inner.authorization_url(&self.ctx(ctx), options).await?;
        let (mut seen, pending) = (self.seen(), request.pending.clone());
        seen.pending.insert(pending.state.expose().to_owned(), pending.clone());
        match self.fault {
            SecretsAreReused => {
                let first = seen.requests.entry(format!("{options:?}")).or_insert(request);
                request = first.clone();
            }
            UrlShowsTheVerifier => {
                let url = format!("{}&code_verifier={}", request.url.expose(), pending.verifier.expose());
                request = AuthorizationRequest::new(url, pending);
            }
            _ => {}
        }
        Ok(request)
    }

    async fn exchange(
        &self,
        ctx: &Context,
        code: &Secret,
        pending: &PendingAuthorization,
        options: &ExchangeOptions,
    ) -> Result<TokenSet, Error> {
        let (mut pending, mut options) = (pending.clone(), options.clone());
        let begun = self.seen().pending.get(pending.state.expose()).cloned();
        match (self.fault, begun) {
            (VerifierIsIgnored, Some(begun)) => pending.verifier = begun.verifier,
            (RedirectUriIsIgnored, Some(begun)) => pending.redirect_uri = begun.redirect_uri,
            (NonceIsIgnored, Some(begun)) => pending.nonce = begun.nonce,
            (AuthenticationIsIgnored, _) => options = ExchangeOptions::default(),
            (CodesAreGoodTwice, _) => {
                if let Some(tokens) = self.seen().traded.get(code.expose()) {
                    return Ok(tokens.clone());
                }
            }
            _ => {}
        }
        let mut result = self.inner.exchange(&self.ctx(ctx), code, &pending, &options).await;
        if let Ok(tokens) = &mut result {
            if let (ExchangeForgetsTheNonce, Some(claims)) = (self.fault, &mut tokens.claims) {
                claims.nonce = None;
            }
            self.keep(tokens);
            self.seen().traded.insert(code.expose().to_owned(), tokens.clone());
        }
        result.map_err(|error| match self.fault {
            ErrorsQuoteTheCode if *error.kind() == ErrorKind::GrantRefused => {
                Error::new(ErrorKind::GrantRefused, format!("the code {} is not accepted", code.expose()))
            }
            SpentCodesLookUnsent if !matches!(error.kind(), ErrorKind::DeadlineExceeded) => {
                Error::new(error.kind().clone(), error.message())
            }
            UnknownCodeIsAnOutage if code.matches("no-such-code") => {
                Error::new(ErrorKind::Unavailable, "the code is not accepted")
            }
            _ => error,
        })
    }

    async fn refresh(
        &self,
        ctx: &Context,
        refresh_token: &Secret,
        options: &RefreshOptions,
    ) -> Result<TokenSet, Error> {
        let (ctx, mut options) = (self.ctx(ctx), options.clone());
        match self.fault {
            RefreshIgnoresTheSubject => options.subject = None,
            RefreshDoesNotRotate => {
                let fixed = self.inner.clone().with_capabilities([]);
                let mut tokens = fixed.refresh(&ctx, refresh_token, &options).await?;
                tokens.refresh_token = Some(Secret::new(refresh_token.expose()));
                return Ok(tokens);
            }
            ReuseIsForgiven => {
                if self.seen().used.iter().any(|used| refresh_token.matches(used)) {
                    return Err(Error::new(ErrorKind::GrantRefused, "not again"));
                }
                self.seen().used.push(refresh_token.expose().to_owned());
            }
            _ => {}
        }
        let old = self.seen().issued.get(refresh_token.expose()).cloned();
        let result = self.inner.refresh(&ctx, refresh_token, &options).await;
        match (self.fault, result, old) {
            (RefreshBringsTheOldToken, Ok(mut tokens), Some(old)) => {
                tokens.access_token = old;
                Ok(tokens)
            }
            (UnknownRefreshTokenIsAnOutage, Err(_), _) if refresh_token.matches("no-such-refresh-token") => {
                Err(Error::new(ErrorKind::Unavailable, "the token is not accepted"))
            }
            (_, result, _) => result,
        }
    }

    async fn userinfo(
        &self,
        ctx: &Context,
        access_token: &Secret,
        options: &UserinfoOptions,
    ) -> Result<UserInfo, Error> {
        let mut options = options.clone();
        match self.fault {
            UserinfoIsClaimedAndMissing if ctx.deadline.is_none() => {
                return Err(Error::unsupported(operations::USERINFO, "faulty"));
            }
            UserinfoIgnoresTheSubject => options.subject = None,
            _ => {}
        }
        self.inner.userinfo(&self.ctx(ctx), access_token, &options).await
    }

    async fn introspect(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &IntrospectOptions,
    ) -> Result<Introspection, Error> {
        let mut answer = self.inner.introspect(&self.ctx(ctx), token, options).await?;
        answer.active |= self.is(IntrospectionSaysYes);
        Ok(answer)
    }

    async fn revoke(&self, ctx: &Context, token: &Secret, options: &RevokeOptions) -> Result<(), Error> {
        if self.is(RevocationDoesNothing) {
            return ctx.check_deadline(std::time::Instant::now());
        }
        self.inner.revoke(&self.ctx(ctx), token, options).await
    }

    async fn end_session_url(&self, ctx: &Context, options: &EndSessionOptions) -> Result<Secret, Error> {
        let mut options = options.clone();
        if self.is(LogoutForgetsTheState) {
            options.state = None;
        }
        self.inner.end_session_url(&self.ctx(ctx), &options).await
    }

    async fn client_credentials(
        &self,
        ctx: &Context,
        options: &ClientCredentialsOptions,
    ) -> Result<TokenSet, Error> {
        let tokens = self.inner.client_credentials(&self.ctx(ctx), options).await?;
        if self.is(ClientCredentialsAreClaimedAndMissing) {
            return Err(Error::unsupported(operations::CLIENT_CREDENTIALS, "faulty"));
        }
        Ok(tokens)
    }

    async fn device_start(
        &self,
        ctx: &Context,
        options: &DeviceStartOptions,
    ) -> Result<DeviceAuthorization, Error> {
        let flow = self.inner.device_start(&self.ctx(ctx), options).await?;
        self.seen().user_codes.insert(flow.device_code.expose().to_owned(), flow.user_code.clone());
        Ok(flow)
    }

    async fn device_poll(
        &self,
        ctx: &Context,
        device_code: &Secret,
        options: &DevicePollOptions,
    ) -> Result<DevicePoll, Error> {
        let user_code = self.seen().user_codes.get(device_code.expose()).cloned();
        if let (DeviceConfirmsItself, Some(user_code)) = (self.fault, &user_code) {
            // Fails when the person was faster, which is how it should be.
            let _ = self.inner.approve_device(user_code, ADA);
        }
        if self.is(UnknownDeviceCodeWaits) && user_code.is_none() && ctx.deadline.is_none() {
            return Ok(DevicePoll::Pending { slow_down: false });
        }
        match self.inner.device_poll(&self.ctx(ctx), device_code, options).await {
            Err(error) if *error.kind() == ErrorKind::PermissionDenied => match self.fault {
                RefusedDeviceStaysPending => Ok(DevicePoll::Pending { slow_down: false }),
                _ => Err(error),
            },
            result => result,
        }
    }
}
