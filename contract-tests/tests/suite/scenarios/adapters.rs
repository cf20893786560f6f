//! The life of an adapter.

use std::collections::BTreeMap;

use companyos_types::Secret;
use companyos_types::adapters::{
    AdapterConfigure, AdapterFamily, AdapterKind, AdapterRegister, AdapterTestOutcome,
};
use futures_util::TryStreamExt as _;

use crate::watch::Watched;

pub(crate) async fn walk() {
    let watched = Watched::start().await;
    let operator = watched.operator();
    let adapters = operator.adapters();
    let secret = |text: &str| BTreeMap::from([("webhook_secret".to_owned(), Secret::new(text))]);
    let wanted =
        AdapterRegister::new("till", AdapterKind::PaymentsStub).with_secrets(secret("sixteen bytes or more"));
    let made = adapters.register(&wanted).send().await.unwrap();
    assert_eq!(made.location(), Some(format!("/adapters/{}", made.id).as_str()));
    assert_eq!(made.receipt().await.unwrap().verified.claims.act, "adapter.register");
    assert_eq!(
        (&made.family, made.secret_names.as_slice()),
        (&AdapterFamily::Payment, &["webhook_secret".to_owned()][..])
    );
    let taken = adapters.register(&wanted).send().await.unwrap_err();
    assert!(taken.is_problem("conflict") && taken.receipt_id().is_some(), "{taken}");
    let bare = AdapterRegister::new("bare", AdapterKind::PaymentsStub);
    let refused = adapters.register(&bare).send().await.unwrap_err();
    assert!(refused.is_problem("validation-failed"), "{refused}");

    let read = adapters.get(&made.id).send().await.unwrap();
    let etag = read.etag().unwrap().to_owned();
    assert_eq!(&*read, &*made);
    assert!(adapters.get(&made.id).if_none_match(&etag).send().await.unwrap_err().is_not_modified());
    assert!(adapters.report(&made.id).send().await.unwrap_err().is_not_found(), "a report before a test");
    let report = adapters.test(&made.id).idempotency_key("once").send().await.unwrap();
    let reused =
        adapters.test("adp_0193e2a1-7b2c-7d10-8a3f-0123456789ab").idempotency_key("once").send().await;
    assert!(reused.unwrap_err().is_problem("idempotency-key-reused"));
    assert_eq!(
        (&report.outcome, report.adapter_version),
        (&AdapterTestOutcome::Passed, 1),
        "{:?}",
        report.checks
    );
    assert_eq!(report.receipt().await.unwrap().verified.claims.act, "adapter.test");
    assert_eq!(*adapters.report(&made.id).send().await.unwrap(), *report);
    assert_eq!(
        adapters.get(&made.id).send().await.unwrap().last_test.as_ref().map(|test| &test.at),
        Some(&report.at)
    );

    let other =
        secret("sixteen other bytes").into_iter().map(|(name, secret)| (name, Some(secret))).collect();
    let change = AdapterConfigure::default().with_secrets(other);
    let changed = adapters.configure(&made.id, &etag, &change).send().await.unwrap();
    assert_eq!((changed.version, &changed.last_test), (2, &None));
    let stale = adapters.configure(&made.id, &etag, &change).send().await.unwrap_err();
    assert!(stale.is_problem("precondition-failed"), "{stale}");

    let all: Vec<_> = adapters.list().limit(1).by_item().try_collect().await.unwrap();
    assert_eq!(all, [(*changed).clone()]);
    let none = adapters.list().family(AdapterFamily::Storage).send().await.unwrap();
    assert_eq!((none.items.len(), none.next_cursor.as_deref()), (0, None));

    let stale = adapters.remove(&made.id, &etag).send().await.unwrap_err();
    assert!(stale.is_problem("precondition-failed"), "{stale}");
    let removed = adapters.remove(&made.id, changed.etag().unwrap()).send().await.unwrap();
    assert_eq!(removed.receipt().await.unwrap().verified.claims.act, "adapter.remove");
    assert!(adapters.get(&made.id).send().await.unwrap_err().is_not_found());
}
