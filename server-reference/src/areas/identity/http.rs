//! The operations of this area.

use std::sync::Arc;
use std::time::Duration;

use companyos_receipt::receipt::Private;
use companyos_types::identity::{ApiKeyPage, ApiKeyRevoke, ApiKeyRotate, ApiKeyStatus};
use http::StatusCode;
use serde::Deserialize;

use super::TenantDirectory;
use super::model::Key;
use super::service;
use crate::kernel::ctx::Ctx;
use crate::kernel::policy::Resource;
use crate::kernel::privileged::Done;
use crate::kernel::problem::Problem;
use crate::kernel::reply::Reply;

pub(super) async fn issue(ctx: Ctx, tenants: Arc<dyn TenantDirectory>) -> Result<Reply, Problem> {
    let wanted = service::wanted(&ctx, ctx.json()?)?;
    let resource = Resource::kind("api_key").of_tenant(&wanted.tenant_id);
    let permit = ctx.permit(resource).await?;
    permit
        .commit(move |tx| {
            let (ctx, tenants, wanted) = (ctx.clone(), Arc::clone(&tenants), wanted.clone());
            Box::pin(async move {
                let minted = service::issue(tx, &ctx, &*tenants, &wanted).await?;
                let reply = Reply::json(StatusCode::CREATED, &minted.to_wire(ctx.now()))?;
                Ok(Done::new(reply.location(&minted.key.path())).facts(facts(&minted.key)))
            })
        })
        .await
}

#[derive(Deserialize)]
struct ListQuery {
    status: Option<ApiKeyStatus>,
}

pub(super) async fn list(ctx: Ctx) -> Result<Reply, Problem> {
    let query: ListQuery = ctx.query()?;
    let (keys, next) = service::list(&ctx, query.status.as_ref()).await?;
    let next_cursor = next.map(|id| ctx.next_cursor(&id)).transpose()?;
    let items = keys.iter().map(|key| key.to_wire(ctx.now())).collect();
    Reply::json(StatusCode::OK, &ApiKeyPage { items, next_cursor })
}

pub(super) async fn get(ctx: Ctx) -> Result<Reply, Problem> {
    let mut reader = ctx.store().reader().await?;
    let key = service::visible(&mut reader, &ctx, ctx.path("api_key_id")).await?;
    Reply::json(StatusCode::OK, &key.to_wire(ctx.now()))
}

pub(super) async fn revoke(ctx: Ctx) -> Result<Reply, Problem> {
    let reason = ctx.json::<ApiKeyRevoke>()?.reason;
    let permit = ctx.permit(Resource::object("api_key", ctx.path("api_key_id"))).await?;
    let kernel = Arc::clone(ctx.kernel());
    let reply = permit
        .commit(move |tx| {
            let (ctx, reason) = (ctx.clone(), reason.clone());
            Box::pin(async move {
                let key = service::revoke(tx, &ctx, ctx.path("api_key_id")).await?;
                let mut facts = facts(&key);
                if let Some(reason) = reason {
                    facts = facts.reason(reason);
                }
                Ok(Done::new(Reply::json(StatusCode::OK, &key.to_wire(ctx.now()))?).facts(facts))
            })
        })
        .await?;
    kernel.authenticator.forget();
    Ok(reply)
}

pub(super) async fn rotate(ctx: Ctx) -> Result<Reply, Problem> {
    let overlap = Duration::from_secs(ctx.json::<ApiKeyRotate>()?.overlap_seconds.unwrap_or(0));
    let permit = ctx.permit(Resource::object("api_key", ctx.path("api_key_id"))).await?;
    let kernel = Arc::clone(ctx.kernel());
    let reply = permit
        .commit(move |tx| {
            let ctx = ctx.clone();
            Box::pin(async move {
                let (old, minted) = service::rotate(tx, &ctx, ctx.path("api_key_id"), overlap).await?;
                let reply = Reply::json(StatusCode::CREATED, &minted.to_wire(ctx.now()))?;
                let facts = facts(&old).detail_entry("replaced_by", minted.key.id.as_str());
                Ok(Done::new(reply.location(&minted.key.path())).facts(facts))
            })
        })
        .await?;
    kernel.authenticator.forget();
    Ok(reply)
}

/// What a receipt tells of a key.
fn facts(key: &Key) -> Private {
    Private::new()
        .resource("api_key", &key.id)
        .subject(&key.tenant_id)
        .detail_entry("name", key.name.as_str())
        .detail_entry("scopes", key.scopes.clone())
}
