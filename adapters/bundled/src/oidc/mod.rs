//! An OpenID Connect provider as an [`IdentityProvider`].
//!
//! # What is checked
//!
//! A token is accepted when its algorithm is a public-key algorithm that the configuration allows, its type is the one
//! expected (`at+jwt` for an access token, RFC 9068), a key that the issuer publishes now verifies its signature, and
//! its claims pass [`VerifyOptions::check`]; an ID token must also name no audience that is not trusted, and match the
//! access token that came with it. `none` and HMAC cannot be allowed. RSA keys below 2048 bits are ignored.
//!
//! # When the issuer fails
//!
//! Keys and metadata are kept and refreshed (see [`OidcConfig::keys_lifetime`]). A key id that is not known makes the
//! keys be fetched again, once per [`OidcConfig::refetch_interval`] whatever arrives. During an outage the keys that are
//! held verify tokens for the grace period; then, or when a token names a key that might be newer, the answer is
//! [`KeysUnavailable`](companyos_adapter_traits::ErrorKind::KeysUnavailable), which is temporary, and never a success.
//!
//! # What is not followed
//!
//! Redirects are refused. The endpoints of an https issuer must be https, so that what it publishes cannot lead into
//! the own machine. The issuer's answers are limited in size and time (see [`crate::http`]).
//!
//! # The crate `openidconnect`, and RUSTSEC-2023-0071
//!
//! From `openidconnect` come the provider metadata, the JSON Web Keys and the verification of signatures, and the random
//! values of a flow. Its clients are not used: they lose the status, the `Retry-After` and the request id of a refusal,
//! and keep bodies with tokens in their errors. Its ID token verifier is not used: it knows neither a tolerance for
//! clocks nor `azp`, `nbf` and access tokens, and the rules for claims are those of the trait, alike for every adapter.
//!
//! It depends on `rsa`, which has a known weakness without a fix (RUSTSEC-2023-0071, "Marvin"): the time of operations
//! with a *private* RSA key tells about the key. Here `rsa` verifies signatures with the issuer's *public* keys and does
//! nothing else; there is no secret in it. A client's own key ([`ClientKey`]) signs by aws-lc.

mod about;
mod algorithm;
mod assertion;
mod authorize;
mod cached;
mod client_auth;
mod config;
mod device;
mod error;
mod form;
mod issuer;
mod jws;
mod keys;
mod metadata;
mod spent;
mod token;
mod verify;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use companyos_adapter_traits::identity::{
    AuthorizationOptions, AuthorizationRequest, Claims, ClientCredentialsOptions, DeviceAuthorization,
    DevicePoll, DevicePollOptions, DeviceStartOptions, DiscoverOptions, EndSessionOptions, ExchangeOptions,
    IdentityProvider, IntrospectOptions, Introspection, IssuerMetadata, PendingAuthorization, RefreshOptions,
    RevokeOptions, TokenKind, TokenSet, UserInfo, UserinfoOptions, VerifyOptions, operations,
};
use companyos_adapter_traits::{Capability, Context, Descriptor, Error, Secret};
use url::Url;

pub use algorithm::SignatureAlgorithm;
pub use assertion::ClientKey;
pub use client_auth::ClientAuthentication;
pub use config::OidcConfig;

use self::issuer::Issuer;
use self::spent::Spent;

/// One OpenID Connect issuer, seen by one of its clients. Clones share connections, keys and metadata.
///
/// Must be used within a Tokio runtime.
#[derive(Clone)]
pub struct OidcProvider {
    shared: Arc<Shared>,
}

struct Shared {
    descriptor: Descriptor,
    config: OidcConfig,
    issuer: Issuer,
    spent: Spent,
}

impl OidcProvider {
    /// An adapter that claims the configured capabilities, and
    /// [`VerifyAccessToken`](Capability::VerifyAccessToken) when an audience is configured. Nothing is sent yet, so it
    /// can be made while the issuer is down.
    ///
    /// # Errors
    /// [`InvalidInput`](companyos_adapter_traits::ErrorKind::InvalidInput) when the issuer identifier is not an https URL, no algorithm is
    /// allowed, the client id is empty, or the HTTP client cannot be built.
    pub fn new(config: OidcConfig) -> Result<Self, Error> {
        let issuer = Issuer::new(&config)?;
        Ok(Self::assemble(config, issuer))
    }

    /// Like [`OidcProvider::new`], and asks the issuer what it offers, to claim that too: the endpoints it publishes,
    /// and client credentials when the client has some.
    ///
    /// # Errors
    /// Those of [`OidcProvider::new`] and of [`IdentityProvider::discover`].
    pub async fn connect(ctx: &Context, mut config: OidcConfig) -> Result<Self, Error> {
        let issuer = Issuer::new(&config)?;
        let metadata = issuer.metadata(ctx).await?;
        let grants = |grant: &str| metadata.public.grant_types.iter().any(|one| one == grant);
        for (capability, offered) in [
            (Capability::Userinfo, metadata.userinfo.is_some()),
            (Capability::Introspect, metadata.introspection.is_some()),
            (Capability::Revoke, metadata.revocation.is_some()),
            (Capability::EndSession, metadata.end_session.is_some()),
            (Capability::DeviceFlow, metadata.device.is_some()),
            (
                Capability::ClientCredentials,
                grants("client_credentials") && !config.authentication.is_public(),
            ),
        ] {
            if offered {
                config.capabilities.insert(capability);
            }
        }
        Ok(Self::assemble(config, issuer))
    }

