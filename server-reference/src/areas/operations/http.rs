//! The HTTP face of long operations.

use std::sync::Arc;

use companyos_types::operations as wire;
use http::StatusCode;

use super::jobs::Handlers;
use super::model::Operation;
use super::{rules, service, store};
use crate::kernel::ctx::Ctx;
use crate::kernel::policy::Resource;
use crate::kernel::privileged::Done;
use crate::kernel::problem::Problem;
use crate::kernel::reply::Reply;

/// Seconds after which an operation that goes on is worth another look.
const LOOK_AGAIN: u32 = 1;

pub(super) async fn list(ctx: Ctx) -> Result<Reply, Problem> {
    let before: Option<String> = ctx.cursor()?;
    let limit = ctx.limit();
    let mut reader = ctx.store().reader().await?;
    let status = ctx.query_str("status");
    let mut found =
        store::list(&mut reader, ctx.tenant_id(), status, before.as_deref(), limit.saturating_add(1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = match found.last() {
        Some(last) if more => Some(ctx.next_cursor(&last.id)?),
        _ => None,
    };
    let items = found.into_iter().map(wire::Operation::from).collect();
    Reply::json(StatusCode::OK, &wire::OperationPage { items, next_cursor })
}

pub(super) async fn get(ctx: Ctx) -> Result<Reply, Problem> {
    let operation = visible(&ctx).await?.ok_or_else(Problem::not_found)?;
    let open = rules::is_open(operation.status);
    let reply = Reply::json(StatusCode::OK, &wire::Operation::from(operation))?;
    Ok(if open { reply.retry_after(LOOK_AGAIN) } else { reply })
}

pub(super) async fn cancel(ctx: Ctx, handlers: Arc<Handlers>) -> Result<Reply, Problem> {
    let id = ctx.path("operation_id").to_owned();
    let Some(operation) = visible(&ctx).await? else {
        return ctx.permit(Resource::kind("operation")).await?.refuse(Problem::not_found()).await;
    };
    let permit = ctx.permit(Resource::object("operation", &id).of_tenant(operation.tenant_id)).await?;
    let wake = handlers.wake();
    let reply = permit
        .commit(move |tx| {
            let (handlers, id, now) = (Arc::clone(&handlers), id.clone(), ctx.now());
            Box::pin(async move {
                let (operation, withdrawn) = service::cancel(tx, &id, now).await?;
                if withdrawn {
                    handlers.of(&operation.kind)?.cancelled(tx, &operation, now).await?;
                }
                Ok(Done::new(Reply::json(StatusCode::OK, &wire::Operation::from(operation))?))
            })
        })
        .await?;
    // The request that was accepted and is now withdrawn still lacks its outcome receipt.
    wake.wake();
    Ok(reply)
}

/// The operation, unless its tenant is out of the caller's sight.
async fn visible(ctx: &Ctx) -> Result<Option<Operation>, Problem> {
    let mut reader = ctx.store().reader().await?;
    let found = store::get(&mut reader, ctx.path("operation_id")).await?;
    Ok(found.filter(|operation| ctx.principal().sees(&operation.tenant_id, None)))
}
