//! Conditional writes.

use futures_util::future::join_all;

use super::super::{Stop, ensure};
use super::{Subject, body, expect_kind};
use crate::storage::{ETag, ObjectKey, ObjectMeta, PutOptions, operations};
use crate::{Capability, Conflict, Error, ErrorKind, Outcome};

const RACERS: u8 = 8;

pub(super) async fn create_never_replaces(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    let first = create(subject, &key, 1).await;
    if !claimed(subject, Capability::ConditionalCreate) {
        return refused(subject, &key, first, operations::CONDITIONAL_CREATE, None).await;
    }
    first?;
    let error = expect_conflict(create(subject, &key, 2).await, "a create over an object")?;
    ensure!(
        *error.kind() == ErrorKind::Conflict(Conflict::Settled),
        "a create over an object that has long been there calls the conflict in flight"
    );
    ensure!(subject.read(&key).await? == Some(body(1, 100)), "a refused create changed the object");
    Ok(())
}

pub(super) async fn of_racing_creates_exactly_one_wins(subject: &Subject<'_>) -> Result<(), Stop> {
    if !claimed(subject, Capability::ConditionalCreate) {
        return Err(Stop::Skipped("conditional create is not claimed".to_owned()));
    }
    let key = subject.key("object")?;
    let racers = (0..RACERS).map(|seed| create(subject, &key, seed));
    check_race(subject, &key, join_all(racers).await).await
}

pub(super) async fn update_replaces_only_the_version_named(subject: &Subject<'_>) -> Result<(), Stop> {
    let key = subject.key("object")?;
    let first = subject.put(&key, body(1, 100)).await?;
    let second = update(subject, &key, &first.etag, 2).await;
    if !claimed(subject, Capability::ConditionalUpdate) {
        return refused(subject, &key, second, operations::CONDITIONAL_UPDATE, Some(1)).await;
    }
    let second = second?;
    ensure!(
        subject.read(&key).await? == Some(body(2, 100)),
        "an update of the current version changed nothing"
    );
    expect_conflict(update(subject, &key, &first.etag, 3).await, "an update of a replaced version")?;
    ensure!(subject.read(&key).await? == Some(body(2, 100)), "a refused update changed the object");
    let absent = subject.key("absent")?;
    expect_conflict(update(subject, &absent, &second.etag, 4).await, "an update of an absent object")?;
    ensure!(subject.read(&absent).await?.is_none(), "a refused update created an object");
    Ok(())
}

pub(super) async fn of_racing_updates_exactly_one_wins(subject: &Subject<'_>) -> Result<(), Stop> {
    if !claimed(subject, Capability::ConditionalUpdate) {
        return Err(Stop::Skipped("conditional update is not claimed".to_owned()));
    }
    let key = subject.key("object")?;
    let base = subject.put(&key, body(RACERS, 100)).await?;
    let racers = (0..RACERS).map(|seed| update(subject, &key, &base.etag, seed));
    check_race(subject, &key, join_all(racers).await).await
}

/// Exactly one racer won, the others know that they lost, and the object is the winner's.
async fn check_race(
    subject: &Subject<'_>,
    key: &ObjectKey,
    results: Vec<Result<ObjectMeta, Error>>,
) -> Result<(), Stop> {
    let mut winners = Vec::new();
    for (seed, result) in results.into_iter().enumerate() {
        match result {
            Ok(_) => winners.push(seed as u8),
            lost => drop(expect_conflict(lost, "a racer that lost")?),
        }
    }
    ensure!(winners.len() == 1, "{} of {RACERS} racers won", winners.len());
    ensure!(
        subject.read(key).await? == Some(body(winners[0], 100)),
        "the object is not the one of the racer that won"
    );
    Ok(())
}

async fn create(subject: &Subject<'_>, key: &ObjectKey, seed: u8) -> Result<ObjectMeta, Error> {
    subject.storage.put(&subject.ctx, key, body(seed, 100), &PutOptions::create()).await
}

async fn update(subject: &Subject<'_>, key: &ObjectKey, etag: &ETag, seed: u8) -> Result<ObjectMeta, Error> {
    subject.storage.put(&subject.ctx, key, body(seed, 100), &PutOptions::update(etag.clone())).await
}

fn claimed(subject: &Subject<'_>, capability: Capability) -> bool {
    subject.storage.descriptor().has(capability)
}

fn expect_conflict<T>(result: Result<T, Error>, what: &str) -> Result<Error, Stop> {
    match result {
        Ok(_) => Err(Stop::Failed(format!("{what} succeeded"))),
        Err(error) => {
            ensure!(matches!(error.kind(), ErrorKind::Conflict(_)), "{what} failed with \"{error}\"");
            Ok(error)
        }
    }
}

/// A mode that is not claimed says so and writes nothing; `before` is the seed of what was there.
async fn refused(
    subject: &Subject<'_>,
    key: &ObjectKey,
    result: Result<ObjectMeta, Error>,
    operation: &'static str,
    before: Option<u8>,
) -> Result<(), Stop> {
    let adapter = subject.storage.descriptor().name.clone();
    let error =
        expect_kind(result, "a mode that is not claimed", &ErrorKind::Unsupported { operation, adapter })?;
    ensure!(error.outcome() == Outcome::NotSent, "unsupported has the outcome {:?}", error.outcome());
    let expected = before.map(|seed| body(seed, 100));
    ensure!(subject.read(key).await? == expected, "a mode that is not claimed wrote something");
    Ok(())
}
