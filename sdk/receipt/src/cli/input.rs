use std::io::Read;

use super::Problem;
use crate::key::KeySet;
use crate::range;

/// What a file holds, judged by its first bytes.
pub(super) enum Input<'a> {
    /// One SD-JWT; a line feed after it is not part of it.
    Receipt(&'a str),
    Range(&'a [u8]),
    Unknown,
}

impl<'a> Input<'a> {
    pub(super) fn detect(bytes: &'a [u8]) -> Self {
        if bytes.starts_with(range::FORMAT.as_bytes()) {
            return Self::Range(bytes);
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Self::Unknown;
        };
        let line = text.strip_suffix('\n').unwrap_or(text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() || line.contains('\n') { Self::Unknown } else { Self::Receipt(line) }
    }
}

pub(super) fn read(file: &str) -> Result<Vec<u8>, Problem> {
    let result = if file == "-" {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    result.map_err(|source| Problem::Read { file: file.to_owned(), source })
}

pub(super) fn read_keys(file: &str) -> Result<KeySet, Problem> {
    KeySet::from_jwks(&read(file)?).map_err(|source| Problem::Keys { file: file.to_owned(), source })
}

pub(super) fn unknown(file: &str) -> Problem {
    Problem::Usage(format!("{file} is neither a receipt (one SD-JWT) nor an exported range"))
}
