//! What a failed request means to the caller.

use std::error::Error as StdError;
use std::time::Duration;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_smithy_checksums::body::validate::Error as ChecksumError;
use companyos_adapter_traits::{Conflict, Error, ErrorKind, Outcome, RetryClass};

/// The error of a request that did not succeed.
///
/// The source is never the whole answer: that of a wrong signature repeats the request, session token included.
pub(super) fn failed<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match &error {
        SdkError::ServiceError(answer) => {
            let answer = Answer {
                status: answer.raw().status().as_u16(),
                code: error.code().map(str::to_owned),
                message: error.message().unwrap_or_default().to_owned(),
                request_id: error.request_id().map(str::to_owned),
                retry_after: retry_after(answer.raw()),
            };
            answer.into_error(operation).with_source(inner(error))
        }
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status().as_u16();
            unanswered(operation, "the provider's answer cannot be read", error)
                .with_provider_code(status.to_string())
        }
        SdkError::ConstructionFailure(_) => {
            unanswered(operation, "the request cannot be made", error).with_outcome(Outcome::NotSent)
        }
        SdkError::TimeoutError(_) => unanswered(operation, "the provider did not answer in time", error),
        SdkError::DispatchFailure(failure) => {
            let connector = failure.as_connector_error();
            let found = connector.and_then(|error| chain(error).find_map(|error| error.downcast_ref()));
            match found.map(hyper_util::client::legacy::Error::is_connect) {
                Some(true) => unanswered(operation, "the provider cannot be reached", error)
                    .with_outcome(Outcome::NotSent),
                None if failure.is_other() => unsigned(operation, error),
                _ => unanswered(operation, "the connection broke", error),
            }
        }
        _ => unanswered(operation, "the request failed", error),
    }
}

