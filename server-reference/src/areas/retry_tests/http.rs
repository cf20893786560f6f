//! The operations of this area.

use std::sync::Arc;

use companyos_types::retry_tests::RetryTestCreate;
use http::StatusCode;

use super::service::RetryTests;
use crate::kernel::ctx::Ctx;
use crate::kernel::problem::Problem;
use crate::kernel::reply::Reply;

pub(super) async fn create(ctx: Ctx, tests: Arc<RetryTests>) -> Result<Reply, Problem> {
    let request: RetryTestCreate = ctx.json()?;
    let made = tests.create(ctx.principal(), request.instructions)?;
    Ok(Reply::json(StatusCode::CREATED, &made)?.location(&format!("/retry-tests/{}", made.id)))
}

pub(super) async fn get(ctx: Ctx, tests: Arc<RetryTests>) -> Result<Reply, Problem> {
    Reply::json(StatusCode::OK, &tests.get(ctx.principal(), ctx.path("retry_test_id"))?)
}

pub(super) async fn delete(ctx: Ctx, tests: Arc<RetryTests>) -> Result<Reply, Problem> {
    tests.delete(ctx.principal(), ctx.path("retry_test_id"))?;
    Ok(Reply::empty(StatusCode::NO_CONTENT))
}
