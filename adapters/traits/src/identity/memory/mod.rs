//! An identity provider in memory, for unit tests.

mod device;
mod flows;
mod provider;
mod state;
mod user;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use state::{Answer, Code, State};
pub use user::User;

use super::{AuthorizationResponse, Claims, TokenKind, url};
use crate::clock::{Clock, SystemClock};
use crate::{Capability, Descriptor, Error, ErrorKind, Secret};

const TOKEN_LIFETIME: Duration = Duration::from_secs(300);
const CODE_LIFETIME: Duration = Duration::from_secs(60);
const REFRESH_LIFETIME: Duration = Duration::from_secs(3600);
const DEVICE_LIFETIME: Duration = Duration::from_secs(600);
const DEVICE_INTERVAL: Duration = Duration::from_secs(5);

/// An [`IdentityProvider`](super::IdentityProvider) and its issuer in one, which forgets everything when dropped.
///
/// It behaves as a real pair does: PKCE is enforced, a code is good once, a refresh token too, and using either twice
/// ends what came of it; tokens expire (codes after one minute, tokens after five, refresh tokens after an hour, by
/// the clock it is given), and what is wrong with one is told apart. What the unit under test must not rely on can be
/// taken away with [`with_capabilities`](MemoryIdentity::with_capabilities). Clones share their state.
///
/// A test plays the person: [`sign_in`](MemoryIdentity::sign_in) does what a browser would at the authorization URL,
/// [`approve_device`](MemoryIdentity::approve_device) what somebody would on another device. And it can have any token
/// it needs: [`sign`](MemoryIdentity::sign) signs whatever it is given.
///
/// Its secrets are the same in every run, so it is of no use outside tests.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use companyos_adapter_traits::identity::{
///     AuthorizationOptions, ExchangeOptions, IdentityProvider, IdentityProviderExt, MemoryIdentity, User, amr,
/// };
/// use companyos_adapter_traits::Context;
///
/// let ada = User::new("ada").signing_in_with([amr::PWD, amr::OTP]).claim("email", "ada@example.test");
/// let provider = MemoryIdentity::new().with_user(ada);
/// let ctx = Context::builder("acme", "eu-central").build();
///
/// let request = provider.authorization_url(&ctx, &AuthorizationOptions::default()).await?;
/// let response = provider.sign_in(&request.url, "ada")?;
/// let tokens = provider.complete(&ctx, &request.pending, &response, &ExchangeOptions::default()).await?;
/// let claims = tokens.claims.expect("openid was asked for");
/// assert_eq!(claims.extra["email"], "ada@example.test");
/// assert!(claims.is_multi_factor(&[]));
/// # Ok::<(), companyos_adapter_traits::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemoryIdentity {
    descriptor: Descriptor,
    config: Config,
    clock: Arc<dyn Clock>,
    state: Arc<Mutex<State>>,
}

#[derive(Clone)]
struct Config {
    issuer: String,
    client_id: String,
    audience: String,
    redirect_uri: String,
    seed: String,
    tolerance: Duration,
}

impl MemoryIdentity {
    /// A provider without users that serves any region and claims all it can do.
    #[must_use]
    pub fn new() -> Self {
        let descriptor = Descriptor::new("memory", env!("CARGO_PKG_VERSION")).with_capabilities([
            Capability::VerifyAccessToken,
            Capability::RefreshRotation,
            Capability::Userinfo,
            Capability::Introspect,
            Capability::Revoke,
            Capability::EndSession,
            Capability::ClientCredentials,
            Capability::DeviceFlow,
        ]);
        let config = Config {
            issuer: "https://identity.test".to_owned(),
            client_id: "client".to_owned(),
            audience: "https://api.test".to_owned(),
            redirect_uri: "https://app.test/callback".to_owned(),
            seed: String::new(),
            tolerance: Duration::ZERO,
        };
        Self { descriptor, config, clock: Arc::new(SystemClock), state: Arc::default() }
    }

    /// Reads the time from `clock`.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Pins the provider to a region, which its descriptor then names.
    #[must_use]
    pub fn with_region(mut self, region: impl Into<String>) -> Self {
        self.descriptor = self.descriptor.with_region(region);
        self
    }

