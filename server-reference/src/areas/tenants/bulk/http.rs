//! Reading imports and their rows.

use companyos_types::tenants as wire;
use http::StatusCode;

use super::model::Import;
use super::rows;
use crate::areas::tenants::import::plan::Action;
use crate::areas::tenants::store::imports;
use crate::kernel::ctx::Ctx;
use crate::kernel::problem::Problem;
use crate::kernel::reply::Reply;
use crate::store::Reader;

pub(in crate::areas::tenants) async fn list(ctx: Ctx) -> Result<Reply, Problem> {
    let before: Option<String> = ctx.cursor()?;
    let limit = ctx.limit();
    let whose = (!ctx.principal().operator).then_some(ctx.tenant_id());
    let mut reader = ctx.store().reader().await?;
    let mut found = imports::list(&mut reader, whose, before.as_deref(), limit.saturating_add(1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = match found.last() {
        Some(last) if more => Some(ctx.next_cursor(&last.id)?),
        _ => None,
    };
    let items = found.into_iter().map(wire::TenantImport::from).collect();
    Reply::json(StatusCode::OK, &wire::TenantImportPage { items, next_cursor })
}

pub(in crate::areas::tenants) async fn get(ctx: Ctx) -> Result<Reply, Problem> {
    let mut reader = ctx.store().reader().await?;
    let import = visible(&ctx, &mut reader).await?;
    Reply::json(StatusCode::OK, &wire::TenantImport::from(import))
}

pub(in crate::areas::tenants) async fn rows(ctx: Ctx) -> Result<Reply, Problem> {
    let after: Option<u64> = ctx.cursor()?;
    let limit = ctx.limit();
    let mut reader = ctx.store().reader().await?;
    let import = visible(&ctx, &mut reader).await?;
    let action = ctx.query_str("action").and_then(Action::parse);
    let found = rows::list(&mut reader, &import.id, action, after.unwrap_or(0), limit.saturating_add(1));
    let mut items = found.await?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = match items.last() {
        Some(last) if more => Some(ctx.next_cursor(&last.row)?),
        _ => None,
    };
    Reply::json(StatusCode::OK, &wire::ImportRowPage { items, next_cursor })
}

/// The import the path names, unless its tenant is out of the caller's sight.
async fn visible(ctx: &Ctx, reader: &mut Reader) -> Result<Import, Problem> {
    imports::get(reader, ctx.path("import_id"))
        .await?
        .filter(|import| ctx.principal().sees(&import.tenant_id, None))
        .ok_or_else(Problem::not_found)
}
