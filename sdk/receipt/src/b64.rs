//! The two base64 alphabets in use, both canonical: no optional padding, no stray trailing bits, no white space.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Length of a SHA-256 digest in unpadded base64url.
pub(crate) const DIGEST_TEXT: usize = 43;

pub(crate) fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn url_append(bytes: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

/// Appends to text that is still being built as bytes.
pub(crate) fn url_into(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + (bytes.len() * 4).div_ceil(3), 0);
    let written = URL_SAFE_NO_PAD.encode_slice(bytes, &mut out[start..]);
    debug_assert_eq!(written.ok(), Some(out.len() - start));
}

/// The text of a digest.
pub(crate) fn url_digest(digest: &[u8; 32]) -> [u8; DIGEST_TEXT] {
    let mut text = [0; DIGEST_TEXT];
    let written = URL_SAFE_NO_PAD.encode_slice(digest, &mut text);
    debug_assert_eq!(written.ok(), Some(DIGEST_TEXT));
    text
}

/// Decodes text (UTF-8) into a buffer that the caller can use again.
pub(crate) fn url_decode_text<'a>(text: &str, buffer: &'a mut Vec<u8>) -> Option<&'a str> {
    buffer.clear();
    URL_SAFE_NO_PAD.decode_vec(text, buffer).ok()?;
    std::str::from_utf8(buffer).ok()
}

pub(crate) fn url_decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    let len = URL_SAFE_NO_PAD.decode_slice(text, &mut out).ok()?;
    (len == N).then_some(out)
}

pub(crate) fn std(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn std_decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
