//! A provider with a fault.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use companyos_adapter_traits::identity::{
    AuthorizationRequest, Claims, MemoryIdentity, PendingAuthorization, TokenKind, TokenSet, VerifyOptions,
};
use companyos_adapter_traits::{
    Capability, Context, Descriptor, Error, ErrorKind, IdentityProvider as _, Secret, TokenFault,
};

use crate::Fault::{self, *};
use crate::identity_driver::{self, OTHER_CLIENT, OTHER_ISSUER};

/// A correct provider and its one fault.
pub(crate) struct Faulty {
    pub(crate) fault: Fault,
    pub(crate) descriptor: Descriptor,
    pub(crate) inner: MemoryIdentity,
    seen: Mutex<Seen>,
}

/// What the fault needs to remember.
#[derive(Default)]
pub(crate) struct Seen {
    /// Requests, by the options that asked for them.
    pub(crate) requests: HashMap<String, AuthorizationRequest>,
    /// What a flow began with, by its state.
    pub(crate) pending: HashMap<String, PendingAuthorization>,
    /// What a code brought.
    pub(crate) traded: HashMap<String, TokenSet>,
    /// ID tokens, by their second part.
    pub(crate) id_tokens: HashMap<String, Secret>,
    /// The access token that came with a refresh token.
    pub(crate) issued: HashMap<String, Secret>,
    /// What the person would type, by device code.
    pub(crate) user_codes: HashMap<String, Secret>,
    /// How often a token was verified.
    pub(crate) verified: u64,
    /// Refresh tokens that were used.
    pub(crate) used: Vec<String>,
}

impl Faulty {
    pub(crate) fn new(fault: Fault) -> Self {
        let inner = identity_driver::provider();
        let name = if fault == DescriptorIsOutOfOrder { "Faulty!" } else { "faulty" };
        let claims = inner.descriptor().capabilities.iter().copied();
        let claims =
            claims.filter(|claim| !(fault == RevocationIsOfferedUnclaimed && *claim == Capability::Revoke));
        let descriptor = Descriptor::new(name, "1").with_capabilities(claims);
        Self { fault, descriptor, inner, seen: Mutex::default() }
    }

    pub(crate) fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ctx(&self, ctx: &Context) -> Context {
        let mut ctx = ctx.clone();
        if self.is(DeadlineIsIgnored) {
            ctx.deadline = None;
        }
        ctx
    }

    pub(crate) fn keep(&self, tokens: &TokenSet) {
        if let Some(token) = &tokens.id_token {
            let part = second_part(token).to_owned();
            self.seen().id_tokens.insert(part, token.clone());
        }
        if let Some(token) = &tokens.refresh_token {
            self.seen().issued.insert(token.expose().to_owned(), tokens.access_token.clone());
        }
    }

    /// The token as it was before somebody changed its header or its signature.
    pub(crate) fn original(&self, token: &Secret) -> Option<Secret> {
        let original = self.seen().id_tokens.get(second_part(token))?.clone();
        let header = |token: &Secret| token.expose().split('.').next().map(str::to_owned);
        let same_header = header(&original) == header(token);
        let unsigned = header(token).as_deref() == Some("eyJhbGciOiJub25lIn0");
        match self.fault {
            SignatureIsNotChecked if same_header => Some(original),
            UnsignedIsAccepted if unsigned => Some(original),
            _ => None,
        }
    }

    /// What the fault makes of an error.
    pub(crate) async fn excuse(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &VerifyOptions,
        error: Error,
    ) -> Result<Claims, Error> {
        let ErrorKind::Token(fault) = *error.kind() else {
            let outage = self.is(OutageIsABadSignature) && *error.kind() == ErrorKind::KeysUnavailable;
            let fault = TokenFault::BadSignature;
            return Err(if outage { Error::token(fault, "it does not verify") } else { error });
        };
        let (inner, mut options) = (self.inner.clone(), options.clone());
        let lenient = match (self.fault, fault) {
            (ExpiryIsIgnored, TokenFault::Expired) | (NotBeforeIsIgnored, TokenFault::NotYetValid) => {
                inner.with_tolerance(Duration::from_secs(86400))
            }
            (IssuerIsIgnored, TokenFault::WrongIssuer) => inner.with_issuer(OTHER_ISSUER),
            (OtherClientIsAccepted, TokenFault::WrongAudience) => {
                options = options.audience(OTHER_CLIENT);
                inner
            }
            (AuthorizedPartyIsIgnored, TokenFault::WrongAudience) if options.audience.is_none() => {
                options = options.audience(self.inner.client_id());
                inner.with_client_id(OTHER_CLIENT)
            }
            (AccessTokenPassesAsIdToken, TokenFault::Malformed) => {
                options.kind = TokenKind::Access;
                inner
            }
            (IdTokenPassesAsAccessToken, TokenFault::Malformed) => {
                options = VerifyOptions::id_token();
                inner
            }
            (NoTokenIsAnOutage, TokenFault::Malformed) if second_part(token).is_empty() => {
                return Err(Error::new(ErrorKind::Unavailable, "what is this?"));
            }
            (SymmetricSignatureIsTried, TokenFault::AlgorithmRefused)
                if token.expose().starts_with("eyJhbGciOiJIUzI1NiJ9.") =>
            {
                return Err(Error::token(TokenFault::BadSignature, "it does not verify"));
            }
            (UnknownKeyIsABadSignature, TokenFault::UnknownKey) => {
                return Err(Error::token(TokenFault::BadSignature, "it does not verify"));
            }
            _ => return Err(error),
        };
        lenient.verify_token(ctx, token, &options).await.map_err(|_| error)
    }
}

fn second_part(token: &Secret) -> &str {
    token.expose().split('.').nth(1).unwrap_or_default()
}
