//! Who is asking: API keys, and access tokens of tenants' own issuers, in `Authorization: Bearer` (RFC 6750).
//!
//! A key is checked in three steps that each cost more than the one before: its form and CRC, the cache of keys seen in
//! the last two seconds, and the [`CredentialSource`]. Only the SHA-256 of a key is ever compared or kept.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use companyos_types::problems;
use http::HeaderValue;
use http::header::{AUTHORIZATION, HeaderMap, WWW_AUTHENTICATE};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::clock::{Clock, Timestamp};
use super::credential::ApiKey;
use super::problem::Problem;

/// Who a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// The API key, such as `key_...`; empty for [`Principal::anonymous`].
    pub key_id: String,
    /// The tenant the key belongs to.
    pub tenant_id: String,
    /// Whether the key is one of the platform's own, which may act for any tenant.
    pub operator: bool,
    /// Whether that tenant is taken out of use: the policy refuses its keys everything.
    pub suspended: bool,
    /// What the key may do.
    pub scopes: Vec<String>,
}

impl Principal {
    /// Nobody in particular: the caller of an operation that needs no credential.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            key_id: String::new(),
            tenant_id: String::new(),
            operator: false,
            suspended: false,
            scopes: Vec::new(),
        }
    }

    /// Whether the key holds a scope.
    #[must_use]
    pub fn holds(&self, scope: &str) -> bool {
        self.scopes.iter().any(|held| held == scope)
    }

    /// Whether this principal may see an object of `tenant_id`, a tenant owned by `owner_id`.
    #[must_use]
    pub fn sees(&self, tenant_id: &str, owner_id: Option<&str>) -> bool {
        self.operator || self.tenant_id == tenant_id || owner_id == Some(self.tenant_id.as_str())
    }
}

/// An API key as it is stored.
#[derive(Debug, Clone)]
pub struct StoredCredential {
    /// Who the key speaks for.
    pub principal: Principal,
    /// SHA-256 of the whole key.
    pub secret_sha256: [u8; 32],
    /// From when on it is refused: the earlier of expiry and revocation.
    pub ends_at: Option<Timestamp>,
}

/// Where API keys are looked up.
#[async_trait]
pub trait CredentialSource: Send + Sync + fmt::Debug {
    /// The key whose public id part is `lookup_id`, revoked and expired ones included.
    async fn find(&self, lookup_id: &str) -> Result<Option<StoredCredential>, Problem>;
}

/// Where access tokens are judged that an issuer of a tenant's own has issued.
#[async_trait]
pub trait TokenSource: Send + Sync + fmt::Debug {
    /// Who a token speaks for; `None` when it is not one this server accepts.
    ///
    /// # Errors
    /// 503 when that cannot be found out now.
    async fn judge(&self, token: &str) -> Result<Option<JudgedToken>, Problem>;
}

/// An access token that was found good.
#[derive(Debug, Clone)]
pub struct JudgedToken {
    /// Who it speaks for.
    pub principal: Principal,
    /// From when on it is refused.
    pub ends_at: Timestamp,
}

/// How long a key is believed without asking the source again. It bounds how long a key revoked through another process
/// keeps working; keys revoked through this one stop at once.
const BELIEVED_FOR: Duration = Duration::from_secs(2);
/// How many keys are remembered. The cache is emptied when it would grow beyond.
const REMEMBERED: usize = 65_536;

/// Turns the `Authorization` header into a [`Principal`].
pub struct Authenticator {
    source: Arc<dyn CredentialSource>,
    tokens: Option<Arc<dyn TokenSource>>,
    clock: Arc<dyn Clock>,
    seen: RwLock<Cache>,
}

#[derive(Default)]
struct Cache {
    keys: HashMap<[u8; 32], Seen>,
    /// Counts how often everything was forgotten, so that an answer from before is not remembered after.
    forgotten: u64,
}

