//! What is refused before it is done.

use super::super::{Stop, ensure};
use super::{Subject, body, expect_kind};
use crate::clock::{Clock, SystemClock};
use crate::storage::{DeleteOptions, GetOptions, HeadOptions, ListOptions, PutOptions};
use crate::{Context, Error, ErrorKind, Outcome};

/// The largest body the suite makes to go over a limit.
const AFFORDABLE: u64 = 64 << 20;

pub(super) async fn the_descriptor_is_in_order(subject: &Subject<'_>) -> Result<(), Stop> {
    subject.storage.descriptor().check()?;
    let (first, again) = (subject.storage.descriptor(), subject.storage.descriptor());
    ensure!(first == again, "the descriptor changed between two calls");
    Ok(())
}

pub(super) async fn a_passed_deadline_is_refused_before_anything_is_done(
    subject: &Subject<'_>,
) -> Result<(), Stop> {
    let (key, storage) = (subject.key("object")?, subject.storage);
    let late = Context { deadline: Some(SystemClock.now()), ..subject.ctx.clone() };
    subject.put(&key, body(1, 10)).await?;
    refused("put", storage.put(&late, &key, body(2, 10), &PutOptions::overwrite()).await)?;
    refused("get", storage.get(&late, &key, &GetOptions::default()).await)?;
    refused("head", storage.head(&late, &key, &HeadOptions::default()).await)?;
    refused("list", storage.list(&late, &ListOptions::prefix(&subject.prefix)).await)?;
    refused("delete", storage.delete(&late, &key, &DeleteOptions::default()).await)?;
    ensure!(subject.read(&key).await? == Some(body(1, 10)), "a call past its deadline changed the object");
    Ok(())
}

fn refused<T>(operation: &str, result: Result<T, Error>) -> Result<(), Stop> {
    let error = expect_kind(result, &format!("{operation} past its deadline"), &ErrorKind::DeadlineExceeded)?;
    ensure!(error.outcome() == Outcome::NotSent, "{operation} past its deadline is {:?}", error.outcome());
    Ok(())
}

pub(super) async fn an_object_over_the_limit_is_refused(subject: &Subject<'_>) -> Result<(), Stop> {
    let limit = subject.storage.descriptor().limits.max_object_bytes;
    if limit >= AFFORDABLE {
        return Err(Stop::Skipped(format!("the limit of {limit} bytes is too large to go over in a test")));
    }
    let key = subject.key("object")?;
    let put = subject.put(&key, body(1, limit as usize + 1)).await;
    expect_kind(put, "a put over the limit", &ErrorKind::LimitExceeded)?;
    ensure!(subject.read(&key).await?.is_none(), "a put over the limit left an object");
    subject.put(&key, body(1, limit as usize)).await?;
    Ok(())
}
