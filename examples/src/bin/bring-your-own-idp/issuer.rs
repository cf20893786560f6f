//! An issuer of access tokens in this process: metadata, keys and the client credentials grant, over HTTP on loopback.
//!
//! It stands for the identity provider you have. It is small because it has one client and no people.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::UNIX_EPOCH;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use companyos_adapter_traits::clock::{Clock as _, SystemClock};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::form_urlencoded;

type Failure = Box<dyn Error + Send + Sync>;

pub(crate) const CLIENT_ID: &str = "nightly-report";
pub(crate) const CLIENT_SECRET: &str = "known-to-this-example-only";

/// Seconds a token is good for.
const LIFETIME: u64 = 300;

/// A running issuer. It ends with the process.
pub(crate) struct Issuer {
    shared: Arc<Shared>,
}

struct Shared {
    url: String,
    key: Ed25519KeyPair,
    tokens: AtomicU64,
}

impl Issuer {
    /// Starts on a free loopback port, with a key of its own.
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(Shared { url, key: Ed25519KeyPair::generate()?, tokens: AtomicU64::new(0) });
        let serving = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let shared = Arc::clone(&serving);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
                    // A client that hangs up is no trouble of the issuer's.
                    let _ended = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Ok(Self { shared })
    }

    /// What its metadata and its tokens call it.
    pub(crate) fn url(&self) -> &str {
        &self.shared.url
    }

    /// A token that says it is of `issuer`, signed with the key of this one.
    pub(crate) fn token_as(&self, issuer: &str, audience: &str, scope: &str) -> Result<String, Failure> {
        self.shared.token(issuer, audience, scope)
    }
}

impl Shared {
    /// An access token as RFC 9068 has it.
    fn token(&self, issuer: &str, audience: &str, scope: &str) -> Result<String, Failure> {
        let now = SystemClock.wall().duration_since(UNIX_EPOCH)?.as_secs();
        let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "1" });
        let claims = json!({
            "iss": issuer, "aud": audience, "sub": CLIENT_ID, "client_id": CLIENT_ID, "scope": scope,
            "iat": now, "exp": now + LIFETIME, "jti": self.tokens.fetch_add(1, Ordering::Relaxed).to_string(),
        });
        let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(signed.as_bytes()));
        Ok(format!("{signed}.{signature}"))
    }

    fn metadata(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "jwks_uri": format!("{url}/jwks"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["EdDSA"],
            "grant_types_supported": ["client_credentials"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        })
    }

    fn jwks(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.key.public_key().as_ref());
        json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "1", "x": x }] })
    }

    /// The client credentials grant (RFC 6749 section 4.4), for the resource the client names (RFC 8707).
    fn grant(&self, authorization: Option<&str>, form: &[u8]) -> Result<(StatusCode, Value), Failure> {
        let expected = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
        if authorization != Some(expected.as_str()) {
            return Ok((StatusCode::UNAUTHORIZED, json!({ "error": "invalid_client" })));
        }
        let field =
            |name| form_urlencoded::parse(form).find(|(field, _)| field == name).map(|(_, value)| value);
        if field("grant_type").as_deref() != Some("client_credentials") {
            return Ok((StatusCode::BAD_REQUEST, json!({ "error": "unsupported_grant_type" })));
        }
        let (Some(resource), Some(scope)) = (field("resource"), field("scope")) else {
            return Ok((StatusCode::BAD_REQUEST, json!({ "error": "invalid_target" })));
        };
        let token = self.token(&self.url, &resource, &scope)?;
        let granted =
            json!({ "access_token": token, "token_type": "Bearer", "expires_in": LIFETIME, "scope": scope });
        Ok((StatusCode::OK, granted))
    }
}

async fn answer(
    shared: Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let (status, document) = match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/.well-known/openid-configuration") => (StatusCode::OK, shared.metadata()),
        (&Method::GET, "/jwks") => (StatusCode::OK, shared.jwks()),
        (&Method::POST, "/token") => {
            let form = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let authorization = parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
            let failed = (StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": "server_error" }));
            shared.grant(authorization, &form).unwrap_or(failed)
        }
        _ => (StatusCode::NOT_FOUND, json!({ "error": "not_found" })),
    };
    let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    Ok(response)
}
