//! Who asks for one adapter gets no other vendor's crates.

use std::collections::BTreeSet;

use super::tree;

/// How the crates begin that a vendor's adapter brings, and the features that may bring them.
const VENDORS: &[(&str, &[&str])] = &[
    ("aws-config", &["s3"]),
    ("aws-sdk-", &["s3"]),
    ("aws-smithy-", &["s3"]),
    ("google-cloud-", &["gcs"]),
    ("openidconnect", &["oidc"]),
];

/// The adapters, a feature each.
const FEATURES: &[&str] = &["fs", "s3", "gcs", "oidc", "payments-stub", "payments-stripe"];

/// The names of the crates in a tree of normal and build dependencies.
fn crates(package: &str, features: &str) -> BTreeSet<String> {
    let tree = tree::cargo(&[
        "tree",
        "--package",
        package,
        "--no-default-features",
        "--features",
        features,
        "--edges",
        "normal,build",
        "--target",
        "all",
        "--prefix",
        "none",
        "--format",
        "{p}",
        "--offline",
    ]);
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

fn brings(crates: &BTreeSet<String>, vendor: &str) -> bool {
    crates.iter().any(|name| name.starts_with(vendor))
}

#[test]
fn an_adapter_brings_its_own_vendors_crates_and_no_others() {
    for feature in FEATURES {
        let crates = crates("companyos-adapters", feature);
        assert!(
            crates.contains("companyos-adapter-traits"),
            "the tree of {feature} was not read: {crates:?}"
        );
        for (vendor, bringers) in VENDORS {
            assert_eq!(
                brings(&crates, vendor),
                bringers.contains(feature),
                "the feature `{feature}` of companyos-adapters and the crates {vendor}*; only {bringers:?} bring them"
            );
        }
    }
}

#[test]
fn the_quickstart_is_built_without_a_cloud_vendors_crates() {
    let with = crates("companyos-examples", "s3");
    assert!(brings(&with, "aws-sdk-"), "the tree was not read: {with:?}");
    let without = crates("companyos-examples", "");
    assert!(without.contains("companyos-server"), "the tree was not read: {without:?}");
    for vendor in ["aws-config", "aws-sdk-", "aws-smithy-", "google-cloud-", "s3s"] {
        assert!(!brings(&without, vendor), "companyos-examples brings {vendor}* without the feature `s3`");
    }
}
