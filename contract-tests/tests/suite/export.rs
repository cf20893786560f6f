//! An export of the real server, and what a single altered bit of it comes to.

use std::collections::BTreeMap;

use companyos_receipt::verify::Verifier;
use companyos_types::tenants::TenantCreate;

use crate::sample::unique;
use crate::scenarios::receipts::keys;
use crate::watch::Watched;

#[tokio::test]
async fn an_export_verifies_and_with_any_single_bit_flipped_names_the_check_that_fails() {
    const POSITIONS: usize = 2_000;
    let watched = Watched::start().await;
    let operator = watched.operator();
    for _ in 0..10 {
        operator.tenants().create(&TenantCreate::new(unique(), "A tenant")).send().await.unwrap();
    }
    let export = operator.receipts().export().from(1).send().await.unwrap().into_inner().to_vec();
    let verifier = Verifier::new(keys(&operator).await);
    let report = verifier.verify_range(&export);
    assert!(report.is_valid() && report.checked == 10, "{report:?}");

    let mut failed: BTreeMap<&str, usize> = BTreeMap::new();
    for number in 0..POSITIONS {
        let (position, bit) = (number * export.len() / POSITIONS, number % 8);
        let mut altered = export.clone();
        altered[position] ^= 1 << bit;
        let report = verifier.verify_range(&altered);
        assert!(!report.is_valid(), "bit {bit} of byte {position} can be flipped unnoticed");
        let check = report.first_failure().expect("a failure").check;
        assert!(!check.meaning().is_empty());
        *failed.entry(check.name()).or_default() += 1;
    }
    assert!(failed.len() >= 5, "the sweep met only {failed:?}");
}
