//! Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-07).
//!
//! The outcome of the first request with a key commits in the same transaction as its effect. Later requests with the
//! key get that outcome byte for byte, or 422 when they are other requests. While the first one runs, others get 409.
//! Stored outcomes are sealed, because one may hold the only response that shows a secret.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use companyos_types::problems;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::reply::{Reply, ReplyBody};
use crate::keys;

/// The request header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Marks a replay.
pub const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// How long an outcome is kept.
pub const KEPT_FOR: Duration = Duration::from_secs(24 * 60 * 60);

const LONGEST: usize = 255;

/// Reads `Idempotency-Key`: bare or a quoted string, 1 to 255 characters of `A-Z a-z 0-9 _ -`.
pub(crate) fn parse(headers: &HeaderMap) -> Result<String, Problem> {
    let Some(value) = headers.get(IDEMPOTENCY_KEY) else {
        return Err(Problem::new(&problems::IDEMPOTENCY_KEY_MISSING));
    };
    let text = value.to_str().unwrap_or("");
    let key = text.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(text);
    let valid = (1..=LONGEST).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if valid { Ok(key.to_owned()) } else { Err(Problem::new(&problems::IDEMPOTENCY_KEY_INVALID)) }
}

/// SHA-256 over method, path, query, content type, If-Match and body digest, each with its length before it.
#[derive(Clone)]
pub(crate) struct Fingerprint(Sha256);

impl Fingerprint {
    pub(crate) fn new(method: &str, path: &str, query: &str, content_type: &str, if_match: &str) -> Self {
        let mut hash = Sha256::new();
        for part in [method, path, query, content_type, if_match] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash)
    }

    pub(crate) fn finish(mut self, body_digest: &[u8; 32]) -> [u8; 32] {
        self.0.update(body_digest);
        self.0.finalize().into()
    }
}

/// A request with a key, from its arrival to its answer.
pub(crate) struct Attempt {
    /// The key as sent, without quotes.
    pub(crate) key: String,
    /// SHA-256 over tenant, operation and key: what the record is found by.
    pub(crate) record: [u8; 32],
    in_flight: Arc<InFlight>,
    released: AtomicBool,
}

impl Attempt {
    /// Marks the key as running in this process; 409 when it is already.
    pub(crate) fn begin(
        in_flight: &Arc<InFlight>,
        key: String,
        tenant: &str,
        op: &str,
    ) -> Result<Self, Problem> {
        let mut hash = Sha256::new();
        for part in [tenant, op, &key] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let record = hash.finalize().into();
        if !in_flight.enter(record) {
            return Err(Problem::new(&problems::IDEMPOTENCY_IN_PROGRESS).retry_after(1));
        }
        Ok(Self { key, record, in_flight: Arc::clone(in_flight), released: AtomicBool::new(false) })
    }

    /// Lets the key be used again. Done by hand when the answer is known, because the store may hold on to the work,
    /// and this with it, for a moment longer.
    pub(crate) fn release(&self) {
        if !self.released.swap(true, Ordering::AcqRel) {
            self.in_flight.leave(&self.record);
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.release();
    }
}

/// The keys whose first request is running in this process. Between processes the store's primary key decides.
#[derive(Default)]
pub(crate) struct InFlight([Mutex<HashSet<[u8; 32]>>; 16]);

impl InFlight {
    fn shard(&self, record: &[u8; 32]) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.0[usize::from(record[0] & 15)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, record: [u8; 32]) -> bool {
        self.shard(&record).insert(record)
    }

    fn leave(&self, record: &[u8; 32]) {
        self.shard(record).remove(record);
    }
}

/// Seals stored outcomes. The record's key is what they are sealed for, so that outcomes cannot be swapped.
#[derive(Debug)]
pub(crate) struct Sealer(keys::Sealer);

impl Sealer {
    /// Seals with this key. Servers that share a database share the key.
    pub(crate) fn new(key: keys::Sealer) -> Self {
        Self(key)
    }

    /// The outcome in the form it is stored in.
    pub(crate) fn seal(&self, reply: &Reply, record: &[u8; 32]) -> Result<Vec<u8>, Problem> {
        self.0.seal(record, &encode(reply)?).map_err(Problem::internal)
    }

