//! Identity: signing people and programs in, and judging the tokens they bring.
//!
//! The terms are those of OAuth 2.0 (RFC 6749) and OpenID Connect Core 1.0.

pub mod amr;
mod authorization;
mod claims;
mod ext;
mod forward;
mod json;
pub mod memory;
mod metadata;
mod options;
pub mod pkce;
mod requirement;
mod tokens;
pub(crate) mod url;
mod verify;

use async_trait::async_trait;

pub use authorization::{AuthorizationRequest, AuthorizationResponse, PendingAuthorization};
pub use claims::Claims;
pub use ext::IdentityProviderExt;
pub use memory::{MemoryIdentity, User};
pub use metadata::IssuerMetadata;
pub use options::{
    AuthorizationOptions, ClientCredentialsOptions, DevicePollOptions, DeviceStartOptions, DiscoverOptions,
    EndSessionOptions, ExchangeOptions, IntrospectOptions, RefreshOptions, RevokeOptions, UserinfoOptions,
};
pub use requirement::AuthenticationRequirement;
pub use tokens::{DeviceAuthorization, DevicePoll, Introspection, TokenSet, UserInfo};
pub use verify::{TokenKind, VerifyOptions};

use crate::{Context, Descriptor, Error, Secret};

/// The operations, as errors, policy questions and receipts name them.
pub mod operations {
    /// [`IdentityProvider::discover`](super::IdentityProvider::discover)
    pub const DISCOVER: &str = "identity.discover";
    /// [`IdentityProvider::verify_token`](super::IdentityProvider::verify_token)
    pub const VERIFY_TOKEN: &str = "identity.verify-token";
    /// [`IdentityProvider::verify_token`](super::IdentityProvider::verify_token) of an access token, where it is a
    /// capability of its own
    pub const VERIFY_ACCESS_TOKEN: &str = "identity.verify-access-token";
    /// [`IdentityProvider::authorization_url`](super::IdentityProvider::authorization_url)
    pub const AUTHORIZATION_URL: &str = "identity.authorization-url";
    /// [`IdentityProvider::exchange`](super::IdentityProvider::exchange)
    pub const EXCHANGE: &str = "identity.exchange";
    /// [`IdentityProvider::refresh`](super::IdentityProvider::refresh)
    pub const REFRESH: &str = "identity.refresh";
    /// [`IdentityProvider::userinfo`](super::IdentityProvider::userinfo)
    pub const USERINFO: &str = "identity.userinfo";
    /// [`IdentityProvider::introspect`](super::IdentityProvider::introspect)
    pub const INTROSPECT: &str = "identity.introspect";
    /// [`IdentityProvider::revoke`](super::IdentityProvider::revoke)
    pub const REVOKE: &str = "identity.revoke";
    /// [`IdentityProvider::end_session_url`](super::IdentityProvider::end_session_url)
    pub const END_SESSION_URL: &str = "identity.end-session-url";
    /// [`IdentityProvider::client_credentials`](super::IdentityProvider::client_credentials)
    pub const CLIENT_CREDENTIALS: &str = "identity.client-credentials";
    /// [`IdentityProvider::device_start`](super::IdentityProvider::device_start)
    pub const DEVICE_START: &str = "identity.device-start";
    /// [`IdentityProvider::device_poll`](super::IdentityProvider::device_poll)
    pub const DEVICE_POLL: &str = "identity.device-poll";
}

