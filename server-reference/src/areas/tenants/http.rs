//! The HTTP face of tenants.

use std::sync::Arc;

use companyos_receipt::receipt::Private;
use companyos_types::tenants as wire;
use http::StatusCode;

use super::checks::Regions;
use super::model::{Profile, Status, Tenant};
use super::rules::Change;
use super::store::tenants::{self, Filter};
use super::{export, service};
use crate::kernel::conditional::Version;
use crate::kernel::ctx::Ctx;
use crate::kernel::policy::Resource;
use crate::kernel::privileged::{Done, Permit};
use crate::kernel::problem::{Problem, finding};
use crate::kernel::reply::Reply;

pub(super) async fn create(ctx: Ctx) -> Result<Reply, Problem> {
    let body: wire::TenantCreate = ctx.json()?;
    let permit = ctx.permit(Resource::kind("tenant")).await?;
    let regions = Regions::new(ctx.kernel().settings.region.clone(), []);
    let labels = body.labels.unwrap_or_default();
    let profile =
        Profile::new(body.external_id, body.name, body.region, body.contact_email, labels, &regions);
    let profile = match profile {
        Ok(profile) => profile,
        Err(findings) => return permit.refuse(service::invalid(findings)).await,
    };
    let new = service::new_tenant(ctx.new_id("tnt"), ctx.tenant_id().to_owned(), profile, ctx.now());
    let (row, taken) = service::creation(&new);
    let facts = Private::new().resource("tenant", &new.id);
    let location = format!("/tenants/{}", new.id);
    let reply = reply(StatusCode::CREATED, new)?.location(&location);
    permit.insert(row, Done::new(reply).facts(facts), taken).await
}

pub(super) async fn list(ctx: Ctx) -> Result<Reply, Problem> {
    let after: Option<String> = ctx.cursor()?;
    let limit = ctx.limit();
    let filter = Filter {
        external_id: ctx.query_str("external_id").map(str::to_owned),
        status: ctx.query_str("status").map(str::to_owned),
        ..sight(&ctx)
    };
    let mut reader = ctx.store().reader().await?;
    let mut found = tenants::list(&mut reader, &filter, after.as_deref(), limit.saturating_add(1)).await?;
    let more = found.len() > limit;
    found.truncate(limit);
    let next_cursor = match found.last() {
        Some(last) if more => Some(ctx.next_cursor(&last.id)?),
        _ => None,
    };
    let items = found.into_iter().map(wire::Tenant::from).collect();
    Reply::json(StatusCode::OK, &wire::TenantPage { items, next_cursor })
}

pub(super) async fn get(ctx: Ctx) -> Result<Reply, Problem> {
    let tenant = service::visible(&ctx, ctx.path("tenant_id")).await?.ok_or_else(Problem::not_found)?;
    match ctx.not_modified(Version(tenant.version)) {
        Some(unchanged) => Ok(unchanged),
        None => reply(StatusCode::OK, tenant),
    }
}

pub(super) async fn update(ctx: Ctx) -> Result<Reply, Problem> {
    let body: wire::TenantUpdate = ctx.json()?;
    let (permit, id) = permit(&ctx).await?;
    let change = match change(body) {
        Ok(change) => change,
        Err(problem) => return permit.refuse(problem).await,
    };
    let kernel = Arc::clone(ctx.kernel());
    let reply = permit
        .commit(move |tx| {
            let (ctx, id, change) = (ctx.clone(), id.clone(), change.clone());
            Box::pin(async move {
                let tenant = service::update(tx, &ctx, &id, change).await?;
                Ok(Done::new(reply(StatusCode::OK, tenant)?))
            })
        })
        .await?;
    // The keys of a tenant that was taken out of use, or back into it, are looked up anew.
    kernel.authenticator.forget();
    Ok(reply)
}

pub(super) async fn delete(ctx: Ctx) -> Result<Reply, Problem> {
    let (permit, id) = permit(&ctx).await?;
    let kernel = Arc::clone(ctx.kernel());
    let reply = permit
        .commit(move |tx| {
            let (ctx, id) = (ctx.clone(), id.clone());
            Box::pin(async move {
                service::delete(tx, &ctx, &id).await?;
                Ok(Done::new(Reply::empty(StatusCode::NO_CONTENT)))
            })
        })
        .await?;
    kernel.authenticator.forget();
    Ok(reply)
}

pub(super) async fn export(ctx: Ctx) -> Result<Reply, Problem> {
    let permit = ctx.permit(Resource::kind("tenant")).await?;
    let file = export::csv(ctx.store().clone(), sight(&ctx));
    permit.attest(Private::new(), Reply::stream(StatusCode::OK, "text/csv", file)).await
}

/// The permit to change the tenant the path names. One out of sight is refused as one that does not
/// exist, and leaves the same receipt.
async fn permit(ctx: &Ctx) -> Result<(Permit, String), Problem> {
    let id = ctx.path("tenant_id").to_owned();
    match service::visible(ctx, &id).await? {
        Some(tenant) => {
            let resource = Resource::object("tenant", &id).of_tenant(&id).owned_by(tenant.owner_id);
            Ok((ctx.permit(resource).await?, id))
        }
        None => {
            let permit = ctx.permit(Resource::object("tenant", &id)).await?;
            match permit.refuse(Problem::not_found()).await {
                Ok(_) => Err(Problem::internal("a refusal gave no problem")),
                Err(problem) => Err(problem),
            }
        }
    }
}

/// What the caller sees: its own tenant and those it owns; an operator sees all.
fn sight(ctx: &Ctx) -> Filter {
    let seen_by = (!ctx.principal().operator).then(|| ctx.principal().tenant_id.clone());
    Filter { seen_by, ..Filter::default() }
}

fn reply(status: StatusCode, tenant: Tenant) -> Result<Reply, Problem> {
    let version = Version(tenant.version);
    Ok(Reply::json(status, &wire::Tenant::from(tenant))?.etag(version))
}

fn change(body: wire::TenantUpdate) -> Result<Change, Problem> {
    let status = match body.status {
        None => None,
        Some(status) => Some(Status::parse(status.as_str()).ok_or_else(|| {
            let detail = format!("{status} is not a state of a tenant.");
            Problem::validation(vec![finding("#/status", "enum", detail)])
        })?),
    };
    let labels = body.labels.unwrap_or_default();
    Ok(Change { name: body.name, status, contact_email: body.contact_email, labels })
}

impl From<Tenant> for wire::Tenant {
    fn from(tenant: Tenant) -> Self {
        let profile = tenant.profile;
        Self {
            id: tenant.id,
            external_id: profile.external_id,
            name: profile.name,
            region: profile.region,
            status: tenant.status.as_str().into(),
            owner_id: tenant.owner_id,
            contact_email: profile.contact_email,
            labels: profile.labels.into_map(),
            version: tenant.version.unsigned_abs(),
            created_at: tenant.created_at.to_rfc3339(),
            updated_at: tenant.updated_at.to_rfc3339(),
        }
    }
}
