//! How objects are kept: classes and customer-managed keys.

use super::super::{Stop, ensure};
use super::{Subject, body, expect_unsupported};
use crate::storage::{Head, HeadOptions, ObjectKey, Placement, PutOptions, StorageClass, operations};
use crate::{Capability, Error};

pub(super) async fn a_storage_class_is_kept_or_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    let in_class = |class| Placement::default().storage_class(class);
    let unknown = put(subject, &key, in_class(StorageClass::new("no-such-class"))).await;
    expect_unsupported(subject, unknown, "a class that is not offered", operations::STORAGE_CLASS)?;
    ensure!(subject.read(&key).await?.is_none(), "a put to a class that is not offered left an object");
    if !subject.claims(Capability::StorageClasses) {
        return Ok(());
    }
    for (at, class) in subject.storage.descriptor().limits.storage_classes.iter().enumerate() {
        let head = put(subject, &key, in_class(class.clone())).await?;
        let answered = head.meta.storage_class.as_ref();
        // Providers do not state their usual class.
        let usual = at == 0 && answered.is_none();
        ensure!(answered == Some(class) || usual, "an object of class {class} is in class {answered:?}");
    }
    Ok(())
}

pub(super) async fn a_customer_key_is_used_or_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    let with_key = |name: &str| Placement::default().kms_key(name);
    if !subject.claims(Capability::KmsEncryption) {
        let put = put(subject, &key, with_key("no-such-key")).await;
        expect_unsupported(
            subject,
            put,
            "a customer-managed key, which is not claimed,",
            operations::KMS_ENCRYPTION,
        )?;
        ensure!(subject.read(&key).await?.is_none(), "a refused put left an object");
        return Ok(());
    }
    let Some(name) = subject.settings.kms_key.as_deref() else {
        return Err(Stop::Skipped("no customer-managed key was named to test with".to_owned()));
    };
    let head = put(subject, &key, with_key(name)).await?;
    // Providers answer the full name of a key that was named in short.
    let used = head.kms_key.as_deref().is_some_and(|used| used.contains(name));
    ensure!(used, "an object to be encrypted with {name} is encrypted with {:?}", head.kms_key);
    ensure!(subject.read(&key).await? == Some(body(1, 100)), "an encrypted object does not read back");
    Ok(())
}

async fn put(subject: &Subject<'_>, key: &ObjectKey, placement: Placement) -> Result<Head, Error> {
    let options = PutOptions::overwrite().placement(placement);
    subject.storage.put(&subject.ctx, key, body(1, 100), &options).await?;
    subject.storage.head(&subject.ctx, key, &HeadOptions::default()).await
}
