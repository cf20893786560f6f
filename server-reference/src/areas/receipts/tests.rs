//! Listing, proving and exporting, checked with the offline verifier, on every engine.

use companyos_receipt::checkpoint::Checkpoint;
use companyos_receipt::key::KeySet;
use companyos_receipt::proof::TlogProof;
use companyos_receipt::receipt::{Outcome, Private};
use companyos_receipt::tlog::{Hash, TilePath, leaf_hash, root_of, verify_consistency};
use companyos_receipt::verify::Verifier;
use companyos_types::receipts as wire;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::model::{Filter, LogHead, StoredReceipt};
use super::service::{self, Error};
use super::{export, rules, verify};
use crate::kernel::auth::Principal;
use crate::kernel::clock::Timestamp;
use crate::store::testing::{NOON, draft, leave, on_every_engine, tenant_id};
use crate::store::{ReceiptDraft, Store};

/// Leaves that many receipts, a microsecond apart, every third of them denied.
async fn leave_many(store: &Store, tenant: &str, count: usize) {
    for numbers in (0..count).collect::<Vec<_>>().chunks(256) {
        join_all(numbers.iter().map(|number| {
            let at = Timestamp::from_micros(NOON.as_micros() + *number as i64);
            let outcome = if number % 3 == 0 { Outcome::Deny } else { Outcome::Ok };
            leave(store, ReceiptDraft { at, outcome, ..draft(tenant) })
        }))
        .await
        .into_iter()
        .collect::<Result<(), _>>()
        .unwrap();
    }
}

fn caller(tenant: &str, operator: bool) -> Principal {
    Principal { tenant_id: tenant.to_owned(), operator, ..Principal::anonymous() }
}

fn verifier(store: &Store) -> Verifier {
    verify::verifier(&[store.public_key()]).unwrap()
}

async fn log(store: &Store, tenant: &str) -> LogHead {
    let page = service::logs(store, &caller(tenant, false), None, "", 10).await.unwrap();
    assert_eq!((page.items.len(), page.next), (1, None));
    page.items.into_iter().next().unwrap()
}