    /// Offers only these of its capabilities, and answers `Unsupported` to the rest. Without
    /// [`RefreshRotation`](Capability::RefreshRotation) a refresh token stays good.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        let offered: Vec<_> =
            capabilities.into_iter().filter(|capability| self.descriptor.has(*capability)).collect();
        self.descriptor = self.descriptor.with_capabilities(offered);
        self
    }

    /// Sets the issuer identifier.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.config.issuer = issuer.into();
        self
    }

    /// Sets the client identifier.
    #[must_use]
    pub fn with_client_id(mut self, client_id: impl Into<String>) -> Self {
        self.config.client_id = client_id.into();
        self
    }

    /// Sets the resource that access tokens are for.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.config.audience = audience.into();
        self
    }

    /// Sets the one redirect URI that is registered.
    #[must_use]
    pub fn with_redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.config.redirect_uri = uri.into();
        self
    }

    /// Sets how far the clocks may be apart when times are judged. Zero by default.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: Duration) -> Self {
        self.config.tolerance = tolerance;
        self
    }

    /// Draws other secrets than a provider with another seed.
    #[must_use]
    pub fn with_seed(mut self, seed: impl Into<String>) -> Self {
        self.config.seed = seed.into();
        self
    }

    /// Lets somebody sign in.
    #[must_use]
    pub fn with_user(self, user: User) -> Self {
        self.add_user(user);
        self
    }

    /// Lets somebody sign in, or in another way than before.
    pub fn add_user(&self, user: User) {
        self.lock().users.insert(user.sub.clone(), user);
    }

    /// Signs somebody in at an authorization URL of this provider, and answers what the redirect would bring.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) when the URL is not one that this issuer accepts, or nobody of that
    /// name is known.
    pub fn sign_in(&self, url: &Secret, sub: &str) -> Result<AuthorizationResponse, Error> {
        let parameter = |name| url::parameter(url.expose(), name).unwrap_or_default();
        let config = &self.config;
        let expected = [
            ("response_type", "code"),
            ("client_id", &config.client_id),
            ("redirect_uri", &config.redirect_uri),
            ("code_challenge_method", "S256"),
        ];
        if let Some((name, _)) = expected.into_iter().find(|(name, value)| parameter(name) != *value) {
            return Err(refuse(format!("the authorization endpoint does not accept this {name}")));
        }
        let now = self.clock.wall();
        let mut state = self.lock();
        known(&state, sub)?;
        let scopes = parameter("scope").split(' ').map(str::to_owned).collect();
        let mut grant = state.begin(sub, scopes, now);
        grant.nonce = Some(parameter("nonce")).filter(|nonce| !nonce.is_empty());
        let code = state.draw(config);
        let issued = Code {
            grant,
            redirect_uri: parameter("redirect_uri"),
            challenge: parameter("code_challenge"),
            expires: now + CODE_LIFETIME,
            used: false,
        };
        state.codes.insert(code.clone(), issued);
        Ok(AuthorizationResponse::new(Secret::new(code), parameter("state")).with_issuer(&config.issuer))
    }

    /// Confirms a device flow as somebody.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) when nobody of that name is known or no flow waits under this code.
    pub fn approve_device(&self, user_code: &Secret, sub: &str) -> Result<(), Error> {
        let now = self.clock.wall();
        let mut state = self.lock();
        known(&state, sub)?;
        let scopes = device::waiting(&mut state, user_code)?.scopes.clone();
        let grant = state.begin(sub, scopes, now);
        device::waiting(&mut state, user_code)?.answer = Answer::Approved(grant);
        Ok(())
    }

    /// Refuses a device flow.
    ///
    /// # Errors
    /// [`InvalidInput`](ErrorKind::InvalidInput) when no flow waits under this code.
    pub fn deny_device(&self, user_code: &Secret) -> Result<(), Error> {
        device::waiting(&mut self.lock(), user_code)?.answer = Answer::Denied;
        Ok(())
    }

    /// A token of this issuer that says what it is given: expired, for another audience, of another issuer.
    pub fn sign(&self, kind: TokenKind, claims: Claims) -> Secret {
        self.lock().sign(&self.config, kind, claims, None)
    }

    /// Signs with a new key from now on and publishes no other: tokens signed before are of an unknown key.
    pub fn rotate_key(&self) {
        self.lock().rotate_key();
    }

    /// Takes the endpoint with the keys down, or up again.
    pub fn set_keys_available(&self, available: bool) {
        self.lock().keys_down = !available;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn require(&self, capability: Capability, operation: &'static str) -> Result<(), Error> {
        if self.descriptor.has(capability) {
            Ok(())
        } else {
            Err(Error::unsupported(operation, &self.descriptor.name))
        }
    }
}

fn refuse(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, why)
}

fn known(state: &State, sub: &str) -> Result<(), Error> {
    if state.users.contains_key(sub) { Ok(()) } else { Err(refuse(format!("there is no user {sub}"))) }
}

impl Default for MemoryIdentity {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryIdentity")
            .field("descriptor", &self.descriptor)
            .field("issuer", &self.config.issuer)
            .field("users", &self.lock().users.len())
            .finish_non_exhaustive()
    }
}
