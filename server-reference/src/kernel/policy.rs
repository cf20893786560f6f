//! The question every action is asked, and who answers it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use companyos_types::ops::Operation;
use sha2::{Digest, Sha256};

use super::auth::Principal;

/// What an action is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    /// The kind of object, such as `tenant`.
    pub kind: &'static str,
    /// The object, when it exists already.
    pub id: Option<String>,
    /// The tenant the object belongs to, when it is not the tenant acted for.
    pub tenant_id: Option<String>,
    /// The tenant that owns that tenant.
    pub owner_id: Option<String>,
}

impl Resource {
    /// All objects of a kind, or one that does not exist yet.
    #[must_use]
    pub fn kind(kind: &'static str) -> Self {
        Self { kind, ..Self::default() }
    }

    /// One object.
    #[must_use]
    pub fn object(kind: &'static str, id: impl Into<String>) -> Self {
        Self { kind, id: Some(id.into()), ..Self::default() }
    }

    /// Says which tenant it belongs to.
    #[must_use]
    pub fn of_tenant(mut self, tenant_id: impl Into<String>) -> Self {
        self.tenant_id = Some(tenant_id.into());
        self
    }

    /// Says which tenant owns that tenant.
    #[must_use]
    pub fn owned_by(mut self, owner_id: impl Into<String>) -> Self {
        self.owner_id = Some(owner_id.into());
        self
    }
}

/// May this principal do this to that?
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The operation; its scopes are what the contract asks for.
    pub operation: &'static Operation,
    /// Who asks.
    pub principal: &'a Principal,
    /// The tenant acted for.
    pub tenant_id: &'a str,
    /// What it is about.
    pub resource: &'a Resource,
}

/// May this principal have an adapter do this?
#[derive(Debug, Clone, Copy)]
pub struct AdapterQuestion<'a> {
    /// On whose behalf the adapter is called.
    pub principal: &'a Principal,
    /// The tenant acted for.
    pub tenant_id: &'a str,
    /// The region acted in.
    pub region: &'a str,
    /// The adapter, such as `s3`.
    pub adapter: &'a str,
    /// What it is to do, such as `storage.put`.
    pub action: &'static str,
    /// What it is to do it to: an object's key, a payment's id.
    pub resource: &'a str,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Whether the action may go on.
    pub allow: bool,
    /// The rule that settled it.
    pub rule: Cow<'static, str>,
    /// SHA-256 of the policy that answered, `sha256:` and hex. Receipts carry it.
    pub policy: Arc<str>,
}

/// Answers [`Question`]s. The answer must depend on nothing but the question and the policy it names, so that a
/// receipt says under which policy its action was allowed.
#[async_trait]
pub trait Decider: Send + Sync + fmt::Debug {
    /// Decides. An error is a refusal to answer: the action does not happen.
    async fn decide(&self, question: Question<'_>) -> Result<Decision, DeciderError>;

    /// Decides about one call of an adapter.
    async fn decide_adapter(&self, question: AdapterQuestion<'_>) -> Result<Decision, DeciderError>;
}

/// The policy could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("the policy could not be asked: {0}")]
pub struct DeciderError(pub String);

/// The rules this server starts with: the key's tenant is in use, the key holds every scope of the operation, and the object is within sight.
#[derive(Debug, Clone)]
pub struct ScopeDecider {
    policy: Arc<str>,
}

/// The rule that refuses whoever would act beyond their own tenants.
pub(crate) const OPERATOR_ONLY: &str = "tenant.operator_only";

/// The rule that refuses everything to the keys of a tenant taken out of use.
const SUSPENDED: &str = "tenant.suspended";

/// The rules of [`ScopeDecider`] in words. Its digest is in every receipt, so changing the rules means changing this text.
const RULES: &str = "\
companyos scope rules, version 2
tenant.suspended        deny   the key's tenant is taken out of use
scope.missing:<scope>   deny   the key lacks a scope the contract asks of the operation
tenant.operator_only    deny   the object's tenant is neither the key's tenant nor owned by it, and the key is no operator's
scope.held              allow  otherwise
adapter calls:
tenant.suspended        deny   the key's tenant is taken out of use
tenant.operator_only    deny   the call is for another tenant than the key's, and the key is no operator's
adapter.own_tenant      allow  otherwise
";

impl Default for ScopeDecider {
    fn default() -> Self {
        Self { policy: sha256_text(RULES.as_bytes()).into() }
    }
}

#[async_trait]
impl Decider for ScopeDecider {
    async fn decide(&self, question: Question<'_>) -> Result<Decision, DeciderError> {
        let principal = question.principal;
        let policy = Arc::clone(&self.policy);
        if principal.suspended {
            return Ok(Decision { allow: false, rule: SUSPENDED.into(), policy });
        }
        if let Some(missing) = question.operation.scopes.iter().find(|scope| !principal.holds(scope)) {
            return Ok(Decision { allow: false, rule: format!("scope.missing:{missing}").into(), policy });
        }
        let tenant = question.resource.tenant_id.as_deref().unwrap_or(question.tenant_id);
        let owned = question.resource.owner_id.as_deref() == Some(principal.tenant_id.as_str());
        let allow = principal.operator || owned || tenant == principal.tenant_id;
        let rule = Cow::Borrowed(if allow { "scope.held" } else { OPERATOR_ONLY });
        Ok(Decision { allow, rule, policy })
    }

    async fn decide_adapter(&self, question: AdapterQuestion<'_>) -> Result<Decision, DeciderError> {
        let principal = question.principal;
        let (allow, rule) = if principal.suspended {
            (false, SUSPENDED)
        } else if principal.operator || principal.tenant_id == question.tenant_id {
            (true, "adapter.own_tenant")
        } else {
            (false, OPERATOR_ONLY)
        };
        Ok(Decision { allow, rule: rule.into(), policy: Arc::clone(&self.policy) })
    }
}

/// `sha256:` and the hex digest of `bytes`.
#[must_use]
pub fn sha256_text(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
