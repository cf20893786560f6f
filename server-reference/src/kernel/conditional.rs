//! Conditional requests (RFC 9110 section 13) on versioned objects.
//!
//! An object's ETag is its version in quotes: strong, because a version names one representation.

use companyos_types::problems;
use http::HeaderValue;

use super::problem::Problem;

/// The version of an object, counted from 1; its ETag is `"<version>"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(pub i64);

impl Version {
    /// The ETag as a header value.
    #[must_use]
    pub fn to_header(self) -> HeaderValue {
        // Digits and quotes are always a header value.
        HeaderValue::from_str(&format!("\"{}\"", self.0)).unwrap_or(HeaderValue::from_static("\"0\""))
    }

    /// Whether `If-Match: condition` holds: `*`, or a list with this ETag. Weak tags never match (section 13.1.1).
    #[must_use]
    pub fn matches(self, condition: &str) -> bool {
        let mine = format!("\"{}\"", self.0);
        condition.trim() == "*" || tags(condition).any(|tag| tag == mine)
    }

    /// Whether `If-None-Match: condition` names this version, by weak comparison (section 13.1.2).
    #[must_use]
    pub fn is_named_by(self, condition: &str) -> bool {
        let mine = format!("\"{}\"", self.0);
        condition.trim() == "*" || tags(condition).any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == mine)
    }

    /// 412 unless `condition` holds.
    pub(crate) fn require(self, condition: &str) -> Result<(), Problem> {
        if self.matches(condition) { Ok(()) } else { Err(Problem::new(&problems::PRECONDITION_FAILED)) }
    }
}

/// The tags of a list. Our own tags hold no comma, so splitting at commas cannot cut one of them.
fn tags(condition: &str) -> impl Iterator<Item = &str> {
    condition.split(',').map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_compares_strongly() {
        let version = Version(3);
        for condition in ["\"3\"", "*", "\"1\", \"3\""] {
            assert!(version.matches(condition), "{condition}");
        }
        for condition in ["W/\"3\"", "\"4\"", "3", "", "\"33\""] {
            assert!(!version.matches(condition), "{condition}");
        }
    }

    #[test]
    fn if_none_match_compares_weakly() {
        assert!(Version(3).is_named_by("W/\"3\""));
        assert!(Version(3).is_named_by("\"2\",\"3\""));
        assert!(!Version(3).is_named_by("\"2\""));
    }

    #[test]
    fn an_etag_is_the_version_in_quotes() {
        assert_eq!(Version(12).to_header(), "\"12\"");
    }
}
