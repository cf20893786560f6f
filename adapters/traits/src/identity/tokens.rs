//! What an issuer answers.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::Claims;
use crate::Secret;

/// The answer of a token endpoint (RFC 6749, section 5.1).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TokenSet {
    /// What opens resource servers.
    pub access_token: Secret,
    /// How it is presented, as in `Bearer`.
    pub token_type: String,
    /// How long it is good, counted from the answer.
    pub expires_in: Option<Duration>,
    /// What brings new tokens. Whoever holds it is signed in.
    pub refresh_token: Option<Secret>,
    /// The ID token, as it came, for [`EndSessionOptions`](super::EndSessionOptions).
    pub id_token: Option<Secret>,
    /// What the ID token says; it has been verified.
    pub claims: Option<Claims>,
    /// What was granted; empty when the issuer does not say, which means what was asked for.
    pub scope: Vec<String>,
}

impl TokenSet {
    /// A bearer token and nothing else.
    #[must_use]
    pub fn bearer(access_token: Secret) -> Self {
        Self {
            access_token,
            token_type: "Bearer".to_owned(),
            expires_in: None,
            refresh_token: None,
            id_token: None,
            claims: None,
            scope: Vec::new(),
        }
    }
}

/// What an issuer says about a person.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct UserInfo {
    /// The subject.
    pub sub: String,
    /// Every other claim: names, addresses, groups.
    pub claims: Map<String, Value>,
}

impl UserInfo {
    /// Puts the two together.
    pub fn new(sub: impl Into<String>, claims: Map<String, Value>) -> Self {
        Self { sub: sub.into(), claims }
    }
}

/// What an issuer says about a token (RFC 7662, section 2.2). When it is not active, nothing else is said.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct Introspection {
    /// Whether the token is good now.
    pub active: bool,
    /// Whom it is about.
    pub sub: Option<String>,
    /// The client it was issued to.
    pub client_id: Option<String>,
    /// What it grants.
    pub scope: Vec<String>,
    /// Whom it is for.
    pub aud: Vec<String>,
    /// When it ends.
    pub exp: Option<SystemTime>,
    /// How it is presented.
    pub token_type: Option<String>,
    /// Every other member.
    pub extra: Map<String, Value>,
}

impl Introspection {
    /// The token is not good.
    #[must_use]
    pub fn inactive() -> Self {
        Self::default()
    }

    /// The token is good.
    #[must_use]
    pub fn active() -> Self {
        Self { active: true, ..Self::default() }
    }
}

/// A device flow under way (RFC 8628, section 3.2).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeviceAuthorization {
    /// What [`device_poll`](super::IdentityProvider::device_poll) asks with.
    pub device_code: Secret,
    /// What the person types in. Whoever sees it can confirm, so it is shown, not logged.
    pub user_code: Secret,
    /// Where they type it.
    pub verification_uri: String,
    /// Where they need not, because the code is in it.
    pub verification_uri_complete: Option<Secret>,
    /// How long the codes are good, counted from the answer.
    pub expires_in: Duration,
    /// How long to wait between two polls.
    pub interval: Duration,
}

impl DeviceAuthorization {
    /// What RFC 8628 requires, with its default interval of five seconds.
    pub fn new(
        device_code: Secret,
        user_code: Secret,
        verification_uri: impl Into<String>,
        expires_in: Duration,
    ) -> Self {
        Self {
            device_code,
            user_code,
            verification_uri: verification_uri.into(),
            verification_uri_complete: None,
            expires_in,
            interval: Duration::from_secs(5),
        }
    }
}

/// How far a device flow has come.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DevicePoll {
    /// The person has not confirmed yet.
    Pending {
        /// Whether the last poll came too soon. The caller then waits five seconds longer, from now on.
        slow_down: bool,
    },
    /// The person has confirmed.
    Done(Box<TokenSet>),
}
