//! Building a client.

use std::fmt;
use std::sync::Arc;

use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::KeySet;
use companyos_types::Secret;
use http::HeaderValue;
use url::Url;

use super::budget::Budget;
use super::client::{Client, Inner};
use super::credentials::{Bearer, CredentialSource, Credentials};
use super::delay::{DelaySource, FullJitter};
use super::error::{Error, Kind};
use super::idempotency::{KeyStore, RandomKeys};
use super::intercept::Interceptor;
use super::options::{ResponseLimits, Timeouts};
use super::receipt::Trust;
use super::timer::{Timer, TokioTimer};
use super::transport::{ReqwestTransport, Transport};

/// Builds a [`Client`]. Only the base URL is required.
///
/// ```
/// use companyos_sdk::Client;
///
/// # fn main() -> Result<(), companyos_sdk::Error> {
/// let client = Client::builder()
///     .base_url("http://127.0.0.1:8027")
///     .api_key("cos_dev_…".replace('…', "x"))
///     .region("eu-west-1")
///     .build()?;
/// # drop(client);
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `build` is called"]
pub struct ClientBuilder {
    base_url: Option<String>,
    region: Option<String>,
    api_key: Option<Secret>,
    credentials: Credentials,
    product: Option<String>,
    plain_http: bool,
    timeouts: Timeouts,
    limits: ResponseLimits,
    max_attempts: u32,
    delays: Box<dyn DelaySource>,
    keys: Box<dyn KeyStore>,
    interceptors: Vec<Box<dyn Interceptor>>,
    timer: Box<dyn Timer>,
    transport: Option<Box<dyn Transport>>,
    receipt_keys: Option<KeySet>,
    checkpoints: Vec<Checkpoint>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            base_url: None,
            region: None,
            api_key: None,
            credentials: Credentials::None,
            product: None,
            plain_http: false,
            timeouts: Timeouts::default(),
            limits: ResponseLimits::default(),
            max_attempts: 3,
            delays: Box::new(FullJitter::default()),
            keys: Box::new(RandomKeys),
            interceptors: Vec::new(),
            timer: Box::new(TokioTimer),
            transport: None,
            receipt_keys: None,
            checkpoints: Vec::new(),
        }
    }

    /// Sets the server's address; a path in it is kept in front of every path.
    pub fn base_url(mut self, base_url: impl Into<String>) -> Self {
        self.base_url = Some(base_url.into());
        self
    }

    /// Authenticates with an API key. It is sent in `Authorization` only, and shown nowhere.
    pub fn api_key(mut self, api_key: impl Into<Secret>) -> Self {
        self.api_key = Some(api_key.into());
        self
    }

    /// Authenticates with credentials that are renewed, instead of an API key.
    pub fn credentials(mut self, source: impl CredentialSource + 'static) -> Self {
        self.credentials = Credentials::Source(Arc::new(source));
        self
    }

    /// Sets the region this client is for: a receipt from another region does not verify.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Names the calling program in `User-Agent`, before the client's own name: `billing/2.1`.
    pub fn user_agent(mut self, product: impl Into<String>) -> Self {
        self.product = Some(product.into());
        self
    }

    /// Allows plain HTTP to a host that is not this machine: credentials and data then travel unprotected.
    ///
    /// Only for networks that are protected otherwise, such as a service mesh.
    pub fn allow_plain_http(mut self) -> Self {
        self.plain_http = true;
        self
    }

    /// Sets the time limits.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets the largest response bodies that are read.
    pub fn response_limits(mut self, limits: ResponseLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Limits the attempts of a call; 1 means no retry. Default 3.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets where the pauses before retries come from. Default [`FullJitter`].
    pub fn delays(mut self, delays: impl DelaySource + 'static) -> Self {
        self.delays = Box::new(delays);
        self
    }

    /// Sets where idempotency keys come from when a call is given none. Default [`RandomKeys`].
    pub fn key_store(mut self, keys: impl KeyStore + 'static) -> Self {
        self.keys = Box::new(keys);
        self
    }

    /// Adds an interceptor after those added before.
    pub fn interceptor(mut self, interceptor: impl Interceptor + 'static) -> Self {
        self.interceptors.push(Box::new(interceptor));
        self
    }

    /// Sets the clock. Default [`TokioTimer`].
    pub fn timer(mut self, timer: impl Timer + 'static) -> Self {
        self.timer = Box::new(timer);
        self
    }

    /// Replaces the built-in HTTP transport. The connect timeout is the transport's own affair then.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.transport = Some(Box::new(transport));
        self
    }

    /// Trusts these keys, and no others, for receipts and checkpoints.
    ///
    /// Without, the client takes the server's key set at `/.well-known/jwks.json` the first time it verifies a receipt:
    /// it then trusts the server's TLS certificate to name the server's keys. Pin the keys when receipts must convince
    /// you of something the server itself might deny.
    pub fn receipt_keys(mut self, keys: KeySet) -> Self {
        self.receipt_keys = Some(keys);
        self
    }

    /// Remembers a checkpoint of a log from an earlier run: the log must be consistent with it.
    ///
    /// See [`Client::trusted_checkpoints`].
    pub fn trusted_checkpoint(mut self, checkpoint: Checkpoint) -> Self {
        self.checkpoints.push(checkpoint);
        self
    }

    /// Builds the client. Nothing is sent.
    ///
    /// # Errors
    ///
    /// When the base URL is missing or is no `http` or `https` address, when it would send credentials over plain HTTP
    /// to another machine, when the API key cannot be one, or when TLS cannot be set up.
    pub fn build(self) -> Result<Client, Error> {
        let base_url = self.base_url.ok_or_else(|| Error::new(Kind::Config, "no base URL was given"))?;
        let url = Url::parse(&base_url)
            .map_err(|error| Error::new(Kind::Config, "the base URL cannot be read").caused_by(error))?;
        let tls = check_base_url(&url, self.plain_http || self.transport.is_some())?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Box::new(ReqwestTransport::build(self.timeouts.connect, tls)?),
        };
        let credentials = match &self.api_key {
            Some(key) => Credentials::Fixed(Bearer::new(key)?),
            None => self.credentials,
        };
        Ok(Client::from_inner(Inner {
            base_url: url.as_str().trim_end_matches('/').to_owned(),
            region: self.region,
            user_agent: user_agent(self.product.as_deref())?,
            credentials,
            timeouts: self.timeouts,
            limits: self.limits,
            max_attempts: self.max_attempts,
            delays: self.delays,
            budget: Budget::full(),
            keys: self.keys,
            interceptors: self.interceptors,
            timer: self.timer,
            transport,
            trust: Trust::new(self.receipt_keys, self.checkpoints),
        }))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("base_url", &self.base_url)
            .field("region", &self.region)
            .field("api_key", &self.api_key)
            .finish_non_exhaustive()
    }
}

