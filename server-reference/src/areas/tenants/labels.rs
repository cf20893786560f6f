//! A tenant's free labels and their one canonical text.

use std::collections::BTreeMap;

use super::checks::{Invalid, check_label_count, check_label_name, check_label_value};

/// Labels in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Labels(BTreeMap<String, String>);

impl Labels {
    /// Checks every name and value and how many there are.
    ///
    /// # Errors
    /// The name of the label and [`Invalid`]; the first in the order of names.
    pub fn new(labels: BTreeMap<String, String>) -> Result<Self, (String, Invalid)> {
        check_label_count(labels.len()).map_err(|invalid| (String::new(), invalid))?;
        for (name, value) in &labels {
            check_label_name(name)
                .and_then(|()| check_label_value(value))
                .map_err(|invalid| (name.clone(), invalid))?;
        }
        Ok(Self(labels))
    }

    /// As a map.
    pub fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }

    /// As a map, owned.
    pub fn into_map(self) -> BTreeMap<String, String> {
        self.0
    }

    /// As stored and hashed: JSON without white space, names sorted (RFC 8785).
    pub fn to_json(&self) -> String {
        let mut text = String::with_capacity(2 + self.0.len() * 32);
        write_labels(&mut text, self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        text
    }

    /// Reads what [`Labels::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is not a JSON object of strings, which means a damaged database.
    pub fn from_json(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text).map(Self)
    }
}

/// Writes labels as [`Labels::to_json`] does. The caller passes them sorted by name.
pub fn write_labels<'a>(out: &mut String, labels: impl Iterator<Item = (&'a str, &'a str)>) {
    out.push('{');
    for (i, (name, value)) in labels.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_json_string(out, name);
        out.push(':');
        write_json_string(out, value);
    }
    out.push('}');
}

/// Writes a JSON string with the escapes of RFC 8785, section 3.2.2.2.
pub fn write_json_string(out: &mut String, value: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    // One pass without branches: it is vectorised, and nearly all texts need no escape.
    if !value.bytes().fold(false, |found, b| found | (b < 0x20) | (b == b'"') | (b == b'\\')) {
        out.reserve(value.len() + 2);
        out.push('"');
        out.push_str(value);
        out.push('"');
        return;
    }
    out.push('"');
    let mut clean = 0;
    for (i, b) in value.bytes().enumerate() {
        if b >= 0x20 && b != b'"' && b != b'\\' {
            continue;
        }
        out.push_str(&value[clean..i]);
        clean = i + 1;
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            0x08 => out.push_str("\\b"),
            b'\t' => out.push_str("\\t"),
            b'\n' => out.push_str("\\n"),
            0x0c => out.push_str("\\f"),
            b'\r' => out.push_str("\\r"),
            _ => {
                out.push_str("\\u00");
                out.push(char::from(HEX[usize::from(b >> 4)]));
                out.push(char::from(HEX[usize::from(b & 15)]));
            }
        }
    }
    out.push_str(&value[clean..]);
    out.push('"');
}
