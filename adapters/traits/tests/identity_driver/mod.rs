//! The hands that the suite needs, for the provider in memory.

use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use companyos_adapter_traits::clock::{Clock, SystemClock};
use companyos_adapter_traits::conformance::identity::{Driver, Flaw};
use companyos_adapter_traits::identity::{
    AuthorizationRequest, AuthorizationResponse, Claims, DeviceAuthorization, IdentityProvider as _,
    MemoryIdentity, TokenKind, User, amr,
};
use companyos_adapter_traits::{Error, Secret};

/// Who signs in.
pub(crate) const ADA: &str = "ada";

/// The client for which tokens are issued that this one must not accept.
pub(crate) const OTHER_CLIENT: &str = "another-client";

/// The issuer whose tokens must not be accepted.
pub(crate) const OTHER_ISSUER: &str = "https://another-issuer.test";

/// A provider that knows the person who signs in.
pub(crate) fn provider() -> MemoryIdentity {
    MemoryIdentity::new().with_user(User::new(ADA).signing_in_with([amr::PWD, amr::OTP]))
}

/// Plays that person.
pub(crate) struct Hands(pub(crate) MemoryIdentity);

impl Hands {
    fn claims(&self) -> Claims {
        let now = SystemClock.wall();
        let audience = [self.0.client_id().to_owned()];
        let mut claims = Claims::new(self.0.issuer(), ADA, audience, now + Duration::from_secs(300));
        claims.iat = Some(now);
        claims
    }
}

#[async_trait]
impl Driver for Hands {
    async fn sign_in(&self, request: &AuthorizationRequest) -> Result<AuthorizationResponse, Error> {
        self.0.sign_in(&request.url, ADA)
    }

    async fn wait(&self, _: Duration) {}

    async fn answer_device(&self, flow: &DeviceAuthorization, confirm: bool) -> Result<bool, Error> {
        match confirm {
            true => self.0.approve_device(&flow.user_code, ADA)?,
            false => self.0.deny_device(&flow.user_code)?,
        }
        Ok(true)
    }

    async fn flawed_token(&self, flaw: Flaw) -> Result<Option<Secret>, Error> {
        const HOUR: Duration = Duration::from_secs(3600);
        let mut claims = self.claims();
        let now: SystemTime = SystemClock.wall();
        match flaw {
            Flaw::Expired => (claims.iat, claims.exp) = (None, now - HOUR),
            Flaw::NotYetValid => (claims.nbf, claims.exp) = (Some(now + HOUR), now + 2 * HOUR),
            Flaw::OtherIssuer => claims.iss = OTHER_ISSUER.to_owned(),
            Flaw::OtherAudience => claims.aud = vec![OTHER_CLIENT.to_owned()],
            Flaw::OtherAuthorizedParty => {
                claims.aud.push(OTHER_CLIENT.to_owned());
                claims.azp = Some(OTHER_CLIENT.to_owned());
            }
            Flaw::UnknownKey => {
                let token = self.0.sign(TokenKind::Id, claims);
                self.0.rotate_key();
                return Ok(Some(token));
            }
            Flaw::SymmetricAlgorithm => {
                let token = self.0.sign(TokenKind::Id, claims);
                let signed = token.expose().split_once('.').map(|(_, signed)| signed).unwrap_or_default();
                // {"alg":"HS256"}
                return Ok(Some(Secret::new(format!("eyJhbGciOiJIUzI1NiJ9.{signed}"))));
            }
            // The provider has claims, not JSON, so it cannot leave one out that every token has.
            _ => return Ok(None),
        }
        Ok(Some(self.0.sign(TokenKind::Id, claims)))
    }

    async fn set_keys_available(&self, available: bool) -> Result<bool, Error> {
        self.0.set_keys_available(available);
        Ok(true)
    }
}