fn unanswered<E>(operation: &'static str, what: &str, error: SdkError<E, HttpResponse>) -> Error
where
    E: StdError + Send + Sync + 'static,
{
    Error::new(ErrorKind::Unavailable, format!("{operation}: {what}")).with_source(inner(error))
}

/// The request did not get as far as the HTTP client: nobody has, or could fetch, credentials to sign it with.
fn unsigned<E>(operation: &'static str, error: SdkError<E, HttpResponse>) -> Error
where
    E: StdError + Send + Sync + 'static,
{
    Error::new(ErrorKind::Unauthenticated, format!("{operation}: there are no credentials to sign with"))
        .with_outcome(Outcome::NotSent)
        .with_retry(RetryClass::Temporary)
        .with_source(inner(error))
}

/// What is within the SDK's error, which is not the answer.
fn inner<E>(error: SdkError<E, HttpResponse>) -> BoxError
where
    E: StdError + Send + Sync + 'static,
{
    error.into_source().unwrap_or_else(|error| error.to_string().into())
}

fn chain<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

/// A refusal, whoever sent it.
#[derive(Debug, Clone, Default)]
struct Answer {
    status: u16,
    code: Option<String>,
    message: String,
    request_id: Option<String>,
    retry_after: Option<Duration>,
}

impl Answer {
    fn into_error(self, operation: &'static str) -> Error {
        let kind = self.kind(operation);
        let said = if self.message.is_empty() { "the provider refused".to_owned() } else { self.message };
        // A server that failed may have failed after the effect, and an answer that cannot be read may be a success.
        let failed = (500..=599).contains(&self.status) && kind != ErrorKind::RateLimited;
        let unsure = failed || (self.code.is_none() && self.status < 400);
        let mut error = Error::new(kind, format!("{operation}: {said}"))
            .with_outcome(if unsure { Outcome::MaybeSent } else { Outcome::Answered })
            .with_provider_code(self.code.unwrap_or_else(|| self.status.to_string()));
        if error.provider_code() == Some("NoSuchBucket") {
            error = error.with_retry(RetryClass::Permanent);
        }
        if let Some(id) = self.request_id {
            error = error.with_provider_request_id(id);
        }
        if let Some(pause) = self.retry_after {
            error = error.with_retry_after(pause);
        }
        error
    }

    /// What the code says, or else the status: a HEAD is refused without a word.
    fn kind(&self, operation: &'static str) -> ErrorKind {
        let code = self.code.as_deref().unwrap_or_default();
        let about = |word: &str| self.message.to_ascii_lowercase().contains(word);
        match code {
            "NoSuchKey" | "NotFound" | "NoSuchVersion" | "NoSuchUpload" => ErrorKind::NotFound,
            "PreconditionFailed" => ErrorKind::Conflict(Conflict::Settled),
            "ConditionalRequestConflict" | "OperationAborted" => ErrorKind::Conflict(Conflict::InFlight),
            "InvalidRange" => ErrorKind::RangeNotSatisfiable,
            "InvalidObjectState" => ErrorKind::InvalidState,
            "EntityTooLarge" | "MetadataTooLarge" | "KeyTooLongError" | "MaxMessageLengthExceeded" => {
                ErrorKind::LimitExceeded
            }
            "BadDigest" | "XAmzContentSHA256Mismatch" | "XAmzContentChecksumMismatch" => ErrorKind::Corrupt,
            "RequestTimeTooSkewed" => ErrorKind::ClockSkew,
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
                ErrorKind::CredentialsExpired
            }
            "InvalidAccessKeyId" | "InvalidToken" | "InvalidClientTokenId" => ErrorKind::CredentialsRevoked,
            "PermanentRedirect" | "TemporaryRedirect" | "Redirect" | "IllegalLocationConstraintException" => {
                ErrorKind::WrongRegion
            }
            // One code for a malformed header and for one that names another region.
            "AuthorizationHeaderMalformed" if about("region") => ErrorKind::WrongRegion,
            "SignatureDoesNotMatch"
            | "AuthorizationHeaderMalformed"
            | "InvalidSecurity"
            | "NotSignedUp"
            | "AuthFailure" => ErrorKind::Unauthenticated,
            // One code for a missing right and for a lock that forbids it.
            "AccessDenied" if about("object lock") || about("worm") => ErrorKind::Locked,
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => ErrorKind::PermissionDenied,
            "SlowDown"
            | "Throttling"
            | "ThrottlingException"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "KMS.ThrottlingException" => ErrorKind::RateLimited,
            // The bucket was there when the adapter was opened: no caller has named a wrong object.
            "NoSuchBucket" | "RequestTimeout" | "IncompleteBody" => ErrorKind::Unavailable,
            "NotImplemented" => ErrorKind::Unsupported { operation, adapter: super::NAME.to_owned() },
            _ if code.starts_with("KMS.") => ErrorKind::PermissionDenied,
            _ => self.kind_of_status(),
        }
    }

    fn kind_of_status(&self) -> ErrorKind {
        match self.status {
            300..=399 => ErrorKind::WrongRegion,
            401 => ErrorKind::Unauthenticated,
            403 => ErrorKind::PermissionDenied,
            404 => ErrorKind::NotFound,
            409 => ErrorKind::Conflict(Conflict::InFlight),
            412 => ErrorKind::Conflict(Conflict::Settled),
            416 => ErrorKind::RangeNotSatisfiable,
            429 => ErrorKind::RateLimited,
            400..=499 => ErrorKind::InvalidInput,
            500..=599 => ErrorKind::Unavailable,
            _ => ErrorKind::Internal,
        }
    }
}

/// `Retry-After` in seconds, which is how servers of this protocol write it.
fn retry_after(answer: &HttpResponse) -> Option<Duration> {
    answer.headers().get("retry-after")?.trim().parse().ok().map(Duration::from_secs)
}

/// The end of a body that did not come through.
pub(super) fn body_failed(error: aws_sdk_s3::primitives::ByteStreamError) -> Error {
    if chain(&error).any(|error| error.is::<ChecksumError>()) {
        return Error::new(ErrorKind::Corrupt, "the body does not have its checksum").with_source(error);
    }
    Error::new(ErrorKind::Unavailable, "the body broke off").with_source(error)
}

/// Whether the refusal came without a reason, as that of a HEAD does.
pub(super) fn is_mute(error: &Error) -> bool {
    matches!(error.provider_code(), Some("400" | "403" | "301" | "307"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, code: &str, message: &str) -> Error {
        let code = (!code.is_empty()).then(|| code.to_owned());
        Answer { status, code, message: message.to_owned(), ..Answer::default() }.into_error("storage.put")
    }

    #[test]
    fn every_refusal_has_the_kind_that_tells_the_caller_what_to_do() {
        use ErrorKind as K;
        let table = [
            (404, "NoSuchKey", "", K::NotFound, Outcome::Answered, RetryClass::Permanent),
            (404, "NoSuchBucket", "", K::Unavailable, Outcome::Answered, RetryClass::Permanent),
            (
                412,
                "PreconditionFailed",
                "",
                K::Conflict(Conflict::Settled),
                Outcome::Answered,
                RetryClass::Permanent,
            ),
            (
                409,
                "ConditionalRequestConflict",
                "",
                K::Conflict(Conflict::InFlight),
                Outcome::Answered,
                RetryClass::Temporary,
            ),
            (400, "ExpiredToken", "", K::CredentialsExpired, Outcome::Answered, RetryClass::Permanent),
            (403, "InvalidAccessKeyId", "", K::CredentialsRevoked, Outcome::Answered, RetryClass::Permanent),
            (403, "SignatureDoesNotMatch", "", K::Unauthenticated, Outcome::Answered, RetryClass::Permanent),
            (403, "RequestTimeTooSkewed", "", K::ClockSkew, Outcome::Answered, RetryClass::Permanent),
            (403, "AccessDenied", "", K::PermissionDenied, Outcome::Answered, RetryClass::Permanent),
            (
                403,
                "AccessDenied",
                "Access Denied because object protected by object lock.",
                K::Locked,
                Outcome::Answered,
                RetryClass::Permanent,
            ),
            (301, "PermanentRedirect", "", K::WrongRegion, Outcome::Answered, RetryClass::Permanent),
            (301, "", "", K::WrongRegion, Outcome::MaybeSent, RetryClass::Permanent),
            (
                400,
                "AuthorizationHeaderMalformed",
                "the region 'us-east-1' is wrong; expecting 'eu-west-1'",
                K::WrongRegion,
                Outcome::Answered,
                RetryClass::Permanent,
            ),
            (400, "BadDigest", "", K::Corrupt, Outcome::Answered, RetryClass::Permanent),
            (400, "EntityTooLarge", "", K::LimitExceeded, Outcome::Answered, RetryClass::Permanent),
            (400, "RequestTimeout", "", K::Unavailable, Outcome::Answered, RetryClass::Temporary),
            (400, "MalformedXML", "", K::InvalidInput, Outcome::Answered, RetryClass::Permanent),
            (503, "SlowDown", "", K::RateLimited, Outcome::Answered, RetryClass::Temporary),
            (500, "InternalError", "", K::Unavailable, Outcome::MaybeSent, RetryClass::Temporary),
            (200, "", "", K::Internal, Outcome::MaybeSent, RetryClass::Permanent),
            (200, "InternalError", "", K::Internal, Outcome::Answered, RetryClass::Permanent),
            (502, "", "", K::Unavailable, Outcome::MaybeSent, RetryClass::Temporary),
        ];
        for (status, code, message, kind, outcome, retry) in table {
            let error = answer(status, code, message);
            assert_eq!(
                (error.kind(), error.outcome(), error.retry()),
                (&kind, outcome, retry),
                "{status} {code}"
            );
        }
    }

    #[test]
    fn a_refusal_without_a_word_is_told_by_its_status() {
        assert_eq!(answer(403, "", "").provider_code(), Some("403"));
        assert!(is_mute(&answer(403, "", "")) && !is_mute(&answer(403, "AccessDenied", "")));
        assert_eq!(*answer(418, "", "").kind(), ErrorKind::InvalidInput);
    }
}
