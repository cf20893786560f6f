//! JSON arrays and NDJSON.

use super::{Row, options, read, read_in_pieces, refused};
use crate::areas::tenants::import::{Format, Limits, Options};

fn rows(file: &str) -> Vec<Row> {
    read(options(Format::Json), file).expect("a readable file")
}

#[test]
fn an_array_of_objects_gives_its_rows() {
    let file = r#" [ {"external_id":"a","name":"A \"1\"","labels":{"z":"1","b":"x\ny"}},
        {"region":"us-east-1","name":"B","external_id":"b","contact_email":"b@b"} ] "#;
    for size in [1, 2, 5, 31, file.len()] {
        let rows = read_in_pieces(options(Format::Json), file.as_bytes(), size).expect("readable");
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].name, "A \"1\"");
        assert_eq!(rows[0].labels, r#"{"b":"x\ny","z":"1"}"#);
        assert_eq!(rows[0].region, "eu-west-1");
        assert_eq!(rows[1].contact_email.as_deref(), Some("b@b"));
        assert!(rows.iter().all(|row| row.findings.is_empty()), "{rows:?}");
    }
}

#[test]
fn an_empty_array_and_an_empty_ndjson_file_have_no_rows() {
    assert_eq!(rows("[]"), []);
    assert_eq!(read(options(Format::Ndjson), "\n\n"), Ok(vec![]));
    assert_eq!(read(options(Format::Ndjson), ""), Ok(vec![]));
}

#[test]
fn every_finding_of_a_row_is_reported() {
    let rows = rows(
        r#"[{"external_id":1,"name":null,"nmae":"x","region":"moon","contact_email":"x","labels":{"A":"x","b":2,"c":"\u0000"}},
            {"external_id":"a","external_id":"b","labels":[]},
            {}, 7, "x", [1]]"#,
    );
    assert_eq!(
        rows[0].codes(),
        [
            ("nmae", "unknown-member"),
            ("external_id", "wrong-type"),
            ("name", "wrong-type"),
            ("region", "region-invalid"),
            ("contact_email", "email-invalid"),
            ("labels.A", "label-invalid"),
            ("labels.b", "wrong-type"),
            ("labels.c", "control-character"),
        ]
    );
    assert_eq!(
        rows[1].codes(),
        [("external_id", "duplicate-member"), ("name", "required"), ("labels", "wrong-type")]
    );
    assert_eq!(rows[2].codes(), [("external_id", "required"), ("name", "required")]);
    for row in &rows[3..] {
        assert_eq!(row.codes(), [("", "wrong-type")]);
    }
}

#[test]
fn a_row_that_is_no_json_is_a_finding_and_reading_goes_on() {
    let file = "{\"external_id\":\"a\",\"name\":\"A\"}\r\n{oops}\n{\"external_id\":\"b\",\"name\":\"\\ud800\"}\n\n{\"external_id\":\"c\",\"name\":\"C\"}";
    let rows = read(options(Format::Ndjson), file).expect("readable");
    let codes: Vec<_> = rows.iter().map(Row::codes).collect();
    assert_eq!(codes, [vec![], vec![("", "malformed-json")], vec![("", "malformed-json")], vec![]]);
    assert_eq!(rows[3].number, 4);
    assert_eq!(self::rows("[{oops},{\"external_id\":\"b\",\"name\":\"B\"}]")[1].codes(), []);
}

#[test]
fn a_file_that_is_no_array_is_refused() {
    for file in ["", "{}", "[", "[{}", "[{},]", "[{}{}]", "[{}]]", "\"x\"", "[\"", "[}"] {
        assert_eq!(refused(options(Format::Json), file), "malformed-json", "{file:?}");
    }
    assert_eq!(refused(options(Format::Json), b"\xff\xfe[\0"), "unsupported-encoding");
    assert_eq!(read(options(Format::Json), "\u{feff}[]"), Ok(vec![]));
}

#[test]
fn size_depth_and_members_of_a_row_are_limited() {
    let deep = format!("[{}{}]", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(rows(&deep)[0].codes(), [("", "row-too-large")]);
    assert_eq!(rows("[[[[[[[[[[]]]]]]]]]]")[0].codes(), [("", "too-deep")]);
    let long = format!("[{{\"name\":\"{}\"}},1]", "x".repeat(70_000));
    assert_eq!(rows(&long)[0].codes(), [("", "row-too-large")]);
    assert_eq!(rows(&long)[1].codes(), [("", "wrong-type")]);
    let members: Vec<_> = (0..5_000).map(|i| format!("\"m{i}\":1")).collect();
    let wide = format!("[{{{}}}]", members.join(","));
    let findings = &rows(&wide)[0].findings;
    assert!(findings.len() <= 101, "{}", findings.len());
    assert!(findings.iter().any(|f| f.code == "too-many-members"));
    let labels: Vec<_> = (0..40).map(|i| format!("\"l{i}\":\"x\"")).collect();
    let many = format!("[{{\"external_id\":\"a\",\"name\":\"A\",\"labels\":{{{}}}}}]", labels.join(","));
    assert_eq!(rows(&many)[0].codes(), [("labels", "too-many-labels")]);
    let two = Options { limits: Limits { rows: 2, ..Limits::default() }, ..options(Format::Ndjson) };
    assert_eq!(refused(two, "1\n2\n3"), "more than 2 rows");
}
