//! Faults on purpose.

use companyos_sdk::CallOptions;
use companyos_types::retry_tests::{RetryTestCreate, RetryTestInstruction};

use crate::watch::Watched;

pub(crate) async fn walk() {
    let watched = Watched::start().await;
    let operator = watched.operator();
    let tests = operator.retry_tests();
    let faults = vec!["return-503-retry-after-0".to_owned(), "return-429-retry-after-1".to_owned()];
    let plan = RetryTestCreate::new(vec![RetryTestInstruction::new("listLogs", faults)]);
    let made = tests.create(&plan).send().await.unwrap();
    assert_eq!(made.location(), Some(format!("/retry-tests/{}", made.id).as_str()));
    let options = CallOptions::new().header("retry-test-id", &made.id);
    let logs = operator.receipts().list_logs().options(options).send().await.unwrap();
    let statuses: Vec<u16> =
        logs.attempts().iter().filter_map(|attempt| attempt.status()).map(|status| status.as_u16()).collect();
    assert_eq!(statuses, [503, 429]);
    let account = tests.get(&made.id).send().await.unwrap();
    assert!(account.completed && account.attempts.len() == 3);
    tests.delete(&made.id).send().await.unwrap();
    assert!(tests.get(&made.id).send().await.unwrap_err().is_not_found());

    let unknown =
        RetryTestCreate::new(vec![RetryTestInstruction::new("noSuchOperation", vec!["pass".to_owned()])]);
    assert!(tests.create(&unknown).send().await.unwrap_err().is_problem("validation-failed"));
}
