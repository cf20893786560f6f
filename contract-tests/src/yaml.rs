//! YAML read as JSON.

use crate::error::Error;
use serde_json::Value;

/// Parses one YAML document into a JSON value.
///
/// # Errors
/// When it is not YAML, or not representable as JSON. The error names the line.
pub fn parse(name: &str, text: &str) -> Result<Value, Error> {
    // YAML 1.2: only `true` and `false` are booleans; `no` is a text, as every OpenAPI reader takes it.
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        Error::caused_by(
            format!("{name} is not valid YAML"),
            format!("correct {name} at the line named above"),
            error,
        )
    })
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::json;

    #[test]
    fn scalars_keep_their_json_types() {
        let value =
            parse("t", "a: 200\nb: true\nc: 'true'\nd: null\ne: 1.5\nf: ['null', no]\n'200': -3\n").unwrap();
        assert_eq!(
            value,
            json!({"a": 200, "b": true, "c": "true", "d": null, "e": 1.5, "f": ["null", "no"], "200": -3})
        );
    }

    #[test]
    fn members_keep_their_order() {
        let value = parse("t", "z: 1\na: 2\n").unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), r#"{"z":1,"a":2}"#);
    }

    #[test]
    fn an_error_names_the_file_and_the_line() {
        let error = parse("areas/x.yaml", "a: 1\nb: [1,\nc: }\n").unwrap_err().to_string();
        assert!(error.contains("areas/x.yaml"), "{error}");
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_duplicate_member_is_an_error() {
        assert!(parse("t", "a: 1\na: 2\n").is_err());
    }
}