    /// The outcome of a record, ready to be replayed.
    pub(crate) fn open(&self, sealed: &[u8], record: &[u8; 32]) -> Result<Reply, Problem> {
        let plain = self.0.open(record, sealed).map_err(Problem::internal)?;
        let reply =
            decode(&plain).ok_or_else(|| Problem::internal("a stored idempotent outcome is damaged"))?;
        Ok(reply.header(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true")))
    }
}

/// Whether an outcome is kept: success, and refusals that the same request would meet again. Not kept are refusals made
/// before the operation ran (400, 401, 403, 408, 413, 415, 429), conflicts that pass, and the server's own failures.
pub(crate) fn is_kept(problem: &Problem) -> bool {
    !problem.kind().retryable && matches!(problem.kind().status, 402 | 404 | 409 | 410 | 412 | 422)
}

/// status, number of headers, headers (name, value) with their lengths, body. All numbers big-endian.
fn encode(reply: &Reply) -> Result<Vec<u8>, Problem> {
    let ReplyBody::Bytes(body) = &reply.body else {
        return Err(Problem::internal("a streamed reply cannot be kept for replay"));
    };
    let mut out = Vec::with_capacity(body.len() + 256);
    out.extend_from_slice(&reply.status.as_u16().to_be_bytes());
    out.extend_from_slice(&(reply.headers.len() as u16).to_be_bytes());
    for (name, value) in &reply.headers {
        for part in [name.as_str().as_bytes(), value.as_bytes()] {
            out.extend_from_slice(&(part.len() as u32).to_be_bytes());
            out.extend_from_slice(part);
        }
    }
    out.extend_from_slice(body);
    Ok(out)
}

fn decode(mut from: &[u8]) -> Option<Reply> {
    let mut reply = Reply::empty(StatusCode::from_u16(take_u16(&mut from)?).ok()?);
    for _ in 0..take_u16(&mut from)? {
        let name = HeaderName::from_bytes(take_part(&mut from)?).ok()?;
        let value = HeaderValue::from_bytes(take_part(&mut from)?).ok()?;
        reply = reply.header(name, value);
    }
    reply.body = ReplyBody::Bytes(Bytes::copy_from_slice(from));
    Some(reply)
}

fn take_u16(from: &mut &[u8]) -> Option<u16> {
    let (head, rest) = from.split_first_chunk::<2>()?;
    *from = rest;
    Some(u16::from_be_bytes(*head))
}

fn take_part<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (head, rest) = from.split_first_chunk::<4>()?;
    let (part, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*head)).ok()?)?;
    *from = rest;
    Some(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        Sealer::new(keys::Sealer::new(&[9; 32], Arc::new(crate::kernel::ids::RandomIds)).unwrap())
    }

    fn key_of(value: &str) -> Result<String, &'static str> {
        let mut headers = HeaderMap::new();
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        parse(&headers).map_err(|problem| problem.code())
    }

    #[test]
    fn a_key_is_bare_or_quoted() {
        assert_eq!(key_of("a-B_9"), Ok("a-B_9".to_owned()));
        assert_eq!(key_of("\"a-B_9\""), Ok("a-B_9".to_owned()));
        assert_eq!(key_of(&"k".repeat(255)), Ok("k".repeat(255)));
        for value in ["", "\"\"", "a b", "\"a", "a\"", "kéy", &"k".repeat(256), "\"\"a\"\""] {
            assert_eq!(key_of(value), Err("idempotency-key-invalid"), "{value:?}");
        }
        assert_eq!(
            parse(&HeaderMap::new()).map_err(|problem| problem.code()),
            Err("idempotency-key-missing")
        );
    }

    #[test]
    fn an_outcome_comes_back_byte_for_byte_and_marked() {
        let record = [1; 32];
        let reply =
            Reply::bytes(StatusCode::CREATED, "application/json", "{\"a\":1}").location("/tenants/tnt_1");
        let sealed = sealer().seal(&reply, &record).unwrap();
        assert!(!sealed.windows(3).any(|window| window == b"\"a\""), "the stored outcome is readable");
        let opened = sealer().open(&sealed, &record).unwrap();
        assert_eq!(opened.status(), StatusCode::CREATED);
        assert_eq!(opened.body().unwrap(), "{\"a\":1}");
        assert_eq!(opened.header_value(&http::header::LOCATION).unwrap(), "/tenants/tnt_1");
        assert_eq!(opened.header_value(&IDEMPOTENT_REPLAYED).unwrap(), "true");
    }

    #[test]
    fn a_stored_outcome_cannot_be_altered_or_moved_to_another_record() {
        let sealed = sealer().seal(&Reply::empty(StatusCode::NO_CONTENT), &[1; 32]).unwrap();
        assert!(sealer().open(&sealed, &[2; 32]).is_err());
        for position in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[position] ^= 1;
            assert!(sealer().open(&altered, &[1; 32]).is_err(), "byte {position}");
        }
        assert!(sealer().open(&[1, 2, 3], &[1; 32]).is_err());
    }

    #[test]
    fn a_fingerprint_depends_on_every_part_and_its_place() {
        let base = ["POST", "/a", "b=c", "application/json", "\"1\""];
        let digest = |parts: [&str; 5], body: u8| {
            Fingerprint::new(parts[0], parts[1], parts[2], parts[3], parts[4]).finish(&[body; 32])
        };
        let mut seen = HashSet::from([
            digest(base, 0),
            digest(base, 1),
            digest(["POST", "/ab", "=c", base[3], base[4]], 0),
        ]);
        for position in 0..5 {
            let mut parts = base;
            parts[position] = "other";
            seen.insert(digest(parts, 0));
        }
        assert_eq!(seen.len(), 8);
    }

    #[test]
    fn a_key_runs_once_at_a_time() {
        let in_flight = Arc::new(InFlight::default());
        let first = Attempt::begin(&in_flight, "k".to_owned(), "t", "op").unwrap();
        let again =
            || Attempt::begin(&in_flight, "k".to_owned(), "t", "op").map_err(|problem| problem.code());
        assert_eq!(again().err(), Some("idempotency-in-progress"));
        assert!(Attempt::begin(&in_flight, "k".to_owned(), "t", "other").is_ok());
        first.release();
        let second = again().unwrap();
        drop(first);
        assert_eq!(again().err(), Some("idempotency-in-progress"), "the first attempt released the second");
        drop(second);
        assert!(again().is_ok());
    }
}
