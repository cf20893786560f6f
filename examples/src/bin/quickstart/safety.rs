//! What makes it safe to call again: narrow keys, retries and idempotency.

use std::error::Error;

use companyos_examples::show::Show;
use companyos_sdk::types::identity::ApiKeyCreate;
use companyos_sdk::types::retry_tests::{RetryTestCreate, RetryTestInstruction};
use companyos_sdk::types::tenants::TenantCreate;
use companyos_sdk::{CallOptions, Client, IdempotencyKey};

use crate::workspace::Workspace;

type Failure = Box<dyn Error + Send + Sync>;

/// Issues a key that may only read tenants, and shows that it cannot write.
pub(crate) async fn issue_key(
    workspace: &Workspace,
    client: &Client,
    show: &mut Show,
) -> Result<Client, Failure> {
    show.step("Issue an API key that may only read");
    let request = ApiKeyCreate::new("quickstart reader", vec!["tenants:read".to_owned()]);
    let issued = client.identity().issue(&request).send().await?;
    show.say(format!(
        "{} {}… may {}",
        issued.api_key.id,
        issued.api_key.key_prefix,
        issued.api_key.scopes.join(", ")
    ));
    let reader = workspace.client_with(issued.secret.clone())?;
    let refusal = match reader.tenants().create(&TenantCreate::new("intruder", "Intruder Inc.")).send().await
    {
        Ok(_) => return Err("a key that may only read has created a tenant".into()),
        Err(error) if error.is_denied() => error,
        Err(error) => return Err(error.into()),
    };
    let rule = refusal.problem().and_then(|problem| problem.rule.clone()).unwrap_or_default();
    let receipt = refusal.receipt_id().ok_or("a refusal leaves a receipt")?;
    show.say(format!("creating a tenant with it: 403 by rule `{rule}`, receipt {receipt}"));
    show.result("key issued; its attempt to write was refused, and the refusal has a receipt");
    Ok(reader)
}

/// Lists tenants while the server answers 503 twice.
pub(crate) async fn retry_through_a_fault(
    operator: &Client,
    reader: &Client,
    show: &mut Show,
) -> Result<(), Failure> {
    show.step("Retry through an injected 503");
    let faults = vec!["return-503".to_owned(), "return-503".to_owned()];
    let plan = RetryTestCreate::new(vec![RetryTestInstruction::new("listTenants", faults)]);
    let test = operator.retry_tests().create(&plan).send().await?;
    let options = CallOptions::new().header("retry-test-id", &test.id);
    let page = reader.tenants().list().limit(3).options(options).send().await?;
    let rows: Vec<[String; 3]> = page
        .attempts()
        .iter()
        .enumerate()
        .map(|(number, attempt)| {
            let status = attempt.status().map_or("-".to_owned(), |status| status.as_u16().to_string());
            let pause = attempt.pause().map_or("-".to_owned(), |pause| format!("{} ms", pause.as_millis()));
            [(number + 1).to_string(), status, pause]
        })
        .collect();
    show.table(["attempt", "status", "waited before the next"], &rows);
    let seen = operator.retry_tests().get(&test.id).send().await?;
    if !seen.completed {
        return Err("the server did not see every planned fault".into());
    }
    show.result(format!("answered after {} attempts with {} tenants", seen.attempts.len(), page.items.len()));
    Ok(())
}

/// Sends one creation twice with the same key.
pub(crate) async fn repeat_with_one_key(client: &Client, show: &mut Show) -> Result<(), Failure> {
    show.step("Repeat a call with the same idempotency key");
    let tenant = TenantCreate::new("quickstart-once", "Created Once Ltd.");
    let key = IdempotencyKey::derived(["quickstart", "quickstart-once"]);
    let first = client.tenants().create(&tenant).idempotency_key(key.clone()).send().await?;
    let again = client.tenants().create(&tenant).idempotency_key(key).send().await?;
    let rows = [("first", &first), ("again", &again)].map(|(name, response)| {
        let receipt = response.receipt_id().unwrap_or_default().to_owned();
        [name.to_owned(), response.id.clone(), response.replayed().to_string(), receipt]
    });
    show.table(["call", "tenant", "replayed", "receipt"], &rows);
    if first.id != again.id || !again.replayed() || first.receipt_id() != again.receipt_id() {
        return Err("the second call had an effect of its own".into());
    }
    show.result("one tenant, one receipt; the second answer is the stored first one");
    Ok(())
}
