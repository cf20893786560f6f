//! The hands that an identity suite needs: somebody must sign in.

use std::time::Duration;

use async_trait::async_trait;

use crate::identity::{
    AuthorizationOptions, AuthorizationRequest, AuthorizationResponse, ClientCredentialsOptions,
    DeviceAuthorization, VerifyOptions,
};
use crate::{Error, Secret, TokenFault};

/// What the author of an adapter does for the suite: play the person, let time pass, and produce tokens that are
/// wrong. What a provider cannot be made to do is answered with `false` or `None`, and the check is skipped.
#[async_trait]
pub trait Driver: Send + Sync {
    /// Signs the test's person in at the authorization URL, agrees to everything, and answers what the redirect
    /// brings. Always the same person.
    ///
    /// # Errors
    /// Any error fails the check.
    async fn sign_in(&self, request: &AuthorizationRequest) -> Result<AuthorizationResponse, Error>;

    /// Lets that much time pass: between two polls of a device flow, for one.
    async fn wait(&self, time: Duration);

    /// What the suite asks for when it signs in: what it takes for this issuer to answer with a refresh token.
    ///
    /// `offline_access` by default, and consent, without which OpenID Connect Core, section 11, has it ignored.
    fn authorization_options(&self) -> AuthorizationOptions {
        AuthorizationOptions::default().scopes(["offline_access".to_owned()]).prompt(["consent".to_owned()])
    }

    /// What an access token of such a sign-in must be.
    fn access_token(&self) -> VerifyOptions {
        VerifyOptions::access_token()
    }

    /// What the client asks for itself.
    fn client_credentials(&self) -> ClientCredentialsOptions {
        ClientCredentialsOptions::default()
    }

    /// Confirms or refuses a device flow as the test's person. `false` when it cannot.
    ///
    /// # Errors
    /// Any error fails the check.
    async fn answer_device(&self, flow: &DeviceAuthorization, confirm: bool) -> Result<bool, Error> {
        let _ = (flow, confirm);
        Ok(false)
    }

    /// An ID token with this flaw and no other. `None` when it cannot.
    ///
    /// # Errors
    /// Any error fails the check.
    async fn flawed_token(&self, flaw: Flaw) -> Result<Option<Secret>, Error> {
        let _ = flaw;
        Ok(None)
    }

    /// Takes the endpoint with the issuer's keys down, or up again. `false` when it cannot.
    ///
    /// # Errors
    /// Any error fails the check.
    async fn set_keys_available(&self, available: bool) -> Result<bool, Error> {
        let _ = available;
        Ok(false)
    }
}

/// What is wrong with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Flaw {
    /// It expired an hour ago.
    Expired,
    /// It begins in an hour, or was issued then.
    NotYetValid,
    /// Its issuer is another, though a key of this one signed it.
    OtherIssuer,
    /// Its audience is another client only.
    OtherAudience,
    /// It has this client among its audiences, and another as authorized party.
    OtherAuthorizedParty,
    /// A key signed it that the issuer does not publish, under an id of its own.
    UnknownKey,
    /// It is signed with HMAC, keyed with the issuer's public key.
    SymmetricAlgorithm,
    /// It has no expiry.
    NoExpiry,
}

impl Flaw {
    /// What verification must say about it.
    #[must_use]
    pub fn fault(self) -> TokenFault {
        match self {
            Self::Expired => TokenFault::Expired,
            Self::NotYetValid => TokenFault::NotYetValid,
            Self::OtherIssuer => TokenFault::WrongIssuer,
            Self::OtherAudience | Self::OtherAuthorizedParty => TokenFault::WrongAudience,
            Self::UnknownKey => TokenFault::UnknownKey,
            Self::SymmetricAlgorithm => TokenFault::AlgorithmRefused,
            Self::NoExpiry => TokenFault::Malformed,
        }
    }
}
