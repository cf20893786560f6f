//! Idempotency keys: what they are, where they come from, and what they allow.

use std::fmt;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use companyos_types::ops::{Idempotency, Operation};
use http::HeaderValue;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::error::BoxError;

/// Names one request over all its attempts, in the `Idempotency-Key` header.
///
/// The server stores the first outcome under the key and replays it, so a request that carries one can be repeated when
/// nobody knows whether it arrived. The client makes a UUIDv7 for every call that needs a key and is given none. Give
/// your own, persisted or [derived](Self::derived), when the key has to survive a restart of your program.
///
/// A key is 1 to 255 characters of `A-Z a-z 0-9 _ -`. A text that is not is refused when the call is sent.
///
/// ```
/// use companyos_sdk::IdempotencyKey;
///
/// let nightly = IdempotencyKey::derived(["nightly-import", "2026-01-16"]);
/// assert_eq!(nightly, IdempotencyKey::derived(["nightly-import", "2026-01-16"]));
/// assert_ne!(nightly, IdempotencyKey::derived(["nightly-import2026", "-01-16"]));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Makes a new UUIDv7 key at the time `at`.
    #[must_use]
    pub fn random(at: SystemTime) -> Self {
        let since_epoch = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let timestamp =
            uuid::Timestamp::from_unix(uuid::NoContext, since_epoch.as_secs(), since_epoch.subsec_nanos());
        Self(Uuid::new_v7(timestamp).hyphenated().to_string())
    }

    /// Derives a key from what makes the request unique, such as a job name and a date.
    ///
    /// The same parts give the same key, on every machine and in every version: 43 characters of base64url of the
    /// SHA-256 over the parts, each preceded by its length as 64 bits big-endian.
    #[must_use]
    pub fn derived<I>(parts: I) -> Self
    where
        I: IntoIterator,
        I::Item: AsRef<[u8]>,
    {
        use base64::Engine as _;
        let mut hash = Sha256::new();
        for part in parts {
            let part = part.as_ref();
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash.finalize()))
    }

    /// Returns the key as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the header value, or `None` when the text is no key.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let valid = (1..=255).contains(&self.0.len())
            && self.0.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if valid { HeaderValue::from_str(&self.0).ok() } else { None }
    }
}

impl From<&str> for IdempotencyKey {
    fn from(key: &str) -> Self {
        Self(key.to_owned())
    }
}

impl From<String> for IdempotencyKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl From<Uuid> for IdempotencyKey {
    fn from(key: Uuid) -> Self {
        Self(key.hyphenated().to_string())
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The request a key is wanted for.
#[derive(Debug, Clone, Copy)]
pub struct KeyRequest<'a> {
    pub(crate) operation: &'static Operation,
    pub(crate) target: &'a str,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) body: Option<&'a Bytes>,
    pub(crate) at: SystemTime,
}

impl KeyRequest<'_> {
    /// Returns the operation's constant.
    #[must_use]
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// Returns the time of the request.
    #[must_use]
    pub fn at(&self) -> SystemTime {
        self.at
    }

    /// Returns the SHA-256 over operation, path, query, content type and body: equal requests have equal fingerprints.
    ///
    /// `None` for a streamed body, which is not read before it is sent.
    #[must_use]
    pub fn fingerprint(&self) -> Option<[u8; 32]> {
        let body = self.body?;
        let mut hash = Sha256::new();
        let content_type = self.content_type.unwrap_or_default();
        for part in [self.operation.id.as_bytes(), self.target.as_bytes(), content_type.as_bytes(), body] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Some(hash.finalize().into())
    }
}

/// Gives keys to calls that were given none, and learns how they ended.
///
/// Implement it to persist the key of a request before the request is sent: after a crash the same request then gets the
/// same key, and its effect still happens once.
#[async_trait]
pub trait KeyStore: Send + Sync + fmt::Debug {
    /// Returns the key for a request. Called once per call, before its first attempt; every attempt carries this key.
    ///
    /// # Errors
    ///
    /// The call then fails without anything having been sent.
    async fn key(&self, request: &KeyRequest<'_>) -> Result<IdempotencyKey, BoxError>;

    /// Learns that the outcome of the request with this key is known: it succeeded, or the server refused it for good.
    ///
    /// Not called when the outcome is open, which is when the key must be kept. Called after the fact, so it cannot fail
    /// the call.
    async fn settled(&self, key: &IdempotencyKey);
}

/// The default [`KeyStore`]: a new UUIDv7 for every call, kept nowhere.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomKeys;

#[async_trait]
impl KeyStore for RandomKeys {
    async fn key(&self, request: &KeyRequest<'_>) -> Result<IdempotencyKey, BoxError> {
        Ok(IdempotencyKey::random(request.at))
    }

    async fn settled(&self, _key: &IdempotencyKey) {}
}

/// Proof that a request may be sent again although it may have been carried out.
///
/// There are two ways to get one, the contract's word and a key that is in the request, and the retry of a request that
/// may have been sent takes one as an argument. An unsafe retry therefore has no way to be written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Replayable(Why);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The contract says that doing it twice is doing it once.
    Natural,
    /// The server replays the first outcome of the key.
    Keyed,
}

impl Replayable {
    /// Returns the proof if the operation's contract and the key give one.
    pub(crate) fn of(operation: &Operation, key: Option<&IdempotencyKey>) -> Option<Self> {
        match (operation.idempotency, key) {
            (Idempotency::Natural, _) => Some(Self(Why::Natural)),
            (Idempotency::Required, Some(_)) => Some(Self(Why::Keyed)),
            (Idempotency::Required, None) | (Idempotency::None, _) => None,
        }
    }

    /// Returns whether the proof is a key, which is what an `idempotency-in-progress` answer is about.
    pub(crate) fn is_keyed(self) -> bool {
        self.0 == Why::Keyed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)
    }

    #[test]
    fn random_keys_are_version_7_differ_and_carry_their_time() {
        let (first, second) =
            (IdempotencyKey::random(at(1_768_555_800)), IdempotencyKey::random(at(1_768_555_800)));
        assert_ne!(first, second);
        let uuid = Uuid::parse_str(first.as_str()).expect("a UUID");
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_timestamp().map(|t| t.to_unix().0), Some(1_768_555_800));
    }

    #[test]
    fn only_the_contracts_alphabet_is_a_key() {
        for (text, valid) in
            [("a", true), ("A-b_9", true), ("", false), ("a b", false), ("ä", false), ("\"a\"", false)]
        {
            assert_eq!(IdempotencyKey::from(text).header().is_some(), valid, "{text:?}");
        }
        assert!(IdempotencyKey::from("x".repeat(255)).header().is_some());
        assert!(IdempotencyKey::from("x".repeat(256)).header().is_none());
        assert!(IdempotencyKey::derived(["x"]).header().is_some());
        assert!(IdempotencyKey::random(at(0)).header().is_some());
    }

    #[test]
    fn a_derived_key_never_changes() {
        assert_eq!(
            IdempotencyKey::derived(["nightly-import", "2026-01-16"]).as_str(),
            "EbUEsOO7iNkMyEvKIziIv8qruApL4uoveN20a_QAarw"
        );
    }
}
