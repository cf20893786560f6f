//! A process that charges is killed again and again, between intent and outcome among other places; and answers of the
//! provider get lost on top. In the end every order is charged exactly once, and every intent has its outcome.

mod books;
mod provider;
mod receipts;

use std::error::Error as StdError;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use async_trait::async_trait;
use companyos_adapter_traits::govern::{Decision, PolicyHook, Question};
use companyos_adapter_traits::payment::memory::BankAnswer;
use companyos_adapter_traits::payment::{Currency, Money, PaymentOptions};
use companyos_adapter_traits::{Context, Error, ErrorKind, Governed, Outcome, PaymentProvider};
use companyos_adapters::payments_stub::StubPayments;

use provider::{LONGEST, Remote, charges, serve};
use receipts::Receipts;

type Test = Result<(), Box<dyn StdError>>;

const PROVIDER: &str = "COMPANYOS_TEST_KILL_PROVIDER";
const RECEIPTS: &str = "COMPANYOS_TEST_KILL_RECEIPTS";
const BY_REPEATING: &str = "COMPANYOS_TEST_KILL_BY_REPEATING";
const ORDERS: u64 = 160;
const KILLS: u64 = 24;
const WORKERS: u64 = 4;

/// Which orders the bank declines.
fn is_declined(order: u64) -> bool {
    order % 10 == 9
}

fn key(order: u64) -> String {
    format!("order-{order}")
}

fn ctx(key: &str) -> Context {
    Context::builder("acme", "eu").idempotency_key(key).build()
}

fn price(order: u64) -> Money {
    Money::new(1000 + i64::try_from(order).unwrap_or_default(), Currency::EUR)
}

fn options(order: u64) -> Result<PaymentOptions, Error> {
    let declined = BankAnswer::declined("insufficient_funds");
    let answer = if is_declined(order) { declined } else { BankAnswer::Approved };
    Ok(PaymentOptions::default().method(answer.method()?))
}

#[test]
fn every_order_is_charged_once_when_intents_are_looked_up() -> Test {
    charge_through_kills(false)
}

#[test]
fn every_order_is_charged_once_when_calls_are_repeated() -> Test {
    charge_through_kills(true)
}

#[expect(clippy::print_stderr, reason = "says what the kills hit, which no assertion can")]
fn charge_through_kills(by_repeating: bool) -> Test {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("receipts");
    let stub = StubPayments::builder().open()?;
    let (told, heard) = channel();
    let address = serve(stub.clone(), told)?.to_string();
    let start = || {
        start(
            "the_process_to_kill",
            &[
                (PROVIDER, address.as_str()),
                (RECEIPTS, &file.to_string_lossy()),
                (BY_REPEATING, if by_repeating { "yes" } else { "" }),
            ],
        )
    };

    let (mut kills, mut left_open, mut charged_unknown) = (0, 0, 0);
    for round in 0..KILLS {
        let mut child = start()?;
        // A request that comes in and one that is done are told of alike, so kills fall before and after effects; and
        // a moment later, so that they fall between the receipts too.
        let mut signals = 3 + round * 13 % 17;
        while signals > 0 && child.try_wait()?.is_none() {
            match heard.recv_timeout(Duration::from_millis(50)) {
                Ok(()) => signals -= 1,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Err("the provider is gone".into()),
            }
        }
        std::thread::sleep(Duration::from_micros(round * 457 % 2900));
        let killed = child.try_wait()?.is_none();
        child.kill()?; // SIGKILL
        child.wait()?;
        kills += u64::from(killed);
        let open = receipts::read(&file)?.into_iter().filter(receipts::Intent::is_open);
        // What the dead process had under way is done or not by then.
        std::thread::sleep(LONGEST);
        let (charged, _) = charges(&stub)?;
        for intent in open.filter(|intent| intent.verdicts.is_empty()) {
            left_open += 1;
            charged_unknown += u64::from(charged.contains_key(intent.key.as_deref().unwrap_or_default()));
        }
        while heard.try_recv().is_ok() {}
    }
    assert!(start()?.wait()?.success(), "the process that is not killed does the rest");

    eprintln!("{kills} kills left {left_open} intents open, {charged_unknown} of them charged");
    check_charges(&stub)?;
    check_receipts(&file)?;
    assert!(kills >= KILLS / 2, "only {kills} of {KILLS} rounds were ended by a kill");
    assert!(
        charged_unknown > 0,
        "no kill fell between an effect and its outcome, which is what this is about"
    );
    assert!(left_open > charged_unknown, "no kill fell between an intent and its effect");
    Ok(())
}

/// Each order is charged once, or never if the bank declines it.
fn check_charges(stub: &StubPayments) -> Test {
    let (times, sum) = charges(stub)?;
    let mut expected = Money::zero(Currency::EUR);
    for order in 0..ORDERS {
        let wanted = usize::from(!is_declined(order));
        let found = times.get(&key(order)).copied().unwrap_or_default();
        assert_eq!(found, wanted, "order {order} is charged {found} times");
        expected = expected.plus(price(order).times(i64::try_from(wanted)?)?)?;
    }
    assert_eq!(sum, expected);
    assert_eq!(stub.payments()?.len() as u64, ORDERS, "nothing was made beside the orders");
    Ok(())
}

