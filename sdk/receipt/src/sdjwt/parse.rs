use super::{Disclosure, Opened};
use crate::key::KeySet;
use crate::verify::{Check, Failure};

/// An SD-JWT taken apart, not yet verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SdJwt<'a> {
    jwt: &'a str,
    disclosures: Vec<&'a str>,
}

impl<'a> SdJwt<'a> {
    /// Takes `JWT~disclosure~…~` apart.
    ///
    /// # Errors
    ///
    /// [`Check::SdJwtFormat`], also for a JWT without a tilde, and [`Check::KeyBindingUnexpected`].
    pub fn parse(text: &'a str) -> Result<Self, Failure> {
        let malformed = |detail: &str| Failure::new(Check::SdJwtFormat, detail);
        if !is_sd_jwt_text(text.as_bytes()) {
            return Err(malformed("it has a character that is not of base64url, `.` or `~`"));
        }
        let Some((presented, last)) = text.rsplit_once('~') else {
            return Err(malformed("it is a bare JWT: no `~` follows the signature"));
        };
        if !last.is_empty() {
            return Err(Failure::new(Check::KeyBindingUnexpected, "something follows the last `~`"));
        }
        let mut parts = presented.split('~');
        let jwt = parts.next().unwrap_or_default();
        if jwt.bytes().filter(|b| *b == b'.').count() != 2 {
            return Err(malformed("the JWT does not have three parts"));
        }
        let disclosures: Vec<&str> = parts.collect();
        if disclosures.iter().any(|disclosure| disclosure.is_empty() || disclosure.contains('.')) {
            return Err(malformed("a disclosure is empty or has a `.`"));
        }
        Ok(Self { jwt, disclosures })
    }

    /// The issuer-signed JWT, which is what the log commits to.
    #[must_use]
    pub fn jwt(&self) -> &'a str {
        self.jwt
    }

    /// The disclosures, base64url, in the order of the presentation.
    #[must_use]
    pub fn disclosures(&self) -> &[&'a str] {
        &self.disclosures
    }

    /// Verifies the signature and every disclosure (RFC 9901 section 7.1).
    ///
    /// # Errors
    ///
    /// The first check that failed.
    pub fn verify(&self, keys: &KeySet) -> Result<Opened, Failure> {
        Opened::verify(self, keys)
    }

    /// Reads the claims **without verifying the signature**, for display.
    ///
    /// # Errors
    ///
    /// The first check that failed, of those that need no key.
    pub fn open_unverified(&self) -> Result<Opened, Failure> {
        Opened::unverified(self)
    }
}

/// Whether there are only characters of base64url, `.` and `~`.
fn is_sd_jwt_text(bytes: &[u8]) -> bool {
    // Without a branch, so that the compiler can look at many bytes at once.
    bytes.iter().fold(true, |so_far, &b| {
        let letter = (b | 0x20).wrapping_sub(b'a') < 26;
        let digit = b.wrapping_sub(b'0') < 10;
        so_far & (letter | digit | (b == b'-') | (b == b'_') | (b == b'.') | (b == b'~'))
    })
}

/// The same receipt with only the named disclosures; the others are withheld.
///
/// Needs no key: withholding is the right of whoever holds the receipt. Names that the receipt does not disclose are
/// ignored, so that one list fits many receipts.
///
/// # Errors
///
/// [`Check::SdJwtFormat`] or [`Check::DisclosureFormat`] when the text is not an SD-JWT.
pub fn present(sd_jwt: &str, keep: &[&str]) -> Result<String, Failure> {
    let parsed = SdJwt::parse(sd_jwt)?;
    let mut text = String::with_capacity(sd_jwt.len());
    text.push_str(parsed.jwt);
    text.push('~');
    for disclosure in parsed.disclosures {
        if keep.contains(&Disclosure::parse(disclosure)?.name.as_str()) {
            text.push_str(disclosure);
            text.push('~');
        }
    }
    Ok(text)
}
