//! The operations of this area.

use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use bytes::Bytes;
use companyos_receipt::key::Signer;
use companyos_types::CONTRACT_JSON;
use companyos_types::meta::{
    Discovery, Health, HealthStatus, Jwk, Jwks, ServerLimits, ServerMeta, ServerMetaMode,
};
use companyos_types::ops;
use http::StatusCode;

use crate::kernel::ctx::Ctx;
use crate::kernel::metrics::OPENMETRICS;
use crate::kernel::problem::Problem;
use crate::kernel::reply::Reply;
use crate::kernel::{idempotency, page};
use crate::store::Read;

/// The version of the contract and of this crate: they are released together.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How long a health check waits for the store.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn livez(_ctx: Ctx) -> Result<Reply, Problem> {
    healthy()
}

pub(super) async fn readyz(ctx: Ctx, signer: Arc<dyn Signer>) -> Result<Reply, Problem> {
    if !ctx.kernel().health.is_serving() {
        return Err(Problem::unavailable(1).detail("The server is starting or draining."));
    }
    signer.sign(b"readyz").map_err(|error| Problem::unavailable(5).caused_by(error))?;
    let asked = tokio::time::timeout(PATIENCE, async {
        ctx.store().reader().await?.fetch_optional(sqlx::query("SELECT 1")).await
    });
    match asked.await {
        Ok(Ok(_)) => healthy(),
        Ok(Err(error)) => Err(Problem::unavailable(5).detail("The store cannot be read.").caused_by(error)),
        Err(_) => Err(Problem::unavailable(5).detail("The store does not answer.")),
    }
}

pub(super) async fn startupz(ctx: Ctx) -> Result<Reply, Problem> {
    if ctx.kernel().health.is_started() {
        healthy()
    } else {
        Err(Problem::unavailable(1).detail("The server is starting."))
    }
}

fn healthy() -> Result<Reply, Problem> {
    Reply::json(StatusCode::OK, &Health { status: HealthStatus::Ok })
}

pub(super) async fn metrics(ctx: Ctx) -> Result<Reply, Problem> {
    let text = ctx.kernel().metrics.render().map_err(Problem::internal)?;
    Ok(Reply::bytes(StatusCode::OK, OPENMETRICS, text))
}

pub(super) async fn openapi(_ctx: Ctx) -> Result<Reply, Problem> {
    Ok(Reply::bytes(StatusCode::OK, "application/json", Bytes::from_static(CONTRACT_JSON.as_bytes())))
}

pub(super) async fn meta(ctx: Ctx) -> Result<Reply, Problem> {
    let settings = &ctx.kernel().settings;
    let limits = &settings.limits;
    Reply::json(
        StatusCode::OK,
        &ServerMeta {
            name: "CompanyOS reference server".to_owned(),
            version: VERSION.to_owned(),
            api_version: VERSION.to_owned(),
            region: settings.region.clone(),
            issuer: settings.issuer.clone(),
            mode: ServerMetaMode::from(settings.mode.as_str()),
            idempotency_key_ttl_seconds: idempotency::KEPT_FOR.as_secs(),
            limits: ServerLimits {
                body_bytes: limits.body_bytes,
                import_bytes: limits.import_bytes,
                header_bytes: limits.header_bytes as u64,
                page_items: page::MAX_ITEMS,
                requests_per_second: u64::from(limits.requests_per_second),
            },
        },
    )
}

pub(super) async fn well_known(ctx: Ctx) -> Result<Reply, Problem> {
    let settings = &ctx.kernel().settings;
    Reply::json(
        StatusCode::OK,
        &Discovery {
            issuer: settings.issuer.clone(),
            region: settings.region.clone(),
            jwks_uri: ops::GET_JWKS.path.to_owned(),
            openapi_uri: ops::GET_OPENAPI.path.to_owned(),
            api_version: VERSION.to_owned(),
        },
    )
}

pub(super) async fn jwks(_ctx: Ctx, signer: Arc<dyn Signer>) -> Result<Reply, Problem> {
    let key = Jwk {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: BASE64_URL_SAFE_NO_PAD.encode(signer.public_key()),
        kid: signer.key_id().to_owned(),
        alg: "Ed25519".to_owned(),
        r#use: "sig".to_owned(),
    };
    let body = serde_json::to_vec(&Jwks { keys: vec![key] }).map_err(Problem::internal)?;
    Ok(Reply::bytes(StatusCode::OK, "application/jwk-set+json", body))
}
