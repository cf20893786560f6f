//! Text that must not be seen.

use std::fmt;

use zeroize::Zeroizing;

/// A token, an authorization code, a verifier, a client's secret.
///
/// It does not print, has no `Display`, is not compared with `==` (which would take longer the more of it is guessed
/// right), and its memory is overwritten when it is dropped. [`expose`](Self::expose) is the one way to its text, so
/// that a search for the word finds every place where a secret leaves.
///
/// ```
/// use companyos_adapter_traits::Secret;
///
/// let token = Secret::new("eyJhbGciOiJFUzI1NiJ9.e30.c2ln");
/// assert_eq!(format!("{token:?}"), "Secret(redacted)");
/// assert!(token.matches("eyJhbGciOiJFUzI1NiJ9.e30.c2ln"));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a secret into custody.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for where it is sent, stored or checked.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether `text` is this secret. The time taken depends on the length of the two, not on where they differ.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        let (own, other) = (self.0.as_bytes(), text.as_bytes());
        // Folding over every byte before looking keeps the loop from ending at the first difference; `black_box`
        // keeps the optimiser from putting that end back.
        let differences =
            own.iter().zip(other).fold(0, |found, (a, b)| std::hint::black_box(found | (a ^ b)));
        own.len() == other.len() && differences == 0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(redacted)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}
