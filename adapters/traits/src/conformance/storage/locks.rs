//! Retention and legal holds.

use std::time::Duration;

use super::super::{Stop, ensure};
use super::{Subject, body, expect_unsupported};
use crate::clock::{Clock, SystemClock};
use crate::storage::{
    DeleteOptions, HeadOptions, Lock, LockOptions, ObjectKey, Placement, PutOptions, Retention,
    RetentionMode, operations,
};
use crate::{Capability, Error, ErrorKind, storage::ObjectMeta};

pub(super) async fn a_legal_hold_holds_or_is_unsupported(subject: &Subject<'_>) -> Result<(), Stop> {
    let (key, storage, ctx) = (subject.key("object")?, subject.storage, &subject.ctx);
    let held = LockOptions::new(Lock::default().legal_hold(true));
    if !subject.claims(Capability::ObjectLock) {
        subject.put(&key, body(1, 100)).await?;
        let locked = storage.lock(ctx, &key, &held).await;
        expect_unsupported(subject, locked, "a lock, which is not claimed,", operations::LOCK)?;
        let put = put(subject, &key, held.lock.clone()).await;
        expect_unsupported(subject, put, "a lock, which is not claimed,", operations::LOCK)?;
        return Ok(());
    }
    let meta = subject.put(&key, body(1, 100)).await?;
    storage.lock(ctx, &key, &held).await?;
    let head = storage.head(ctx, &key, &HeadOptions::default()).await?;
    ensure!(head.lock.legal_hold, "a legal hold was set, and head reports none");
    refused(remove(subject, &meta, false).await, "removing a version under a legal hold")?;
    refused(remove(subject, &meta, true).await, "removing a version under a legal hold with a bypass")?;
    ensure!(subject.read(&key).await? == Some(body(1, 100)), "a version under a legal hold is gone");
    storage.lock(ctx, &key, &LockOptions::new(Lock::default())).await?;
    remove(subject, &meta, false).await?;
    ensure!(subject.read(&key).await?.is_none(), "a version whose hold was lifted cannot be removed");
    Ok(())
}

pub(super) async fn a_retention_holds_until_it_is_bypassed(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.skip_unless(Capability::ObjectLock)?;
    let (key, storage, ctx) = (subject.key("object")?, subject.storage, &subject.ctx);
    let until = SystemClock.wall() + Duration::from_secs(24 * 3600);
    let lock = Lock::until(RetentionMode::Governance, until);
    let meta = put(subject, &key, lock).await?;
    let head = storage.head(ctx, &key, &HeadOptions::default()).await?;
    let Some(Retention { mode, until: reported }) = head.lock.retention else {
        return Err(Stop::Failed("a retention was set, and head reports none".to_owned()));
    };
    ensure!(mode == RetentionMode::Governance, "a governance retention is reported as {}", mode.as_str());
    let off = reported.duration_since(until).or_else(|_| until.duration_since(reported));
    ensure!(
        off.is_ok_and(|off| off < Duration::from_secs(1)),
        "the retention ends at another time than was set"
    );
    refused(remove(subject, &meta, false).await, "removing a retained version")?;
    let shorter = Lock::until(RetentionMode::Governance, until - Duration::from_secs(3600));
    refused(storage.lock(ctx, &key, &LockOptions::new(shorter)).await, "shortening a retention")?;
    ensure!(subject.read(&key).await? == Some(body(1, 100)), "a retained version is gone");
    remove(subject, &meta, true).await?;
    ensure!(subject.read(&key).await?.is_none(), "a retention that may be bypassed was not");
    Ok(())
}

async fn put(subject: &Subject<'_>, key: &ObjectKey, lock: Lock) -> Result<ObjectMeta, Error> {
    let options = PutOptions::overwrite().placement(Placement::default().lock(lock));
    subject.storage.put(&subject.ctx, key, body(1, 100), &options).await
}

/// Removes the version for good, or the object where no versions are kept.
async fn remove(subject: &Subject<'_>, meta: &ObjectMeta, bypass: bool) -> Result<(), Error> {
    let mut options = DeleteOptions::default();
    options.version.clone_from(&meta.version);
    options.bypass_governance = bypass;
    subject.storage.delete(&subject.ctx, &meta.key, &options).await
}

/// Some providers answer a lock as they answer a missing right.
fn refused(result: Result<(), Error>, what: &str) -> Result<(), Stop> {
    match result {
        Ok(()) => Err(Stop::Failed(format!("{what} succeeded"))),
        Err(error) => {
            let locked = matches!(error.kind(), ErrorKind::Locked | ErrorKind::PermissionDenied);
            ensure!(locked, "{what} failed with \"{error}\", expected locked");
            Ok(())
        }
    }
}
