//! The use cases of tenants.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::labels::Labels;
use super::model::{MemberInvalid, Profile, Status, Tenant};
use super::rules::{self, Change, ChangeRefused, Ties};
use super::store::{imports, tenants};
use crate::areas::adapters::service as adapters;
use crate::areas::identity::{self, TenantDirectory};
use crate::areas::operations::service as operations;
use crate::kernel::clock::{Clock, Timestamp};
use crate::kernel::conditional::Version;
use crate::kernel::ctx::Ctx;
use crate::kernel::problem::{Problem, finding};
use crate::store::{Commit, Read, Reader, Row, Store, StoreError, Tx};

/// The external id of the platform's own tenant.
pub const PLATFORM: &str = "platform";

/// A new tenant of an owner.
pub fn new_tenant(id: String, owner_id: String, profile: Profile, now: Timestamp) -> Tenant {
    Tenant { id, profile, status: Status::Active, owner_id, version: 1, created_at: now, updated_at: now }
}

/// Reads a tenant, whoever asks.
///
/// # Errors
/// When the store fails.
pub async fn find(read: &mut dyn Read, id: &str) -> Result<Option<Tenant>, StoreError> {
    tenants::get(read, id).await
}

/// The tenant, unless it is out of the caller's sight.
pub(super) async fn visible(ctx: &Ctx, id: &str) -> Result<Option<Tenant>, Problem> {
    let mut reader = ctx.store().reader().await?;
    let found = tenants::get(&mut reader, id).await?;
    Ok(found.filter(|tenant| ctx.principal().sees(&tenant.id, Some(&tenant.owner_id))))
}

/// What creating a tenant takes: its row, and the problem when its owner has one with this external id.
pub(super) fn creation(new: &Tenant) -> (Row, Problem) {
    let external_id = &new.profile.external_id;
    let taken = format!("There is a tenant with the external id {external_id} already.");
    (tenants::row(new), Problem::conflict(taken))
}

/// Changes a tenant and gives it as it then is.
///
/// # Errors
/// 404 when it is gone, 412 or 428 when `If-Match` is not its version, 422 with every finding, 409
/// when the platform's own tenant would go out of use.
pub(super) async fn update(tx: &mut Tx, ctx: &Ctx, id: &str, change: Change) -> Result<Tenant, Problem> {
    let tenant = tenants::get(tx, id).await?.ok_or_else(Problem::not_found)?;
    ctx.require_match(Version(tenant.version))?;
    let changed = match rules::change(&tenant, change, ctx.now()) {
        Ok(None) => return Ok(tenant),
        Ok(Some(changed)) => changed,
        Err(ChangeRefused::Platform) => {
            return Err(Problem::conflict("The platform's own tenant cannot be taken out of use."));
        }
        Err(ChangeRefused::Invalid(findings)) => return Err(invalid(findings)),
    };
    match tenants::update(tx, &changed, tenant.version).await? {
        true => Ok(changed),
        false => Err(Problem::new(&companyos_types::problems::PRECONDITION_FAILED)),
    }
}

/// 422 with findings about members.
pub(super) fn invalid(findings: Vec<MemberInvalid>) -> Problem {
    let errors = findings
        .into_iter()
        .map(|MemberInvalid { pointer, invalid }| {
            finding(&format!("#{pointer}"), invalid.code, invalid.detail)
        })
        .collect();
    Problem::validation(errors)
}

/// Deletes a tenant with its imports, operations and adapters, and revokes its keys.
///
/// # Errors
/// 404 when it is gone, 412 or 428 when `If-Match` is not its version, 409 when something ties it.
pub(super) async fn delete(tx: &mut Tx, ctx: &Ctx, id: &str) -> Result<(), Problem> {
    let tenant = tenants::get(tx, id).await?.ok_or_else(Problem::not_found)?;
    ctx.require_match(Version(tenant.version))?;
    let ties = Ties {
        owns_tenants: tenants::owns_any(tx, id).await?,
        has_operations: operations::has_open(tx, id).await?,
        is_own: ctx.principal().tenant_id == id,
    };
    rules::delete(&tenant, ties).map_err(Problem::conflict)?;
    identity::service::retire_tenant(tx, id, ctx.now()).await?;
    operations::delete_of_tenant(tx, id).await?;
    adapters::delete_of_tenant(tx, id).await?;
    imports::delete_of_tenant(tx, id).await?;
    match tenants::delete(tx, id, tenant.version).await? {
        true => Ok(()),
        false => Err(Problem::new(&companyos_types::problems::PRECONDITION_FAILED)),
    }
}

/// Makes sure the platform's own tenant is among the tenants. Several servers may start at once.
///
/// # Errors
/// When the store fails.
pub async fn ensure_platform(
    store: &Store,
    clock: &dyn Clock,
    id: &str,
    region: &str,
) -> Result<(), StoreError> {
    let profile = Profile {
        external_id: PLATFORM.to_owned(),
        name: "CompanyOS platform".to_owned(),
        region: region.to_owned(),
        contact_email: None,
        labels: Labels::default(),
    };
    let new = Arc::new(new_tenant(id.to_owned(), id.to_owned(), profile, clock.now()));
    store
        .write(move |tx| {
            let new = Arc::clone(&new);
            Box::pin(async move {
                tx.lock("tenants.platform").await?;
                if tenants::get(tx, &new.id).await?.is_none() {
                    tx.insert_row(&tenants::row(&new)).await?;
                }
                let reason = "the platform's own tenant comes before any principal who could act";
                Ok(Commit::without_receipt((), reason))
            })
        })
        .await
}

/// Answers the identity area, which keeps no tenants of its own.
#[derive(Debug, Clone, Copy)]
pub struct Directory;

impl TenantDirectory for Directory {
    fn exists<'a>(&'a self, tx: &'a mut Tx, tenant_id: &'a str) -> BoxFuture<'a, Result<bool, Problem>> {
        Box::pin(async move { Ok(tenants::get(tx, tenant_id).await?.is_some()) })
    }

    fn suspended<'a>(
        &'a self,
        reader: &'a mut Reader,
        tenant_id: &'a str,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        Box::pin(async move {
            let found = tenants::get(reader, tenant_id).await?;
            Ok(found.is_some_and(|tenant| tenant.status == Status::Suspended))
        })
    }
}
