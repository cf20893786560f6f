//! The receipt of an action: fetched, verified, and held against what its log showed before.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::KeySet;
use companyos_receipt::receipt;
use companyos_receipt::tlog::{Hash, verify_consistency};
use companyos_receipt::verify::{Check, Failure, Verified, Verifier};
use companyos_types::ops;
use companyos_types::receipts::{ConsistencyProof, Receipt};

use super::attempt::Outcome;
use super::call::Call;
use super::client::Client;
use super::error::{Error, Kind};
use super::idempotency::IdempotencyKey;
use super::response::Response;

/// A receipt that verified: its signature, its claims, its place in the log, and that the log only grew.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VerifiedReceipt {
    /// The SD-JWT with every disclosure: the evidence. Keep it with the proof.
    pub sd_jwt: String,
    /// The inclusion proof (C2SP tlog-proof). With the SD-JWT it verifies offline, without this server.
    pub proof: String,
    /// What was verified: the claims, the disclosed members and the place in the log.
    pub verified: Verified,
}

impl<T> Response<T> {
    /// Fetches and verifies the receipt this action left.
    ///
    /// Checks the issuer's signature and every disclosure, that the receipt is the one named by this response and is
    /// about this operation's action, this call's idempotency key and the client's region, that it is included in its log, and that the log is
    /// consistent with every checkpoint of it that this client has seen. The credential needs the scope `receipts:read`.
    ///
    /// # Errors
    ///
    /// [`Error::is_receipt`] when there is no receipt or a check fails; the error's source names the check. Any other
    /// error when the receipt, its proof or the keys cannot be fetched.
    pub async fn receipt(&self) -> Result<VerifiedReceipt, Error> {
        let Some(id) = self.receipt_id() else {
            let message = "the response names no receipt; only privileged actions leave one";
            return Err(Error::new(Kind::ReceiptMissing, message).with(|call| {
                call.operation = Some(self.contract().id);
                call.outcome = Some(Outcome::Answered);
                call.status = Some(self.status());
                call.request_id = self.request_id().map(str::to_owned);
            }));
        };
        let succeeded = Succeeded { action: self.contract().action, key: self.key() };
        self.client().fetch_receipt(id, Some(succeeded)).await
    }
}

impl Client {
    /// Fetches a receipt by its id and verifies it as [`Response::receipt`] does.
    ///
    /// # Errors
    ///
    /// As [`Response::receipt`].
    pub async fn receipt(&self, receipt_id: &str) -> Result<VerifiedReceipt, Error> {
        self.fetch_receipt(receipt_id, None).await
    }

    /// Returns the newest checkpoint of each log that receipts were verified against.
    ///
    /// Save them, and give them to [`ClientBuilder::trusted_checkpoint`](crate::ClientBuilder::trusted_checkpoint) the
    /// next time: a log that was rewritten in between is then found out.
    #[must_use]
    pub fn trusted_checkpoints(&self) -> Vec<Checkpoint> {
        self.inner().trust.lock().checkpoints.values().cloned().collect()
    }

    async fn fetch_receipt(
        &self,
        id: &str,
        succeeded: Option<Succeeded<'_>>,
    ) -> Result<VerifiedReceipt, Error> {
        let receipt = Call::new(self, &ops::GET_RECEIPT).path("receipt_id", id).send_json::<Receipt>();
        let proof = Call::new(self, &ops::GET_RECEIPT_PROOF).path("receipt_id", id).send_text();
        let (receipt, proof) = futures_util::future::try_join(receipt, proof).await?;
        let (sd_jwt, proof) = (receipt.into_inner().sd_jwt, proof.into_inner());
        let verified = self.verify(&sd_jwt, &proof).await?.map_err(|failure| invalid(id, &failure))?;
        self.check_claims(id, succeeded, &verified)?;
        let Some(inclusion) = &verified.inclusion else {
            return Err(contradiction(id, "the proof was not looked at"));
        };
        self.check_consistency(id, &verified.claims.tenant, &inclusion.checkpoint).await?;
        Ok(VerifiedReceipt { sd_jwt, proof, verified })
    }

    /// Verifies against the trusted keys; fetched keys are fetched once more when a key is missing, as after a rotation.
    async fn verify(&self, sd_jwt: &str, proof: &str) -> Result<Result<Verified, Failure>, Error> {
        let (keys, fresh) = self.keys(false).await?;
        let result = Verifier::new(keys).verify_receipt(sd_jwt, Some(proof));
        match &result {
            Err(failure) if !fresh && matches!(failure.check, Check::UnknownKey | Check::CheckpointKey) => {
                let (keys, _) = self.keys(true).await?;
                Ok(Verifier::new(keys).verify_receipt(sd_jwt, Some(proof)))
            }
            _ => Ok(result),
        }
    }

