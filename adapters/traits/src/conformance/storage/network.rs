//! How a store behaves when the network between it and its provider fails.
//!
//! The store under test is reached through a [`FaultProxy`], and what it says is held against what the provider holds,
//! which a second store sees directly. What must hold whatever fails:
//! - what was acknowledged is there, whole;
//! - what was not done ([`NotSent`](crate::Outcome::NotSent), [`Answered`](crate::Outcome::Answered)) is not there;
//! - what is in doubt ([`MaybeSent`](crate::Outcome::MaybeSent)) is there whole or not at all;
//! - what is read is what was written, or an error.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::super::faults::{Direction, Fault, FaultPlan, FaultProxy};
use super::super::{CheckResult, Checking, Report, Stop, Watcher, ensure};
use super::{body, read};
use crate::clock::{Clock, SystemClock};
use crate::storage::{Checksum, DeleteOptions, ObjectKey, PutMode, PutOptions};
use crate::{Capability, Context, Error, ObjectStorage, ObjectStorageExt, Outcome};

/// Larger than what TCP and HTTP libraries read at once, so that a fault in the middle of it is one in the body.
const LARGE: usize = 256 << 10;
const MIDDLE: u64 = 128 << 10;

/// A store behind a failing network, and what the suite needs to know beyond it.
#[derive(Clone)]
#[non_exhaustive]
pub struct Network<'n> {
    /// The store under test, whose provider it reaches through the proxy.
    pub through: &'n dyn ObjectStorage,
    /// A store that reaches the same bucket directly.
    pub direct: &'n dyn ObjectStorage,
    /// What is in between. Nobody else uses it during the run.
    pub proxy: &'n FaultProxy,
    /// For whom, where and until when every call is made.
    pub ctx: Context,
    /// A key prefix that nothing else uses, at most 100 bytes.
    pub prefix: String,
    /// How many objects the last check writes and reads; 200 unless set.
    pub objects: usize,
    /// The share of its exchanges that fail, 0 to 1; 0.05 unless set.
    pub rate: f64,
    /// Where its faults are drawn from.
    pub seed: u64,
}

impl<'n> Network<'n> {
    /// The tenant `conformance` in the region `local`, with no deadline, under `conformance/`.
    pub fn new(through: &'n dyn ObjectStorage, direct: &'n dyn ObjectStorage, proxy: &'n FaultProxy) -> Self {
        let ctx = Context::builder("conformance", "local").build();
        let prefix = "conformance/".to_owned();
        Self { through, direct, proxy, ctx, prefix, objects: 200, rate: 0.05, seed: 1 }
    }

    /// Makes every call for `ctx`.
    #[must_use]
    pub fn ctx(mut self, ctx: Context) -> Self {
        self.ctx = ctx;
        self
    }

    /// Keeps to keys that start with `prefix`.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Writes and reads so many objects in the last check, and fails this share of its exchanges, drawn from `seed`.
    #[must_use]
    pub fn load(mut self, objects: usize, rate: f64, seed: u64) -> Self {
        (self.objects, self.rate, self.seed) = (objects, rate, seed);
        self
    }
}

struct Check {
    name: &'static str,
    run: for<'s> fn(&'s Network<'s>) -> Checking<'s>,
}

macro_rules! checks {
    ($($check:ident,)+) => {
        const CHECKS: &[Check] = &[$(Check {
            name: stringify!($check),
            run: |network| Box::pin($check(network)),
        }),+];
    };
}

checks! {
    a_write_that_did_not_arrive_is_not_acknowledged,
    a_write_whose_answer_is_lost_is_in_doubt,
    a_create_whose_answer_is_lost_is_in_doubt,
    a_create_that_arrives_twice_is_done_once,
    a_write_that_is_damaged_on_its_way_is_not_stored,
    a_read_that_is_damaged_on_its_way_is_noticed,
    a_read_that_breaks_off_is_an_error,
    a_stall_ends_with_the_deadline,
    many_faults_lose_nothing_and_double_nothing,
}

/// The names of the checks, in the order in which they are made.
pub fn names() -> impl Iterator<Item = &'static str> {
    CHECKS.iter().map(|check| check.name)
}

/// Makes every check, tells `watcher` of each, and removes what was written.
pub async fn run(network: &Network<'_>, watcher: &dyn Watcher) -> Report {
    let mut report = Report::new("storage-network", network.through.descriptor());
    for check in CHECKS {
        let subject = Network { prefix: format!("{}{}/", network.prefix, check.name), ..network.clone() };
        let result = CheckResult::of(check.name, async {
            let verdict = (check.run)(&subject).await;
            subject.proxy.set_plan(FaultPlan::none());
            match subject.clean().await {
                Err(error) => verdict.and(Err(Stop::Failed(format!("cleaning up failed: {error}")))),
                Ok(()) => verdict,
            }
        });
        report.results.push(result.await);
        if let Some(result) = report.results.last() {
            watcher.checked(result, report.results.len(), CHECKS.len());
        }
    }
    report
}

