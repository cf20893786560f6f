//! Refusals that never become a request: a request line or header that cannot be parsed.
//!
//! hyper answers these itself with a status and nothing else. Every error of this server is a problem, so its bare
//! answer is recognised on its way out and replaced.

use companyos_types::problems::{self, ProblemType};

use crate::kernel::Kernel;
use crate::kernel::ids::new_id;
use crate::kernel::problem::Problem;
use crate::kernel::trace::TraceContext;

/// hyper's bare answers are this short; our own heads are not.
const LONGEST: usize = 256;

/// The problem type that stands for a bare answer of hyper's; `None` for anything else.
///
/// Every response of ours carries `request-id`, so none of them can be mistaken for one.
pub(super) fn status_of(written: &[u8]) -> Option<&'static ProblemType> {
    let status = written.strip_prefix(b"HTTP/1.1 4")?.first_chunk::<2>()?;
    let bare = written.len() <= LONGEST
        && written.ends_with(b"\r\n\r\n")
        && contains(written, b"content-length: 0\r\n")
        && !contains(written, b"request-id:");
    match status {
        b"00" if bare => Some(&problems::MALFORMED_REQUEST),
        b"14" if bare => Some(&problems::URI_TOO_LONG),
        b"31" if bare => Some(&problems::HEADER_FIELDS_TOO_LARGE),
        _ => None,
    }
}

/// A whole response, head and body, that closes the connection.
pub(super) fn response(kernel: &Kernel, kind: &'static ProblemType) -> Vec<u8> {
    let request_id = new_id(&*kernel.ids, "req", kernel.clock.now());
    let trace = TraceContext::start(&*kernel.ids);
    let reply = Problem::new(kind).to_reply(&request_id, Some(trace.trace_id()));
    let body = reply.body().cloned().unwrap_or_default();
    tracing::info!(%request_id, status = kind.status, code = kind.code, "refused before it was a request");
    let reason = reply.status().canonical_reason().unwrap_or("Error");
    let mut response = format!(
        "HTTP/1.1 {} {reason}\r\ncontent-type: application/problem+json\r\nrequest-id: {request_id}\r\n\
         x-content-type-options: nosniff\r\ncache-control: no-store\r\n\
         content-security-policy: default-src 'none'; frame-ancestors 'none'\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        kind.status,
        body.len(),
    )
    .into_bytes();
    response.extend_from_slice(&body);
    response
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bare_answers_are_recognised() {
        let bare =
            b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(status_of(bare).map(|kind| kind.code), Some("header-fields-too-large"));
        for other in [
            b"HTTP/1.1 400 Bad Request\r\nrequest-id: req_1\r\ncontent-length: 0\r\n\r\n".as_slice(),
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            b"HTTP/1.1 400 Bad Request\r\ncontent-length: 10\r\n\r\n",
            b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
            b"",
        ] {
            assert!(status_of(other).is_none(), "{}", String::from_utf8_lossy(other));
        }
    }
}
