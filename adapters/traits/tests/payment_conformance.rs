//! The provider in memory passes its own family's suite, alone and wrapped.

use std::sync::Arc;

use async_trait::async_trait;
use companyos_adapter_traits::conformance::Report;
use companyos_adapter_traits::conformance::payment::{self, Behaviour, Stage};
use companyos_adapter_traits::govern::{
    Decision, PolicyHook, Question, ReceiptDraft, ReceiptId, ReceiptSink,
};
use companyos_adapter_traits::payment::memory::{BankAnswer, MemoryPayments};
use companyos_adapter_traits::payment::{PaymentId, PaymentMethod};
use companyos_adapter_traits::{Context, Error, Governed, PaymentProvider};

/// A stage that can do little: what an author starts with.
struct Bare<P> {
    provider: P,
    books: MemoryPayments,
}

#[async_trait]
impl<P: PaymentProvider> Stage for Bare<P> {
    fn provider(&self) -> &dyn PaymentProvider {
        &self.provider
    }

    fn method(&self, behaviour: Behaviour) -> Option<PaymentMethod> {
        let answer = match behaviour {
            Behaviour::Approved => BankAnswer::Approved,
            Behaviour::Declined => BankAnswer::declined("insufficient_funds"),
            Behaviour::AuthenticationRequired => BankAnswer::AuthenticationRequired,
            _ => return None,
        };
        answer.method().ok()
    }

    async fn authenticate(&self, payment: &PaymentId, succeeds: bool) -> Result<bool, Error> {
        self.books.with_ledger(|books| books.authenticate(payment, succeeds))?;
        Ok(true)
    }
}

async fn report(provider: impl PaymentProvider, books: MemoryPayments) -> Report {
    payment::run(&Bare { provider, books }, Context::builder("suite", "local").build(), "suite").await
}

#[tokio::test]
async fn the_provider_in_memory_conforms() {
    let books = MemoryPayments::new();
    let report = report(books.clone(), books).await;
    assert!(report.passed(), "{report}");
    let skipped = [
        "a_delayed_payment_is_in_processing",
        "a_payout_is_read_or_unsupported",
        "a_forged_webhook_is_refused",
        "a_webhook_outside_the_tolerance_is_refused",
        "a_replayed_webhook_is_refused_and_a_redelivered_event_is_not",
        "a_lost_answer_is_reported_as_doubt_and_resolved_by_repeating",
    ];
    assert_eq!(report.skips().collect::<Vec<_>>(), skipped, "{report}");
}

#[tokio::test]
async fn it_conforms_without_any_capability() {
    let books = MemoryPayments::new().with_capabilities([]);
    let report = report(books.clone(), books).await;
    assert!(report.passed(), "{report}");
    assert!(report.skips().any(|check| check == "more_than_was_authorised_is_not_captured"), "{report}");
}

#[tokio::test]
async fn it_conforms_behind_pointers_and_governance() {
    let books = MemoryPayments::new().with_region("local");
    let shared: Arc<dyn PaymentProvider> = Arc::new(books.clone());
    let governed = Governed::new(Box::new(shared), Arc::new(AllowAll), Arc::new(Nowhere));
    let report = report(governed, books).await;
    assert!(report.passed(), "{report}");
}

struct AllowAll;

#[async_trait]
impl PolicyHook for AllowAll {
    async fn decide(&self, _: &Context, _: &Question<'_>) -> Result<Decision, Error> {
        Ok(Decision::allow("allow-all", ""))
    }
}

struct Nowhere;

#[async_trait]
impl ReceiptSink for Nowhere {
    async fn record(&self, _: &Context, _: &ReceiptDraft) -> Result<ReceiptId, Error> {
        Ok(ReceiptId("rcp".to_owned()))
    }
}
