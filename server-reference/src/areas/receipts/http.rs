//! The operations: take the request apart, ask the service, shape the response.

use bytes::{Bytes, BytesMut};
use companyos_receipt::range::MEDIA_TYPE;
use companyos_receipt::receipt::Private;
use companyos_receipt::tlog::TilePath;
use companyos_types::problems;
use companyos_types::receipts as wire;
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Semaphore;

use super::model::{Filter, Page};
use super::service::{self, Error};
use super::{export, rules, verify};
use crate::kernel::clock::Timestamp;
use crate::kernel::ctx::Ctx;
use crate::kernel::json;
use crate::kernel::page::pointer_of;
use crate::kernel::policy::Resource;
use crate::kernel::problem::{Problem, finding, parameter_finding};
use crate::kernel::reply::Reply;

const TEXT: &str = "text/plain; charset=utf-8";
const BINARY: &str = "application/octet-stream";

/// The longest JSON body: a thousand receipts and proofs of the greatest length the contract allows.
const MAX_VERIFY_JSON: u64 = 96 << 20;

/// How many bodies are verified at once. The work is all computing; more at once would only starve everything else.
static VERIFYING: Semaphore = Semaphore::const_new(2);

#[derive(Deserialize)]
struct ListQuery {
    action: Option<String>,
    outcome: Option<String>,
    issued_from: Option<String>,
    issued_before: Option<String>,
}

#[derive(Deserialize)]
struct RangeQuery {
    from: u64,
    to: Option<u64>,
}

#[derive(Deserialize)]
struct SizesQuery {
    from: u64,
    to: u64,
}

pub(super) async fn list(ctx: Ctx) -> Result<Reply, Problem> {
    let query: ListQuery = ctx.query()?;
    let filter = Filter {
        action: query.action,
        outcome: query.outcome,
        issued_from: time("issued_from", query.issued_from)?,
        issued_before: time("issued_before", query.issued_before)?,
    };
    let start = ctx.cursor::<u64>()?.unwrap_or(0);
    let page = service::list(ctx.store(), ctx.tenant_id(), &filter, start, ctx.limit()).await?;
    let Page { items, next } = page;
    let items = items.into_iter().map(wire::Receipt::from).collect();
    let next_cursor = next.map(|next| ctx.next_cursor(&next)).transpose()?;
    Reply::json(StatusCode::OK, &wire::ReceiptPage { items, next_cursor })
}

pub(super) async fn get(ctx: Ctx) -> Result<Reply, Problem> {
    let receipt = service::get(ctx.store(), ctx.principal(), ctx.path("receipt_id")).await?;
    Reply::json(StatusCode::OK, &wire::Receipt::from(receipt))
}

pub(super) async fn proof(ctx: Ctx) -> Result<Reply, Problem> {
    let proof = service::proof(ctx.store(), ctx.principal(), ctx.path("receipt_id")).await?;
    Ok(Reply::bytes(StatusCode::OK, TEXT, proof))
}

pub(super) async fn export(ctx: Ctx) -> Result<Reply, Problem> {
    let query: RangeQuery = ctx.query()?;
    let permit = ctx.permit(Resource::kind("log")).await?;
    let export = match export::prepare(ctx.store(), ctx.tenant_id(), query.from, query.to).await {
        Ok(export) => export,
        Err(error) => return permit.refuse(error.into()).await,
    };
    let facts = Private::new()
        .detail_entry("log_id", export.log.id.as_str())
        .detail_entry("from", export.range.start)
        .detail_entry("to", export.range.end);
    let stream = export.into_stream(ctx.store().clone());
    permit.attest(facts, Reply::stream(StatusCode::OK, MEDIA_TYPE, stream)).await
}

pub(super) async fn logs(ctx: Ctx) -> Result<Reply, Problem> {
    let after = ctx.cursor::<String>()?.unwrap_or_default();
    let one = ctx.query_str("tenant_id");
    let Page { items, next } = service::logs(ctx.store(), ctx.principal(), one, &after, ctx.limit()).await?;
    let items = items.into_iter().map(wire::Log::from).collect();
    let next_cursor = next.map(|next| ctx.next_cursor(&next)).transpose()?;
    Reply::json(StatusCode::OK, &wire::LogPage { items, next_cursor })
}

