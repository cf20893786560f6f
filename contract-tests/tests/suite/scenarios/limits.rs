//! What every operation does at the limits of the server: too much, too slow, too many.

use std::time::Duration;

use bytes::Bytes;
use companyos_server::kernel::settings::Limits;
use companyos_types::ops::{self, BodyClass, Operation};
use http::Request;

use super::{expect_status, json};
use crate::sample::{never, nothing, request, with_body};
use crate::watch::Watched;

pub(crate) async fn walk() {
    let large = limited(Limits { body_bytes: 64, import_bytes: 64, ..Limits::default() }).await;
    let slow = limited(Limits { body_timeout: Duration::from_millis(40), ..Limits::default() }).await;
    let full = limited(Limits { concurrency: 0, ..Limits::default() }).await;
    let spent = limited(Limits { requests_per_second: 1, ..Limits::default() }).await;
    spent.call(sample(&spent, &ops::LIST_TENANTS)).await;
    for operation in ops::ALL.iter().copied() {
        if operation.body != BodyClass::None {
            let request = with_body(sample(&large, operation), vec![b' '; 65]);
            refused(&large, request, operation, 413, "content-too-large").await;
            let answer = slow.stream(sample(&slow, operation).map(|_| never())).await;
            expect_status(operation.id, &answer, 408);
        }
        if operation.flow != "health" {
            refused(&full, sample(&full, operation), operation, 503, "unavailable").await;
        }
        if !operation.public {
            refused(&spent, sample(&spent, operation), operation, 429, "rate-limited").await;
        }
    }
}

async fn limited(limits: Limits) -> Watched {
    Watched::with(|builder| builder.limits(limits)).await
}

fn sample(watched: &Watched, operation: &Operation) -> Request<Bytes> {
    request(operation, &nothing(), Some(watched.server.operator_key()))
}

async fn refused(watched: &Watched, request: Request<Bytes>, operation: &Operation, status: u16, code: &str) {
    let answer = watched.call(request).await;
    let about = format!("{} should refuse with {code}", operation.id);
    expect_status(&about, &answer, status);
    assert_eq!(json(&answer)["code"], code, "{about}");
}
