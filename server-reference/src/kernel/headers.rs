//! What is checked of a request's header before anything else.

use companyos_types::problems;
use http::header::{
    ACCEPT, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
    IF_MATCH, IF_NONE_MATCH,
};

use super::contract::Rules;
use super::fault::RETRY_TEST_ID;
use super::idempotency::IDEMPOTENCY_KEY;
use super::problem::{Problem, parameter_finding};
use super::settings::Limits;

/// Header fields that mean one thing only. Given twice, two readers may each believe another one.
const SINGLETONS: [HeaderName; 9] = [
    AUTHORIZATION,
    CONTENT_TYPE,
    CONTENT_LENGTH,
    CONTENT_ENCODING,
    HOST,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    RETRY_TEST_ID,
];

/// Refuses a header that is too large (431) or names a singleton twice (400), and a target that is too long (414).
pub(crate) fn check(headers: &HeaderMap, target: usize, limits: &Limits) -> Result<(), Problem> {
    if target > limits.uri_bytes {
        return Err(Problem::new(&problems::URI_TOO_LONG)
            .detail(format!("The request target exceeds {} bytes.", limits.uri_bytes)));
    }
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > limits.header_bytes {
        return Err(Problem::new(&problems::HEADER_FIELDS_TOO_LARGE)
            .detail(format!("The header fields exceed {} bytes.", limits.header_bytes)));
    }
    for name in &SINGLETONS {
        if headers.get_all(name).iter().nth(1).is_some() {
            return Err(Problem::new(&problems::MALFORMED_REQUEST)
                .detail("A header field that may be given once is given more than once.")
                .error(parameter_finding(
                    name.as_str(),
                    "duplicate",
                    "The header field is given more than once.",
                )));
        }
    }
    Ok(())
}

/// A header as text; `None` when it is missing.
///
/// # Errors
/// 400 when it is not visible ASCII.
pub(crate) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, Problem> {
    let Some(value) = headers.get(name) else {
        return Ok(None);
    };
    value.to_str().map(Some).map_err(|_| {
        Problem::new(&problems::MALFORMED_REQUEST).error(parameter_finding(
            name.as_str(),
            "encoding",
            "The header field is not visible ASCII.",
        ))
    })
}

/// The media type without its parameters, in lower case.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// 406 unless `Accept` allows one of the media types the operation answers with (RFC 9110 section 12.5.1).
pub(crate) fn check_accept(headers: &HeaderMap, rules: &Rules) -> Result<(), Problem> {
    let mut ranges = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).peekable();
    if ranges.peek().is_none() || rules.produces.is_empty() {
        return Ok(());
    }
    let ranges: Vec<Range<'_>> = ranges.flat_map(|list| list.split(',')).map(Range::parse).collect();
    if rules.produces.iter().any(|produced| Range::allow(&ranges, produced)) {
        return Ok(());
    }
    Err(Problem::new(&problems::NOT_ACCEPTABLE)
        .detail(format!("The operation answers with {}.", rules.produces.join(" or "))))
}

/// A media range of `Accept`.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    excluded: bool,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let (kind, subtype) = parts.next().and_then(|range| range.split_once('/')).unwrap_or(("", ""));
        let quality = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let excluded = quality.is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q <= 0.0));
        Self { kind, subtype, excluded }
    }

    /// How closely the range describes a media type; 0 when it does not.
    fn closeness(&self, kind: &str, subtype: &str) -> u8 {
        match (self.kind, self.subtype) {
            ("*", "*") => 1,
            (k, "*") if k.eq_ignore_ascii_case(kind) => 2,
            (k, s) if k.eq_ignore_ascii_case(kind) && s.eq_ignore_ascii_case(subtype) => 3,
            _ => 0,
        }
    }

    /// Whether the closest of `ranges` lets `produced` through.
    fn allow(ranges: &[Self], produced: &str) -> bool {
        let (kind, subtype) = produced.split_once('/').unwrap_or((produced, ""));
        let closest = ranges.iter().max_by_key(|range| range.closeness(kind, subtype));
        closest.is_some_and(|range| range.closeness(kind, subtype) > 0 && !range.excluded)
    }
}

#[cfg(test)]
mod tests {
    use companyos_types::ops;

    use super::*;
    use crate::kernel::contract::Contract;

    fn accepts(accept: &str) -> bool {
        let rules = Contract::load().unwrap().rules(&ops::GET_META).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, accept.parse().unwrap());
        check_accept(&headers, &rules).is_ok()
    }

    #[test]
    fn accept_is_honoured() {
        for accept in
            ["*/*", "application/*", "text/html, application/json;q=0.1", "Application/JSON; charset=utf-8"]
        {
            assert!(accepts(accept), "{accept}");
        }
        for accept in
            ["text/html", "application/json;q=0", "*/*, application/json;q=0.0", "application/xml, text/*"]
        {
            assert!(!accepts(accept), "{accept}");
        }
    }

    #[test]
    fn a_singleton_given_twice_is_refused() {
        for name in SINGLETONS {
            let mut headers = HeaderMap::new();
            headers.append(&name, "1".parse().unwrap());
            assert!(check(&headers, 1, &Limits::default()).is_ok(), "{name}");
            headers.append(&name, "1".parse().unwrap());
            assert_eq!(
                check(&headers, 1, &Limits::default()).unwrap_err().code(),
                "malformed-request",
                "{name}"
            );
        }
    }

    #[test]
    fn sizes_are_bounded() {
        let mut headers = HeaderMap::new();
        headers.insert("x-a", "a".repeat(33_000).parse().unwrap());
        assert_eq!(check(&headers, 1, &Limits::default()).unwrap_err().code(), "header-fields-too-large");
        assert_eq!(check(&HeaderMap::new(), 9_000, &Limits::default()).unwrap_err().code(), "uri-too-long");
    }
}