async fn a_write_that_did_not_arrive_is_not_acknowledged(network: &Network<'_>) -> Result<(), Stop> {
    let content = body(1, 1000);
    let written = network.strike(Fault::Cut { direction: Direction::Up, after: 0 }, |key| {
        network.put(key, content.clone(), PutMode::Overwrite)
    });
    let (key, written) = written.await?;
    network.judge(&key, &content, &written).await
}

async fn a_write_whose_answer_is_lost_is_in_doubt(network: &Network<'_>) -> Result<(), Stop> {
    lose_answer(network, PutMode::Overwrite).await
}

async fn a_create_whose_answer_is_lost_is_in_doubt(network: &Network<'_>) -> Result<(), Stop> {
    network.skip_unless(Capability::ConditionalCreate)?;
    lose_answer(network, PutMode::Create).await
}

async fn lose_answer(network: &Network<'_>, mode: PutMode) -> Result<(), Stop> {
    let content = body(1, 1000);
    let written = network.strike(Fault::Cut { direction: Direction::Down, after: 0 }, |key| {
        network.put(key, content.clone(), mode.clone())
    });
    let (key, written) = written.await?;
    network.judge(&key, &content, &written).await
}

async fn a_create_that_arrives_twice_is_done_once(network: &Network<'_>) -> Result<(), Stop> {
    network.skip_unless(Capability::ConditionalCreate)?;
    let content = body(1, 1000);
    let written = network.strike(Fault::Duplicate, |key| network.put(key, content.clone(), PutMode::Create));
    let (key, written) = written.await?;
    ensure!(written.is_ok(), "a create that arrived twice failed: {}", error_of(&written));
    network.judge(&key, &content, &written).await
}

async fn a_write_that_is_damaged_on_its_way_is_not_stored(network: &Network<'_>) -> Result<(), Stop> {
    network.skip_unless(Capability::Checksums)?;
    let content = body(1, LARGE);
    let written = network.strike(Fault::Corrupt { direction: Direction::Up, at: MIDDLE }, |key| {
        network.put(key, content.clone(), PutMode::Overwrite)
    });
    let (key, written) = written.await?;
    network.judge(&key, &content, &written).await
}

async fn a_read_that_is_damaged_on_its_way_is_noticed(network: &Network<'_>) -> Result<(), Stop> {
    network.skip_unless(Capability::Checksums)?;
    damage_read(network, Fault::Corrupt { direction: Direction::Down, at: MIDDLE }).await
}

async fn a_read_that_breaks_off_is_an_error(network: &Network<'_>) -> Result<(), Stop> {
    damage_read(network, Fault::Cut { direction: Direction::Down, after: MIDDLE }).await
}

async fn damage_read(network: &Network<'_>, fault: Fault) -> Result<(), Stop> {
    let (key, content) = (network.key("object")?, body(1, LARGE));
    network.direct.write(&network.ctx, &key, content.clone()).await?;
    // A store may ask for what the object is before or beside the body, and that answer is too short to be struck here.
    let (_, got) = network.strike_among(2, fault, |_| network.through.read(&network.ctx, &key)).await?;
    match got {
        Ok(got) => {
            ensure!(got == content, "{} of {} bytes were read, and not those written", got.len(), LARGE)
        }
        Err(error) => {
            let outcome = error.outcome();
            ensure!(
                outcome != Outcome::NotSent,
                "a read that was answered in part has the outcome {outcome:?}"
            );
        }
    }
    Ok(())
}

async fn a_stall_ends_with_the_deadline(network: &Network<'_>) -> Result<(), Stop> {
    const DEADLINE: Duration = Duration::from_secs(1);
    // What a slow machine may add.
    const PATIENCE: Duration = Duration::from_secs(5);
    let start = SystemClock.now();
    let hasty = Context { deadline: Some(start + DEADLINE), ..network.ctx.clone() };
    let content = body(1, 1000);
    let pause = DEADLINE + PATIENCE + Duration::from_secs(2);
    let stall = Fault::Stall { direction: Direction::Down, after: 0, pause };
    let written = network.strike(stall, async |key: ObjectKey| {
        network.through.put(&hasty, &key, content.clone(), &PutOptions::overwrite()).await.map(|_| ())
    });
    let (key, written) = written.await?;
    let took = SystemClock.now() - start;
    ensure!(took < DEADLINE + PATIENCE, "a call with a deadline of {DEADLINE:?} took {took:?}");
    ensure!(written.is_err(), "a write whose answer did not come in time was acknowledged");
    network.judge(&key, &content, &written).await
}