async fn all(store: &Store, tenant: &str) -> Vec<StoredReceipt> {
    let (mut items, mut start) = (Vec::new(), Some(0));
    while let Some(from) = start {
        let page = service::list(store, tenant, &Filter::default(), from, 200).await.unwrap();
        assert!(page.items.len() <= 200);
        items.extend(page.items);
        start = page.next;
    }
    items
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_receipt_of_a_log_with_tiles_is_proven_to_be_in_it() {
    on_every_engine(async |store| {
        let tenant = tenant_id();
        leave_many(&store, &tenant, 520).await;
        let receipts = all(&store, &tenant).await;
        assert_eq!(
            receipts.iter().map(|receipt| receipt.index).collect::<Vec<_>>(),
            (0..520).collect::<Vec<_>>()
        );
        let verifier = verifier(&store);
        let caller = caller(&tenant, false);
        for receipt in receipts.iter().step_by(7).chain(receipts.last()) {
            let proof = service::proof(&store, &caller, &receipt.id).await.unwrap();
            let verified = verifier.verify_receipt(&receipt.sd_jwt(), Some(&proof)).unwrap();
            assert_eq!(verified.claims.jti, receipt.id);
            assert_eq!(verified.claims.tenant, receipt.log_id);
            assert_eq!(verified.disclosed["actor"], "key_test");
            let inclusion = verified.inclusion.unwrap();
            assert_eq!((inclusion.index, inclusion.checkpoint.size()), (receipt.index, 520));
            let other = &receipts[(receipt.index as usize + 1) % receipts.len()];
            assert!(verifier.verify_receipt(&other.sd_jwt(), Some(&proof)).is_err());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_is_consistent_with_every_checkpoint_it_has_shown() {
    on_every_engine(async |store| {
        let tenant = tenant_id();
        let keys = KeySet::from_public_keys(&[store.public_key()]).unwrap();
        let mut seen: Vec<Checkpoint> = Vec::new();
        for count in [1, 1, 2, 3, 120, 129, 1, 43, 212, 1] {
            leave_many(&store, &tenant, count).await;
            let note = log(&store, &tenant).await.checkpoint;
            seen.push(Checkpoint::verify(&note, &keys).unwrap());
        }
        let id = log(&store, &tenant).await.id;
        let caller = caller(&tenant, false);
        for (position, old) in seen.iter().enumerate() {
            for new in &seen[position..] {
                let (from, to) = (old.size(), new.size());
                let proof = service::consistency(&store, &caller, &id, from, to).await.unwrap();
                verify_consistency(from, old.root(), to, new.root(), &proof).unwrap();
                if from < to {
                    assert!(verify_consistency(from, new.root(), to, new.root(), &proof).is_err());
                }
            }
        }
        let parameter = |error| match error {
            Error::Unservable(refused) => refused.parameter,
            other => panic!("{other}"),
        };
        assert_eq!(parameter(service::consistency(&store, &caller, &id, 1, 514).await.unwrap_err()), "to");
        assert_eq!(parameter(service::consistency(&store, &caller, &id, 3, 2).await.unwrap_err()), "from");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiles_and_entry_bundles_rebuild_the_checkpoints_root() {
    on_every_engine(async |store| {
        let tenant = tenant_id();
        leave_many(&store, &tenant, 515).await;
        let head = log(&store, &tenant).await;
        let keys = KeySet::from_public_keys(&[store.public_key()]).unwrap();
        let root = *Checkpoint::verify(&head.checkpoint, &keys).unwrap().root();
        let caller = caller(&tenant, false);
        let path = |text: &str| text.parse::<TilePath>().unwrap();
        let hashes =
            |bytes: Vec<u8>| bytes.chunks(32).map(|h| Hash::from_slice(h).unwrap()).collect::<Vec<_>>();
        let mut leaves = Vec::new();
        for text in ["000", "001", "002.p/3"] {
            let tile = hashes(service::tile(&store, &caller, &head.id, 0, path(text)).await.unwrap());
            let bundle = service::entries(&store, &caller, &head.id, path(text)).await.unwrap();
            assert_eq!(bundle.len(), tile.len() * 35);
            let entries = bundle.chunks(35).map(|entry| {
                assert_eq!(entry[..2], [0, 33]);
                leaf_hash(&entry[2..])
            });
            assert_eq!(entries.collect::<Vec<_>>(), tile);
            leaves.extend(tile);
        }
        assert_eq!(root_of(&leaves), root);
        let above = hashes(service::tile(&store, &caller, &head.id, 1, path("000.p/2")).await.unwrap());
        assert_eq!(above, [root_of(&leaves[..256]), root_of(&leaves[256..512])]);
        // Also the prefix of a partial tile is there: the log had that size once.
        assert_eq!(service::tile(&store, &caller, &head.id, 0, path("002.p/1")).await.unwrap().len(), 32);
        for (level, text) in
            [(0, "002"), (0, "002.p/4"), (0, "003"), (1, "000"), (1, "000.p/3"), (2, "000.p/1")]
        {
            let missing = service::tile(&store, &caller, &head.id, level, path(text)).await;
            assert!(matches!(missing, Err(Error::NotFound)), "{level}/{text}");
        }
        assert!(matches!(
            service::entries(&store, &caller, &head.id, path("003")).await,
            Err(Error::NotFound)
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_verifies_offline_and_no_longer_when_a_bit_flips() {
    on_every_engine(async |store| {
        let tenant = tenant_id();
        leave_many(&store, &tenant, 700).await;
        let verifier = verifier(&store);
        for (from, to) in [(0, None), (3, Some(300)), (256, Some(257)), (699, None), (0, Some(513))] {
            let export = export::prepare(&store, &tenant, from, to).await.unwrap();
            let range = export.range.clone();
            let pieces: Vec<_> = export.into_stream(store.clone()).try_collect().await.unwrap();
            let file = pieces.concat();
            let report = verifier.verify_range(&file);
            assert!(report.is_valid(), "{:?}", report.first_failure());
            assert_eq!((report.from, report.to), (range.start, range.end));
            assert_eq!(verify::range(&verifier, &file).checked, range.end - range.start);
        }
        let export = export::prepare(&store, &tenant, 10, Some(14)).await.unwrap();
        let file = export.into_stream(store.clone()).try_collect::<Vec<_>>().await.unwrap().concat();
        for position in (0..file.len()).step_by(17) {
            let mut flipped = file.clone();
            flipped[position] ^= 1 << (position % 8);
            let report = verify::range(&verifier, &flipped);
            assert!(!report.valid && report.failed_check.is_some(), "byte {position}");
        }
        assert!(matches!(
            export::prepare(&store, &tenant, 0, Some(701)).await.map(|export| export.range),
            Err(Error::Unservable(rules::Unservable { parameter: "to", .. }))
        ));
        assert!(matches!(
            export::prepare(&store, &tenant_id(), 0, None).await.map(|export| export.range),
            Err(Error::Unservable(rules::Unservable { parameter: "from", .. }))
        ));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_are_filtered_and_paged_without_gaps() {
    on_every_engine(async |store| {
        let tenant = tenant_id();
        assert_eq!(all(&store, &tenant).await, []);
        leave_many(&store, &tenant, 90).await;
        leave(&store, ReceiptDraft { action: "tenant.import".to_owned(), ..draft(&tenant) }).await.unwrap();
        let receipts = all(&store, &tenant).await;

        let by_filter = async |filter: Filter, limit: usize| {
            let (mut found, mut start, mut pages) = (Vec::new(), Some(0), 0);
            while let Some(from) = start {
                let page = service::list(&store, &tenant, &filter, from, limit).await.unwrap();
                found.extend(page.items.into_iter().map(|receipt| receipt.index));
                start = page.next;
                pages += 1;
            }
            (found, pages)
        };
        let denied = Filter { outcome: Some("deny".to_owned()), ..Filter::default() };
        let expected: Vec<u64> = receipts
            .iter()
            .filter(|receipt| receipt.outcome == "deny")
            .map(|receipt| receipt.index)
            .collect();
        assert_eq!(expected.len(), 30);
        assert_eq!(by_filter(denied.clone(), 7).await.0, expected);
        assert_eq!(by_filter(denied, 200).await, (expected, 1));
        let imports = Filter { action: Some("tenant.import".to_owned()), ..Filter::default() };
        assert_eq!(by_filter(imports, 50).await.0, [90]);
        let between = Filter {
            issued_from: Some(Timestamp::from_micros(NOON.as_micros() + 10)),
            issued_before: Some(Timestamp::from_micros(NOON.as_micros() + 20)),
            ..Filter::default()
        };
        let expected: Vec<u64> = receipts
            .iter()
            .filter(|receipt| (10..20).contains(&(receipt.issued_at.as_micros() - NOON.as_micros())))
            .map(|receipt| receipt.index)
            .collect();
        assert_eq!(expected.len(), 10);
        assert_eq!(by_filter(between, 3).await.0, expected);
        let nobody = Filter { action: Some("no.such".to_owned()), ..Filter::default() };
        assert_eq!(by_filter(nobody, 50).await, (vec![], 1));
    })
    .await;
}

#[tokio::test]
async fn a_log_is_seen_by_its_tenant_and_by_operators_only() {
    on_every_engine(async |store| {
        let tenants = [tenant_id(), tenant_id(), tenant_id()];
        for tenant in &tenants {
            leave_many(&store, tenant, 2).await;
        }
        let (mine, theirs) = (log(&store, &tenants[0]).await, log(&store, &tenants[1]).await);
        let receipt = all(&store, &tenants[1]).await.remove(0).id;
        let stranger = caller(&tenants[0], false);
        assert!(matches!(service::get(&store, &stranger, &receipt).await, Err(Error::NotFound)));
        assert!(matches!(service::proof(&store, &stranger, &receipt).await, Err(Error::NotFound)));
        assert!(matches!(service::log(&store, &stranger, &theirs.id).await, Err(Error::NotFound)));
        assert!(matches!(
            service::consistency(&store, &stranger, &theirs.id, 1, 2).await,
            Err(Error::NotFound)
        ));
        let path = "000.p/1".parse::<TilePath>().unwrap();
        assert!(matches!(service::tile(&store, &stranger, &theirs.id, 0, path).await, Err(Error::NotFound)));
        assert!(matches!(service::entries(&store, &stranger, &theirs.id, path).await, Err(Error::NotFound)));
        // Naming another tenant does not help.
        let page = service::logs(&store, &stranger, Some(&tenants[1]), "", 10).await.unwrap();
        assert_eq!(page.items, [mine]);

        let operator = caller(&tenant_id(), true);
        assert_eq!(service::get(&store, &operator, &receipt).await.unwrap().id, receipt);
        assert_eq!(
            service::logs(&store, &operator, Some(&tenants[1]), "", 10).await.unwrap().items,
            [theirs]
        );
        let first = service::logs(&store, &operator, None, "", 2).await.unwrap();
        assert_eq!(first.items.len(), 2);
        let second = service::logs(&store, &operator, None, &first.next.unwrap(), 2).await.unwrap();
        assert_eq!((second.items.len(), second.next), (1, None));
        let unknown = service::get(&store, &operator, "rcp_0193e2a1-7b2c-7d10-8a3f-0123456789ab").await;
        assert!(matches!(unknown, Err(Error::NotFound)));
    })
    .await;
}

#[tokio::test]
async fn verifying_tells_verified_redacted_and_forged_apart() {
    let store = crate::store::testing::in_memory().await;
    let tenant = tenant_id();
    let private = Private::new().actor("key_1").reason("because").subject("s").trace_id("t").request("r");
    leave(&store, ReceiptDraft { private, ..draft(&tenant) }).await.unwrap();
    leave_many(&store, &tenant, 3).await;
    let receipts = all(&store, &tenant).await;
    let proof = service::proof(&store, &caller(&tenant, false), &receipts[0].id).await.unwrap();
    let whole = receipts[0].sd_jwt();
    let redacted = format!("{}~", receipts[0].jwt);
    let report = verify::receipts(
        &verifier(&store),
        &[
            wire::ReceiptWithProof::new(&whole).with_proof(&proof),
            wire::ReceiptWithProof::new(&redacted),
            wire::ReceiptWithProof::new(receipts[1].sd_jwt()).with_proof(&proof),
            wire::ReceiptWithProof::new("nonsense"),
        ],
    );
    assert!(!report.valid);
    assert_eq!(report.checked, 4);
    let verdicts: Vec<_> = report.results.iter().map(|result| result.verdict.as_str()).collect();
    assert_eq!(verdicts, ["verified", "redacted", "forged", "forged"]);
    let included: Vec<_> = report.results.iter().map(|result| result.included).collect();
    assert_eq!(included, [Some(true), Some(false), None, None]);
    assert_eq!(report.results[2].failed_check.as_deref(), Some("inclusion-proof"));
    assert_eq!(report.results[0].receipt_id.as_deref(), Some(receipts[0].id.as_str()));
    assert_eq!(proof.parse::<TlogProof>().unwrap().index(), 0);
    store.shutdown().await;
}

#[tokio::test]
async fn an_export_that_cannot_be_completed_breaks_off() {
    let store = crate::store::testing::in_memory().await;
    let tenant = tenant_id();
    leave_many(&store, &tenant, 600).await;
    let export = export::prepare(&store, &tenant, 0, None).await.unwrap();
    let mut stream = Box::pin(export.into_stream(store.clone()));
    assert!(stream.next().await.unwrap().is_ok());
    assert!(stream.next().await.unwrap().is_ok());
    store.shutdown().await;
    assert!(stream.next().await.unwrap().is_err(), "a truncated export must not look complete");
}
