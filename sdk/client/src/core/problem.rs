//! Answers that are not successes.

use bytes::Bytes;
use companyos_types::shared::Problem;
use http::{HeaderMap, StatusCode, header};

use super::error::{Error, Kind};

/// The most of an error answer that is read, in bytes.
pub(crate) const MOST_READ: usize = 1 << 20;

/// Returns whether the content type has this essence, parameters aside.
pub(crate) fn is_media_type(headers: &HeaderMap, essence: &str) -> bool {
    media_type(headers).is_some_and(|found| found.eq_ignore_ascii_case(essence))
}

/// Returns the content type without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(str::trim)
}

/// Makes the error of an answer of 400 or more, from its body or from the failure to read it.
pub(crate) fn refusal(status: StatusCode, headers: &HeaderMap, body: Result<Bytes, Error>) -> Error {
    let unexplained = |why: &str| {
        let reason = status.canonical_reason().unwrap_or("an unknown status");
        Error::new(Kind::Status, format!("{reason}, {why}"))
    };
    let body = match body {
        Ok(body) => body,
        Err(error) => return unexplained("and its body could not be read").caused_by(error),
    };
    if !is_media_type(headers, "application/problem+json") {
        return unexplained("without problem details");
    }
    match serde_json::from_slice::<Problem>(&body) {
        Err(error) => unexplained("with problem details that cannot be read").caused_by(error),
        Ok(problem) => {
            let message = match &problem.detail {
                Some(detail) => format!("{}: {}", problem.title, printable(detail)),
                None => printable(&problem.title),
            };
            Error::new(Kind::Problem, message).with(|call| {
                call.receipt_id.clone_from(&problem.receipt_id);
                call.request_id = Some(problem.request_id.clone());
                call.problem = Some(problem);
            })
        }
    }
}

/// What came over the network is shown on one line: it may end up in a log.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static(content_type))])
    }

    #[test]
    fn problem_details_are_read_whatever_the_parameters() {
        let body = br#"{"type":"t","title":"No","status":404,"code":"not-found","request_id":"req_1","retryable":false}"#;
        for content_type in ["application/problem+json", "Application/Problem+JSON; charset=utf-8"] {
            let error = refusal(StatusCode::NOT_FOUND, &headers(content_type), Ok(Bytes::from_static(body)));
            assert!(error.is_problem("not-found"), "{content_type}");
        }
        let error =
            refusal(StatusCode::NOT_FOUND, &headers("application/json"), Ok(Bytes::from_static(body)));
        assert!(error.problem().is_none());
        assert_eq!(error.code(), "unexpected-status");
    }

    #[test]
    fn control_characters_of_a_detail_do_not_reach_the_log() {
        let body = br#"{"type":"t","title":"No","detail":"a\nERROR forged\u001b[2J","status":400,"code":"c","request_id":"req_1","retryable":false}"#;
        let error = refusal(
            StatusCode::BAD_REQUEST,
            &headers("application/problem+json"),
            Ok(Bytes::from_static(body)),
        );
        assert!(!error.to_string().contains(['\n', '\u{1b}']), "{error}");
    }
}
