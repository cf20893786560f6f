//! What a caller can ask for or insist on. Structs are `non_exhaustive`, so that an option can be added without
//! breaking an adapter.

use std::time::Duration;

use super::AuthenticationRequirement;
use crate::Secret;

/// How [`discover`](super::IdentityProvider::discover) reads.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DiscoverOptions {
    /// Asks the issuer even if its metadata are known.
    pub refresh: bool,
}

impl DiscoverOptions {
    /// Asks the issuer even if its metadata are known.
    #[must_use]
    pub fn refresh(mut self) -> Self {
        self.refresh = true;
        self
    }
}

/// What [`authorization_url`](super::IdentityProvider::authorization_url) asks for.
///
/// The classes and the age are wishes, which an issuer may ignore. What must be is said to
/// [`exchange`](super::IdentityProvider::exchange) or [`verify_token`](super::IdentityProvider::verify_token); the age
/// is checked by `exchange` in any case.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AuthorizationOptions {
    /// Where the browser comes back to; the configured URI when `None`.
    pub redirect_uri: Option<String>,
    /// The scopes beside `openid`, which is always asked for.
    pub scopes: Vec<String>,
    /// What the issuer must, or must not, ask the person: `login`, `consent`, `none`, `select_account`.
    pub prompt: Vec<String>,
    /// Who is expected to sign in.
    pub login_hint: Option<String>,
    /// The authentication context classes asked for, the preferred first.
    pub acr: Vec<String>,
    /// The oldest authentication asked for.
    pub max_age: Option<Duration>,
}

impl AuthorizationOptions {
    /// Lets the browser come back to `uri`, which the issuer must know.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Asks for these scopes beside `openid`.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = String>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Says what the person must, or must not, be asked.
    #[must_use]
    pub fn prompt(mut self, prompt: impl IntoIterator<Item = String>) -> Self {
        self.prompt = prompt.into_iter().collect();
        self
    }

    /// Says who is expected.
    #[must_use]
    pub fn login_hint(mut self, hint: impl Into<String>) -> Self {
        self.login_hint = Some(hint.into());
        self
    }

    /// Asks for one of these authentication context classes.
    #[must_use]
    pub fn acr(mut self, classes: impl IntoIterator<Item = String>) -> Self {
        self.acr = classes.into_iter().collect();
        self
    }

    /// Asks for an authentication no older than `age`.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }
}

/// What [`exchange`](super::IdentityProvider::exchange) insists on beyond the flow itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ExchangeOptions {
    /// How the person must have signed in.
    pub authentication: AuthenticationRequirement,
}

impl ExchangeOptions {
    /// Insists on how the person signed in.
    #[must_use]
    pub fn authentication(mut self, requirement: AuthenticationRequirement) -> Self {
        self.authentication = requirement;
        self
    }
}

/// What [`refresh`](super::IdentityProvider::refresh) asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RefreshOptions {
    /// The scopes of the new access token, at most those granted; all of them when empty.
    pub scopes: Vec<String>,
    /// The subject that an ID token that comes must be about: the one who signed in.
    pub subject: Option<String>,
}

impl RefreshOptions {
    /// Asks for these scopes only.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = String>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Insists on this subject.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}

/// What [`userinfo`](super::IdentityProvider::userinfo) insists on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct UserinfoOptions {
    /// The subject of the ID token that came with the access token. Without it an answer about somebody else is not
    /// noticed (OpenID Connect Core, section 5.3.4).
    pub subject: Option<String>,
}

impl UserinfoOptions {
    /// Insists on this subject.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }
}

/// How [`introspect`](super::IdentityProvider::introspect) asks. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct IntrospectOptions {}

/// How [`revoke`](super::IdentityProvider::revoke) asks. No options yet.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct RevokeOptions {}

/// What [`end_session_url`](super::IdentityProvider::end_session_url) says to the issuer.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct EndSessionOptions {
    /// The ID token of the session that ends; it may have expired.
    pub id_token_hint: Option<Secret>,
    /// Where the browser goes afterwards; the issuer must know it.
    pub post_logout_redirect_uri: Option<String>,
    /// Comes back in that redirect.
    pub state: Option<Secret>,
}

impl EndSessionOptions {
    /// Names the session by its ID token.
    #[must_use]
    pub fn id_token_hint(mut self, id_token: Secret) -> Self {
        self.id_token_hint = Some(id_token);
        self
    }

    /// Lets the browser come back to `uri`.
    #[must_use]
    pub fn post_logout_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.post_logout_redirect_uri = Some(uri.into());
        self
    }

    /// Lets this come back with the browser.
    #[must_use]
    pub fn state(mut self, state: Secret) -> Self {
        self.state = Some(state);
        self
    }
}

/// What [`client_credentials`](super::IdentityProvider::client_credentials) asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ClientCredentialsOptions {
    /// The scopes; the issuer's default when empty.
    pub scopes: Vec<String>,
    /// The resource the token is for (RFC 8707); the issuer's default when `None`.
    pub resource: Option<String>,
}

impl ClientCredentialsOptions {
    /// Asks for these scopes.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = String>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Asks for a token for this resource.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }
}

/// What [`device_start`](super::IdentityProvider::device_start) asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DeviceStartOptions {
    /// The scopes beside `openid`, which is always asked for.
    pub scopes: Vec<String>,
}

impl DeviceStartOptions {
    /// Asks for these scopes beside `openid`.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = String>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }
}

/// What [`device_poll`](super::IdentityProvider::device_poll) insists on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct DevicePollOptions {
    /// How the person must have signed in.
    pub authentication: AuthenticationRequirement,
}

impl DevicePollOptions {
    /// Insists on how the person signed in.
    #[must_use]
    pub fn authentication(mut self, requirement: AuthenticationRequirement) -> Self {
        self.authentication = requirement;
        self
    }
}
