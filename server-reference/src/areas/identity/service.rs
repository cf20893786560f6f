//! What can be done with API keys.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use companyos_types::identity::{ApiKeyCreate, ApiKeyStatus};
use companyos_types::problems;

use super::TenantDirectory;
use super::model::{Key, Minted, Wanted};
use super::{rules, store};
use crate::kernel::auth::{CredentialSource, StoredCredential};
use crate::kernel::clock::Timestamp;
use crate::kernel::ctx::Ctx;
use crate::kernel::problem::{Problem, finding};
use crate::kernel::settings::Mode;
use crate::store::{Read, Store, StoreError, Tx};

/// Finds the key of a request in the store.
#[derive(Debug, Clone)]
pub struct KeyDirectory {
    /// Where the keys are.
    pub store: Store,
    /// Who knows whether a key's tenant is in use.
    pub tenants: Arc<dyn TenantDirectory>,
}

#[async_trait]
impl CredentialSource for KeyDirectory {
    async fn find(&self, lookup_id: &str) -> Result<Option<StoredCredential>, Problem> {
        let mut reader = self.store.reader().await?;
        let Some(key) = store::by_lookup_id(&mut reader, lookup_id).await? else {
            return Ok(None);
        };
        let suspended = self.tenants.suspended(&mut reader, &key.tenant_id).await?;
        Ok(Some(StoredCredential {
            ends_at: key.ends_at(),
            secret_sha256: key.secret_sha256,
            principal: crate::kernel::auth::Principal {
                key_id: key.id,
                tenant_id: key.tenant_id,
                operator: key.operator,
                suspended,
                scopes: key.scopes,
            },
        }))
    }
}

/// The keys' environment part.
pub(super) fn environment(mode: Mode) -> &'static str {
    match mode {
        Mode::Development => "dev",
        Mode::Production => "live",
    }
}

/// What a request asks to issue.
pub(super) fn wanted(ctx: &Ctx, request: ApiKeyCreate) -> Result<Wanted, Problem> {
    let principal = ctx.principal();
    let tenant_id = request.tenant_id.unwrap_or_else(|| principal.tenant_id.clone());
    let expires_at = request.expires_at.as_deref().map(|text| expiry(ctx, text)).transpose()?;
    Ok(Wanted {
        operator: principal.operator && tenant_id == principal.tenant_id,
        tenant_id,
        name: request.name,
        scopes: request.scopes,
        expires_at,
    })
}

fn expiry(ctx: &Ctx, text: &str) -> Result<Timestamp, Problem> {
    let refuse =
        |code: &str, detail: String| Problem::validation(vec![finding("#/expires_at", code, detail)]);
    let time = Timestamp::parse(text).map_err(|error| refuse("format", format!("The value is {error}.")))?;
    if time <= ctx.now() {
        return Err(refuse("past", "The time has passed already.".to_owned()));
    }
    Ok(time)
}

/// Issues a key.
pub(super) async fn issue(
    tx: &mut Tx,
    ctx: &Ctx,
    tenants: &dyn TenantDirectory,
    wanted: &Wanted,
) -> Result<Minted, Problem> {
    refuse_excess(ctx, &wanted.scopes)?;
    if wanted.tenant_id != ctx.principal().tenant_id && !tenants.exists(tx, &wanted.tenant_id).await? {
        return Err(Problem::not_found().detail("There is no tenant with this `tenant_id`."));
    }
    let minted = mint(ctx, wanted);
    store::insert(tx, &minted.key).await?;
    Ok(minted)
}

/// A page of keys and the id the next one starts below.
pub(super) async fn list(
    ctx: &Ctx,
    status: Option<&ApiKeyStatus>,
) -> Result<(Vec<Key>, Option<String>), Problem> {
    let limit = ctx.limit();
    let before: Option<String> = ctx.cursor()?;
    let mut reader = ctx.store().reader().await?;
    let mut keys =
        store::list(&mut reader, ctx.tenant_id(), status, before.as_deref(), limit + 1, ctx.now()).await?;
    let more = keys.len() > limit;
    keys.truncate(limit);
    let next = if more { keys.last().map(|key| key.id.clone()) } else { None };
    Ok((keys, next))
}

/// A key this principal may see: one of its own tenant, or any for an operator.
pub(super) async fn visible(read: &mut impl Read, ctx: &Ctx, id: &str) -> Result<Key, Problem> {
    let key = store::by_id(read, id).await?;
    key.filter(|key| ctx.principal().sees(&key.tenant_id, None)).ok_or_else(Problem::not_found)
}

/// Revokes a key. One that is revoked already stays as it is.
pub(super) async fn revoke(tx: &mut Tx, ctx: &Ctx, id: &str) -> Result<Key, Problem> {
    let mut key = visible(tx, ctx, id).await?;
    if key.revoked_at.is_none() {
        let now = ctx.now();
        store::revoke(tx, id, now).await?;
        key.revoked_at = Some(now);
    }
    Ok(key)
}

/// Issues a key like `id` and lets the old one run out after `overlap`.
pub(super) async fn rotate(
    tx: &mut Tx,
    ctx: &Ctx,
    id: &str,
    overlap: Duration,
) -> Result<(Key, Minted), Problem> {
    // Two rotations at once would leave a key that nobody knows to revoke.
    tx.lock(id).await?;
    let old = visible(tx, ctx, id).await?;
    refuse_excess(ctx, &old.scopes)?;
    if let Some(why) = rules::rotation_refusal(&old, ctx.now()) {
        return Err(Problem::conflict(why).instance(old.path()));
    }
    let wanted = Wanted {
        tenant_id: old.tenant_id.clone(),
        operator: old.operator,
        name: old.name.clone(),
        scopes: old.scopes.clone(),
        expires_at: old.expires_at,
    };
    let minted = mint(ctx, &wanted);
    store::insert(tx, &minted.key).await?;
    store::replace(tx, id, &minted.key.id, rules::handover(&old, ctx.now(), overlap)).await?;
    Ok((old, minted))
}

/// Revokes every key of a tenant that is deleted. The caller calls `Authenticator::forget` once that is committed.
///
/// # Errors
/// When the statement fails.
pub async fn retire_tenant(tx: &mut Tx, tenant_id: &str, now: Timestamp) -> Result<u64, StoreError> {
    store::revoke_tenant(tx, tenant_id, now).await
}

fn mint(ctx: &Ctx, wanted: &Wanted) -> Minted {
    let kernel = ctx.kernel();
    Minted::random(environment(kernel.settings.mode), &*kernel.ids, wanted, ctx.now())
}

fn refuse_excess(ctx: &Ctx, scopes: &[String]) -> Result<(), Problem> {
    match rules::excess(ctx.principal(), scopes) {
        Some(scope) => Err(Problem::new(&problems::POLICY_DENIED)
            .rule(format!("scope.exceeds:{scope}"))
            .detail("A key can carry only scopes its issuer has.")),
        None => Ok(()),
    }
}