pub(super) async fn checkpoint(ctx: Ctx) -> Result<Reply, Problem> {
    let log = service::log(ctx.store(), ctx.principal(), ctx.path("log_id")).await?;
    Ok(Reply::bytes(StatusCode::OK, TEXT, log.checkpoint))
}

pub(super) async fn consistency(ctx: Ctx) -> Result<Reply, Problem> {
    let SizesQuery { from, to } = ctx.query()?;
    let hashes = service::consistency(ctx.store(), ctx.principal(), ctx.path("log_id"), from, to).await?;
    let hashes = hashes.iter().map(ToString::to_string).collect();
    Reply::json(StatusCode::OK, &wire::ConsistencyProof { from, to, hashes })
}

pub(super) async fn tile(ctx: Ctx) -> Result<Reply, Problem> {
    let level: u8 = ctx.path("level").parse().map_err(|_| Problem::not_found())?;
    let tile =
        service::tile(ctx.store(), ctx.principal(), ctx.path("log_id"), level, tile_path(&ctx)?).await?;
    Ok(Reply::bytes(StatusCode::OK, BINARY, tile))
}

pub(super) async fn entries(ctx: Ctx) -> Result<Reply, Problem> {
    let bundle = service::entries(ctx.store(), ctx.principal(), ctx.path("log_id"), tile_path(&ctx)?).await?;
    Ok(Reply::bytes(StatusCode::OK, BINARY, bundle))
}

pub(super) async fn verify(ctx: Ctx) -> Result<Reply, Problem> {
    let verifier = verify::verifier(&[ctx.store().public_key()]).map_err(Problem::internal)?;
    let is_range = ctx.content_type() == MEDIA_TYPE;
    let body = read(&ctx, if is_range { u64::MAX } else { MAX_VERIFY_JSON }).await?;
    let request = if is_range { None } else { Some(verify_request(&body)?) };
    let turn = VERIFYING.acquire().await.map_err(Problem::internal)?;
    let work = tokio::task::spawn_blocking(move || {
        // Held until the work is done, even when nobody waits for it any more.
        let _turn = turn;
        match request {
            Some(request) => verify::receipts(&verifier, &request.receipts),
            None => verify::range(&verifier, &body),
        }
    });
    Reply::json(StatusCode::OK, &work.await.map_err(Problem::internal)?)
}

async fn read(ctx: &Ctx, limit: u64) -> Result<Bytes, Problem> {
    let mut stream = ctx.body_stream()?;
    let mut body = BytesMut::new();
    while let Some(piece) = stream.next().await? {
        if stream.bytes_read() > limit {
            return Err(Problem::new(&problems::CONTENT_TOO_LARGE).detail(format!(
                "A JSON body may have {limit} bytes here; send an exported range instead."
            )));
        }
        body.extend_from_slice(&piece);
    }
    Ok(body.freeze())
}

/// Reads the body of an operation whose bodies the kernel leaves alone, as strictly as it would.
fn verify_request(body: &[u8]) -> Result<wire::VerifyRequest, Problem> {
    let value = json::parse(body).map_err(|error| {
        Problem::new(&problems::MALFORMED_REQUEST)
            .detail(format!("The body cannot be read as JSON: {error}."))
    })?;
    let request: wire::VerifyRequest = typed(&value)?;
    rules::check_verify_request(&request).map_err(|broken| {
        let finding = |(pointer, detail): (String, &str)| finding(&pointer, "length", detail);
        Problem::validation(broken.into_iter().map(finding).collect())
    })?;
    Ok(request)
}

fn typed<T: DeserializeOwned>(value: &serde_json::Value) -> Result<T, Problem> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer_of(error.path());
        Problem::validation(vec![finding(&pointer, "type", error.into_inner().to_string())])
    })
}

fn time(parameter: &'static str, text: Option<String>) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| Timestamp::parse(&text))
        .transpose()
        .map_err(|_| invalid(parameter, "This is not an RFC 3339 time in UTC.".to_owned()))
}

fn tile_path(ctx: &Ctx) -> Result<TilePath, Problem> {
    ctx.path("index").parse().map_err(|_| Problem::not_found())
}

fn invalid(parameter: &str, detail: String) -> Problem {
    Problem::new(&problems::INVALID_PARAMETER).error(parameter_finding(parameter, "range", detail))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::not_found(),
            Error::Unservable(refused) => invalid(refused.parameter, refused.detail),
            Error::Store(error) => error.into(),
            Error::Proof(error) => Self::internal(error),
        }
    }
}
