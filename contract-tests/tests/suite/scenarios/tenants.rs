//! The life of a tenant.

use std::collections::BTreeMap;

use companyos_types::tenants::{TenantCreate, TenantStatus, TenantUpdate};
use futures_util::TryStreamExt as _;

use crate::watch::Watched;

pub(crate) async fn walk() {
    let watched = Watched::start().await;
    let operator = watched.operator();
    let tenants = operator.tenants();
    let labels = BTreeMap::from([("tier".to_owned(), "gold".to_owned())]);
    let wanted = TenantCreate::new("acme", "Acme").with_contact_email("ops@acme.test").with_labels(labels);
    let created = tenants.create(&wanted).send().await.unwrap();
    assert_eq!(created.location(), Some(format!("/tenants/{}", created.id).as_str()));
    assert_eq!(created.receipt().await.unwrap().verified.claims.act, "tenant.create");
    let twice = || tenants.create(&wanted).idempotency_key("twice").send();
    let refused = twice().await.unwrap_err();
    assert!(refused.is_problem("conflict") && refused.receipt_id().is_some(), "{refused}");
    assert_eq!(twice().await.unwrap_err().receipt_id(), refused.receipt_id(), "a refusal is replayed too");

    let read = tenants.get(&created.id).send().await.unwrap();
    let etag = read.etag().unwrap().to_owned();
    assert_eq!((&*read, Some(etag.as_str())), (&*created, created.etag()));
    let unchanged = tenants.get(&created.id).if_none_match(&etag).send().await.unwrap_err();
    assert!(unchanged.is_not_modified());

    let labels = BTreeMap::from([("tier".to_owned(), None), ("team".to_owned(), Some("blue".to_owned()))]);
    let change = TenantUpdate::default().with_name("Acme Ltd").with_contact_email(None).with_labels(labels);
    let changed = tenants.update(&created.id, &etag, &change).send().await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.contact_email.as_deref(), changed.version),
        ("Acme Ltd", None, 2)
    );
    assert_eq!(changed.labels.iter().next(), Some((&"team".to_owned(), &"blue".to_owned())));
    let stale = tenants.update(&created.id, &etag, &change).send().await.unwrap_err();
    assert!(stale.is_problem("precondition-failed"));
    let suspend = TenantUpdate::default().with_status(TenantStatus::Suspended);
    let suspended = tenants.update(&created.id, changed.etag().unwrap(), &suspend).send().await.unwrap();

    tenants.create(&TenantCreate::new("formula", "=1+1")).send().await.unwrap();
    let all: Vec<_> = tenants.list().limit(1).by_item().try_collect().await.unwrap();
    assert!(all.iter().any(|tenant| tenant.id == created.id) && all.len() >= 2);
    let found = tenants.list().external_id("acme").send().await.unwrap();
    assert_eq!(found.items, [suspended.into_inner()]);
    let none = tenants.list().external_id("acme").status(TenantStatus::Active).send().await.unwrap();
    assert_eq!((none.items.len(), none.next_cursor.as_deref()), (0, None));
    let file = tenants.export().send().await.unwrap();
    assert!(file.contains("'=1+1") && !file.contains(",=1+1"), "a formula would run: {}", *file);

    let current = tenants.get(&created.id).send().await.unwrap();
    let stale = tenants.delete(&created.id, &etag).send().await.unwrap_err();
    assert!(stale.is_problem("precondition-failed"));
    let deleted = tenants.delete(&created.id, current.etag().unwrap()).send().await.unwrap();
    assert_eq!(deleted.receipt().await.unwrap().verified.claims.act, "tenant.delete");
    assert!(tenants.get(&created.id).send().await.unwrap_err().is_not_found());
    let platform = &watched.server.app().deployment().platform_tenant_id;
    let platform = tenants.get(platform).send().await.unwrap();
    let tied = tenants.delete(&platform.id, platform.etag().unwrap()).send().await.unwrap_err();
    assert!(tied.is_problem("conflict"), "{tied}");
}
