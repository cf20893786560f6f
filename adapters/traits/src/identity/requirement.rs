//! How somebody must have signed in.

use std::time::{Duration, SystemTime};

use super::Claims;
use crate::{Error, TokenFault};

/// How somebody must have signed in. Empty: in any way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct AuthenticationRequirement {
    /// The authentication context class is one of these, in the issuer's words; any when empty.
    pub acr: Vec<String>,
    /// Every one of these methods was used (RFC 8176).
    pub amr: Vec<String>,
    /// More than one factor was used: [`Claims::is_multi_factor`](super::Claims::is_multi_factor).
    pub multi_factor: bool,
    /// The classes that mean more than one factor at this issuer, beside what the methods show.
    pub multi_factor_acr: Vec<String>,
    /// They signed in no longer ago than this.
    pub max_age: Option<Duration>,
}

impl AuthenticationRequirement {
    /// More than one factor, shown by the methods, or by a class of `acr` that means it at this issuer.
    pub fn multi_factor(acr: impl IntoIterator<Item = String>) -> Self {
        Self { multi_factor: true, multi_factor_acr: acr.into_iter().collect(), ..Self::default() }
    }

    /// Insists on one of these authentication context classes.
    #[must_use]
    pub fn acr(mut self, classes: impl IntoIterator<Item = String>) -> Self {
        self.acr = classes.into_iter().collect();
        self
    }

    /// Insists on all of these methods.
    #[must_use]
    pub fn amr(mut self, methods: impl IntoIterator<Item = String>) -> Self {
        self.amr = methods.into_iter().collect();
        self
    }

    /// Insists on an authentication no older than `age`.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Holds verified claims against the requirement. `tolerance` is how far the clocks may be apart.
    ///
    /// # Errors
    /// [`Token`](crate::ErrorKind::Token) with
    /// [`InsufficientAuthentication`](TokenFault::InsufficientAuthentication), also when the claims say nothing: the
    /// person can sign in again, in the way that is required.
    pub fn check(&self, claims: &Claims, now: SystemTime, tolerance: Duration) -> Result<(), Error> {
        let refuse = |why: String| Err(Error::token(TokenFault::InsufficientAuthentication, why));
        if !self.acr.is_empty() && !claims.acr.as_ref().is_some_and(|acr| self.acr.contains(acr)) {
            return refuse(format!("the authentication context class is not one of {}", self.acr.join(", ")));
        }
        if let Some(missing) = self.amr.iter().find(|method| !claims.amr.contains(method)) {
            return refuse(format!("the authentication method {missing} was not used"));
        }
        if self.multi_factor && !claims.is_multi_factor(&self.multi_factor_acr) {
            return refuse("nothing shows that more than one factor was used".to_owned());
        }
        let Some(max_age) = self.max_age else { return Ok(()) };
        let Some(auth_time) = claims.auth_time else {
            return refuse("the token does not say when the authentication was".to_owned());
        };
        // An authentication in the future is as old as zero; the clocks are checked elsewhere.
        let age = now.duration_since(auth_time).unwrap_or_default();
        if age > max_age.saturating_add(tolerance) {
            return refuse(format!("the authentication is {} seconds old", age.as_secs()));
        }
        Ok(())
    }
}
