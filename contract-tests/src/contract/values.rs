//! Values as they stand in paths, queries and headers, read as their schema says.

use serde_json::Value;

/// Reads a text as the JSON value its schema means. What cannot be read stays a text, which the schema then refuses.
pub(super) fn read(schema: &Value, text: &str) -> Value {
    let as_text = || Value::String(text.to_owned());
    match schema["type"].as_str() {
        Some("integer") => text.parse::<i64>().map_or_else(|_| as_text(), Value::from),
        Some("number") => text.parse::<f64>().map_or_else(|_| as_text(), Value::from),
        Some("boolean") => text.parse::<bool>().map_or_else(|_| as_text(), Value::from),
        _ => as_text(),
    }
}

/// Undoes percent-encoding, and `+` for a blank where that is usual. Bad encoding stays as it is.
pub(super) fn decode(text: &str, plus_is_blank: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        let hex = bytes.get(index + 1..index + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        match (byte, hex.and_then(|pair| u8::from_str_radix(pair, 16).ok())) {
            (b'%', Some(value)) => {
                out.push(value);
                index += 3;
                continue;
            }
            (b'+', _) if plus_is_blank => out.push(b' '),
            _ => out.push(*byte),
        }
        index += 1;
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// The media type of a Content-Type, in lower case and without parameters.
pub(super) fn media_type(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The first value of a header, whatever the case of its name.
pub(super) fn header<'a>(headers: &[(&'a str, &'a str)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
}

#[cfg(test)]
mod tests {
    use super::{decode, media_type, read};
    use serde_json::json;

    #[test]
    fn texts_are_read_as_their_schema_says() {
        assert_eq!(read(&json!({"type": "integer"}), "7"), json!(7));
        assert_eq!(read(&json!({"type": "integer"}), "7.5"), json!("7.5"));
        assert_eq!(read(&json!({"type": "boolean"}), "true"), json!(true));
        assert_eq!(read(&json!({"type": "string"}), "7"), json!("7"));
    }

    #[test]
    fn percent_encoding_is_undone_once() {
        assert_eq!(decode("a%20b%2520+c", true), "a b%20 c");
        assert_eq!(decode("a+b%zz%", false), "a+b%zz%");
        assert_eq!(decode("%C3%A9", false), "é");
    }

    #[test]
    fn a_media_type_has_no_parameters() {
        assert_eq!(media_type("Text/CSV; charset=utf-8"), "text/csv");
    }
}
