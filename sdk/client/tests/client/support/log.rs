//! An issuer with a log, as far as the client can see one.
//!
//! The tree arithmetic follows RFC 9162 sections 2.1.1 to 2.1.4 word by word and shares nothing with the code under
//! test but the node hash.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use companyos_receipt::checkpoint::{Checkpoint, origin};
use companyos_receipt::key::{KeySet, Signer, SoftwareSigner};
use companyos_receipt::proof::TlogProof;
use companyos_receipt::receipt::{Claims, Issued, Outcome, Phase, Private, SaltKey, issue};
use companyos_receipt::tlog::{Hash, node_hash};
use companyos_sdk::{InProcess, RequestBody, Transport};
use http::{Request, Response};
use http_body_util::Full;
use serde_json::{Value, json};

use super::{RECEIPT, tenant_json};

const LOG: &str = "log_0193e2a1-7b2c-7d10-8a3f-0123456789ac";
const ISSUER: &str = "https://eu.companyos.example";

/// A server's state; tests change it between calls to make the server lie.
pub(crate) struct Issuer {
    pub(crate) claims: Claims,
    pub(crate) signer: SoftwareSigner,
    pub(crate) leaves: Vec<Hash>,
    /// The size of the tree that proofs are for; the whole log when absent.
    pub(crate) tree: Option<usize>,
    pub(crate) jwks: String,
    /// The idempotency key receipts name; the request's own when absent.
    pub(crate) told_key: Option<String>,
    pub(crate) asked: Vec<String>,
    receipts: Vec<(usize, Issued)>,
}

#[derive(Clone)]
pub(crate) struct Server(Arc<Mutex<Issuer>>);

impl Server {
    pub(crate) fn new() -> Self {
        let signer = SoftwareSigner::from_seed([7; 32]);
        let claims = Claims {
            iss: ISSUER.to_owned(),
            jti: RECEIPT.to_owned(),
            iat: 1_768_555_800,
            region: "eu-west-1".to_owned(),
            tenant: LOG.to_owned(),
            act: "tenant.create".to_owned(),
            phase: Phase::Outcome,
            out: Outcome::Ok,
            reference: None,
            pol: "sha256:00".to_owned(),
        };
        Self(Arc::new(Mutex::new(Issuer {
            claims,
            jwks: jwks(&signer),
            signer,
            told_key: None,
            leaves: Vec::new(),
            tree: None,
            asked: Vec::new(),
            receipts: Vec::new(),
        })))
    }

    /// Changes the state.
    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Issuer) -> T) -> T {
        change(&mut self.0.lock().expect("not poisoned"))
    }

    pub(crate) fn transport(&self) -> impl Transport + use<> {
        let server = self.clone();
        InProcess::new(move |request| {
            let answer = server.with(|issuer| issuer.answer(&request));
            async move { Ok::<_, std::io::Error>(answer) }
        })
    }
}

pub(crate) fn jwks(signer: &SoftwareSigner) -> String {
    KeySet::from_public_keys(&[*signer.public_key()]).expect("a key").to_jwks()
}

impl Issuer {
    fn answer(&mut self, request: &Request<RequestBody>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        self.asked.push(request.uri().path_and_query().map(ToString::to_string).unwrap_or_default());
        let json = |body: Value| reply("application/json", body.to_string());
        match path.as_str() {
            "/tenants" => {
                let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok());
                let key = self.told_key.clone().or(key.map(str::to_owned));
                self.append(key);
                let mut response = json(tenant_json("Acme"));
                response.headers_mut().insert("receipt-id", RECEIPT.parse().expect("a header"));
                response
            }
            "/.well-known/jwks.json" => reply("application/jwk-set+json", self.jwks.clone()),
            path if path.ends_with("/proof") => reply("text/plain", self.proof()),
            path if path.starts_with("/receipts/") => json(self.receipt()),
            path if path.ends_with("/consistency") => {
                let query = request.uri().query().expect("a query").replace("from=", "").replace("&to=", " ");
                let sizes: Vec<usize> = query.split(' ').map(|size| size.parse().expect("a size")).collect();
                let proof: Vec<String> =
                    consistency(sizes[0], &self.leaves[..sizes[1]]).iter().map(Hash::to_string).collect();
                json(json!({ "from": sizes[0], "to": sizes[1], "hashes": proof }))
            }
            _ => Response::builder().status(404).body(Full::default()).expect("a response"),
        }
    }

    /// Issues a receipt and appends it to the log.
    fn append(&mut self, key: Option<String>) {
        let mut private = Private::new().actor("key_1");
        if let Some(key) = key {
            private = private.idempotency_key(key);
        }
        let issued =
            issue(&self.claims, &private, &SaltKey::from_bytes([9; 32]), &self.signer).expect("a receipt");
        self.receipts.push((self.leaves.len(), issued.clone()));
        self.leaves.push(issued.leaf_hash());
    }

    fn receipt(&self) -> Value {
        let (index, issued) = self.receipts.last().expect("a receipt");
        json!({
            "id": RECEIPT, "log_id": LOG, "index": index, "action": self.claims.act, "phase": "outcome",
            "outcome": "ok", "issued_at": "2026-01-16T09:30:00.000000Z", "sd_jwt": issued.sd_jwt(),
        })
    }

    fn proof(&self) -> String {
        let (index, _) = self.receipts.last().expect("a receipt");
        let origin = origin(ISSUER, &self.claims.region, LOG);
        let leaves = &self.leaves[..self.tree.unwrap_or(self.leaves.len())];
        let checkpoint = Checkpoint::new(origin, leaves.len() as u64, root(leaves)).expect("a checkpoint");
        let note = checkpoint.sign(&[&self.signer as &dyn Signer]).expect("signed");
        TlogProof::new(*index as u64, inclusion(*index, leaves), note).to_text()
    }
}

fn reply(content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static(content_type));
    response
}

/// The largest power of two smaller than `n`.
fn split(n: usize) -> usize {
    n.next_power_of_two() / 2
}

fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [leaf] => *leaf,
        _ => node_hash(&root(&leaves[..split(leaves.len())]), &root(&leaves[split(leaves.len())..])),
    }
}

fn inclusion(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(split(leaves.len()));
    let (mut path, sibling) = if index < left.len() {
        (inclusion(index, left), root(right))
    } else {
        (inclusion(index - left.len(), right), root(left))
    };
    path.push(sibling);
    path
}

fn consistency(from: usize, leaves: &[Hash]) -> Vec<Hash> {
    fn subproof(from: usize, leaves: &[Hash], complete: bool) -> Vec<Hash> {
        if from == leaves.len() {
            return if complete { Vec::new() } else { vec![root(leaves)] };
        }
        let (left, right) = leaves.split_at(split(leaves.len()));
        let (mut proof, sibling) = if from <= left.len() {
            (subproof(from, left, complete), root(right))
        } else {
            (subproof(from - left.len(), right, false), root(left))
        };
        proof.push(sibling);
        proof
    }
    subproof(from, leaves, true)
}
