//! Conveniences for callers.

use std::future::Future;

use super::{AuthorizationResponse, ExchangeOptions, IdentityProvider, PendingAuthorization, TokenSet};
use crate::{Context, Error, ErrorKind, Outcome};

/// What callers do with any [`IdentityProvider`].
///
/// Implemented for every provider at once and for nothing else, so an adapter cannot give these a meaning of its own.
pub trait IdentityProviderExt: IdentityProvider {
    /// Ends an authorization code flow with what the redirect brought: checks the state, and the issuer if the
    /// redirect names one (RFC 9207), before the code goes anywhere.
    ///
    /// # Errors
    /// [`GrantRefused`](ErrorKind::GrantRefused) with [`NotSent`](Outcome::NotSent) when the redirect is not the
    /// answer to this request; else those of [`exchange`](IdentityProvider::exchange).
    fn complete(
        &self,
        ctx: &Context,
        pending: &PendingAuthorization,
        response: &AuthorizationResponse,
        options: &ExchangeOptions,
    ) -> impl Future<Output = Result<TokenSet, Error>> + Send {
        async move {
            pending.check_state(response.state.expose())?;
            if response.iss.as_ref().is_some_and(|issuer| issuer != self.issuer()) {
                let why = "the redirect comes from another issuer";
                return Err(Error::new(ErrorKind::GrantRefused, why).with_outcome(Outcome::NotSent));
            }
            self.exchange(ctx, &response.code, pending, options).await
        }
    }
}

impl<A: IdentityProvider + ?Sized> IdentityProviderExt for A {}