    /// Returns the keys to trust, and whether asking again could not bring others.
    async fn keys(&self, renew: bool) -> Result<(KeySet, bool), Error> {
        let known = {
            let trust = self.inner().trust.lock();
            match (&trust.pinned, &trust.fetched) {
                (Some(pinned), _) => Some((pinned.clone(), true)),
                (None, Some(fetched)) if !renew => Some((fetched.clone(), false)),
                (None, _) => None,
            }
        };
        if let Some(known) = known {
            return Ok(known);
        }
        let jwks = Call::new(self, &ops::GET_JWKS).send_bytes().await?;
        let keys = jwks.try_map(|jwks| Ok(KeySet::from_jwks(&jwks)?))?.into_inner();
        self.inner().trust.lock().fetched = Some(keys.clone());
        Ok((keys, true))
    }

    fn check_claims(
        &self,
        id: &str,
        succeeded: Option<Succeeded<'_>>,
        verified: &Verified,
    ) -> Result<(), Error> {
        let claims = &verified.claims;
        if claims.jti != id {
            return Err(contradiction(id, &format!("it is the receipt {}", claims.jti)));
        }
        if let Some(Succeeded { action, key }) = succeeded {
            if let Some(action) = action.filter(|action| *action != claims.act) {
                return Err(contradiction(id, &format!("it is about {}, not about {action}", claims.act)));
            }
            let told = verified.disclosed.get("idempotency_key").and_then(|told| told.as_str());
            if key.is_some_and(|key| told != Some(key.as_str())) {
                return Err(contradiction(
                    id,
                    "it is that of another call: its idempotency key is not this one's",
                ));
            }
            if matches!(claims.out, receipt::Outcome::Deny | receipt::Outcome::Error) {
                return Err(contradiction(
                    id,
                    &format!("the call succeeded and the receipt says {}", claims.out),
                ));
            }
        }
        match self.region() {
            Some(region) if region != claims.region => {
                Err(contradiction(id, &format!("it is from the region {}, not from {region}", claims.region)))
            }
            _ => Ok(()),
        }
    }

    /// Checks that a log's checkpoint and the newest one seen before are of one history, and keeps the newer.
    async fn check_consistency(&self, id: &str, log_id: &str, seen: &Checkpoint) -> Result<(), Error> {
        let trust = &self.inner().trust;
        let Some(trusted) = trust.lock().checkpoints.get(seen.origin()).cloned() else {
            trust.remember(seen);
            return Ok(());
        };
        let (old, new) = if seen.size() < trusted.size() { (seen, &trusted) } else { (&trusted, seen) };
        let hashes = if old.size() == new.size() {
            Vec::new()
        } else {
            let proof = Call::new(self, &ops::GET_LOG_CONSISTENCY)
                .path("log_id", log_id)
                .query("from", old.size())
                .query("to", new.size())
                .send_json::<ConsistencyProof>()
                .await?;
            proof
                .try_map(|proof| {
                    Ok(proof.hashes.iter().map(|hash| hash.parse()).collect::<Result<Vec<Hash>, _>>()?)
                })?
                .into_inner()
        };
        verify_consistency(old.size(), old.root(), new.size(), new.root(), &hashes)
            .map_err(|failure| invalid(id, &failure))?;
        trust.remember(new);
        Ok(())
    }
}

/// The call whose receipt is verified: it succeeded, and the receipt must say the same.
#[derive(Debug, Clone, Copy)]
struct Succeeded<'a> {
    action: Option<&'static str>,
    key: Option<&'a IdempotencyKey>,
}

/// What receipts are checked against.
#[derive(Debug, Default)]
pub(crate) struct Trust {
    state: Mutex<TrustState>,
}

#[derive(Debug, Default)]
pub(crate) struct TrustState {
    pinned: Option<KeySet>,
    fetched: Option<KeySet>,
    checkpoints: HashMap<String, Checkpoint>,
}

impl Trust {
    pub(crate) fn new(pinned: Option<KeySet>, checkpoints: Vec<Checkpoint>) -> Self {
        let trust = Self { state: Mutex::new(TrustState { pinned, ..TrustState::default() }) };
        checkpoints.iter().for_each(|checkpoint| trust.remember(checkpoint));
        trust
    }

    /// Keeps a checkpoint unless a later one of the same log is known already.
    fn remember(&self, checkpoint: &Checkpoint) {
        let mut state = self.lock();
        let known = state.checkpoints.get(checkpoint.origin()).map_or(0, Checkpoint::size);
        if checkpoint.size() > known {
            state.checkpoints.insert(checkpoint.origin().to_owned(), checkpoint.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, TrustState> {
        // Each change is one assignment, so a poisoned state is a whole state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn invalid(id: &str, failure: &Failure) -> Error {
    about(id, Error::new(Kind::ReceiptInvalid, format!("the receipt {id} fails the check {}", failure.check)))
        .caused_by(failure.clone())
}

/// A receipt that verifies but is not the one that was asked for.
fn contradiction(id: &str, why: &str) -> Error {
    about(
        id,
        Error::new(
            Kind::ReceiptInvalid,
            format!("the receipt {id} is not the receipt of this action: {why}"),
        ),
    )
}

fn about(id: &str, error: Error) -> Error {
    error.with(|call| {
        call.operation = Some(ops::GET_RECEIPT.id);
        call.outcome = Some(Outcome::Answered);
        call.receipt_id = Some(id.to_owned());
    })
}
