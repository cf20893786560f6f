//! The HTTP face of adapters.

use std::sync::Arc;

use companyos_adapters::catalog::{Kind, Secrets};
use companyos_adapters::traits::Context;
use companyos_receipt::receipt::Private;
use companyos_types::adapters as wire;
use companyos_types::problems;
use http::StatusCode;
use serde_json::{Map, Value};

use super::model::{self, Adapter};
use super::rules::{self, Refused};
use super::service::{self, Adapters};
use super::{checks, store};
use crate::kernel::conditional::Version;
use crate::kernel::ctx::Ctx;
use crate::kernel::policy::{Resource, sha256_text};
use crate::kernel::privileged::{Done, Permit};
use crate::kernel::problem::{Problem, finding};
use crate::kernel::reply::Reply;

pub(super) async fn register(ctx: Ctx, adapters: Arc<Adapters>) -> Result<Reply, Problem> {
    let body: wire::AdapterRegister = ctx.json()?;
    let permit = ctx.permit(Resource::kind("adapter")).await?;
    let secrets = model::secrets(body.secrets.unwrap_or_default());
    let settings = body.settings.unwrap_or_default();
    let region = body.region.unwrap_or_else(|| ctx.kernel().settings.region.clone());
    let kind = match accept(&ctx, &adapters, body.kind.as_str(), &region, &settings, &secrets) {
        Ok(kind) => kind,
        Err(refused) => return permit.refuse(invalid(refused)).await,
    };
    let now = ctx.now();
    let id = ctx.new_id("adp");
    let new = Adapter {
        tenant_id: ctx.tenant_id().to_owned(),
        name: body.name,
        kind,
        region,
        settings,
        secrets: adapters.seal(&id, &secrets)?,
        version: 1,
        report: None,
        created_at: now,
        updated_at: now,
        id,
    };
    let taken = Problem::conflict(format!("There is an adapter {} already.", new.name));
    let reply = reply(StatusCode::CREATED, &new)?.location(&new.path());
    permit.insert(store::row(&new)?, Done::new(reply).facts(facts(&new)), taken).await
}

/// The kind, if all of it can be registered.
fn accept(
    ctx: &Ctx,
    adapters: &Adapters,
    kind: &str,
    region: &str,
    settings: &Map<String, Value>,
    secrets: &Secrets,
) -> Result<Kind, Refused> {
    let refuse =
        |pointer: &str, detail: String| Refused { pointer: pointer.to_owned(), code: "adapter", detail };
    let kind: Kind = kind.parse().map_err(|unknown| refuse("#/kind", format!("{unknown}.")))?;
    let here = &ctx.kernel().settings.region;
    if region != here {
        return Err(refuse("#/region", format!("This server serves the region {here}.")));
    }
    adapters.check(kind, settings, secrets).map(|_| kind)
}

