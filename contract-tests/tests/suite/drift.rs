//! Nothing that is made from the contract has drifted from it.

use std::collections::BTreeSet;

use companyos_contract_tests::{bundle, check, generate, postman, repo::Repo};
use companyos_sdk::{CONTRACT_VERSION, types};
use companyos_server::kernel::settings::Mode;
use companyos_types::ops::{self, Operation};
use serde_json::Value;

use crate::watch::{CONTRACT, Watched};

fn repo() -> Repo {
    Repo::of_this_crate().expect("a checkout")
}

#[test]
fn what_is_committed_is_what_the_contract_generates() {
    let (repo, bundle) = (repo(), bundle::bundle(&repo()).unwrap());
    let mut files = generate::generate(&repo, &bundle).unwrap();
    files.extend(postman::files(&repo, &bundle).unwrap());
    let stale: Vec<_> = generate::stale(&repo, &files).iter().map(|file| file.path.clone()).collect();
    assert!(
        stale.is_empty(),
        "run `cargo contract generate` and `cargo contract postman`, and commit: {stale:?}"
    );
    assert!(files.iter().any(|file| file.path == bundle::BUNDLE), "the bundle is among what is generated");
}

#[test]
fn the_contract_keeps_its_own_conventions() {
    let findings = check::check(&repo()).unwrap();
    let list: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{}", list.join("\n"));
}

#[test]
fn the_types_crate_carries_this_contract() {
    let carried: Value = serde_json::from_str(types::CONTRACT_JSON).unwrap();
    assert_eq!(&carried, CONTRACT.document());
    assert_eq!(CONTRACT.model().version(), CONTRACT_VERSION);
    let declared: BTreeSet<(String, String, String)> = CONTRACT
        .model()
        .operations()
        .iter()
        .map(|one| (one.id().to_owned(), one.method.to_ascii_uppercase(), one.path.to_owned()))
        .collect();
    let constants: BTreeSet<_> =
        ops::ALL.iter().map(|one| (one.id.to_owned(), one.method.to_string(), one.path.to_owned())).collect();
    assert_eq!(constants, declared);
}

#[tokio::test]
async fn the_server_mounts_the_contract_and_leaves_the_faults_out_of_production() {
    // A server whose routes differ from the contract does not start.
    for (mode, mounted) in [(Mode::Development, true), (Mode::Production, false)] {
        let watched = Watched::with(|builder| builder.mode(mode)).await;
        for operation in ops::ALL {
            let request = crate::sample::request(operation, &crate::sample::nothing(), None);
            let answer = watched.server.call(request).await.unwrap();
            let here = mounted || !operation.development_only;
            let expected: &[u16] = match (here, operation.public) {
                (true, true) => &[200],
                (true, false) => &[401],
                (false, _) => &[404],
            };
            assert!(expected.contains(&answer.status().as_u16()), "{mode:?} {}: {answer:?}", operation.id);
        }
    }
}

#[test]
fn the_sdk_has_a_method_for_every_operation_and_no_other() {
    let mut found = BTreeSet::new();
    let areas: BTreeSet<&str> = ops::ALL.iter().map(|operation| operation.area).collect();
    for area in areas {
        let file = format!("sdk/client/src/areas/{}.rs", area.replace('-', "_"));
        let code = repo().read(&file).unwrap();
        let used = code.split("&ops::").skip(1).map(|rest| {
            let end = rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
            rest[..end.unwrap_or(rest.len())].to_owned()
        });
        for name in used {
            assert!(found.insert(name.clone()), "{file} uses {name} twice");
        }
    }
    let constant = |one: &&Operation| {
        let mut name = String::new();
        for letter in one.id.chars() {
            if letter.is_ascii_uppercase() {
                name.push('_');
            }
            name.push(letter.to_ascii_uppercase());
        }
        name
    };
    assert_eq!(found, ops::ALL.iter().map(constant).collect::<BTreeSet<_>>());
}

#[test]
fn the_postman_collection_calls_every_operation_and_nothing_else() {
    let collection: Value =
        serde_json::from_str(&repo().read("postman/companyos.postman_collection.json").unwrap()).unwrap();
    let mut requests = Vec::new();
    collect(&collection["item"], &mut requests);
    let mut called = BTreeSet::new();
    for request in &requests {
        let method = request["method"].as_str().unwrap();
        let raw = request["url"].as_str().or_else(|| request["url"]["raw"].as_str()).unwrap();
        let path = raw.strip_prefix("{{base_url}}").unwrap_or(raw).split('?').next().unwrap();
        // `/:name` and `/{{name}}` stand for one segment each.
        let path: Vec<String> = path
            .split('/')
            .map(|part| if part.starts_with([':', '{']) { "000".to_owned() } else { part.to_owned() })
            .collect();
        let path = path.join("/");
        if let Some(id) = CONTRACT.find(method, &path) {
            called.insert(id.to_owned());
        }
    }
    let declared: BTreeSet<String> = ops::ALL.iter().map(|one| one.id.to_owned()).collect();
    assert_eq!(called, declared, "{} requests", requests.len());
}

/// Every request of a collection's tree.
fn collect<'a>(items: &'a Value, into: &mut Vec<&'a Value>) {
    for item in items.as_array().into_iter().flatten() {
        if item["request"].is_object() {
            into.push(&item["request"]);
        }
        collect(&item["item"], into);
    }
}
