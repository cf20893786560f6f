//! The path and query of a request.

use std::borrow::Cow;
use std::fmt::{Display, Write as _};

/// Path and query under construction, from an operation's path template.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    path: Cow<'static, str>,
    query: String,
}

/// A path parameter that would address something else than its operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadSegment;

impl Target {
    pub(crate) fn new(template: &'static str) -> Self {
        Self { path: Cow::Borrowed(template), query: String::new() }
    }

    /// Fills `{name}` with one segment.
    pub(crate) fn segment(&mut self, name: &str, value: &str) -> Result<(), BadSegment> {
        check(value)?;
        self.fill(name, &encoded(value));
        Ok(())
    }

    /// Fills `{name}` with a rest of the path, whose slashes stay.
    pub(crate) fn rest(&mut self, name: &str, value: &str) -> Result<(), BadSegment> {
        let mut rest = String::with_capacity(value.len());
        for (at, segment) in value.split('/').enumerate() {
            check(segment)?;
            if at > 0 {
                rest.push('/');
            }
            encode(segment, &mut rest);
        }
        self.fill(name, &rest);
        Ok(())
    }

    /// Sets a query parameter, over any earlier value.
    pub(crate) fn query(&mut self, name: &str, value: impl Display) {
        self.unset(name);
        if !self.query.is_empty() {
            self.query.push('&');
        }
        encode(name, &mut self.query);
        self.query.push('=');
        encode(&value.to_string(), &mut self.query);
    }

    /// Returns path and query as they are sent, or the name of a path parameter that was not given.
    pub(crate) fn finish(&self) -> Result<String, String> {
        if let Some((_, rest)) = self.path.split_once('{') {
            return Err(rest.split('}').next().unwrap_or_default().to_owned());
        }
        let mut target = String::with_capacity(self.path.len() + 1 + self.query.len());
        target.push_str(&self.path);
        if !self.query.is_empty() {
            target.push('?');
            target.push_str(&self.query);
        }
        Ok(target)
    }

    fn fill(&mut self, name: &str, encoded: &str) {
        // What is filled in holds no brace, it is encoded; so a value cannot be mistaken for a parameter.
        let place = self.path.match_indices('{').find_map(|(open, _)| {
            let rest = self.path[open + 1..].strip_prefix(name)?.strip_prefix('}')?;
            Some((&self.path[..open], rest))
        });
        if let Some((before, after)) = place {
            self.path = Cow::Owned([before, encoded, after].concat());
        }
    }

    fn unset(&mut self, name: &str) {
        let name = encoded(name);
        let same = |pair: &&str| pair.split('=').next() == Some(&*name);
        if self.query.split('&').any(|pair| same(&pair)) {
            self.query = self.query.split('&').filter(|pair| !same(pair)).collect::<Vec<_>>().join("&");
        }
    }
}

/// Refuses what URL parsers normalise away, encoded or not: it would address another resource.
fn check(segment: &str) -> Result<(), BadSegment> {
    if matches!(segment, "" | "." | "..") { Err(BadSegment) } else { Ok(()) }
}

fn encoded(text: &str) -> Cow<'_, str> {
    if text.bytes().all(is_unreserved) {
        return Cow::Borrowed(text);
    }
    let mut encoded = String::with_capacity(text.len() * 3);
    encode(text, &mut encoded);
    Cow::Owned(encoded)
}

fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if is_unreserved(byte) {
            into.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fills_path_and_query() {
        let mut target = Target::new("/logs/{log_id}/tile/{level}/{index}");
        assert_eq!(target.finish(), Err("log_id".to_owned()));
        target.segment("log_id", "log_1").expect("a segment");
        target.segment("level", "0").expect("a segment");
        target.rest("index", "x001/067").expect("a rest");
        target.query("a", "x y&z=ä");
        target.query("b", 7);
        assert_eq!(target.finish().as_deref(), Ok("/logs/log_1/tile/0/x001/067?a=x%20y%26z%3D%C3%A4&b=7"));
    }

    #[test]
    fn the_last_value_of_a_query_parameter_wins() {
        let mut target = Target::new("/tenants");
        target.query("cursor", "first");
        target.query("limit", 2);
        target.query("cursor", "second");
        assert_eq!(target.finish().as_deref(), Ok("/tenants?limit=2&cursor=second"));
    }

    #[test]
    fn a_path_parameter_cannot_leave_its_place() {
        let mut target = Target::new("/tenants/{tenant_id}");
        for value in ["", ".", ".."] {
            assert_eq!(target.segment("tenant_id", value), Err(BadSegment), "{value:?}");
            assert_eq!(target.rest("tenant_id", &format!("a/{value}")), Err(BadSegment), "{value:?}");
        }
        target.segment("tenant_id", "../api-keys?x={y}#z").expect("encoded");
        assert_eq!(target.finish().as_deref(), Ok("/tenants/..%2Fapi-keys%3Fx%3D%7By%7D%23z"));
    }

    proptest! {
        #[test]
        fn any_segment_survives_a_url_parser(value in "[^\u{0}]{1,40}") {
            prop_assume!(value != "." && value != "..");
            let mut target = Target::new("/tenants/{tenant_id}/end");
            target.segment("tenant_id", &value).expect("a segment");
            let url = url::Url::parse(&format!("http://h{}", target.finish().expect("filled"))).expect("a URL");
            prop_assert_eq!(url.path_segments().map(Iterator::count), Some(3));
            prop_assert_eq!(url.query(), None);
        }
    }
}
