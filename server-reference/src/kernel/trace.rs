//! W3C Trace Context (level 1): which trace a request belongs to.

use http::HeaderMap;

use super::ids::Ids;
use super::policy::hex;

/// The trace a request is part of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: String,
    parent_id: Option<String>,
    sampled: bool,
}

impl TraceContext {
    /// Takes the trace of `traceparent`, or starts one when it is missing or malformed (section 3.2.2.3).
    #[must_use]
    pub fn of(headers: &HeaderMap, ids: &dyn Ids) -> Self {
        let mut values = headers.get_all("traceparent").iter();
        let first = values.next().and_then(|value| value.to_str().ok()).and_then(Self::parse);
        // More than one header is as good as none (section 3.2.2.2).
        first.filter(|_| values.next().is_none()).unwrap_or_else(|| Self::start(ids))
    }

    /// A new trace.
    #[must_use]
    pub fn start(ids: &dyn Ids) -> Self {
        let mut id = [0_u8; 16];
        ids.fill(&mut id);
        Self { trace_id: hex(&id), parent_id: None, sampled: false }
    }

    fn parse(text: &str) -> Option<Self> {
        let version = text.get(..2).filter(|version| lower_hex(version) && *version != "ff")?;
        let (trace_id, parent_id, flags) = (text.get(3..35)?, text.get(36..52)?, text.get(53..55)?);
        let dashes = text.as_bytes();
        let shaped = dashes[2] == b'-' && dashes[35] == b'-' && dashes[52] == b'-';
        // Version 00 ends here; later versions may go on after a dash.
        let ended = text.len() == 55 || (version != "00" && dashes.get(55) == Some(&b'-'));
        let valid = [trace_id, parent_id, flags].into_iter().all(lower_hex)
            && trace_id.bytes().any(|b| b != b'0')
            && parent_id.bytes().any(|b| b != b'0');
        (shaped && ended && valid).then(|| Self {
            trace_id: trace_id.to_owned(),
            parent_id: Some(parent_id.to_owned()),
            sampled: u8::from_str_radix(flags, 16).is_ok_and(|flags| flags & 1 == 1),
        })
    }

    /// 32 hex digits.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        &self.trace_id
    }

    /// The caller's span, 16 hex digits, when the caller named one.
    #[must_use]
    pub fn parent_id(&self) -> Option<&str> {
        self.parent_id.as_deref()
    }

    /// Whether the caller records this trace.
    #[must_use]
    pub fn sampled(&self) -> bool {
        self.sampled
    }
}

fn lower_hex(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::RandomIds;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn of(values: &[&str]) -> TraceContext {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("traceparent", value.parse().unwrap());
        }
        TraceContext::of(&headers, &RandomIds)
    }

    #[test]
    fn a_valid_traceparent_is_honoured() {
        let trace = of(&[&format!("00-{TRACE}-00f067aa0ba902b7-01")]);
        assert_eq!((trace.trace_id(), trace.parent_id()), (TRACE, Some("00f067aa0ba902b7")));
        assert!(trace.sampled());
        assert_eq!(of(&[&format!("cc-{TRACE}-00f067aa0ba902b7-00-what-comes-later")]).trace_id(), TRACE);
    }

    #[test]
    fn anything_else_starts_a_trace() {
        let valid = format!("00-{TRACE}-00f067aa0ba902b7-01");
        let zero = "0".repeat(32);
        for values in [
            vec![],
            vec![""],
            vec!["00"],
            vec![&valid[..54]],
            vec![&format!("{valid}-extra")],
            vec![&valid.to_uppercase()],
            vec![&valid.replacen("00", "ff", 1)],
            vec![&valid.replace(TRACE, &zero)],
            vec![&valid, &valid],
        ] {
            let trace = of(&values.iter().map(|value| &**value).collect::<Vec<_>>());
            assert_ne!(trace.trace_id(), TRACE, "{values:?}");
            assert_eq!(trace.trace_id().len(), 32);
        }
    }
}
