//! Providers that are wrong in one way each. The suite must catch every one, and for its own reason only: a check that
//! fails for somebody else's fault would send an adapter author looking in the wrong place.

mod identity_driver;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use companyos_adapter_traits::conformance::identity;
use companyos_adapter_traits::identity::{
    AuthenticationRequirement, AuthorizationOptions, AuthorizationRequest, Claims, ClientCredentialsOptions,
    DeviceAuthorization, DevicePoll, DevicePollOptions, DeviceStartOptions, DiscoverOptions,
    EndSessionOptions, ExchangeOptions, IntrospectOptions, Introspection, IssuerMetadata, MemoryIdentity,
    PendingAuthorization, RefreshOptions, RevokeOptions, TokenKind, TokenSet, UserInfo, UserinfoOptions,
    VerifyOptions, operations,
};
use companyos_adapter_traits::{
    Capability, Context, Descriptor, Error, ErrorKind, IdentityProvider, Secret, TokenFault,
};
use identity_driver::{Hands, OTHER_CLIENT, OTHER_ISSUER};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    MetadataAreOfAnother,
    SecretsAreReused,
    UrlShowsTheVerifier,
    CodesAreGoodTwice,
    VerifierIsIgnored,
    RedirectUriIsIgnored,
    NonceIsIgnored,
    AudienceIsIgnored,
    OtherClientIsAccepted,
    AuthorizedPartyIsIgnored,
    SubjectIsIgnored,
    AccessTokenHashIsIgnored,
    AuthenticationIsIgnored,
    ScopesAreIgnored,
    ExpiryIsIgnored,
    NotBeforeIsIgnored,
    IssuerIsIgnored,
    SignatureIsNotChecked,
    UnsignedIsAccepted,
    AccessTokenPassesAsIdToken,
    UnknownKeyIsABadSignature,
    OutageIsABadSignature,
    RefreshDoesNotRotate,
    ReuseIsForgiven,
    RefreshIgnoresTheSubject,
    UserinfoIsClaimedAndMissing,
    UserinfoIgnoresTheSubject,
    IntrospectionSaysYes,
    RevocationDoesNothing,
    RevocationIsOfferedUnclaimed,
    LogoutForgetsTheState,
    RefusedDeviceStaysPending,
    ClientCredentialsAreClaimedAndMissing,
    DeadlineIsIgnored,
    ErrorsQuoteTheCode,
}
use Fault::*;

