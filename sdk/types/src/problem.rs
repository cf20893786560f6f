//! What a problem type is.

/// A kind of problem (RFC 9457): the constants in [`crate::problems`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProblemType {
    /// The last segment of the problem's `type`.
    pub code: &'static str,
    /// The HTTP status it is answered with.
    pub status: u16,
    /// What kind of problem it is.
    pub title: &'static str,
    /// What it means and what to do, when nothing more specific can be said.
    pub detail: &'static str,
    /// Whether the same request may succeed later.
    pub retryable: bool,
}

impl ProblemType {
    /// The problem's `type`: a URI.
    #[must_use]
    pub fn uri(&self) -> String {
        format!("{}{}", crate::problems::TYPE_BASE, self.code)
    }

    /// The problem type with this code.
    #[must_use]
    pub fn by_code(code: &str) -> Option<&'static Self> {
        crate::problems::ALL.iter().find(|problem| problem.code == code)
    }
}
