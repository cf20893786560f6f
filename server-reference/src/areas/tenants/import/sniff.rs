//! What the first bytes of a file tell: its encoding and, for CSV, its delimiter.

use super::columns::Delimiter;
use super::error::FileError;

/// The UTF-8 byte order mark, as spreadsheets write it.
pub(super) const UTF8_BOM: &[u8] = b"\xef\xbb\xbf";

/// Takes a UTF-8 byte order mark away and refuses the other encodings that give themselves away.
///
/// # Errors
/// [`FileError::Malformed`] with code `unsupported-encoding`.
pub(super) fn strip_bom(start: &[u8]) -> Result<&[u8], FileError> {
    let utf16_or_32 = start.starts_with(b"\xff\xfe")
        || start.starts_with(b"\xfe\xff")
        || start.starts_with(b"\0\0\xfe\xff")
        // ASCII in UTF-16 without a mark has a NUL next to its first character.
        || start.iter().take(2).any(|b| *b == 0);
    if utf16_or_32 {
        return Err(unsupported());
    }
    Ok(start.strip_prefix(UTF8_BOM).unwrap_or(start))
}

/// Takes a UTF-8 byte order mark from the front of a stream, in however small pieces it arrives.
#[derive(Debug, Default)]
pub(super) struct BomStripper {
    matched: usize,
    done: bool,
}

impl BomStripper {
    /// How many bytes of `input` belong to the mark.
    ///
    /// # Errors
    /// [`FileError::Malformed`] when the stream begins with something that is not UTF-8 text.
    pub(super) fn strip(&mut self, input: &[u8]) -> Result<usize, FileError> {
        for (i, b) in input.iter().enumerate() {
            if self.done {
                return Ok(i);
            }
            if *b == UTF8_BOM[self.matched] {
                self.matched += 1;
                self.done = self.matched == UTF8_BOM.len();
            } else if self.matched > 0 || matches!(b, 0 | 0xfe | 0xff) {
                return Err(unsupported());
            } else {
                self.done = true;
                return Ok(i);
            }
        }
        Ok(if self.done && self.matched == 0 { 0 } else { input.len() })
    }
}

fn unsupported() -> FileError {
    FileError::malformed(
        None,
        "unsupported-encoding",
        "The file is not UTF-8 but probably UTF-16 or UTF-32. Save it as UTF-8 (\"CSV UTF-8\" in a spreadsheet).",
    )
}

/// Finds the end of the first record of a CSV stream, whatever its delimiter.
#[derive(Debug, Default)]
pub(super) struct FirstRecord {
    quoted: bool,
    begun: bool,
}

impl FirstRecord {
    /// How many bytes of `input` belong to the first record, its line ending included; `None` when
    /// it goes on.
    pub(super) fn find_end(&mut self, input: &[u8]) -> Option<usize> {
        for (i, b) in input.iter().enumerate() {
            match b {
                b'"' => self.quoted = !self.quoted,
                b'\n' | b'\r' if !self.quoted && self.begun => return Some(i + 1),
                // Empty lines before the header do not end it.
                b'\n' | b'\r' => continue,
                _ => {}
            }
            self.begun = true;
        }
        None
    }
}

/// The delimiter a spreadsheet states in a first line `sep=;`, and how long that line is.
pub(super) fn stated_delimiter(line: &[u8]) -> Option<Delimiter> {
    let rest = line.strip_prefix(b"sep=").or_else(|| line.strip_prefix(b"SEP="))?;
    let (delimiter, end) = rest.split_first()?;
    let ends = end.iter().all(|b| matches!(b, b'\r' | b'\n'));
    Delimiter::ALL.into_iter().find(|candidate| ends && candidate.byte() == *delimiter)
}

/// The delimiter that occurs most often outside quotes in the header line; comma when none does.
pub(super) fn detect_delimiter(header: &[u8]) -> Delimiter {
    let mut counts = [0_usize; Delimiter::ALL.len()];
    let mut quoted = false;
    for b in header {
        if *b == b'"' {
            quoted = !quoted;
        }
        for (count, candidate) in counts.iter_mut().zip(Delimiter::ALL) {
            *count += usize::from(!quoted && candidate.byte() == *b);
        }
    }
    let most = counts.iter().copied().max().unwrap_or_default();
    Delimiter::ALL
        .into_iter()
        .zip(counts)
        .find_map(|(candidate, count)| (count == most).then_some(candidate))
        .unwrap_or(Delimiter::Comma)
}

#[cfg(test)]
mod tests {
    use super::{BomStripper, Delimiter, FirstRecord, detect_delimiter, stated_delimiter, strip_bom};

    #[test]
    fn the_delimiter_is_found_outside_quotes() {
        for (header, delimiter) in [
            ("external_id,name\n", Delimiter::Comma),
            ("external_id;name\r\n", Delimiter::Semicolon),
            ("external_id\tname\n", Delimiter::Tab),
            ("external_id|name\n", Delimiter::Pipe),
            ("\"a,b,c,d\";\"e\"\n", Delimiter::Semicolon),
            ("external_id\n", Delimiter::Comma),
            ("", Delimiter::Comma),
        ] {
            assert_eq!(detect_delimiter(header.as_bytes()), delimiter, "{header:?}");
        }
    }

    #[test]
    fn the_first_record_may_span_lines() {
        let end = |text: &[u8]| FirstRecord::default().find_end(text);
        assert_eq!(end(b"a,\"b\nc\",d\r\n1"), Some(10));
        assert_eq!(end(b"\r\n\na,b\n"), Some(7));
        assert_eq!(end(b"a,b"), None);
        assert_eq!(end(b"\"a\n"), None);

        let mut pieces = FirstRecord::default();
        assert_eq!(pieces.find_end(b"a,\"b\n"), None);
        assert_eq!(pieces.find_end(b"c\"\nx"), Some(3));
    }

    #[test]
    fn a_spreadsheet_may_state_the_delimiter() {
        assert_eq!(stated_delimiter(b"sep=;\r\n"), Some(Delimiter::Semicolon));
        assert_eq!(stated_delimiter(b"sep=;x\r\n"), None);
        assert_eq!(stated_delimiter(b"separator;name\n"), None);
    }

    #[test]
    fn a_byte_order_mark_may_arrive_in_pieces() {
        for text in [b"\xef\xbb\xbf[]".as_slice(), b"[]", b"\xef\xbb\xbf", b""] {
            for size in 1..=text.len().max(1) {
                let mut bom = BomStripper::default();
                let rest: Vec<u8> = text
                    .chunks(size)
                    .flat_map(|piece| piece[bom.strip(piece).expect("UTF-8")..].to_vec())
                    .collect();
                assert_eq!(rest, text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text));
            }
        }
        assert!(BomStripper::default().strip(b"\xff\xfe").is_err());
        assert!(BomStripper::default().strip(b"\xef\xbb[").is_err());
    }

    #[test]
    fn only_utf8_is_read() {
        assert_eq!(strip_bom(b"\xef\xbb\xbfab"), Ok(b"ab".as_slice()));
        assert_eq!(strip_bom(b"ab"), Ok(b"ab".as_slice()));
        for text in [b"\xff\xfea\0".as_slice(), b"\xfe\xff\0a", b"a\0b\0", b"\0a\0b"] {
            assert!(strip_bom(text).is_err(), "{text:?}");
        }
    }
}