/// Each fault, and the checks that must fail for it.
const ZOO: [(Fault, &[&str]); 35] = [
    (MetadataAreOfAnother, &["the_metadata_are_of_the_issuer"]),
    (SecretsAreReused, &["every_flow_has_secrets_of_its_own"]),
    (UrlShowsTheVerifier, &["the_url_asks_for_a_code_with_pkce"]),
    (CodesAreGoodTwice, &["a_code_is_good_once"]),
    (VerifierIsIgnored, &["a_code_without_its_verifier_is_refused"]),
    (RedirectUriIsIgnored, &["a_code_for_another_redirect_uri_is_refused"]),
    (
        NonceIsIgnored,
        &["an_id_token_of_another_flow_is_refused", "an_id_token_with_another_nonce_is_refused"],
    ),
    (
        AudienceIsIgnored,
        &["an_id_token_for_another_audience_is_refused", "an_access_token_for_another_audience_is_refused"],
    ),
    (OtherClientIsAccepted, &["a_token_for_another_client_is_refused"]),
    (AuthorizedPartyIsIgnored, &["a_token_with_another_authorized_party_is_refused"]),
    (SubjectIsIgnored, &["an_id_token_about_another_subject_is_refused"]),
    (AccessTokenHashIsIgnored, &["an_id_token_of_another_access_token_is_refused"]),
    (
        AuthenticationIsIgnored,
        &["a_sign_in_that_is_too_weak_brings_no_tokens", "the_way_of_signing_in_can_be_required"],
    ),
    (ScopesAreIgnored, &["a_scope_can_be_required"]),
    (ExpiryIsIgnored, &["an_expired_token_is_refused"]),
    (NotBeforeIsIgnored, &["a_token_from_the_future_is_refused"]),
    (IssuerIsIgnored, &["a_token_of_another_issuer_is_refused"]),
    (SignatureIsNotChecked, &["a_tampered_token_is_refused"]),
    (UnsignedIsAccepted, &["an_unsigned_token_is_refused"]),
    (AccessTokenPassesAsIdToken, &["an_access_token_is_no_id_token"]),
    (UnknownKeyIsABadSignature, &["a_token_with_an_unknown_key_is_refused"]),
    (OutageIsABadSignature, &["without_keys_nothing_is_accepted"]),
    (
        RefreshDoesNotRotate,
        &["a_refresh_token_is_good_once_or_stays_good", "a_refresh_token_used_twice_ends_its_family"],
    ),
    (ReuseIsForgiven, &["a_refresh_token_used_twice_ends_its_family"]),
    (RefreshIgnoresTheSubject, &["a_refresh_for_another_subject_is_refused"]),
    (UserinfoIsClaimedAndMissing, &["userinfo_tells_who_or_is_unsupported"]),
    (UserinfoIgnoresTheSubject, &["userinfo_tells_who_or_is_unsupported"]),
    (
        IntrospectionSaysYes,
        &[
            "introspection_knows_good_from_bad_or_is_unsupported",
            "a_revoked_token_is_over_or_revocation_is_unsupported",
        ],
    ),
    (RevocationDoesNothing, &["a_revoked_token_is_over_or_revocation_is_unsupported"]),
    (RevocationIsOfferedUnclaimed, &["a_revoked_token_is_over_or_revocation_is_unsupported"]),
    (LogoutForgetsTheState, &["logout_has_a_url_or_is_unsupported"]),
    (RefusedDeviceStaysPending, &["a_refused_device_flow_brings_no_tokens"]),
    (ClientCredentialsAreClaimedAndMissing, &["a_client_has_a_token_of_its_own_or_that_is_unsupported"]),
    (DeadlineIsIgnored, &["a_passed_deadline_is_refused"]),
    (ErrorsQuoteTheCode, &["no_error_shows_a_secret"]),
];

#[tokio::test]
async fn every_animal_is_caught_for_its_own_reason() {
    for (fault, expected) in ZOO {
        let faulty = Faulty::new(fault);
        let hands = Hands(faulty.inner.clone());
        let ctx = Context::builder("suite", "local").build();
        let report = identity::run(&faulty, &hands, ctx).await;
        let failures: Vec<_> = report.failures().collect();
        assert_eq!(failures, expected, "{fault:?}\n{report}");
    }
}

/// A correct provider and its one fault.
struct Faulty {
    fault: Fault,
    descriptor: Descriptor,
    inner: MemoryIdentity,
    seen: Mutex<Seen>,
}

/// What the fault needs to remember.
#[derive(Default)]
struct Seen {
    /// Requests, by the options that asked for them.
    requests: HashMap<String, AuthorizationRequest>,
    /// What a flow began with, by its state.
    pending: HashMap<String, PendingAuthorization>,
    /// What a code brought.
    traded: HashMap<String, TokenSet>,
    /// ID tokens, by their second part.
    id_tokens: HashMap<String, Secret>,
    /// Refresh tokens that were used.
    used: Vec<String>,
}

impl Faulty {
    fn new(fault: Fault) -> Self {
        let inner = identity_driver::provider();
        let claims = inner.descriptor().capabilities.iter().copied();
        let claims =
            claims.filter(|claim| !(fault == RevocationIsOfferedUnclaimed && *claim == Capability::Revoke));
        let descriptor = Descriptor::new("faulty", "1").with_capabilities(claims);
        Self { fault, descriptor, inner, seen: Mutex::default() }
    }

