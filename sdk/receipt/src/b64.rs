//! The two base64 alphabets in use, both canonical: no optional padding, no stray trailing bits, no white space.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

pub(crate) fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn url_into(bytes: &[u8], out: &mut String) {
    URL_SAFE_NO_PAD.encode_string(bytes, out);
}

pub(crate) fn url_decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(crate) fn url_decode_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut out = [0; N];
    if text.len() != base64::encoded_len(N, false)? {
        return None;
    }
    match URL_SAFE_NO_PAD.decode_slice_unchecked(text, &mut out) {
        Ok(n) if n == N => Some(out),
        _ => None,
    }
}

pub(crate) fn std(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

pub(crate) fn std_decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
