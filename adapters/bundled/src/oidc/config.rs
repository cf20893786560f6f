//! What an adapter is told about its issuer and itself.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use companyos_adapter_traits::Capability;
use companyos_adapter_traits::clock::{Clock, SystemClock};

use super::{ClientAuthentication, SignatureAlgorithm};
use crate::http::HttpConfig;

/// How an [`OidcProvider`](super::OidcProvider) works with its issuer.
#[derive(Clone)]
#[must_use]
pub struct OidcConfig {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) authentication: ClientAuthentication,
    pub(super) redirect_uri: Option<String>,
    pub(super) audience: Option<String>,
    pub(super) send_resource: bool,
    pub(super) trusted_audiences: BTreeSet<String>,
    pub(super) algorithms: Vec<SignatureAlgorithm>,
    pub(super) untyped_access_tokens: bool,
    pub(super) tolerance: Duration,
    pub(super) keys_max_age: Duration,
    pub(super) keys_grace: Duration,
    pub(super) refetch_interval: Duration,
    pub(super) assertion_audience: Option<String>,
    pub(super) capabilities: BTreeSet<Capability>,
    pub(super) without: BTreeSet<Capability>,
    pub(super) region: Option<String>,
    pub(super) http: HttpConfig,
    pub(super) clock: Arc<dyn Clock>,
}

impl OidcConfig {
    /// A client of an issuer, with these defaults: every [`SignatureAlgorithm`]; clocks up to 60 seconds apart; keys
    /// fetched every hour, used for a day more when that fails, and refetched for an unknown key id at most every 30
    /// seconds; [`HttpConfig::default`].
    ///
    /// The issuer is its identifier exactly as it appears in tokens, an https URL. Plain http is accepted on the own
    /// machine only.
    pub fn new(
        issuer: impl Into<String>,
        client_id: impl Into<String>,
        authentication: ClientAuthentication,
    ) -> Self {
        Self {
            issuer: issuer.into(),
            client_id: client_id.into(),
            authentication,
            redirect_uri: None,
            audience: None,
            send_resource: false,
            trusted_audiences: BTreeSet::new(),
            algorithms: SignatureAlgorithm::ALL.to_vec(),
            untyped_access_tokens: false,
            tolerance: Duration::from_secs(60),
            keys_max_age: Duration::from_secs(60 * 60),
            keys_grace: Duration::from_secs(24 * 60 * 60),
            refetch_interval: Duration::from_secs(30),
            assertion_audience: None,
            capabilities: BTreeSet::new(),
            without: BTreeSet::new(),
            region: None,
            http: HttpConfig::default(),
            clock: Arc::new(SystemClock),
        }
    }

    /// Sets where browsers come back to unless a flow says otherwise.
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.redirect_uri = Some(uri.into());
        self
    }

    /// Asks for access tokens for this resource (RFC 8707), and accepts those.
    pub fn resource(mut self, uri: impl Into<String>) -> Self {
        self.audience = Some(uri.into());
        self.send_resource = true;
        self
    }

    /// Accepts access tokens for this audience, without asking for them by it: for issuers that choose the audience
    /// by other means.
    pub fn access_token_audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self.send_resource = false;
        self
    }

    /// Accepts ID tokens that name these audiences beside the client (OpenID Connect Core section 3.1.3.7, rule 3).
    /// None by default: each of them can pass the token on.
    pub fn trusted_audiences(mut self, audiences: impl IntoIterator<Item = String>) -> Self {
        self.trusted_audiences = audiences.into_iter().collect();
        self
    }

    /// Accepts signatures of these algorithms only.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = SignatureAlgorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// Accepts access tokens that do not say in their header that they are some (`typ: at+jwt`, RFC 9068 section
    /// 2.1). Many issuers do not yet. Then only the audience tells them from ID tokens, so it must not be a client
    /// id.
    pub fn accept_untyped_access_tokens(mut self) -> Self {
        self.untyped_access_tokens = true;
        self
    }

    /// Sets how far the issuer's clock may be from ours.
    pub fn clock_tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Sets after how long the issuer's keys and metadata are fetched again, and how much longer they are used when
    /// that fails. The first is how long a withdrawn key is still believed; the sum is how long an outage of the
    /// issuer goes unnoticed.
    pub fn keys_lifetime(mut self, max_age: Duration, grace: Duration) -> Self {
        (self.keys_max_age, self.keys_grace) = (max_age, grace);
        self
    }

    /// Sets the shortest time between two fetches of the keys on account of unknown key ids, which anybody can
    /// invent.
    pub fn refetch_interval(mut self, interval: Duration) -> Self {
        self.refetch_interval = interval;
        self
    }

    /// Sets whom the client's assertions are for; the issuer by default. Some issuers insist on the URL of their
    /// token endpoint.
    pub fn assertion_audience(mut self, audience: impl Into<String>) -> Self {
        self.assertion_audience = Some(audience.into());
        self
    }

    /// Claims these capabilities. [`OidcProvider::connect`](super::OidcProvider::connect) adds those that the issuer
    /// publishes; what it cannot see is
    /// [`RefreshRotation`](companyos_adapter_traits::Capability::RefreshRotation).
    pub fn capabilities(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.capabilities = capabilities.into_iter().collect();
        self
    }

    /// Does not claim these capabilities, whatever the issuer publishes: for what this client may not do.
    pub fn without(mut self, capabilities: impl IntoIterator<Item = Capability>) -> Self {
        self.without = capabilities.into_iter().collect();
        self
    }

    /// Pins the adapter to the region that the issuer keeps its data in.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Sets how to connect and what to accept.
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.http = http;
        self
    }

    /// Sets the clock that tokens and deadlines are judged by.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl OidcConfig {
    /// The resource that is named to the issuer.
    pub(super) fn sent_resource(&self) -> Option<&str> {
        self.audience.as_deref().filter(|_| self.send_resource)
    }
}

impl fmt::Debug for OidcConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcConfig")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("authentication", &self.authentication)
            .field("audience", &self.audience)
            .field("algorithms", &self.algorithms)
            .field("tolerance", &self.tolerance)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}
