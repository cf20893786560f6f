//! The two base64 alphabets in use, both canonical: no optional padding, no stray trailing bits, no white space.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Length of a SHA-256 digest in unpadded base64url.
pub(crate) const DIGEST_TEXT: usize = 43;

const URL_ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The two characters for every 12 bits. With one table look-up for two characters, writing a receipt costs two thirds of
/// what it costs with one for each.
static URL_PAIRS: [[u8; 2]; 4096] = {
    let mut pairs = [[0; 2]; 4096];
    let mut n = 0;
    while n < pairs.len() {
        pairs[n] = [URL_ALPHABET[n >> 6], URL_ALPHABET[n & 63]];
        n += 1;
    }
    pairs
};

pub(crate) fn url(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(url_len(bytes.len()));
    url_into(bytes, &mut text);
    text_of(text)
}

/// Appends to text that is still being built as bytes.
pub(crate) fn url_into(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + url_len(bytes.len()), 0);
    url_fill(bytes, &mut out[start..]);
}

/// The text of a digest.
pub(crate) fn url_digest(digest: &[u8; 32]) -> [u8; DIGEST_TEXT] {
    let mut text = [0; DIGEST_TEXT];
    let (groups, rest) = digest.as_chunks();
    let (texts, last) = text.as_chunks_mut();
    texts.iter_mut().zip(groups).for_each(|(text, group)| *text = url_group(group));
    let [a, b, c, ..] = url_group(&[rest[0], rest[1], 0, 0, 0, 0]);
    last.copy_from_slice(&[a, b, c]);
    text
}

/// Fills text of exactly the length that the bytes need.
#[inline]
fn url_fill(bytes: &[u8], text: &mut [u8]) {
    let (groups, rest) = bytes.as_chunks();
    let (whole, last) = text.split_at_mut(groups.len() * 8);
    whole.as_chunks_mut().0.iter_mut().zip(groups).for_each(|(text, group)| *text = url_group(group));
    let byte = |n: usize| rest.get(n).copied().unwrap_or_default();
    let text = url_group(&[byte(0), byte(1), byte(2), byte(3), byte(4), 0]);
    last.iter_mut().zip(text).for_each(|(to, from)| *to = from);
}

/// Text that was built as bytes of ASCII.
pub(crate) fn text_of(ascii: Vec<u8>) -> String {
    String::from_utf8(ascii).unwrap_or_else(|other| String::from_utf8_lossy(other.as_bytes()).into_owned())
}

const fn url_len(bytes: usize) -> usize {
    (bytes * 4).div_ceil(3)
}

fn url_group(&[a, b, c, d, e, f]: &[u8; 6]) -> [u8; 8] {
    let bits = u64::from_be_bytes([0, 0, a, b, c, d, e, f]);
    let pair = |shift: u32| URL_PAIRS[(bits >> shift) as usize & 0xfff];
    let ([a, b], [c, d], [e, f], [g, h]) = (pair(36), pair(24), pair(12), pair(0));
    [a, b, c, d, e, f, g, h]
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

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::{url, url_digest, url_into};

    #[test]
    fn every_length_and_every_pair_of_characters_is_written_as_base64_writes_it() {
        let bytes: Vec<u8> = (0..4_096_u32)
            .flat_map(|n| {
                let [_, a, b, c] = (n << 12 | (n ^ 0xfff)).to_be_bytes();
                [a, b, c]
            })
            .collect();
        for len in (0..200).chain([bytes.len()]) {
            assert_eq!(url(&bytes[..len]), URL_SAFE_NO_PAD.encode(&bytes[..len]), "{len} bytes");
        }
        let mut text = b"before ".to_vec();
        url_into(b"\xff", &mut text);
        assert_eq!(text, b"before _w");
        for start in 0..64 {
            let digest: [u8; 32] = bytes[start * 32..][..32].try_into().unwrap();
            assert_eq!(url_digest(&digest).as_slice(), URL_SAFE_NO_PAD.encode(digest).as_bytes());
        }
    }
}