    fn assemble(mut config: OidcConfig, issuer: Issuer) -> Self {
        if config.audience.is_some() {
            config.capabilities.insert(Capability::VerifyAccessToken);
        }
        let claimed = config.capabilities.difference(&config.without).copied();
        let mut descriptor = Descriptor::new("oidc", env!("CARGO_PKG_VERSION")).with_capabilities(claimed);
        descriptor.region.clone_from(&config.region);
        Self { shared: Arc::new(Shared { descriptor, config, issuer, spent: Spent::default() }) }
    }

    /// Refuses what the adapter does not claim.
    fn claimed(&self, capability: Capability, operation: &'static str) -> Result<(), Error> {
        if self.shared.descriptor.has(capability) { Ok(()) } else { Err(self.unsupported(operation)) }
    }

    /// The endpoint of an operation, if the issuer publishes one.
    fn offered<'a>(&self, endpoint: Option<&'a Url>, operation: &'static str) -> Result<&'a Url, Error> {
        endpoint.ok_or_else(|| self.unsupported(operation))
    }

    fn unsupported(&self, operation: &'static str) -> Error {
        Error::unsupported(operation, &self.shared.descriptor.name)
    }
}

impl fmt::Debug for OidcProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcProvider")
            .field("descriptor", &self.shared.descriptor)
            .field("config", &self.shared.config)
            .finish_non_exhaustive()
    }
}

#[deny(clippy::missing_trait_methods)]
#[async_trait]
impl IdentityProvider for OidcProvider {
    fn descriptor(&self) -> &Descriptor {
        &self.shared.descriptor
    }

    fn issuer(&self) -> &str {
        &self.shared.config.issuer
    }

    fn client_id(&self) -> &str {
        &self.shared.config.client_id
    }

    async fn discover(&self, ctx: &Context, options: &DiscoverOptions) -> Result<IssuerMetadata, Error> {
        let metadata = &self.shared.issuer.metadata;
        let held = if options.refresh { metadata.refreshed(ctx).await } else { metadata.get(ctx).await };
        Ok(held?.value.public.clone())
    }

    async fn verify_token(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &VerifyOptions,
    ) -> Result<Claims, Error> {
        if options.kind == TokenKind::Access {
            self.claimed(Capability::VerifyAccessToken, operations::VERIFY_ACCESS_TOKEN)?;
        }
        self.verify(ctx, token, options).await
    }

    async fn authorization_url(
        &self,
        ctx: &Context,
        options: &AuthorizationOptions,
    ) -> Result<AuthorizationRequest, Error> {
        self.begin(ctx, options).await
    }

    async fn exchange(
        &self,
        ctx: &Context,
        code: &Secret,
        pending: &PendingAuthorization,
        options: &ExchangeOptions,
    ) -> Result<TokenSet, Error> {
        self.exchange_code(ctx, code, pending, options).await
    }

    async fn refresh(
        &self,
        ctx: &Context,
        refresh_token: &Secret,
        options: &RefreshOptions,
    ) -> Result<TokenSet, Error> {
        self.refresh_tokens(ctx, refresh_token, options).await
    }

    async fn userinfo(
        &self,
        ctx: &Context,
        access_token: &Secret,
        options: &UserinfoOptions,
    ) -> Result<UserInfo, Error> {
        self.claimed(Capability::Userinfo, operations::USERINFO)?;
        self.person(ctx, access_token, options).await
    }

    async fn introspect(
        &self,
        ctx: &Context,
        token: &Secret,
        _: &IntrospectOptions,
    ) -> Result<Introspection, Error> {
        self.claimed(Capability::Introspect, operations::INTROSPECT)?;
        self.state_of(ctx, token).await
    }

    async fn revoke(&self, ctx: &Context, token: &Secret, _: &RevokeOptions) -> Result<(), Error> {
        self.claimed(Capability::Revoke, operations::REVOKE)?;
        self.end(ctx, token).await
    }

    async fn end_session_url(&self, ctx: &Context, options: &EndSessionOptions) -> Result<Secret, Error> {
        self.claimed(Capability::EndSession, operations::END_SESSION_URL)?;
        self.end_session(ctx, options).await
    }

    async fn client_credentials(
        &self,
        ctx: &Context,
        options: &ClientCredentialsOptions,
    ) -> Result<TokenSet, Error> {
        self.claimed(Capability::ClientCredentials, operations::CLIENT_CREDENTIALS)?;
        self.own_token(ctx, options).await
    }

    async fn device_start(
        &self,
        ctx: &Context,
        options: &DeviceStartOptions,
    ) -> Result<DeviceAuthorization, Error> {
        self.claimed(Capability::DeviceFlow, operations::DEVICE_START)?;
        self.start_device(ctx, options).await
    }

    async fn device_poll(
        &self,
        ctx: &Context,
        device_code: &Secret,
        options: &DevicePollOptions,
    ) -> Result<DevicePoll, Error> {
        self.claimed(Capability::DeviceFlow, operations::DEVICE_POLL)?;
        self.poll_device(ctx, device_code, options).await
    }
}
