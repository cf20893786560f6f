//! A small world: one signer, one log, receipts that differ by number.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::{KeySet, Signer, SoftwareSigner};
use companyos_receipt::proof::TlogProof;
use companyos_receipt::range::RangeWriter;
use companyos_receipt::receipt::{Claims, Issued, Outcome, Phase, Private, SaltKey, issue};
use companyos_receipt::tlog::{Frontier, Hash, InclusionPlan, NodeId, RangePlan, root_of};
use companyos_receipt::verify::Verifier;

pub(crate) const ORIGIN: &str = "eu.companyos.example/eu/log_1";

pub(crate) fn signer() -> SoftwareSigner {
    SoftwareSigner::from_seed([7; 32])
}

pub(crate) fn stranger() -> SoftwareSigner {
    SoftwareSigner::from_seed([8; 32])
}

pub(crate) fn keys() -> KeySet {
    KeySet::from_public_keys(&[*signer().public_key()]).unwrap()
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new(keys())
}

pub(crate) fn claims(n: u64) -> Claims {
    Claims {
        iss: "https://eu.companyos.example".into(),
        jti: format!("rcp_{n:04}"),
        iat: 1_768_555_800 + n as i64,
        region: "eu".into(),
        tenant: "log_1".into(),
        act: "tenant.create".into(),
        phase: Phase::Outcome,
        out: Outcome::Ok,
        reference: (n % 2 == 1).then(|| format!("rcp_{:04}", n - 1)),
        pol: "sha256:ba7816bf8f01cfea".into(),
    }
}

pub(crate) fn private(n: u64) -> Private {
    let private = Private::new().actor("key_7f").resource("tenant", &format!("ten_{n}"));
    if n.is_multiple_of(3) {
        private
    } else {
        private.reason("agreed").amount(n as i64, "EUR").trace_id("4bf92f35")
    }
}

pub(crate) fn salts() -> SaltKey {
    SaltKey::from_bytes([9; 32])
}

pub(crate) fn issued(n: u64) -> Issued {
    issue(&claims(n), &private(n), &salts(), &signer()).unwrap()
}

/// Every hash of a tree, asked for by name.
pub(crate) fn node(leaves: &[Hash], NodeId { level, index }: NodeId) -> Option<Hash> {
    let start = usize::try_from(index << level).ok()?;
    leaves.get(start..start + (1 << level)).map(root_of)
}

pub(crate) struct Log {
    pub(crate) receipts: Vec<Issued>,
    pub(crate) leaves: Vec<Hash>,
    pub(crate) note: String,
}

impl Log {
    pub(crate) fn of(size: u64) -> Self {
        let receipts: Vec<Issued> = (0..size).map(issued).collect();
        let leaves: Vec<Hash> = receipts.iter().map(Issued::leaf_hash).collect();
        let mut frontier = Frontier::new();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        let checkpoint = Checkpoint::new(ORIGIN, size, frontier.root()).unwrap();
        Self { receipts, leaves, note: checkpoint.sign(&[&signer() as &dyn Signer]).unwrap() }
    }

    pub(crate) fn proof(&self, index: u64) -> TlogProof {
        let plan = InclusionPlan::new(index, self.leaves.len() as u64).unwrap();
        let hashes = plan.finish(|id| node(&self.leaves, id)).unwrap();
        TlogProof::new(index, hashes, self.note.clone())
    }

    pub(crate) fn export(&self, from: u64, to: u64) -> String {
        self.export_under(&self.note, from, to)
    }

    pub(crate) fn export_under(&self, note: &str, from: u64, to: u64) -> String {
        let plan = RangePlan::new(from, to, self.leaves.len() as u64).unwrap();
        let hashes = plan.finish(|id| node(&self.leaves, id)).unwrap();
        let mut writer = RangeWriter::new(from, to, note, hashes).unwrap();
        let mut file = writer.header();
        for issued in &self.receipts[from as usize..to as usize] {
            writer.receipt(&issued.sd_jwt(), &mut file).unwrap();
        }
        writer.finish().unwrap();
        file
    }
}

pub(crate) fn b64url(text: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

/// An SD-JWT with any content, signed by the trusted key: what a broken or hostile issuer could send.
pub(crate) fn forge(header: &str, payload: &str, disclosures: &[&str]) -> String {
    let mut text = format!("{}.{}", b64url(header), b64url(payload));
    let signature = signer().sign(text.as_bytes()).unwrap();
    text.push('.');
    text.push_str(&b64url(signature));
    text.push('~');
    for disclosure in disclosures {
        text.push_str(disclosure);
        text.push('~');
    }
    text
}

pub(crate) fn header() -> String {
    format!(r#"{{"alg":"Ed25519","kid":"{}","typ":"receipt+sd-jwt"}}"#, signer().key_id())
}

/// A payload with these members in front of the clear claims.
pub(crate) fn payload(front: &str) -> String {
    format!(
        r#"{{{front}"act":"tenant.create","iat":1,"iss":"https://eu.companyos.example","jti":"rcp_1","out":"ok","phase":"outcome","pol":"sha256:00","region":"eu","tenant":"log_1","v":1}}"#
    )
}
