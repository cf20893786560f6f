//! A network that cuts, stalls, corrupts and repeats.
#![expect(clippy::expect_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use companyos_adapter_traits::conformance::faults::{FaultPlan, FaultProxy};
use companyos_adapter_traits::conformance::storage::network::{self, Network};
use companyos_adapter_traits::govern::{
    Decision, Phase, PolicyHook, Question, ReceiptDraft, ReceiptId, ReceiptSink,
};
use companyos_adapter_traits::storage::{Created, ObjectKey};
use companyos_adapter_traits::wrappers::{RetryPolicy, Retrying};
use companyos_adapter_traits::{Context, Error, Governed, ObjectStorage, ObjectStorageExt};
use companyos_adapters::s3::{AMAZON, S3Storage};
use futures_util::{StreamExt as _, stream};

use super::served::{Served, builder};
use super::{Test, ctx, key};

/// A proxy before a server, and a store that goes through it.
async fn behind_proxy(served: &Served) -> Result<(FaultProxy, S3Storage), Box<dyn std::error::Error>> {
    let addr = served.url.strip_prefix("http://").ok_or("no URL")?;
    let proxy = FaultProxy::start(addr, FaultPlan::none()).await?;
    let store = builder(&proxy.url()).claims(AMAZON).connect().await?;
    Ok((proxy, store))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_store_tells_the_truth_when_the_network_fails() -> Test {
    let served = Served::start().await?;
    let (proxy, through) = behind_proxy(&served).await?;
    let direct = served.store().await?;
    let network = Network::new(&through, &direct, &proxy).ctx(ctx()).load(1000, 0.05, 20_261_121);
    let report = network::run(&network, &()).await;
    assert!(report.passed() && report.skips().next().is_none(), "{report}");
    Ok(())
}

struct AllowAll;

#[async_trait]
impl PolicyHook for AllowAll {
    async fn decide(&self, _: &Context, _: &Question<'_>) -> Result<Decision, Error> {
        Ok(Decision::allow("allow-all", ""))
    }
}

/// Keeps, of every intent, the outcomes that were recorded for it.
#[derive(Default)]
struct Ledger {
    outcomes: Mutex<BTreeMap<String, Vec<&'static str>>>,
}

#[async_trait]
impl ReceiptSink for Ledger {
    async fn record(&self, _: &Context, draft: &ReceiptDraft) -> Result<ReceiptId, Error> {
        let mut outcomes = self.outcomes.lock().expect("nothing panics under the lock");
        match (draft.phase, &draft.intent) {
            (Phase::Outcome, Some(intent)) => {
                outcomes.entry(intent.0.clone()).or_default().push(draft.verdict.as_str());
                Ok(ReceiptId(format!("outcome of {intent}")))
            }
            _ => {
                let id = format!("intent {}", outcomes.len());
                outcomes.insert(id.clone(), Vec::new());
                Ok(ReceiptId(id))
            }
        }
    }
}

const OBJECTS: usize = 10_000;
const AT_ONCE: usize = 16;
/// How often a caller asks again. A fault in a hundred does not strike the same object so often.
const PATIENCE: usize = 8;

fn content(number: usize) -> Bytes {
    (0..500 + number % 500).map(|at| (at * 31 + number * 7) as u8).collect()
}

fn name(number: usize) -> Result<ObjectKey, Error> {
    key(&format!("objects/{number:05}"))
}

/// Creates an object and reads it, asking again where an answer was lost. An object that exists after a create in doubt
/// is the one that was created: its content says so.
async fn put_and_get(store: &dyn ObjectStorage, number: usize) -> Result<usize, Box<dyn std::error::Error>> {
    let (key, body) = (name(number)?, content(number));
    let mut calls = 0;
    let created = loop {
        calls += 1;
        match store.create(&ctx(), &key, body.clone()).await {
            Ok(created) => break created,
            Err(error) if calls == PATIENCE => return Err(format!("{key}: {error}").into()),
            Err(_) => {}
        }
    };
    assert!(calls > 1 || created != Created::Existed, "{key} was there before it was written");
    for attempt in 1.. {
        calls += 1;
        match store.read(&ctx(), &key).await {
            Ok(read) => {
                assert_eq!(read, body, "{key} reads as something else");
                break;
            }
            Err(error) if attempt == PATIENCE => return Err(format!("{key}: {error}").into()),
            Err(_) => {}
        }
    }
    Ok(calls)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_objects_pass_a_failing_network_and_none_is_lost_or_doubled() -> Test {
    let served = Served::start().await?;
    let (proxy, through) = behind_proxy(&served).await?;
    let ledger = Arc::new(Ledger::default());
    let policy = RetryPolicy::default().pauses(Duration::from_millis(1), Duration::from_millis(10));
    let retrying = Retrying::new(through, policy);
    let store = Governed::new(retrying, Arc::new(AllowAll), Arc::clone(&ledger) as Arc<dyn ReceiptSink>);

    proxy.set_plan(FaultPlan::rate(42, 0.01).stalls(Duration::from_millis(20)));
    let mut calls = 0;
    let mut results =
        stream::iter(0..OBJECTS).map(|number| put_and_get(&store, number)).buffer_unordered(AT_ONCE);
    while let Some(result) = results.next().await {
        calls += result?;
    }
    drop(results);
    proxy.set_plan(FaultPlan::none());

    let counts = proxy.counts();
    assert!(counts.exchanges >= 2 * OBJECTS as u64, "{counts:?}");
    let one_percent = counts.exchanges / 100;
    assert!(counts.faults() > one_percent / 2 && counts.faults() < 2 * one_percent, "{counts:?}");
    for (kind, struck) in
        [("cut", counts.cut), ("stalled", counts.stalled), ("duplicated", counts.duplicated)]
    {
        assert!(struck > 0, "nothing was {kind}: {counts:?}");
    }

    // Nothing lost, nothing doubled: every object is there, whole, and was written once.
    {
        let state = served.bucket.state();
        assert_eq!((state.objects.len(), state.puts), (OBJECTS, OBJECTS as u64));
        for number in 0..OBJECTS {
            let stored = state.objects.get(name(number)?.as_str()).ok_or("an object is lost")?;
            assert_eq!(stored.body, content(number), "object {number}");
        }
    }
    let outcomes = ledger.outcomes.lock().expect("nothing panics under the lock");
    assert_eq!(outcomes.len(), calls, "every call has its intent");
    for (intent, outcomes) in &*outcomes {
        assert_eq!(outcomes.len(), 1, "{intent} has the outcomes {outcomes:?}");
    }
    let unknown = outcomes.values().filter(|verdicts| **verdicts == ["unknown"]).count();
    assert!(unknown > 0, "answers were lost, and nobody was in doubt");
    Ok(())
}
