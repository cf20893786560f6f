//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-11).

use std::time::Duration;

use http::HeaderMap;

/// What is left of a credential's quota.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateLimit {
    /// The name of the policy that is nearest to its limit.
    pub policy: String,
    /// Requests left in the current window.
    pub remaining: u64,
    /// Until the window renews.
    pub resets_in: Option<Duration>,
    /// Requests the policy allows per window.
    pub quota: Option<u64>,
    /// The length of the policy's window.
    pub window: Option<Duration>,
}

impl RateLimit {
    /// Reads the headers of a response. What is malformed is taken as absent: it is advice, not part of the answer.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let limits = Items::parse(text("ratelimit")?)?;
        let limit = limits.0.into_iter().min_by_key(|item| item.number("r").unwrap_or(u64::MAX))?;
        let policies = text("ratelimit-policy").and_then(Items::parse).unwrap_or_default();
        let policy = policies.0.into_iter().find(|policy| policy.name == limit.name);
        let number = |key| policy.as_ref().and_then(|policy| policy.number(key));
        Some(Self {
            remaining: limit.number("r")?,
            resets_in: limit.number("t").map(Duration::from_secs),
            quota: number("q"),
            window: number("w").map(Duration::from_secs),
            policy: limit.name,
        })
    }
}

/// A structured-field list (RFC 9651) as far as these headers use it: strings with parameters.
#[derive(Debug, Default)]
struct Items(Vec<Item>);

#[derive(Debug)]
struct Item {
    name: String,
    parameters: Vec<(String, String)>,
}

impl Item {
    fn number(&self, key: &str) -> Option<u64> {
        self.parameters.iter().rev().find(|(name, _)| name == key).and_then(|(_, value)| value.parse().ok())
    }
}

impl Items {
    fn parse(text: &str) -> Option<Self> {
        let mut items = Vec::new();
        let mut rest = text.trim_matches(' ');
        loop {
            let (name, after) = string(rest)?;
            let mut parameters = Vec::new();
            rest = after;
            while let Some(after) = rest.strip_prefix(';') {
                let (key, after) = take(after.trim_start_matches(' '), is_key);
                let (value, after) = match after.strip_prefix('=') {
                    None => ("", after),
                    Some(after) if after.starts_with('"') => ("", string(after)?.1),
                    Some(after) => take(after, is_bare),
                };
                if key.is_empty() {
                    return None;
                }
                parameters.push((key.to_owned(), value.to_owned()));
                rest = after;
            }
            items.push(Item { name, parameters });
            rest = rest.trim_start_matches([' ', '\t']);
            if rest.is_empty() {
                return Some(Self(items));
            }
            rest = rest.strip_prefix(',')?.trim_start_matches([' ', '\t']);
        }
    }
}

/// A quoted string at the start, unescaped, and what follows it.
fn string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.strip_prefix('"')?.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 2..])),
            '\\' => value.push(chars.next().map(|(_, c)| c).filter(|c| matches!(c, '"' | '\\'))?),
            ' '..='~' => value.push(c),
            _ => return None,
        }
    }
    None
}

fn take(text: &str, allowed: fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !allowed(c)).unwrap_or(text.len()))
}

fn is_key(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-' | '.' | '*')
}

/// Numbers, tokens, booleans and byte sequences.
fn is_bare(c: char) -> bool {
    c.is_ascii_graphic() && !matches!(c, ',' | ';' | '"' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn of(limit: &str, policy: Option<&str>) -> Option<RateLimit> {
        let mut headers = HeaderMap::new();
        headers.insert("ratelimit", HeaderValue::try_from(limit).ok()?);
        if let Some(policy) = policy {
            headers.insert("ratelimit-policy", HeaderValue::try_from(policy).ok()?);
        }
        RateLimit::of(&headers)
    }

    #[test]
    fn reads_limit_and_policy() {
        let expected = RateLimit {
            policy: "default".to_owned(),
            remaining: 50,
            resets_in: Some(Duration::from_secs(30)),
            quota: Some(100),
            window: Some(Duration::from_secs(60)),
        };
        assert_eq!(
            of(r#""default";r=50;t=30"#, Some(r#""burst";q=5;w=1, "default";q=100;w=60"#)),
            Some(expected)
        );
    }

    #[test]
    fn the_policy_nearest_to_its_limit_counts() {
        let limit = of(r#""day";r=500;t=30000, "second";r=3;t=1"#, None).expect("a limit");
        assert_eq!((limit.policy.as_str(), limit.remaining, limit.quota), ("second", 3, None));
    }

    #[test]
    fn parameters_nobody_knows_are_passed_over() {
        let limit = of(r#""a\"b" ; r=1"#, None);
        assert_eq!(limit, None, "no space is allowed before a semicolon");
        let limit = of(r#""a\"b"; r=1;pk=:cHJ=:;note="x;r=9";flag"#, None).expect("a limit");
        assert_eq!((limit.policy.as_str(), limit.remaining), ("a\"b", 1));
    }

    #[test]
    fn what_is_malformed_is_absent() {
        for bad in [
            "",
            "default;r=1",
            "\"a",
            "\"a\"",
            "\"a\";r=-1",
            "\"a\";r=x",
            "\"a\";=1",
            "\"a\";r=1,",
            "\"a\";r=1 x",
        ] {
            assert_eq!(of(bad, None), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(limit in ".*", policy in ".*") {
            let _ = (Items::parse(&limit), of(&limit, Some(&policy)));
        }

        #[test]
        fn what_is_written_is_read_back(name in "[a-z \\\\\"]{0,20}", remaining: u64, reset in 0_u64..1 << 50) {
            let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
            let limit = of(&format!("\"{quoted}\";r={remaining};t={reset}"), None).expect("a limit");
            prop_assert_eq!(limit.policy, name);
            prop_assert_eq!(limit.remaining, remaining);
            prop_assert_eq!(limit.resets_in, Some(Duration::from_secs(reset)));
        }
    }
}
