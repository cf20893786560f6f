//! What a receipt costs over the bare signature that it cannot do without.
//!
//! The goal is at least 85 % of the bare rate: `issue` against `bare/sign`, `verify` against `bare/verify`. The bare
//! signatures are over messages as long as a receipt's.

use std::hint::black_box;

use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::{KeySet, SignError, Signer, SoftwareSigner};
use companyos_receipt::proof::TlogProof;
use companyos_receipt::range::RangeWriter;
use companyos_receipt::receipt::{Claims, Issued, Outcome, Phase, Private, SaltKey, issue};
use companyos_receipt::sdjwt::SdJwt;
use companyos_receipt::tlog::{Frontier, Hash, leaf_hash};
use companyos_receipt::verify::Verifier;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ed25519_dalek::{Signature, VerifyingKey};

const SIZE: u64 = 256;

fn claims(n: u64) -> Claims {
    Claims {
        iss: "https://eu.companyos.example".into(),
        jti: format!("rcp_0193e2a1-7b2c-7d10-8a3f-{n:012}"),
        iat: 1_768_555_800,
        region: "eu".into(),
        tenant: "log_0193e2a1-7b2c-7d10-8a3f-0123456789ac".into(),
        act: "tenant.create".into(),
        phase: Phase::Outcome,
        out: Outcome::Ok,
        reference: None,
        pol: "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into(),
    }
}

fn private() -> Private {
    Private::new()
        .actor("key_0193e2a1-7b2c-7d10-8a3f-0123456789ad")
        .resource("tenant", "ten_0193e2a1-7b2c-7d10-8a3f-0123456789ae")
        .request("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        .policy_input("sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        .idempotency_key("0193e2a1-7b2c-7d10-8a3f-0123456789af")
        .trace_id("4bf92f3577b34da6a3ce929d0e0e4736")
}

/// Signs for nothing, to show what else issuing costs.
struct FreeSigner(String);

impl Signer for FreeSigner {
    fn public_key(&self) -> &[u8; 32] {
        &[0; 32]
    }

    fn key_id(&self) -> &str {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<[u8; 64], SignError> {
        Ok([0; 64])
    }
}

struct World {
    signer: SoftwareSigner,
    salts: SaltKey,
    verifier: Verifier,
    receipts: Vec<Issued>,
}

impl World {
    fn new() -> Option<Self> {
        let signer = SoftwareSigner::from_seed([7; 32]);
        let salts = SaltKey::from_bytes([9; 32]);
        let verifier = Verifier::new(KeySet::from_public_keys(&[*signer.public_key()]).ok()?);
        let receipts =
            (0..SIZE).map(|n| issue(&claims(n), &private(), &salts, &signer).ok()).collect::<Option<_>>()?;
        Some(Self { signer, salts, verifier, receipts })
    }

    fn note(&self) -> Option<String> {
        let mut frontier = Frontier::new();
        self.receipts.iter().for_each(|issued| frontier.push(issued.leaf_hash()));
        let checkpoint = Checkpoint::new(claims(0).origin(), SIZE, frontier.root()).ok()?;
        checkpoint.sign(&[&self.signer as &dyn Signer]).ok()
    }

    fn export(&self) -> Option<String> {
        let mut writer = RangeWriter::new(0, SIZE, &self.note()?, Vec::new()).ok()?;
        let mut file = writer.header();
        for issued in &self.receipts {
            writer.receipt(&issued.sd_jwt(), &mut file).ok()?;
        }
        Some(file)
    }
}

fn signatures(c: &mut Criterion) {
    let Some(world) = World::new() else { return };
    let issued = &world.receipts[0];
    let message = issued.jwt.rsplit_once('.').map_or("", |(signed, _)| signed);
    let mut group = c.benchmark_group("receipt");
    group.throughput(Throughput::Elements(1));
    group.bench_function("bare/sign", |b| b.iter(|| world.signer.sign(black_box(message.as_bytes()))));
    let (claims, private) = (claims(0), private());
    group.bench_function("issue", |b| {
        b.iter(|| issue(black_box(&claims), &private, &world.salts, &world.signer))
    });
    let free = FreeSigner(world.signer.key_id().to_owned());
    group.bench_function("issue/all but signature", |b| {
        b.iter(|| issue(black_box(&claims), &private, &world.salts, &free));
    });

    if let (Ok(signature), Ok(key)) =
        (world.signer.sign(message.as_bytes()), VerifyingKey::from_bytes(world.signer.public_key()))
    {
        let signature = Signature::from_bytes(&signature);
        group.bench_function("bare/verify", |b| {
            b.iter(|| key.verify_strict(black_box(message.as_bytes()), &signature));
        });
    }
    let sd_jwt = issued.sd_jwt();
    group.bench_function("verify/all but signature", |b| {
        b.iter(|| SdJwt::parse(black_box(&sd_jwt)).and_then(|parsed| parsed.open_unverified()));
    });
    group.bench_function("verify", |b| b.iter(|| world.verifier.verify_receipt(black_box(&sd_jwt), None)));
    group.finish();
}

fn trees(c: &mut Criterion) {
    let Some(world) = World::new() else { return };
    let mut group = c.benchmark_group("tree");
    group.throughput(Throughput::Elements(SIZE));
    let leaves: Vec<Hash> = (0..SIZE).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    group.bench_function("append", |b| {
        b.iter(|| {
            let mut frontier = Frontier::new();
            black_box(&leaves).iter().for_each(|leaf| frontier.push(*leaf));
            frontier.root()
        });
    });
    if let Some(export) = world.export() {
        group.bench_function("verify range", |b| {
            b.iter(|| world.verifier.verify_range(black_box(export.as_bytes())))
        });
    }
    if let Some(note) = world.note() {
        let text = TlogProof::new(0, leaves[..8].to_vec(), note).to_text();
        group.throughput(Throughput::Elements(1));
        group.bench_function("parse proof", |b| b.iter(|| black_box(&text).parse::<TlogProof>()));
    }
    group.finish();
}

criterion_group!(benches, signatures, trees);
criterion_main!(benches);
