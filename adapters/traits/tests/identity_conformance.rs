//! The provider in memory passes its own family's suite, alone and wrapped.

mod identity_driver;

use std::sync::Arc;

use async_trait::async_trait;
use companyos_adapter_traits::conformance::{Report, identity};
use companyos_adapter_traits::govern::{
    Decision, PolicyHook, Question, ReceiptDraft, ReceiptId, ReceiptSink,
};
use companyos_adapter_traits::identity::MemoryIdentity;
use companyos_adapter_traits::{Capability, Context, Error, Governed, IdentityProvider};
use identity_driver::{Hands, provider};

companyos_adapter_traits::identity_conformance!(async || {
    let provider = provider();
    (provider.clone(), Hands(provider))
});

async fn report(provider: &dyn IdentityProvider, hands: MemoryIdentity) -> Report {
    identity::run(provider, &Hands(hands), Context::builder("suite", "local").build()).await
}

fn skips(report: &Report) -> Vec<&str> {
    report.skips().collect()
}

#[tokio::test]
async fn the_provider_in_memory_conforms() {
    let memory = provider();
    let report = report(&memory, memory.clone()).await;
    assert!(report.passed(), "{report}");
    assert_eq!(skips(&report), ["a_token_without_expiry_is_refused"], "{report}");
}

#[tokio::test]
async fn it_conforms_without_any_capability() {
    let memory = provider().with_capabilities([]);
    let report = report(&memory, memory.clone()).await;
    assert!(report.passed(), "{report}");
    let expected = [
        "an_access_token_for_another_audience_is_refused",
        "a_scope_can_be_required",
        "a_token_without_expiry_is_refused",
        "a_refresh_token_used_twice_ends_its_family",
        "a_refused_device_flow_brings_no_tokens",
        "an_unknown_device_code_is_refused",
    ];
    assert_eq!(skips(&report), expected, "{report}");
}

#[tokio::test]
async fn it_conforms_without_any_one_of_its_capabilities() {
    let all = provider().descriptor().capabilities.clone();
    assert_eq!(all.len(), 8);
    for missing in all.iter().copied() {
        let rest = all.iter().copied().filter(|capability: &Capability| *capability != missing);
        let memory = provider().with_capabilities(rest);
        let report = report(&memory, memory.clone()).await;
        assert!(report.passed(), "without {missing}\n{report}");
    }
}

#[tokio::test]
async fn it_conforms_behind_pointers_and_governance() {
    let memory = provider().with_region("local");
    let shared: Arc<dyn IdentityProvider> = Arc::new(memory.clone());
    let governed = Governed::new(Box::new(shared), Arc::new(AllowAll), Arc::new(Nowhere));
    let report = report(&governed, memory).await;
    assert!(report.passed(), "{report}");
    assert_eq!(skips(&report), ["a_token_without_expiry_is_refused"], "{report}");
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