    fn is(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ctx(&self, ctx: &Context) -> Context {
        let mut ctx = ctx.clone();
        if self.is(DeadlineIsIgnored) {
            ctx.deadline = None;
        }
        ctx
    }

    fn keep(&self, tokens: &TokenSet) {
        if let Some(token) = &tokens.id_token {
            let part = second_part(token).to_owned();
            self.seen().id_tokens.insert(part, token.clone());
        }
    }

    /// The token as it was before somebody changed its header or its signature.
    fn original(&self, token: &Secret) -> Option<Secret> {
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
    async fn excuse(
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
                options = options.audience(self.client_id());
                inner.with_client_id(OTHER_CLIENT)
            }
            (AccessTokenPassesAsIdToken, TokenFault::Malformed) => {
                options.kind = TokenKind::Access;
                inner
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

#[async_trait]
impl IdentityProvider for Faulty {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn issuer(&self) -> &str {
        self.inner.issuer()
    }

    fn client_id(&self) -> &str {
        self.inner.client_id()
    }

    async fn discover(&self, ctx: &Context, options: &DiscoverOptions) -> Result<IssuerMetadata, Error> {
        let mut metadata = self.inner.discover(&self.ctx(ctx), options).await?;
        if self.is(MetadataAreOfAnother) {
            metadata.issuer = OTHER_ISSUER.to_owned();
        }
        Ok(metadata)
    }

    async fn verify_token(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &VerifyOptions,
    ) -> Result<Claims, Error> {
        let mut options = options.clone();
        match self.fault {
            NonceIsIgnored => options.nonce = None,
            AudienceIsIgnored => options.audience = None,
            SubjectIsIgnored => options.subject = None,
            AccessTokenHashIsIgnored => options.access_token = None,
            AuthenticationIsIgnored => options.authentication = AuthenticationRequirement::default(),
            ScopesAreIgnored => options.scopes.clear(),
            _ => {}
        }
        let (ctx, original) = (self.ctx(ctx), self.original(token));
        match self.inner.verify_token(&ctx, original.as_ref().unwrap_or(token), &options).await {
            Ok(claims) => Ok(claims),
            Err(error) => self.excuse(&ctx, token, &options, error).await,
        }
    }

    async fn authorization_url(
        &self,
        ctx: &Context,
        options: &AuthorizationOptions,
    ) -> Result<AuthorizationRequest, Error> {
        let mut request = self.inner.authorization_url(&self.ctx(ctx), options).await?;
        let (mut seen, pending) = (self.seen(), request.pending.clone());
        seen.pending.insert(pending.state.expose().to_owned(), pending.clone());
        match self.fault {
            SecretsAreReused => {
                let first = seen.requests.entry(format!("{options:?}")).or_insert(request);
                request = first.clone();
            }
            UrlShowsTheVerifier => {
                let url = format!("{}&code_verifier={}", request.url.expose(), pending.verifier.expose());
                request = AuthorizationRequest::new(url, pending);
            }
            _ => {}
        }
        Ok(request)
    }

    async fn exchange(
        &self,
        ctx: &Context,
        code: &Secret,
        pending: &PendingAuthorization,
        options: &ExchangeOptions,
    ) -> Result<TokenSet, Error> {
        let (mut pending, mut options) = (pending.clone(), options.clone());
        let begun = self.seen().pending.get(pending.state.expose()).cloned();
        match (self.fault, begun) {
            (VerifierIsIgnored, Some(begun)) => pending.verifier = begun.verifier,
            (RedirectUriIsIgnored, Some(begun)) => pending.redirect_uri = begun.redirect_uri,
            (NonceIsIgnored, Some(begun)) => pending.nonce = begun.nonce,
            (AuthenticationIsIgnored, _) => options = ExchangeOptions::default(),
            (CodesAreGoodTwice, _) => {
                if let Some(tokens) = self.seen().traded.get(code.expose()) {
                    return Ok(tokens.clone());
                }
            }
            _ => {}
        }
        let result = self.inner.exchange(&self.ctx(ctx), code, &pending, &options).await;
        if let Ok(tokens) = &result {
            self.keep(tokens);
            self.seen().traded.insert(code.expose().to_owned(), tokens.clone());
        }
        result.map_err(|error| match self.fault {
            ErrorsQuoteTheCode if *error.kind() == ErrorKind::GrantRefused => {
                Error::new(ErrorKind::GrantRefused, format!("the code {} is not accepted", code.expose()))
            }
            _ => error,
        })
    }

    async fn refresh(
        &self,
        ctx: &Context,
        refresh_token: &Secret,
        options: &RefreshOptions,
    ) -> Result<TokenSet, Error> {
        let (ctx, mut options) = (self.ctx(ctx), options.clone());
        match self.fault {
            RefreshIgnoresTheSubject => options.subject = None,
            RefreshDoesNotRotate => {
                let fixed = self.inner.clone().with_capabilities([]);
                let mut tokens = fixed.refresh(&ctx, refresh_token, &options).await?;
                tokens.refresh_token = Some(Secret::new(refresh_token.expose()));
                return Ok(tokens);
            }
            ReuseIsForgiven => {
                if self.seen().used.iter().any(|used| refresh_token.matches(used)) {
                    return Err(Error::new(ErrorKind::GrantRefused, "not again"));
                }
                self.seen().used.push(refresh_token.expose().to_owned());
            }
            _ => {}
        }
        self.inner.refresh(&ctx, refresh_token, &options).await
    }

    async fn userinfo(
        &self,
        ctx: &Context,
        access_token: &Secret,
        options: &UserinfoOptions,
    ) -> Result<UserInfo, Error> {
        let mut options = options.clone();
        match self.fault {
            UserinfoIsClaimedAndMissing if ctx.deadline.is_none() => {
                return Err(Error::unsupported(operations::USERINFO, "faulty"));
            }
            UserinfoIgnoresTheSubject => options.subject = None,
            _ => {}
        }
        self.inner.userinfo(&self.ctx(ctx), access_token, &options).await
    }

    async fn introspect(
        &self,
        ctx: &Context,
        token: &Secret,
        options: &IntrospectOptions,
    ) -> Result<Introspection, Error> {
        let mut answer = self.inner.introspect(&self.ctx(ctx), token, options).await?;
        answer.active |= self.is(IntrospectionSaysYes);
        Ok(answer)
    }

    async fn revoke(&self, ctx: &Context, token: &Secret, options: &RevokeOptions) -> Result<(), Error> {
        if self.is(RevocationDoesNothing) {
            return ctx.check_deadline(std::time::Instant::now());
        }
        self.inner.revoke(&self.ctx(ctx), token, options).await
    }

    async fn end_session_url(&self, ctx: &Context, options: &EndSessionOptions) -> Result<Secret, Error> {
        let mut options = options.clone();
        if self.is(LogoutForgetsTheState) {
            options.state = None;
        }
        self.inner.end_session_url(&self.ctx(ctx), &options).await
    }

    async fn client_credentials(
        &self,
        ctx: &Context,
        options: &ClientCredentialsOptions,
    ) -> Result<TokenSet, Error> {
        let tokens = self.inner.client_credentials(&self.ctx(ctx), options).await?;
        if self.is(ClientCredentialsAreClaimedAndMissing) {
            return Err(Error::unsupported(operations::CLIENT_CREDENTIALS, "faulty"));
        }
        Ok(tokens)
    }

    async fn device_start(
        &self,
        ctx: &Context,
        options: &DeviceStartOptions,
    ) -> Result<DeviceAuthorization, Error> {
        self.inner.device_start(&self.ctx(ctx), options).await
    }

    async fn device_poll(
        &self,
        ctx: &Context,
        device_code: &Secret,
        options: &DevicePollOptions,
    ) -> Result<DevicePoll, Error> {
        match self.inner.device_poll(&self.ctx(ctx), device_code, options).await {
            Err(error) if *error.kind() == ErrorKind::PermissionDenied => match self.fault {
                RefusedDeviceStaysPending => Ok(DevicePoll::Pending { slow_down: false }),
                _ => Err(error),
            },
            result => result,
        }
    }
}