/// Each intent has an outcome, that of an effect says what happened, and each order has one that says so.
fn check_receipts(file: &Path) -> Test {
    let intents = receipts::read(file)?;
    for intent in &intents {
        assert!(!intent.verdicts.is_empty(), "an intent has no outcome: {intent:?}");
        assert!(!intent.is_open(), "nobody knows what became of an effect: {intent:?}");
        let settled: Vec<_> = intent.verdicts.iter().filter(|verdict| *verdict != "unknown").collect();
        assert!(settled.windows(2).all(|pair| pair[0] == pair[1]), "two outcomes contradict: {intent:?}");
    }
    for order in 0..ORDERS {
        let wanted = if is_declined(order) { "error" } else { "ok" };
        let key = Some(key(order));
        let mut verdicts = intents.iter().filter(|intent| intent.key == key).flat_map(|i| &i.verdicts);
        assert!(verdicts.any(|verdict| verdict == wanted), "order {order} has no receipt that says {wanted}");
    }
    Ok(())
}

/// Runs one of the tests below as a process of its own.
fn start(test: &str, environment: &[(&str, &str)]) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .args([test, "--exact"])
        .envs(environment.iter().copied())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

struct AllowAll;

#[async_trait]
impl PolicyHook for AllowAll {
    async fn decide(&self, _: &Context, _: &Question<'_>) -> Result<Decision, Error> {
        Ok(Decision::allow("allow-all", ""))
    }
}

/// Charges every order, but only as the child of a test above.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_process_to_kill() -> Test {
    let (Some(address), Some(file)) = (std::env::var_os(PROVIDER), std::env::var_os(RECEIPTS)) else {
        return Ok(());
    };
    let by_repeating = std::env::var_os(BY_REPEATING).is_some_and(|how| !how.is_empty());
    let remote = Remote::new(address.to_str().ok_or("no address")?.parse()?);
    let sink = Arc::new(Receipts::open(Path::new(&file))?);
    let payments = Arc::new(Governed::new(remote, Arc::new(AllowAll), sink));
    // Whatever died before has nothing under way any more.
    tokio::time::sleep(LONGEST).await;
    settle(&payments, Path::new(&file), by_repeating).await?;

    let settled: Vec<_> = receipts::read(Path::new(&file))?;
    let settled: Vec<_> =
        settled.into_iter().filter(|intent| intent.verdicts.iter().any(|v| v == "ok")).collect();
    let todo = move |order: &u64| !settled.iter().any(|intent| intent.key == Some(key(*order)));
    let todo: Vec<_> = (0..ORDERS).filter(todo).collect();
    let workers = (0..WORKERS).map(|worker| {
        let payments = Arc::clone(&payments);
        let mine: Vec<_> = todo.iter().copied().filter(|order| order % WORKERS == worker).collect();
        tokio::spawn(async move {
            for order in mine {
                charge(&payments, order).await?;
            }
            Ok::<(), Box<dyn StdError + Send + Sync>>(())
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await?.map_err(|error| error as Box<dyn StdError>)?;
    }
    // Answers that got lost on the way leave outcomes that say `unknown`.
    tokio::time::sleep(LONGEST).await;
    settle(&payments, Path::new(&file), by_repeating).await
}

type Payments = Governed<Remote>;

/// Repeats a call until it is answered.
async fn charge(payments: &Payments, order: u64) -> Result<(), Box<dyn StdError + Send + Sync>> {
    loop {
        match payments.create_payment(&ctx(&key(order)), price(order), &options(order)?).await {
            Ok(_) => return Ok(()),
            Err(error) if error.outcome() == Outcome::MaybeSent => {}
            Err(error) if matches!(error.kind(), ErrorKind::Declined { .. }) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Gives every open intent its outcome, in one of the two ways there are.
async fn settle(payments: &Payments, file: &Path, by_repeating: bool) -> Test {
    for intent in receipts::read(file)?.into_iter().filter(receipts::Intent::is_open) {
        let open = intent.reopen()?;
        loop {
            if !by_repeating {
                match payments.reconcile(&ctx(&open.key), &open).await {
                    Ok(_) => break,
                    Err(error) if error.outcome() == Outcome::MaybeSent => continue,
                    Err(error) => return Err(error.into()),
                }
            }
            let order: u64 = open.key.trim_start_matches("order-").parse()?;
            let ctx = ctx(&open.key);
            let result = payments.create_payment(&ctx, price(order), &options(order)?).await;
            match payments.close(&ctx, &open, &result).await {
                Ok(_) => break,
                // The repetition was not answered either; its own intent is open now, and comes last.
                Err(error) if *error.kind() == ErrorKind::InvalidInput => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    if receipts::read(file)?.iter().any(receipts::Intent::is_open) {
        return Box::pin(settle(payments, file, by_repeating)).await;
    }
    Ok(())
}