/// Checks what the base URL asks for and returns whether it is TLS.
fn check_base_url(url: &Url, plain_http_allowed: bool) -> Result<bool, Error> {
    let refuse = |message: &str| Err(Error::new(Kind::Config, message));
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("the base URL holds a user name or a password; give the credential to `api_key`");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return refuse("the base URL holds a query or a fragment");
    }
    match url.scheme() {
        "https" => Ok(true),
        "http" if plain_http_allowed || is_this_machine(url) => Ok(false),
        "http" => refuse("plain HTTP to another machine shows the credential to the network; use https"),
        _ => refuse("the base URL is neither http nor https"),
    }
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        // RFC 6761 section 6.3: localhost and what ends in it never leave the machine.
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

fn user_agent(product: Option<&str>) -> Result<HeaderValue, Error> {
    let own = format!(
        "companyos-sdk/{} (contract {}; {} {})",
        env!("CARGO_PKG_VERSION"),
        crate::CONTRACT_VERSION,
        std::env::consts::OS,
        std::env::consts::ARCH
    );
    let whole = product.map_or_else(|| own.clone(), |product| format!("{product} {own}"));
    HeaderValue::try_from(whole)
        .map_err(|error| Error::new(Kind::Config, "the user agent does not fit a header").caused_by(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(base_url: &str) -> Result<Client, Error> {
        Client::builder().base_url(base_url).build()
    }

    #[test]
    fn the_base_url_keeps_its_path_and_loses_its_last_slash() {
        assert_eq!(build("http://127.0.0.1:1/").expect("a client").base_url(), "http://127.0.0.1:1");
        assert_eq!(build("http://localhost/api/v/").expect("a client").base_url(), "http://localhost/api/v");
    }

    #[test]
    fn what_cannot_be_a_base_url_is_refused() {
        for bad in
            ["", "127.0.0.1", "ftp://h", "http://u:p@localhost", "http://localhost?x=1", "http://localhost#x"]
        {
            assert!(build(bad).expect_err(bad).is_invalid_request(), "{bad:?}");
        }
        assert!(Client::builder().build().expect_err("no base URL").is_invalid_request());
    }

    #[test]
    fn plain_http_leaves_the_machine_only_when_allowed() {
        for near in ["http://127.0.0.1", "http://[::1]:80", "http://localhost", "http://a.localhost"] {
            assert!(build(near).is_ok(), "{near}");
        }
        for far in ["http://example.com", "http://10.0.0.1", "http://localhost.example.com"] {
            assert!(build(far).is_err(), "{far}");
            assert!(Client::builder().base_url(far).allow_plain_http().build().is_ok(), "{far}");
        }
    }

    #[test]
    fn debug_shows_no_secret() {
        let builder = Client::builder().base_url("http://localhost").api_key("cos_dev_topsecret".to_owned());
        let shown = format!("{builder:?}") + &format!("{:?}", builder.build().expect("a client"));
        assert!(!shown.contains("topsecret"), "{shown}");
    }

    #[test]
    fn the_user_agent_names_program_client_and_contract() {
        let agent = user_agent(Some("billing/2.1")).expect("a value");
        let agent = agent.to_str().expect("ASCII");
        assert!(agent.starts_with("billing/2.1 companyos-sdk/") && agent.contains("contract 0."), "{agent}");
        assert!(user_agent(Some("a\nb")).is_err());
    }
}
