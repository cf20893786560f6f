//! The issuer as a server: its documents, cached, and its endpoints.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use companyos_adapter_traits::clock::Clock;
use companyos_adapter_traits::{Context, Error, ErrorKind};
use http::{Response, StatusCode};
use url::Url;

use super::OidcConfig;
use super::cached::{Cached, Held, Lifetime};
use super::error::{no_keys, unreadable};
use super::form;
use super::keys::Keys;
use super::metadata::Metadata;
use crate::http::HttpClient;

/// The longest that a document may take. Callers wait with it.
const FETCH: Duration = Duration::from_secs(10);

pub(super) struct Issuer {
    pub(super) http: HttpClient,
    pub(super) metadata: Arc<Cached<Metadata>>,
    pub(super) keys: Cached<Keys>,
}

impl Issuer {
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the identifier is not an https URL, or the client cannot be built.
    pub(super) fn new(config: &OidcConfig) -> Result<Self, Error> {
        let refuse = |why| Err(Error::new(ErrorKind::InvalidInput, why));
        if config.algorithms.is_empty() {
            return refuse("no signature algorithm is allowed");
        }
        if config.client_id.is_empty() {
            return refuse("the client id is empty");
        }
        let url = identifier(&config.issuer)?;
        // What an issuer publishes must not lead into the own machine, unless it is there itself.
        let http = config.http.clone();
        let http = if url.scheme() == "https" { http.https_only(true) } else { http };
        let clock = Arc::clone(&config.clock);
        let http = HttpClient::new(&http, Arc::clone(&clock))?;
        let lifetime = Lifetime {
            max_age: config.keys_max_age,
            grace: config.keys_grace,
            interval: config.refetch_interval,
        };
        let metadata = Arc::new(metadata(&http, &clock, lifetime, url, config.issuer.clone()));
        let keys = keys(&http, &clock, lifetime, &metadata);
        Ok(Self { http, metadata, keys })
    }

    pub(super) async fn metadata(&self, ctx: &Context) -> Result<Arc<Metadata>, Error> {
        Ok(self.metadata.get(ctx).await?.value)
    }

    /// The keys, or the error that says there are none.
    pub(super) async fn keys(&self, ctx: &Context) -> Result<Held<Keys>, Error> {
        self.keys.get(ctx).await.map_err(no_keys)
    }

    /// Keys that may hold what `held` lacks.
    pub(super) async fn newer_keys(&self, ctx: &Context, held: &Held<Keys>) -> Result<Held<Keys>, Error> {
        self.keys.newer(ctx, held).await.map_err(no_keys)
    }
}

/// Reads an issuer identifier (OpenID Connect Discovery section 3).
fn identifier(issuer: &str) -> Result<Url, Error> {
    let refuse = |why| Err(Error::new(ErrorKind::InvalidInput, why));
    match Url::parse(issuer) {
        Err(_) => refuse("the issuer identifier is not a URL"),
        Ok(url) if !matches!(url.scheme(), "https" | "http") => {
            refuse("the issuer identifier is not an https URL")
        }
        Ok(url) if url.query().is_some() || url.fragment().is_some() => {
            refuse("the issuer identifier has a query or a fragment")
        }
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            refuse("the issuer identifier has credentials in it")
        }
        Ok(url) => Ok(url),
    }
}

fn metadata(
    http: &HttpClient,
    clock: &Arc<dyn Clock>,
    lifetime: Lifetime,
    url: Url,
    issuer: String,
) -> Cached<Metadata> {
    let (client, watch) = (http.clone(), Arc::clone(clock));
    // Section 4: a slash at the end is dropped before the path is added.
    let location = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    Cached::new(Arc::clone(clock), lifetime, move || {
        let (client, ctx) = (client.clone(), fetch_context(&*watch));
        let (url, issuer, location) = (url.clone(), issuer.clone(), location.clone());
        async move {
            let location = Url::parse(&location).map_err(|_| unreadable("the issuer identifier"))?;
            let answer = document(&client, &ctx, &location, "reading the issuer's metadata").await?;
            Metadata::parse(&url, &issuer, answer.body())
        }
    })
}

fn keys(
    http: &HttpClient,
    clock: &Arc<dyn Clock>,
    lifetime: Lifetime,
    metadata: &Arc<Cached<Metadata>>,
) -> Cached<Keys> {
    let (client, watch, metadata) = (http.clone(), Arc::clone(clock), Arc::clone(metadata));
    Cached::new(Arc::clone(clock), lifetime, move || {
        let (client, ctx, metadata) = (client.clone(), fetch_context(&*watch), Arc::clone(&metadata));
        async move {
            let location = metadata.get(&ctx).await?.value;
            let answer = document(&client, &ctx, &location.jwks, "reading the issuer's keys").await?;
            let keys = Keys::parse(answer.body()).map_err(|_| unreadable("the issuer's key set"))?;
            // An issuer without keys signs nothing. More likely this is not its key set.
            if keys.len() == 0 { Err(unreadable("the issuer's key set")) } else { Ok(keys) }
        }
    })
}

/// A fetch is for every tenant that waits for it, so it names none; nothing of it is sent.
fn fetch_context(clock: &dyn Clock) -> Context {
    Context::builder("", "").deadline(clock.now() + FETCH).build()
}

async fn document(http: &HttpClient, ctx: &Context, at: &Url, doing: &str) -> Result<Response<Bytes>, Error> {
    let answer = http.send(ctx, form::get(at, "application/json", None)?).await?;
    if answer.status() == StatusCode::OK { Ok(answer) } else { Err(http.failed(doing, &answer)) }
}