async fn many_faults_lose_nothing_and_double_nothing(network: &Network<'_>) -> Result<(), Stop> {
    const AT_ONCE: usize = 8;
    let mut plan = FaultPlan::rate(network.seed, network.rate);
    if !network.through.descriptor().has(Capability::Checksums) {
        plan = plan.without_corruption();
    }
    let creates = network.through.descriptor().has(Capability::ConditionalCreate);
    let before = network.proxy.counts();
    network.proxy.set_plan(plan);
    let one = |number: usize| async move {
        let (key, content) =
            (network.key(&format!("{number:06}"))?, body(number as u8, 1000 + number % 1000));
        // Creates in turn with overwrites: a create tells a doubled write, an overwrite can be repeated.
        let mode = if creates && number % 2 == 0 { PutMode::Create } else { PutMode::Overwrite };
        let written = network.put(key.clone(), content.clone(), mode).await;
        network.judge(&key, &content, &written).await?;
        let got = network.through.read(&network.ctx, &key).await;
        ensure!(got.is_err() || got.is_ok_and(|got| got == content), "{key} reads as something else");
        Ok::<_, Stop>(usize::from(written.is_ok()))
    };
    let mut acknowledged = 0;
    let mut results = stream::iter(0..network.objects).map(one).buffer_unordered(AT_ONCE);
    while let Some(result) = results.next().await {
        acknowledged += result?;
    }
    drop(results);
    network.proxy.set_plan(FaultPlan::none());
    let struck = network.proxy.counts().faults() - before.faults();
    // Without faults, or without writes that got through them, nothing was shown.
    ensure!(struck > 0, "no fault struck {} objects at a rate of {}", network.objects, network.rate);
    ensure!(
        acknowledged * 2 > network.objects,
        "only {acknowledged} of {} writes went through",
        network.objects
    );
    let listed = network.direct.list_all(&network.ctx, &network.prefix).await?.len();
    ensure!(
        (acknowledged..=network.objects).contains(&listed),
        "{listed} objects are there after {acknowledged} of {} writes were acknowledged",
        network.objects
    );
    Ok(())
}

impl Network<'_> {
    fn key(&self, name: &str) -> Result<ObjectKey, Error> {
        ObjectKey::new(format!("{}{name}", self.prefix))
    }

    fn skip_unless(&self, capability: Capability) -> Result<(), Stop> {
        if self.through.descriptor().has(capability) {
            Ok(())
        } else {
            Err(Stop::Skipped(format!("{capability} is not claimed")))
        }
    }

    async fn put(&self, key: ObjectKey, body: Bytes, mode: PutMode) -> Result<(), Error> {
        let checksum = self.through.descriptor().has(Capability::Checksums).then(|| Checksum::crc32c(&body));
        let options = PutOptions { mode, checksum, ..PutOptions::overwrite() };
        self.through.put(&self.ctx, &key, body, &options).await.map(|_| ())
    }

    /// Makes a call whose first exchange is struck by `fault`.
    async fn strike<T, F: Future<Output = Result<T, Error>>>(
        &self,
        fault: Fault,
        call: impl FnOnce(ObjectKey) -> F,
    ) -> Result<(ObjectKey, Result<T, Error>), Stop> {
        self.strike_among(1, fault, call).await
    }

    /// Makes a call of whose first exchanges each is struck by `fault` that is long enough for it.
    async fn strike_among<T, F: Future<Output = Result<T, Error>>>(
        &self,
        exchanges: usize,
        fault: Fault,
        call: impl FnOnce(ObjectKey) -> F,
    ) -> Result<(ObjectKey, Result<T, Error>), Stop> {
        let key = self.key("object")?;
        let before = self.proxy.counts().faults();
        self.proxy.set_plan(FaultPlan::exchanges(vec![Some(fault); exchanges]));
        let result = call(key.clone()).await;
        // A store that acknowledges early is ahead of its own request.
        let mut waits = 50;
        while self.proxy.counts().faults() == before && waits > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
            waits -= 1;
        }
        self.proxy.set_plan(FaultPlan::none());
        if self.proxy.counts().faults() == before {
            return Err(Stop::Failed(format!(
                "{fault:?} did not strike: does the store go through the proxy?"
            )));
        }
        Ok((key, result))
    }

    /// Holds what a write said against what is there. The object was not there before.
    async fn judge(&self, key: &ObjectKey, content: &Bytes, said: &Result<(), Error>) -> Result<(), Stop> {
        let there = read(self.direct, &self.ctx, key).await?;
        if let Some(there) = &there {
            ensure!(there == content, "{key} holds something else than what was written");
        }
        match (said, there.is_some()) {
            (Ok(()), false) => Err(Stop::Failed(format!("{key} was acknowledged and is not there"))),
            (Err(error), true) if error.outcome() != Outcome::MaybeSent => {
                let outcome = error.outcome();
                Err(Stop::Failed(format!("{key} is there, and its write failed as {outcome:?}: {error}")))
            }
            _ => Ok(()),
        }
    }

    async fn clean(&self) -> Result<(), Error> {
        for object in self.direct.list_all(&self.ctx, &self.prefix).await? {
            self.direct.delete(&self.ctx, &object.key, &DeleteOptions::default()).await?;
        }
        Ok(())
    }
}

fn error_of<T>(result: &Result<T, Error>) -> String {
    result.as_ref().err().map(ToString::to_string).unwrap_or_default()
}