#[derive(Clone)]
struct Seen {
    principal: Arc<Principal>,
    ends_at: Option<Timestamp>,
    asked_at: Timestamp,
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Authenticator {
    /// Checks keys against `source`.
    #[must_use]
    pub fn new(source: Arc<dyn CredentialSource>, clock: Arc<dyn Clock>) -> Self {
        Self { source, tokens: None, clock, seen: RwLock::default() }
    }

    /// Accepts access tokens, too.
    #[must_use]
    pub fn with_tokens(self, tokens: Option<Arc<dyn TokenSource>>) -> Self {
        Self { tokens, ..self }
    }

    /// The principal of a request.
    ///
    /// # Errors
    /// 401 with `WWW-Authenticate` unless the request carries one valid key.
    pub async fn authenticate(&self, headers: &HeaderMap) -> Result<Arc<Principal>, Problem> {
        let Some(header) = headers.get(AUTHORIZATION) else {
            return Err(refuse("Send an API key in Authorization: Bearer.", None));
        };
        let Some(text) = bearer(header) else {
            return Err(refuse("Authorization is not a bearer credential.", Some("invalid_request")));
        };
        let credential = match (ApiKey::parse(text), &self.tokens) {
            (Some(key), _) => Credential::Key(key),
            // Three parts, as every signed token has (RFC 7515 section 3.1); a key has no dot.
            (None, Some(tokens)) if text.split('.').count() == 3 => Credential::Token(tokens),
            (None, _) => {
                return Err(refuse(
                    "The API key is malformed. Was it cut off when it was copied?",
                    Some("invalid_token"),
                ));
            }
        };
        let digest: [u8; 32] = Sha256::digest(text.as_bytes()).into();
        let now = self.clock.now();
        let forgotten = match self.remembered(&digest, now) {
            Ok(seen) => return seen.admit(now),
            Err(forgotten) => forgotten,
        };
        let (principal, ends_at) = match credential {
            Credential::Key(key) => {
                let found = self.source.find(key.lookup_id()).await?;
                let found = found.filter(|found| bool::from(found.secret_sha256.ct_eq(&digest)));
                let found = found.ok_or_else(unknown)?;
                (found.principal, found.ends_at)
            }
            Credential::Token(tokens) => {
                let judged = tokens.judge(text).await?.ok_or_else(unknown)?;
                (judged.principal, Some(judged.ends_at))
            }
        };
        let seen = Seen { principal: Arc::new(principal), ends_at, asked_at: now };
        self.remember(digest, seen.clone(), forgotten);
        seen.admit(now)
    }

    /// Forgets what was remembered of every key, after some were issued, revoked or rotated.
    pub fn forget(&self) {
        let mut cache = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        cache.keys.clear();
        cache.forgotten += 1;
    }

    /// What is remembered of a key, or else how often everything was forgotten so far.
    fn remembered(&self, digest: &[u8; 32], now: Timestamp) -> Result<Seen, u64> {
        let cache = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        // The digest of a secret is compared; timing tells nothing of the secret.
        let seen = cache.keys.get(digest);
        seen.filter(|seen| seen.asked_at <= now && now.since(seen.asked_at) < BELIEVED_FOR)
            .cloned()
            .ok_or(cache.forgotten)
    }

    fn remember(&self, digest: [u8; 32], entry: Seen, forgotten: u64) {
        let mut cache = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if cache.forgotten != forgotten {
            return;
        }
        if cache.keys.len() >= REMEMBERED {
            cache.keys.clear();
        }
        cache.keys.insert(digest, entry);
    }
}

impl Seen {
    fn admit(self, now: Timestamp) -> Result<Arc<Principal>, Problem> {
        match self.ends_at {
            Some(end) if end <= now => Err(unknown()),
            _ => Ok(self.principal),
        }
    }
}

/// What a `Bearer` header carries.
enum Credential<'a> {
    Key(ApiKey<'a>),
    Token(&'a Arc<dyn TokenSource>),
}

/// The credential of a `Bearer` header (RFC 9110 section 11.1: the scheme is case-insensitive).
fn bearer(header: &HeaderValue) -> Option<&str> {
    let (scheme, credential) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim_start_matches(' '))
}

/// Unknown, revoked and expired keys are answered alike, so that nobody learns which keys exist.
fn unknown() -> Problem {
    refuse("The API key or access token is unknown, expired or revoked.", Some("invalid_token"))
}

fn refuse(detail: &str, error: Option<&str>) -> Problem {
    let challenge = match error {
        Some("invalid_token") => {
            HeaderValue::from_static("Bearer realm=\"companyos\", error=\"invalid_token\"")
        }
        Some(_) => HeaderValue::from_static("Bearer realm=\"companyos\", error=\"invalid_request\""),
        None => HeaderValue::from_static("Bearer realm=\"companyos\""),
    };
    Problem::new(&problems::UNAUTHENTICATED).detail(detail).header(WWW_AUTHENTICATE, challenge)
}
