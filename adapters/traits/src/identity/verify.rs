//! What a token must be and say.

use std::time::{Duration, SystemTime};

use super::{AuthenticationRequirement, Claims};
use crate::{Error, ErrorKind, Secret, TokenFault};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenKind {
    /// Tells the client who signed in (OpenID Connect Core, section 2).
    Id,
    /// Lets its bearer use a resource server (RFC 9068 where it is a JWT).
    Access,
}

impl TokenKind {
    /// The name, as receipts state it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Access => "access",
        }
    }
}

/// What a token must be and say for [`verify_token`](super::IdentityProvider::verify_token) to accept it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// What the token is for.
    pub kind: TokenKind,
    /// Whom it must be issued for. `None`: the client itself for an ID token, the configured resource for an access
    /// token.
    pub audience: Option<String>,
    /// The nonce of the flow that brought the ID token. `None` accepts any, which is right only for a token whose
    /// nonce was checked before.
    pub nonce: Option<Secret>,
    /// The access token that came with the ID token, to hold against `at_hash`.
    pub access_token: Option<Secret>,
    /// The subject it must be about.
    pub subject: Option<String>,
    /// The scopes it must grant, every one.
    pub scopes: Vec<String>,
    /// How its subject must have signed in.
    pub authentication: AuthenticationRequirement,
}

impl VerifyOptions {
    /// An ID token for the client itself.
    #[must_use]
    pub fn id_token() -> Self {
        Self::of(TokenKind::Id)
    }

    /// An access token for the configured resource.
    #[must_use]
    pub fn access_token() -> Self {
        Self::of(TokenKind::Access)
    }

    fn of(kind: TokenKind) -> Self {
        Self {
            kind,
            audience: None,
            nonce: None,
            access_token: None,
            subject: None,
            scopes: Vec::new(),
            authentication: AuthenticationRequirement::default(),
        }
    }

    /// Insists on this audience.
    #[must_use]
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Insists on this nonce.
    #[must_use]
    pub fn nonce(mut self, nonce: Secret) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// Holds the ID token against the access token that came with it.
    #[must_use]
    pub fn issued_with(mut self, access_token: Secret) -> Self {
        self.access_token = Some(access_token);
        self
    }

    /// Insists on this subject.
    #[must_use]
    pub fn subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Insists on all of these scopes.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = String>) -> Self {
        self.scopes = scopes.into_iter().collect();
        self
    }

    /// Insists on how the subject signed in.
    #[must_use]
    pub fn authentication(mut self, requirement: AuthenticationRequirement) -> Self {
        self.authentication = requirement;
        self
    }

    /// Holds claims, of a token whose signature has been verified, against these options and the rules every token
    /// is under. What adapters call after they have checked the signature, so that all of them judge alike; not a
    /// verification by itself.
    ///
    /// `audience` is whom the token must be issued for when the options do not say; `tolerance` is how far the
    /// clocks may be apart.
    ///
    /// # Errors
    /// - [`Token`](crate::ErrorKind::Token) with the first of these that is wrong: issuer, audience, authorized party,
    ///   subject, nonce, expiry, time of issue, scopes, authentication
    /// - [`InvalidInput`](ErrorKind::InvalidInput) when nothing says for whom the token must be issued
    pub fn check(
        &self,
        claims: &Claims,
        issuer: &str,
        client_id: &str,
        audience: Option<&str>,
        now: SystemTime,
        tolerance: Duration,
    ) -> Result<(), Error> {
        let refuse = |fault, why: &str| Err(Error::token(fault, why));
        if claims.iss != issuer {
            return refuse(TokenFault::WrongIssuer, "the token is of another issuer");
        }
        let Some(audience) = self.audience.as_deref().or(audience) else {
            let why = "nothing says for whom the token must be issued";
            return Err(Error::new(ErrorKind::InvalidInput, why));
        };
        if !claims.aud.iter().any(|one| one == audience) {
            return refuse(TokenFault::WrongAudience, "the token is for another audience");
        }
        if self.kind == TokenKind::Id {
            // OpenID Connect Core, section 3.1.3.7, rules 4 and 5.
            match &claims.azp {
                Some(azp) if azp != client_id => {
                    return refuse(
                        TokenFault::WrongAudience,
                        "the token's authorized party is another client",
                    );
                }
                None if claims.aud.len() > 1 => {
                    let why = "the token has several audiences and no authorized party";
                    return refuse(TokenFault::WrongAudience, why);
                }
                _ => {}
            }
        }
        if self.subject.as_ref().is_some_and(|subject| *subject != claims.sub) {
            return refuse(TokenFault::WrongSubject, "the token is about another subject");
        }
        if let Some(expected) = &self.nonce {
            if !claims.nonce.as_deref().is_some_and(|nonce| expected.matches(nonce)) {
                return refuse(TokenFault::WrongNonce, "the token was not issued for this flow");
            }
        }
        check_times(claims, now, tolerance)?;
        if let Some(missing) = self.scopes.iter().find(|scope| !claims.scope.contains(scope)) {
            let why = format!("the token does not grant {missing}");
            return Err(Error::token(TokenFault::InsufficientScope, why));
        }
        self.authentication.check(claims, now, tolerance)
    }
}

fn check_times(claims: &Claims, now: SystemTime, tolerance: Duration) -> Result<(), Error> {
    let seconds = |time: Result<Duration, _>| time.map_or(0, |span: Duration| span.as_secs());
    // RFC 7519, section 4.1.4: good before the expiry, not at it.
    if now.duration_since(claims.exp).is_ok_and(|since| since >= tolerance) {
        let since = seconds(now.duration_since(claims.exp));
        return Err(Error::token(TokenFault::Expired, format!("the token expired {since} seconds ago")));
    }
    for (name, time) in [("issued", claims.iat), ("good", claims.nbf)] {
        let ahead = time.and_then(|time| time.duration_since(now).ok());
        if let Some(ahead) = ahead.filter(|ahead| *ahead > tolerance) {
            let why = format!("the token is {name} in {} seconds; are the clocks right?", ahead.as_secs());
            return Err(Error::token(TokenFault::NotYetValid, why));
        }
    }
    Ok(())
}
