//! The first start: the platform's own tenant and its first operator key.

use std::collections::BTreeSet;
use std::sync::Arc;

use companyos_receipt::receipt::{Outcome, Phase, Private};
use companyos_types::{Secret, ops};

use super::model::{Minted, Wanted};
use super::{service, store};
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::ids::Ids;
use crate::kernel::policy::sha256_text;
use crate::kernel::settings::Mode;
use crate::store::{Commit, ReceiptDraft, Store, StoreError};

const PLATFORM_TENANT: &str = "platform_tenant_id";
/// The rule under which a key is issued that nobody could be asked for.
const RULE: &str =
    "companyos bootstrap, version 1: the first start issues one operator key to the machine's owner\n";

/// What there is one of per deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The platform's own tenant. Its keys are operators.
    pub platform_tenant_id: String,
}

/// What the first operator key is made with.
#[derive(Clone)]
pub struct Bootstrap {
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Ids and key material.
    pub ids: Arc<dyn Ids>,
    /// The mode, which is part of the key's text.
    pub mode: Mode,
}

impl Bootstrap {
    /// The deployment, when the first start has happened.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(store: &Store) -> Result<Option<Deployment>, StoreError> {
        let found = store::fact(&mut store.reader().await?, PLATFORM_TENANT).await?;
        Ok(found.map(|platform_tenant_id| Deployment { platform_tenant_id }))
    }

    /// A text for the first operator key. Keep it before [`settle`](Self::settle) makes it valid, so that a crash in
    /// between leaves a text nobody accepts rather than a key nobody has.
    #[must_use]
    pub fn new_key(&self) -> Secret {
        let text = crate::kernel::credential::generate(service::environment(self.mode), &*self.ids);
        Secret::new(text.as_str())
    }

    /// Makes the platform's tenant and the operator key `text`, with its receipt; `None` when another server was
    /// first, and then `text` is not valid.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn settle(&self, store: &Store, text: &Secret) -> Result<Option<Deployment>, StoreError> {
        let now = self.clock.now();
        let platform_tenant_id = self.ids.new_id("tnt", now);
        let minted =
            Minted::new(self.ids.new_id("key", now), text.expose(), &wanted(&platform_tenant_id), now);
        let draft = self.draft(&minted, now);
        let key = minted.key;
        let settled = store
            .write::<bool, StoreError>(move |tx| {
                let (key, draft) = (key.clone(), draft.clone());
                Box::pin(async move {
                    tx.lock("deployment").await?;
                    if !store::settle_fact(tx, PLATFORM_TENANT, &key.tenant_id).await? {
                        return Ok(Commit::without_receipt(false, "the deployment exists already"));
                    }
                    store::insert(tx, &key).await?;
                    Ok(Commit::with_receipt(true, draft))
                })
            })
            .await?;
        Ok(settled.then_some(Deployment { platform_tenant_id }))
    }

    /// Issues one more operator key, for when the first is lost.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub async fn issue_operator(&self, store: &Store, deployment: &Deployment) -> Result<Secret, StoreError> {
        let now = self.clock.now();
        let wanted = wanted(&deployment.platform_tenant_id);
        let minted = Minted::random(service::environment(self.mode), &*self.ids, &wanted, now);
        let draft = self.draft(&minted, now);
        let key = minted.key;
        store
            .write::<(), StoreError>(move |tx| {
                let (key, draft) = (key.clone(), draft.clone());
                Box::pin(async move {
                    store::insert(tx, &key).await?;
                    Ok(Commit::with_receipt((), draft))
                })
            })
            .await?;
        Ok(minted.text)
    }

    fn draft(&self, minted: &Minted, now: Timestamp) -> ReceiptDraft {
        let key = &minted.key;
        ReceiptDraft {
            id: self.ids.new_id("rcp", now),
            tenant_id: key.tenant_id.clone(),
            action: ops::ISSUE_API_KEY.action.unwrap_or_default().to_owned(),
            phase: Phase::Outcome,
            outcome: Outcome::Ok,
            reference: None,
            policy: sha256_text(RULE.as_bytes()),
            at: now,
            private: Private::new()
                .actor("system:bootstrap")
                .resource("api_key", &key.id)
                .subject(&key.tenant_id)
                .detail_entry("name", key.name.as_str()),
        }
    }
}

/// An operator key: every scope of the contract.
fn wanted(platform_tenant_id: &str) -> Wanted {
    let scopes: BTreeSet<&str> = ops::ALL.iter().flat_map(|operation| operation.scopes).copied().collect();
    Wanted {
        tenant_id: platform_tenant_id.to_owned(),
        operator: true,
        name: "operator".to_owned(),
        scopes: scopes.into_iter().map(str::to_owned).collect(),
        expires_at: None,
    }
}
