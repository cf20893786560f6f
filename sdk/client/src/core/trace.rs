//! W3C Trace Context, and the span of each attempt.

use std::fmt::Write as _;

use http::{HeaderValue, Uri};
use tracing::Span;
use tracing::field::Empty;

use companyos_types::ops::Operation;

/// The trace a call belongs to: the caller's, or one of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TraceContext {
    trace_id: u128,
    flags: u8,
    /// Drawn once for the call: the attempts' spans are told apart by what their number adds to it.
    spans: u64,
}

impl TraceContext {
    /// Continues the trace of a `traceparent` value, or starts one.
    ///
    /// `recorded` says whether anybody records the client's own span; a trace started here is marked as sampled only
    /// then, so that servers which follow the caller's decision are told the truth.
    pub(crate) fn of(traceparent: Option<&HeaderValue>, recorded: bool) -> Self {
        // One system call for both ids: it is among the dearest things that a call does.
        let random: [u8; 24] = random();
        let trace_id = random.first_chunk().copied().map_or(1, u128::from_be_bytes).max(1);
        let spans = random.last_chunk().copied().map_or(1, u64::from_be_bytes);
        let given = traceparent.and_then(|value| value.to_str().ok()).and_then(Self::parse);
        let (trace_id, flags) = given.unwrap_or((trace_id, u8::from(recorded)));
        Self { trace_id, flags, spans }
    }

    /// Reads version 00, and what version 00 defines of later versions, as the specification asks.
    fn parse(value: &str) -> Option<(u128, u8)> {
        let mut parts = value.trim().splitn(5, '-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let version = hex(version, 2)?;
        let trace_id = hex(trace, 32)?;
        let parent = hex(parent, 16)?;
        let flags = u8::try_from(hex(flags, 2)?).ok()?;
        let malformed =
            version == 0xff || trace_id == 0 || parent == 0 || (version == 0 && parts.next().is_some());
        (!malformed).then_some((trace_id, flags))
    }

    /// Returns the `traceparent` of the attempt with this number, counted from 1, which is a span of its own.
    pub(crate) fn attempt(self, number: u32) -> Option<HeaderValue> {
        // Zero is the one value that the specification forbids, and no other attempt comes near this one.
        let span_id = match self.spans.wrapping_add(number.into()) {
            0 => u64::MAX / 2,
            span_id => span_id,
        };
        let mut value = String::with_capacity(55);
        let _ = write!(value, "00-{:032x}-{span_id:016x}-{:02x}", self.trace_id, self.flags);
        HeaderValue::try_from(value).ok()
    }
}

/// Lower-case hexadecimal of exactly this many digits.
fn hex(text: &str, digits: usize) -> Option<u128> {
    let valid = text.len() == digits && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if valid { u128::from_str_radix(text, 16).ok() } else { None }
}

/// Random bytes; all ones where there is no source of them, because a trace is not worth failing a call.
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if getrandom::fill(&mut bytes).is_err() {
        bytes = [1; N];
    }
    bytes
}

/// The span of one attempt, with the names of OpenTelemetry's HTTP client semantic conventions.
///
/// The query is left out of `url.full`: it holds cursors and whatever callers filter by.
pub(crate) fn attempt_span(operation: &Operation, uri: &Uri, resend: u32) -> Span {
    tracing::info_span!(
        "companyos.http",
        otel.name = %format_args!("{} {}", operation.method.as_str(), operation.path),
        otel.kind = "client",
        companyos.operation = operation.id,
        http.request.method = operation.method.as_str(),
        http.request.resend_count = (resend > 0).then_some(resend),
        url.full = %WithoutQuery(uri),
        url.template = operation.path,
        server.address = uri.host(),
        server.port = port(uri),
        http.response.status_code = Empty,
        error.type = Empty,
        companyos.request_id = Empty,
    )
}

fn port(uri: &Uri) -> Option<u16> {
    uri.port_u16().or(match uri.scheme_str() {
        Some("https") => Some(443),
        Some("http") => Some(80),
        _ => None,
    })
}

struct WithoutQuery<'a>(&'a Uri);

impl std::fmt::Display for WithoutQuery<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let uri = self.0;
        write!(
            f,
            "{}://{}{}",
            uri.scheme_str().unwrap_or("http"),
            uri.authority().map_or("", |a| a.as_str()),
            uri.path()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Option<(u128, u8)> {
        TraceContext::parse(text)
    }

    #[test]
    fn continues_the_callers_trace_with_a_span_of_its_own() {
        let given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context = TraceContext::of(Some(&HeaderValue::from_static(given)), false);
        let sent = context.attempt(1).expect("a value");
        let sent = sent.to_str().expect("ASCII");
        assert!(sent.starts_with("00-0af7651916cd43dd8448eb211c80319c-") && sent.ends_with("-01"), "{sent}");
        assert_ne!(sent, given);
        assert_ne!(context.attempt(1), context.attempt(2), "each attempt is a span");
        let again = TraceContext::of(Some(&HeaderValue::from_static(given)), false);
        assert_ne!(context.attempt(1), again.attempt(1), "and so is each call");
    }

    #[test]
    fn a_trace_started_here_is_sampled_only_if_recorded() {
        for (recorded, flags) in [(false, "-00"), (true, "-01")] {
            let value = TraceContext::of(None, recorded).attempt(1).expect("a value");
            assert!(value.to_str().expect("ASCII").ends_with(flags));
        }
        assert_ne!(TraceContext::of(None, false), TraceContext::of(None, false));
    }

    #[test]
    fn malformed_parents_are_not_continued() {
        for bad in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
        assert!(parse("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-later").is_some());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            trace_id in 1_u128..,
            flags: u8,
            spans in prop_oneof![any::<u64>(), (u64::MAX - 3)..],
            number in 1_u32..5,
        ) {
            let value = TraceContext { trace_id, flags, spans }.attempt(number).expect("a value");
            prop_assert_eq!(parse(value.to_str().expect("ASCII")), Some((trace_id, flags)));
        }

        #[test]
        fn reading_never_panics(text in ".*") {
            let _ = parse(&text);
        }
    }
}