/// One issuer, seen by one of its clients.
///
/// Which algorithms a signature may use, how far the clocks may be apart, and the client's own credentials are the
/// adapter's configuration; what a certain token must say is the caller's [`VerifyOptions`].
///
/// Every operation refuses a [`Context`] whose deadline has passed with
/// [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded) and [`NotSent`](crate::Outcome::NotSent), and may be
/// cancelled by dropping the future, which leaves it open whether the effect happens.
///
/// No error, `Debug` output or receipt holds a token, a code, a verifier or a client's secret. What is refused says why:
///
/// | kind | when |
/// |---|---|
/// | [`Token`](crate::ErrorKind::Token) | a token is not what it must be; the [`TokenFault`](crate::TokenFault) says in what |
/// | [`KeysUnavailable`](crate::ErrorKind::KeysUnavailable) | the issuer's keys are needed and cannot be fetched |
/// | [`GrantRefused`](crate::ErrorKind::GrantRefused) | a code, a refresh token or a device code is used up, expired, revoked, or somebody else's |
/// | [`RefreshReused`](crate::ErrorKind::RefreshReused) | a refresh token comes again that was already traded for another |
/// | [`CredentialsExpired`](crate::ErrorKind::CredentialsExpired), [`CredentialsRevoked`](crate::ErrorKind::CredentialsRevoked), [`Unauthenticated`](crate::ErrorKind::Unauthenticated) | the client's own credentials are not accepted |
/// | [`PermissionDenied`](crate::ErrorKind::PermissionDenied) | the person, or the issuer, says no |
/// | [`ClockSkew`](crate::ErrorKind::ClockSkew) | the issuer refuses a request because of its time |
///
/// Implementors of a wrapper carry `#[deny(clippy::missing_trait_methods)]`, because an optional method they forget
/// would silently answer `Unsupported` for the adapter within.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// What this adapter is, claims and bounds. Constant for the life of the adapter.
    fn descriptor(&self) -> &Descriptor;

    /// The issuer identifier: the `iss` of every token that is accepted. Constant for the life of the adapter.
    fn issuer(&self) -> &str;

    /// The client identifier that this adapter has at the issuer. Constant for the life of the adapter.
    fn client_id(&self) -> &str;

    /// Reads the issuer's metadata.
    ///
    /// # Errors
    /// [`Token`](crate::ErrorKind::Token) with [`WrongIssuer`](crate::TokenFault::WrongIssuer) when the metadata are
    /// of another issuer than [`issuer`](Self::issuer).
    async fn discover(&self, ctx: &Context, options: &DiscoverOptions) -> Result<IssuerMetadata, Error>;

    /// Verifies a token and returns what it claims.
    ///
    /// The signature is checked first, with an algorithm that the adapter's configuration allows (never `none`) and
    /// a key that the issuer publishes now. Then [`VerifyOptions::check`] must hold, and for an ID token with
    /// [`VerifyOptions::access_token`] that token's hash, when the ID token states one.
    ///
    /// A key the adapter does not know makes it fetch the issuer's keys again, but not more often than its
    /// configuration says, so that invented key ids do not become traffic.
    ///
    /// Access tokens are a capability, [`VerifyAccessToken`](crate::Capability::VerifyAccessToken): those of some
    /// issuers are opaque, and only introspection reads them.
    ///
    /// # Errors
    /// - [`Token`](crate::ErrorKind::Token), with the first thing that is wrong
    /// - [`KeysUnavailable`](crate::ErrorKind::KeysUnavailable), never a success, when the signature cannot be checked
    /// - [`InvalidInput`](crate::ErrorKind::InvalidInput) for an access token without an audience, in the options or
    ///   the configuration: one that is accepted for any audience was issued for somebody else
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) for an access token, unless the descriptor claims the
    ///   capability
    async fn verify_token(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &VerifyOptions,
    ) -> Result<Claims, Error>;

    /// Prepares an authorization code flow: the URL for the browser, and what the caller keeps, bound to that
    /// browser, until it comes back.
    ///
    /// Every call draws a new state, nonce and PKCE verifier (RFC 7636, method `S256`).
    ///
    /// # Errors
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) when neither the options nor the configuration name a
    /// redirect URI.
    async fn authorization_url(
        &self,
        ctx: &Context,
        options: &AuthorizationOptions,
    ) -> Result<AuthorizationRequest, Error>;

    /// Trades an authorization code for tokens. The caller has checked the state that came with it:
    /// [`PendingAuthorization::check_state`].
    ///
    /// An ID token that comes is verified before this returns: signature, issuer, audience, nonce, times, the access
    /// token's hash, the requested `max_age` and the options' requirement. Its claims are
    /// [`TokenSet::claims`](TokenSet).
    ///
    /// # Errors
    /// - [`GrantRefused`](crate::ErrorKind::GrantRefused) when the code or the verifier is not accepted. A code is
    ///   good once; a repetition is refused, and the issuer may revoke what the first one brought.
    /// - Those of [`verify_token`](Self::verify_token). The code is then used up, and no token is handed out; so the
    ///   error, whatever its kind, is [`MaybeSent`](crate::Outcome::MaybeSent) and
    ///   [`Permanent`](crate::RetryClass::Permanent). The same holds for [`refresh`](Self::refresh) and
    ///   [`device_poll`](Self::device_poll).
    async fn exchange(
        &self,
        ctx: &Context,
        code: &Secret,
        pending: &PendingAuthorization,
        options: &ExchangeOptions,
    ) -> Result<TokenSet, Error>;

    /// Trades a refresh token for new tokens.
    ///
    /// Where the descriptor claims [`RefreshRotation`](crate::Capability::RefreshRotation) the answer holds a new
    /// refresh token and the old one is used up: it can come again only from somebody who should not have it, which
    /// ends the whole family. Elsewhere the answer holds a refresh token only if it replaces the old one.
    ///
    /// # Errors
    /// - [`GrantRefused`](crate::ErrorKind::GrantRefused) when the refresh token is not accepted
    /// - [`PermissionDenied`](crate::ErrorKind::PermissionDenied) for a scope that was not granted
    /// - [`RefreshReused`](crate::ErrorKind::RefreshReused) when it is known to have been used before
    /// - Those of [`verify_token`](Self::verify_token) for an ID token that comes
    async fn refresh(
        &self,
        ctx: &Context,
        refresh_token: &Secret,
        options: &RefreshOptions,
    ) -> Result<TokenSet, Error>;

    /// Asks the issuer about the person an access token was issued for. A capability:
    /// [`Userinfo`](crate::Capability::Userinfo).
    ///
    /// # Errors
    /// - [`Token`](crate::ErrorKind::Token) with [`Inactive`](crate::TokenFault::Inactive) when the issuer does not
    ///   accept the access token, with [`WrongSubject`](crate::TokenFault::WrongSubject) when the answer is about
    ///   somebody else than the options name
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability
    async fn userinfo(
        &self,
        ctx: &Context,
        access_token: &Secret,
        options: &UserinfoOptions,
    ) -> Result<UserInfo, Error> {
        let _ = (ctx, access_token, options);
        Err(Error::unsupported(operations::USERINFO, &self.descriptor().name))
    }

    /// Asks the issuer whether a token is good now (RFC 7662). A capability:
    /// [`Introspect`](crate::Capability::Introspect).
    ///
    /// A token that the issuer does not know, or that has ended, is an [`Introspection`] that is not active; it is
    /// not an error.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability.
    async fn introspect(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &IntrospectOptions,
    ) -> Result<Introspection, Error> {
        let _ = (ctx, token, options);
        Err(Error::unsupported(operations::INTROSPECT, &self.descriptor().name))
    }

    /// Ends a token (RFC 7009). A capability: [`Revoke`](crate::Capability::Revoke).
    ///
    /// Revoking what is unknown or has ended is a success, so that a repetition is one. Revoking a refresh token
    /// ends its family.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability.
    async fn revoke(&self, ctx: &Context, token: &Secret, options: &RevokeOptions) -> Result<(), Error> {
        let _ = (ctx, token, options);
        Err(Error::unsupported(operations::REVOKE, &self.descriptor().name))
    }

    /// The URL that ends the person's session at the issuer (OpenID Connect RP-Initiated Logout 1.0). A capability:
    /// [`EndSession`](crate::Capability::EndSession). It is a [`Secret`] because it may carry an ID token.
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability.
    async fn end_session_url(&self, ctx: &Context, options: &EndSessionOptions) -> Result<Secret, Error> {
        let _ = (ctx, options);
        Err(Error::unsupported(operations::END_SESSION_URL, &self.descriptor().name))
    }

    /// Obtains an access token for the client itself (RFC 6749, section 4.4). A capability:
    /// [`ClientCredentials`](crate::Capability::ClientCredentials).
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability.
    async fn client_credentials(
        &self,
        ctx: &Context,
        options: &ClientCredentialsOptions,
    ) -> Result<TokenSet, Error> {
        let _ = (ctx, options);
        Err(Error::unsupported(operations::CLIENT_CREDENTIALS, &self.descriptor().name))
    }

    /// Starts a device flow (RFC 8628): the person confirms on another device. A capability:
    /// [`DeviceFlow`](crate::Capability::DeviceFlow).
    ///
    /// # Errors
    /// [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability.
    async fn device_start(
        &self,
        ctx: &Context,
        options: &DeviceStartOptions,
    ) -> Result<DeviceAuthorization, Error> {
        let _ = (ctx, options);
        Err(Error::unsupported(operations::DEVICE_START, &self.descriptor().name))
    }

    /// Asks once whether the person has confirmed. The caller waits for the interval it was told between two calls.
    /// A capability: [`DeviceFlow`](crate::Capability::DeviceFlow).
    ///
    /// An ID token that comes is verified as in [`exchange`](Self::exchange), without a nonce.
    ///
    /// # Errors
    /// - [`PermissionDenied`](crate::ErrorKind::PermissionDenied) when the person said no
    /// - [`GrantRefused`](crate::ErrorKind::GrantRefused) when the device code has expired or is not known
    /// - [`Unsupported`](crate::ErrorKind::Unsupported) unless the descriptor claims the capability
    async fn device_poll(
        &self,
        ctx: &Context,
        device_code: &Secret,
        options: &DevicePollOptions,
    ) -> Result<DevicePoll, Error> {
        let _ = (ctx, device_code, options);
        Err(Error::unsupported(operations::DEVICE_POLL, &self.descriptor().name))
    }
}
