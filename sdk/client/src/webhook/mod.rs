//! Verifying webhooks: [Standard Webhooks](https://www.standardwebhooks.com), symmetric (`v1`) and asymmetric (`v1a`).
//!
//! A webhook is a request that anybody can send to you. Verify it before you look at it:
//!
//! ```
//! use std::time::{Duration, SystemTime};
//! use companyos_sdk::webhook::Verifier;
//! use http::{HeaderMap, HeaderValue};
//!
//! # fn main() -> Result<(), companyos_sdk::Error> {
//! let verifier = Verifier::new().secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
//!
//! let mut headers = HeaderMap::new();
//! headers.insert("webhook-id", HeaderValue::from_static("msg_p5jXN8AQM9LWM0D4loKWxJek"));
//! headers.insert("webhook-timestamp", HeaderValue::from_static("1614265330"));
//! headers.insert("webhook-signature", HeaderValue::from_static("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="));
//! let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_614_265_340);
//!
//! let delivery = verifier.verify(&headers, br#"{"test": 2432232314}"#, now)?;
//! assert_eq!(delivery.id, "msg_p5jXN8AQM9LWM0D4loKWxJek");
//! # Ok(())
//! # }
//! ```
//!
//! A delivery can come more than once: remember its id and act on it once.

mod key;

use std::fmt;
use std::time::{Duration, SystemTime};

use http::HeaderMap;

use self::key::Key;
use crate::core::error::{Error, Kind};

/// Signatures looked at in one header; a sender has as many as it has keys.
const MOST_SIGNATURES: usize = 16;

/// Verifies webhooks with one or several keys.
///
/// During a rotation give it the old key and the new: a signature by any of them counts.
#[derive(Clone)]
pub struct Verifier {
    keys: Vec<Key>,
    tolerance: Duration,
}

/// A webhook that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Delivery {
    /// Names the event over all its deliveries.
    pub id: String,
    /// When this delivery was signed.
    pub sent_at: SystemTime,
}

impl Verifier {
    /// Starts with no key, and a tolerance of five minutes.
    #[must_use]
    pub fn new() -> Self {
        Self { keys: Vec::new(), tolerance: Duration::from_secs(5 * 60) }
    }

    /// Accepts signatures made with a shared secret: `whsec_` and base64, 24 to 64 bytes.
    ///
    /// # Errors
    ///
    /// When the text is not such a secret.
    pub fn secret(mut self, secret: &str) -> Result<Self, Error> {
        self.keys.push(Key::secret(secret)?);
        Ok(self)
    }

    /// Accepts signatures that this public key verifies: `whpk_` and base64, an Ed25519 key.
    ///
    /// # Errors
    ///
    /// When the text is not such a key.
    pub fn public_key(mut self, public_key: &str) -> Result<Self, Error> {
        self.keys.push(Key::public(public_key)?);
        Ok(self)
    }

    /// Sets how far the time of signing may be from now, in either direction.
    ///
    /// It bounds for how long a delivery that somebody recorded can be replayed.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Verifies a webhook: its headers and the exact bytes of its body, at the time `now`.
    ///
    /// # Errors
    ///
    /// [`Error::is_webhook`] when a header is missing or malformed, when the time of signing is not within the
    /// tolerance, or when no signature is by one of the keys.
    pub fn verify(&self, headers: &HeaderMap, body: &[u8], now: SystemTime) -> Result<Delivery, Error> {
        let id = header(headers, "webhook-id")?;
        let timestamp = header(headers, "webhook-timestamp")?;
        let signatures = header(headers, "webhook-signature")?;
        if id.is_empty() || id.contains('.') {
            return Err(refused(
                "webhook-id is empty or holds a dot, which would make what is signed ambiguous",
            ));
        }
        let sent_at = self.sent_at(timestamp, now)?;
        let signed = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat();
        let valid = signatures
            .split(' ')
            .take(MOST_SIGNATURES)
            .filter_map(|signature| signature.split_once(','))
            // Every signature meets every key, whatever matched before: time tells nothing.
            .fold(false, |valid, (version, signature)| {
                self.keys.iter().fold(valid, |valid, key| valid | key.verifies(version, signature, &signed))
            });
        if valid {
            Ok(Delivery { id: id.to_owned(), sent_at })
        } else {
            Err(refused("no signature is by one of the keys"))
        }
    }

    fn sent_at(&self, timestamp: &str, now: SystemTime) -> Result<SystemTime, Error> {
        let canonical = timestamp.bytes().all(|b| b.is_ascii_digit()) && timestamp.len() <= 11;
        let seconds: u64 = timestamp
            .parse()
            .ok()
            .filter(|_| canonical)
            .ok_or_else(|| refused("webhook-timestamp is not a number of seconds"))?;
        let sent_at = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let (age, message) = match now.duration_since(sent_at) {
            Ok(age) => (age, "it was signed too long ago"),
            Err(ahead) => (ahead.duration(), "it was signed in the future"),
        };
        if age > self.tolerance { Err(refused(message)) } else { Ok(sent_at) }
    }
}

impl Default for Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("keys", &self.keys.len())
            .field("tolerance", &self.tolerance)
            .finish()
    }
}

/// Returns the header that must be there once: two would let two readers see two requests.
fn header<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<&'h str, Error> {
    let mut values = headers.get_all(name).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok(value)), None) => Ok(value),
        _ => Err(refused(&format!("{name} is missing, repeated or not ASCII"))),
    }
}

fn refused(message: &str) -> Error {
    Error::new(Kind::Webhook, message)
}

#[cfg(test)]
mod tests;
