//! The provider itself is killed while it charges: what it had acknowledged stays in its books, and a call that it had
//! not acknowledged can be repeated.

use std::error::Error as StdError;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use companyos_adapter_traits::payment::PaymentProvider;
use companyos_adapter_traits::payment::rules::check_conservation;
use companyos_adapters::payments_stub::StubPayments;

use super::{Test, ctx, key, options, price};

const BOOKS: &str = "COMPANYOS_TEST_KILL_BOOKS";
const ROUNDS: usize = 6;
/// More orders than a process can take before it is killed.
const MANY: u64 = 1_000_000;

/// Orders that the bank does not decline.
fn nth(number: u64) -> u64 {
    number * 10
}

#[tokio::test]
async fn what_the_provider_has_acknowledged_survives_kill_9() -> Test {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("books");
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        acknowledged.extend(charge_until_killed(&file, 5 + round * 3)?);
        let stub = StubPayments::builder().file(&file).open()?;
        let payments = stub.payments()?;
        payments.iter().try_for_each(check_conservation)?;
        for line in &acknowledged {
            let (order, id) = line.split_once(' ').ok_or("a line is cut")?;
            let order: u64 = order.parse()?;
            let kept = payments.iter().find(|payment| payment.id.as_str() == id);
            let kept = kept.ok_or_else(|| format!("the acknowledged payment {id} is gone"))?;
            assert_eq!(kept.captured, price(order));
            let again = stub.create_payment(&ctx(&key(order)), price(order), &options(order)?).await?;
            assert_eq!(again.id.as_str(), id, "the key of order {order} is forgotten");
        }
        assert_eq!(stub.payments()?.len(), payments.len(), "a repetition charged again");
    }
    assert!(acknowledged.len() > ROUNDS * 5, "too little was acknowledged to prove anything");
    Ok(())
}

/// Runs a provider on the books, kills it after so many acknowledgements, and returns all it gave.
fn charge_until_killed(
    file: &std::path::Path,
    acknowledgements: usize,
) -> Result<Vec<String>, Box<dyn StdError>> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["books::the_provider_to_kill", "--exact", "--nocapture"])
        .env(BOOKS, file)
        .stdout(Stdio::piped())
        .spawn()?;
    // The test harness prints to the same pipe.
    let lines = BufReader::new(child.stdout.take().ok_or("no pipe")?).lines();
    let mut lines = lines.filter_map(|line| line.ok()?.strip_prefix("charged ").map(str::to_owned));
    let mut acknowledged: Vec<_> = lines.by_ref().take(acknowledgements).collect();
    child.kill()?; // SIGKILL
    // Acknowledgements that were on their way count.
    acknowledged.extend(lines);
    assert!(!child.wait()?.success(), "the process ended before it was killed");
    Ok(acknowledged)
}

/// Charges for ever, but only as the child of the test above.
#[tokio::test]
async fn the_provider_to_kill() -> Test {
    let Some(file) = std::env::var_os(BOOKS) else { return Ok(()) };
    let stub = StubPayments::builder().file(file).open()?;
    let first = stub.payments()?.len() as u64;
    for order in (first..MANY).map(nth) {
        let paid = stub.create_payment(&ctx(&key(order)), price(order), &options(order)?).await?;
        // One write per line, so that a kill cannot cut it; on a line of its own, whatever the harness has printed.
        std::io::stdout().lock().write_all(format!("\ncharged {order} {}\n", paid.id).as_bytes())?;
        std::io::stdout().flush()?;
    }
    Ok(())
}
