//! One request, within its time.

use std::error::Error as StdError;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use companyos_adapter_traits::{Context, Error, ErrorKind, RetryClass};

use super::Shared;
use super::error::failed;

/// What a body is given beyond the time to answer: a second for so many bytes.
const SLOWEST: u64 = 64 << 10;

impl Shared {
    /// Sends a request whose bodies, both ways, have so many bytes.
    pub(super) async fn send<T, E>(
        &self,
        ctx: &Context,
        operation: &'static str,
        bytes: u64,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Error>
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        let now = self.clock.now();
        ctx.check_deadline(now)?;
        let patience = self.timeout + Duration::from_secs(bytes / SLOWEST);
        let left = ctx.remaining(now).filter(|left| *left < patience);
        match tokio::time::timeout(left.unwrap_or(patience), request).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let error = failed(operation, error);
                Err(if self.attempts > 1 { error.into_persistent() } else { error })
            }
            Err(_) if left.is_some() => Err(past_deadline(operation)),
            Err(_) => {
                let why = format!("{operation}: the provider did not answer within {patience:?}");
                Err(Error::new(ErrorKind::Unavailable, why))
            }
        }
    }
}

pub(super) fn past_deadline(operation: &str) -> Error {
    let why = format!("{operation}: the deadline passed while the provider was at work");
    // Permanent, because the same deadline passes only once.
    Error::new(ErrorKind::DeadlineExceeded, why).with_retry(RetryClass::Permanent)
}

/// Notes the `Date` of an answer, which for a write is the only thing that tells when the provider did it.
#[derive(Debug, Clone, Default)]
pub(super) struct Stamp(Arc<AtomicU64>);

impl Stamp {
    /// The time of the answer by the provider's clock, or `otherwise`.
    pub(super) fn time(&self, otherwise: SystemTime) -> SystemTime {
        match self.0.load(Ordering::Relaxed) {
            0 => otherwise,
            seconds => UNIX_EPOCH + Duration::from_secs(seconds),
        }
    }
}

impl Intercept for Stamp {
    fn name(&self) -> &'static str {
        "companyos-date"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        let date = date.and_then(|date| httpdate::parse_http_date(date).ok());
        if let Some(since) = date.and_then(|date| date.duration_since(UNIX_EPOCH).ok()) {
            self.0.store(since.as_secs(), Ordering::Relaxed);
        }
        Ok(())
    }
}