pub(super) async fn list(ctx: Ctx) -> Result<Reply, Problem> {
    let after: Option<String> = ctx.cursor()?;
    let limit = ctx.limit();
    let mut reader = ctx.store().reader().await?;
    let family = ctx.query_str("family");
    let mut found =
        store::list(&mut reader, ctx.tenant_id(), family, after.as_deref(), limit.saturating_add(1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = match found.last() {
        Some(last) if more => Some(ctx.next_cursor(&last.id)?),
        _ => None,
    };
    let items = found.iter().map(Adapter::to_wire).collect();
    Reply::json(StatusCode::OK, &wire::AdapterPage { items, next_cursor })
}

pub(super) async fn get(ctx: Ctx) -> Result<Reply, Problem> {
    let adapter = visible(&ctx).await?.ok_or_else(Problem::not_found)?;
    match ctx.not_modified(Version(adapter.version)) {
        Some(unchanged) => Ok(unchanged),
        None => reply(StatusCode::OK, &adapter),
    }
}

pub(super) async fn configure(ctx: Ctx, adapters: Arc<Adapters>) -> Result<Reply, Problem> {
    let body: wire::AdapterConfigure = ctx.json()?;
    let (permit, before) = permit(&ctx).await?;
    let mut changed = before.clone();
    rules::merge(&mut changed.settings, body.settings.unwrap_or_default());
    let mut secrets = adapters.unseal(&before)?;
    rules::merge_secrets(&mut secrets, body.secrets.unwrap_or_default());
    if let Err(refused) = adapters.check(changed.kind, &changed.settings, &secrets) {
        return permit.refuse(invalid(refused)).await;
    }
    changed.secrets = adapters.seal(&changed.id, &secrets)?;
    changed.version += 1;
    changed.updated_at = ctx.now();
    changed.report = None;
    let (id, kernel) = (before.id.clone(), Arc::clone(ctx.kernel()));
    let written = permit
        .commit(move |tx| {
            let (ctx, changed, version) = (ctx.clone(), changed.clone(), before.version);
            Box::pin(async move {
                ctx.require_match(Version(version))?;
                if !store::update(tx, &changed, version).await? {
                    return Err(Problem::new(&problems::PRECONDITION_FAILED));
                }
                Ok(Done::new(reply(StatusCode::OK, &changed)?).facts(facts(&changed)))
            })
        })
        .await?;
    adapters.forget(&id);
    // What its issuer's tokens were found to be, may be so no longer.
    kernel.authenticator.forget();
    Ok(written)
}

pub(super) async fn remove(ctx: Ctx, adapters: Arc<Adapters>) -> Result<Reply, Problem> {
    let (permit, adapter) = permit(&ctx).await?;
    let (id, kernel) = (adapter.id.clone(), Arc::clone(ctx.kernel()));
    let written = permit
        .commit(move |tx| {
            let (ctx, adapter) = (ctx.clone(), adapter.clone());
            Box::pin(async move {
                ctx.require_match(Version(adapter.version))?;
                if !store::delete(tx, &adapter.id, adapter.version).await? {
                    return Err(Problem::new(&problems::PRECONDITION_FAILED));
                }
                Ok(Done::new(Reply::empty(StatusCode::NO_CONTENT)).facts(facts(&adapter)))
            })
        })
        .await?;
    adapters.forget(&id);
    // What its issuer's tokens were found to be, may be so no longer.
    kernel.authenticator.forget();
    Ok(written)
}

pub(super) async fn test(ctx: Ctx, adapters: Arc<Adapters>) -> Result<Reply, Problem> {
    let (permit, adapter) = permit(&ctx).await?;
    let call = Context::builder(&adapter.tenant_id, &adapter.region)
        .deadline(ctx.kernel().clock.instant() + checks::LIMIT)
        .trace_id(ctx.trace_id())
        .build();
    let report = match service::test(&adapters, ctx.kernel(), ctx.principal_arc(), &call, &adapter).await {
        Ok(report) => report,
        Err(problem) => return permit.refuse(problem).await,
    };
    let digest = serde_json::to_vec(&report).map(|json| sha256_text(&json)).map_err(Problem::internal)?;
    let facts =
        facts(&adapter).detail_entry("outcome", report.outcome.as_str()).detail_entry("report", digest);
    permit
        .commit(move |tx| {
            let (report, facts) = (report.clone(), facts.clone());
            Box::pin(async move {
                // One that was changed or removed meanwhile has no report; the answer says which version this is of.
                store::keep_report(tx, &report).await?;
                Ok(Done::new(Reply::json(StatusCode::OK, &report)?).facts(facts))
            })
        })
        .await
}

pub(super) async fn report(ctx: Ctx) -> Result<Reply, Problem> {
    let report = visible(&ctx).await?.and_then(|adapter| adapter.report);
    Reply::json(StatusCode::OK, &report.ok_or_else(Problem::not_found)?)
}

/// The adapter the path names, unless it is out of the caller's sight.
async fn visible(ctx: &Ctx) -> Result<Option<Adapter>, Problem> {
    let mut reader = ctx.store().reader().await?;
    let found = store::get(&mut reader, ctx.path("adapter_id")).await?;
    Ok(found.filter(|adapter| ctx.principal().sees(&adapter.tenant_id, None)))
}

/// The permit to act on the adapter the path names. One out of sight is refused as one that does not exist, and leaves
/// the same receipt.
async fn permit(ctx: &Ctx) -> Result<(Permit, Adapter), Problem> {
    let id = ctx.path("adapter_id");
    match visible(ctx).await? {
        Some(adapter) => {
            let resource = Resource::object("adapter", id).of_tenant(&adapter.tenant_id);
            Ok((ctx.permit(resource).await?, adapter))
        }
        None => {
            let permit = ctx.permit(Resource::object("adapter", id)).await?;
            match permit.refuse(Problem::not_found()).await {
                Ok(_) => Err(Problem::internal("a refusal gave no problem")),
                Err(problem) => Err(problem),
            }
        }
    }
}

fn facts(adapter: &Adapter) -> Private {
    Private::new()
        .resource("adapter", &adapter.id)
        .detail_entry("name", adapter.name.as_str())
        .detail_entry("kind", adapter.kind.as_str())
}

fn reply(status: StatusCode, adapter: &Adapter) -> Result<Reply, Problem> {
    Ok(Reply::json(status, &adapter.to_wire())?.etag(Version(adapter.version)))
}

fn invalid(refused: Refused) -> Problem {
    Problem::validation(vec![finding(&refused.pointer, refused.code, refused.detail)])
}
