//! Receipts and the log they are in.

use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::KeySet;
use companyos_receipt::tlog::{Hash, verify_consistency};
use companyos_receipt::verify::Verifier;
use companyos_sdk::Client;
use companyos_sdk::areas::receipts::VerifyReceiptsBody;
use companyos_types::receipts::{ReceiptOutcome, ReceiptWithProof, VerifyRequest, VerifyVerdict};
use companyos_types::tenants::TenantCreate;
use futures_util::TryStreamExt as _;

use crate::sample::unique;
use crate::watch::Watched;

/// The keys the server publishes.
pub(crate) async fn keys(client: &Client) -> KeySet {
    let jwks = client.meta().jwks().send().await.expect("the keys").into_inner();
    KeySet::from_jwks(&serde_json::to_vec(&jwks).expect("JSON")).expect("keys of receipts")
}

pub(crate) async fn walk() {
    let watched = Watched::start().await;
    let operator = watched.operator();
    let receipts = operator.receipts();
    let keys = keys(&operator).await;
    for _ in 0..9 {
        operator.tenants().create(&TenantCreate::new(unique(), "A tenant")).send().await.unwrap();
    }
    let log = receipts.list_logs().send().await.unwrap().items[0].clone();
    let early = Checkpoint::verify(&receipts.log_checkpoint(&log.id).send().await.unwrap(), &keys).unwrap();
    let refused = operator.tenants().create(&TenantCreate::new("platform", "A second platform")).send().await;
    assert!(refused.is_err());

    let all: Vec<_> = receipts.list().limit(3).by_item().try_collect().await.unwrap();
    assert_eq!(all.iter().map(|receipt| receipt.index).collect::<Vec<_>>(), (0..11).collect::<Vec<_>>());
    let created = receipts.list().action("tenant.create").outcome(ReceiptOutcome::Ok).send().await.unwrap();
    assert_eq!(created.items.len(), 9);
    let none = receipts.list().issued_before(&all[0].issued_at).send().await.unwrap();
    assert!(none.items.is_empty());
    let since =
        receipts.list().issued_from(&all[0].issued_at).tenant_id(&log.tenant_id).send().await.unwrap();
    assert_eq!(since.items.len(), 11);

    let verifier = Verifier::new(keys.clone());
    let mut presented = Vec::new();
    for receipt in &all {
        let read = receipts.get(&receipt.id).send().await.unwrap();
        assert_eq!(&*read, receipt);
        let proof = receipts.proof(&receipt.id).send().await.unwrap().into_inner();
        let verified = verifier.verify_receipt(&receipt.sd_jwt, Some(&proof)).unwrap();
        assert_eq!(
            (verified.claims.jti.as_str(), &verified.claims.act),
            (receipt.id.as_str(), &receipt.action)
        );
        presented.push(ReceiptWithProof::new(&receipt.sd_jwt).with_proof(proof));
    }
    presented[0].sd_jwt = presented[0].sd_jwt.replacen('.', ".A", 1);
    let report =
        receipts.verify(VerifyReceiptsBody::Json(VerifyRequest::new(presented))).send().await.unwrap();
    assert!(!report.valid && report.results[0].verdict == VerifyVerdict::Forged);
    assert!(report.results[1..].iter().all(|result| result.verdict == VerifyVerdict::Verified));

    let late = Checkpoint::verify(&receipts.log_checkpoint(&log.id).send().await.unwrap(), &keys).unwrap();
    let proof = receipts.log_consistency(&log.id, early.size(), late.size()).send().await.unwrap();
    let hashes: Vec<Hash> = proof.hashes.iter().map(|hash| hash.parse().unwrap()).collect();
    verify_consistency(early.size(), early.root(), late.size(), late.root(), &hashes).unwrap();

    let tile = receipts.log_tile(&log.id, 0, "000.p/11").send().await.unwrap();
    assert_eq!(tile.len(), 11 * 32);
    let entries = receipts.log_entries(&log.id, "000.p/11").send().await.unwrap();
    assert_eq!(entries.len(), 11 * (2 + 33));

    let export = receipts.export().from(2).to(11).send().await.unwrap();
    assert_eq!(export.receipt().await.unwrap().verified.claims.act, "receipts.export");
    let export = export.into_inner();
    let report = verifier.verify_range(&export);
    assert!(report.is_valid() && report.checked == 9, "{report:?}");
    let seen = receipts.verify(VerifyReceiptsBody::ReceiptRange(export.into())).send().await.unwrap();
    assert!(seen.valid && seen.checked == 9);
}
