//! An authorization code flow under way.

use std::time::Duration;

use crate::{Error, ErrorKind, Secret};

/// A flow that has been prepared but not begun.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuthorizationRequest {
    /// Where the browser goes. It carries the state and the nonce, so it is for that browser only.
    pub url: Secret,
    /// What the caller keeps until the browser comes back.
    pub pending: PendingAuthorization,
}

impl AuthorizationRequest {
    /// Puts the two together.
    pub fn new(url: impl Into<String>, pending: PendingAuthorization) -> Self {
        Self { url: Secret::new(url), pending }
    }
}

/// What ties the answer of an authorization endpoint to its request.
///
/// A host keeps it where only the same browser can bring it back (in its session, say), uses it once, and forgets it.
/// Every part is public so that a host can store it as it stores other sessions.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PendingAuthorization {
    /// Comes back in the redirect, and shows that this browser began the flow.
    pub state: Secret,
    /// Comes back in the ID token, and shows that it was issued for this flow.
    pub nonce: Secret,
    /// Goes to the token endpoint, and shows that the flow was begun here (RFC 7636).
    pub verifier: Secret,
    /// The redirect URI of the request, which the exchange must repeat.
    pub redirect_uri: String,
    /// The oldest authentication that was asked for.
    pub max_age: Option<Duration>,
}

impl PendingAuthorization {
    /// A flow that asked for no fresh authentication.
    pub fn new(state: Secret, nonce: Secret, verifier: Secret, redirect_uri: impl Into<String>) -> Self {
        Self { state, nonce, verifier, redirect_uri: redirect_uri.into(), max_age: None }
    }

    /// Keeps that an authentication no older than `max_age` was asked for.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = Some(max_age);
        self
    }

    /// Checks the `state` that the redirect brought. What fails this is somebody else's redirect; its code must not
    /// be exchanged.
    ///
    /// # Errors
    /// [`GrantRefused`](ErrorKind::GrantRefused)
    pub fn check_state(&self, state: &str) -> Result<(), Error> {
        if self.state.matches(state) {
            return Ok(());
        }
        let message = "the state in the redirect is not the one this flow began with";
        Err(Error::new(ErrorKind::GrantRefused, message).with_outcome(crate::Outcome::NotSent))
    }
}

/// What the redirect of an authorization endpoint brings (RFC 6749, section 4.1.2; RFC 9207).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuthorizationResponse {
    /// What is traded for tokens.
    pub code: Secret,
    /// The state of the request, to be held against [`PendingAuthorization::state`].
    pub state: Secret,
    /// The issuer that answered, if it says.
    pub iss: Option<String>,
}

impl AuthorizationResponse {
    /// A response that does not name its issuer.
    pub fn new(code: Secret, state: impl Into<String>) -> Self {
        Self { code, state: Secret::new(state), iss: None }
    }

    /// Keeps the issuer that the response names.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.iss = Some(issuer.into());
        self
    }
}
