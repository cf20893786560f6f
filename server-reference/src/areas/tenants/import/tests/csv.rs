//! CSV: what spreadsheets write, and what goes wrong in it.

use super::{Row, mapping, options, read, read_in_pieces, refused};
use crate::areas::tenants::import::{Delimiter, Format, Limits, Options};

fn csv() -> Options {
    options(Format::Csv)
}

fn rows(file: impl AsRef<[u8]>) -> Vec<Row> {
    read(csv(), file).expect("a readable file")
}

#[test]
fn a_plain_file_gives_its_rows() {
    let rows = rows(
        "external_id,name,region,contact_email,labels.tier\nacme,Acme,us-east-1,a@acme.test,gold\nbob,Bob,,,\n",
    );
    assert_eq!(
        rows,
        [
            Row {
                number: 1,
                external_id: Some("acme".into()),
                name: "Acme".into(),
                region: "us-east-1".into(),
                contact_email: Some("a@acme.test".into()),
                labels: r#"{"tier":"gold"}"#.into(),
                findings: vec![],
            },
            Row {
                number: 2,
                external_id: Some("bob".into()),
                name: "Bob".into(),
                region: "eu-west-1".into(),
                contact_email: None,
                labels: "{}".into(),
                findings: vec![],
            },
        ]
    );
}

#[test]
fn a_file_saved_by_a_spreadsheet_works() {
    // Byte order mark, CRLF, semicolons, a quoted line break, doubled quotes, no last line ending.
    let file = "\u{feff}External_ID;Name;Labels.Note\r\n1;\"Müller \"\"& Söhne\"\"\";\"first\r\nsecond\"\r\n2;Ørsted;\"a;b\"";
    for size in [1, 2, 3, 7, 64, file.len()] {
        let rows = read_in_pieces(csv(), file.as_bytes(), size).expect("a readable file");
        let told: Vec<_> =
            rows.iter().map(|r| (r.name.as_str(), r.labels.as_str(), r.findings.len())).collect();
        assert_eq!(
            told,
            [("Müller \"& Söhne\"", r#"{"note":"first\r\nsecond"}"#, 0), ("Ørsted", r#"{"note":"a;b"}"#, 0)],
            "in pieces of {size}"
        );
    }
}

#[test]
fn every_delimiter_is_found_and_can_be_stated() {
    for (delimiter, byte) in
        [(Delimiter::Comma, ","), (Delimiter::Semicolon, ";"), (Delimiter::Tab, "\t"), (Delimiter::Pipe, "|")]
    {
        let file = "external_id,name\na,A\n".replace(',', byte);
        assert_eq!(rows(&file)[0].name, "A", "{byte:?} found");
        let stated = Options { delimiter: Some(delimiter), ..csv() };
        assert_eq!(read(stated, &file).expect("readable")[0].name, "A", "{byte:?} stated");
        let sep = format!("sep={byte}\r\n{file}");
        assert_eq!(rows(&sep)[0].name, "A", "{byte:?} stated in the file");
    }
    let other = Options { delimiter: Some(Delimiter::Pipe), ..csv() };
    assert_eq!(
        refused(other, "external_id,name\na,A\n"),
        "external_id,name:unknown-column external_id:missing-column name:missing-column"
    );
}

#[test]
fn a_mapping_names_the_columns_and_ignores_the_rest() {
    let file = "Symbol,Security,GICS Sector,CIK\nMMM,3M,Industrials,66740\n";
    let options = Options {
        mapping: mapping(&[
            ("external_id", "Symbol"),
            ("name", "Security"),
            ("labels.sector", "GICS Sector"),
            ("labels.symbol", "Symbol"),
        ]),
        ..csv()
    };
    let rows = read(options, file).expect("readable");
    assert_eq!(rows[0].external_id.as_deref(), Some("MMM"));
    assert_eq!(rows[0].labels, r#"{"sector":"Industrials","symbol":"MMM"}"#);
}

#[test]
fn header_mistakes_refuse_the_file_and_all_are_named() {
    for (file, expected) in [
        ("", "empty-file"),
        ("\n\n", "empty-file"),
        ("sep=;\n", "empty-file"),
        ("name\nA\n", "external_id:missing-column"),
        ("external_id,name,Name\na,A,A\n", "Name:duplicate-column"),
        ("external_id,nmae\na,A\n", "nmae:unknown-column name:missing-column"),
        ("external_id,\"name\na,A\n", "unterminated-quote"),
        ("external_id,n\0me\na,A\n", "nul-byte"),
    ] {
        assert_eq!(refused(csv(), file), expected, "{file:?}");
    }
    let mapped = Options { mapping: mapping(&[("external_id", "Key"), ("labels.x", "X")]), ..csv() };
    assert_eq!(refused(mapped, "Id,Name\n1,A\n"), "Key:missing-column X:missing-column name:missing-column");
    assert_eq!(refused(csv(), b"\xff\xfee\0x\0\n\0"), "unsupported-encoding");
    assert_eq!(refused(csv(), b"external_id,n\xe4me\na,A\n"), "unsupported-encoding");
}

#[test]
fn every_finding_of_a_row_is_reported() {
    let file = "external_id,name,region,contact_email,labels.tier\n\
                ,\"a\nb\",moon,nobody,x\n\
                ok,Ok,de-south-1,a@b,x\n";
    let rows = rows(file);
    assert_eq!(
        rows[0].codes(),
        [
            ("external_id", "required"),
            ("name", "control-character"),
            ("region", "region-invalid"),
            ("contact_email", "email-invalid"),
        ]
    );
    assert_eq!(rows[1].codes(), [("region", "region-not-served")]);
    assert!(rows[1].findings[0].detail.contains("eu-west-1, us-east-1"));
}

#[test]
fn rows_of_the_wrong_shape_are_findings_and_reading_goes_on() {
    let long = "x".repeat(70_000);
    let wide = ",".repeat(2_000);
    let file = format!("external_id,name\na\nb,B,C\n,\n{long},D\n{wide}\ne,E\n");
    let codes: Vec<_> =
        rows(file).iter().map(|r| r.codes().first().map_or("ok", |c| c.1).to_owned()).collect();
    assert_eq!(codes, ["cell-count", "cell-count", "empty-row", "row-too-large", "cell-count", "ok"]);
}

#[test]
fn bytes_that_are_not_utf8_are_blamed_on_their_cells() {
    let rows = rows(b"external_id,name,labels.a\n1,M\xfcller,x\n2,\xff,\xfe\n3,C,\xc3\xa9\n".as_slice());
    assert_eq!(rows[0].codes(), [("name", "invalid-utf8")]);
    assert_eq!(rows[1].codes(), [("name", "invalid-utf8"), ("labels.a", "invalid-utf8")]);
    assert_eq!(rows[2].codes(), []);
    // The end of one cell and the start of the next are only together a character.
    assert_eq!(
        self::rows(b"external_id,name\n\xc3,\xa9\n".as_slice())[0].codes(),
        [("external_id", "invalid-utf8"), ("name", "invalid-utf8")]
    );
}

#[test]
fn nul_bytes_are_findings() {
    let rows = rows("external_id,name,labels.a\na\0,B\0,c\0\n");
    assert_eq!(
        rows[0].codes(),
        [
            ("external_id", "control-character"),
            ("name", "control-character"),
            ("labels.a", "control-character")
        ]
    );
}

#[test]
fn a_repeated_external_id_names_the_row_that_had_it_first() {
    let rows = rows("external_id,name\na,A\nb,B\na,C\na,D\n");
    assert!(rows[0].findings.is_empty() && rows[1].findings.is_empty());
    for row in &rows[2..] {
        assert_eq!(row.codes(), [("external_id", "duplicate")]);
        assert!(row.findings[0].detail.starts_with("Row 1 "), "{}", row.findings[0].detail);
    }
}

#[test]
fn a_quote_left_open_refuses_the_file() {
    assert_eq!(refused(csv(), "external_id,name\na,A\nb,\"B\nc,C\n"), "unterminated-quote");
    assert_eq!(refused(csv(), "external_id,name\na,\""), "unterminated-quote");
}

#[test]
fn the_number_of_rows_is_limited() {
    let options = Options { limits: Limits { rows: 2, ..Limits::default() }, ..csv() };
    assert_eq!(read(options.clone(), "external_id,name\n1,A\n2,B\n").expect("readable").len(), 2);
    assert_eq!(refused(options, "external_id,name\n1,A\n2,B\n3,C\n"), "more than 2 rows");
}

#[test]
fn the_labels_column_of_an_export_is_read_and_may_not_contradict() {
    let file = "external_id,name,labels,labels.tier\n\
                a,A,\"{\"\"x\"\":\"\"\"\"}\",gold\n\
                b,B,\"{\"\"tier\"\":\"\"tin\"\"}\",gold\n\
                c,C,[],\n";
    let rows = rows(file);
    assert_eq!((rows[0].labels.as_str(), rows[0].codes()), (r#"{"tier":"gold","x":""}"#, vec![]));
    assert_eq!(rows[1].codes(), [("labels.tier", "label-conflict")]);
    assert_eq!(rows[2].codes(), [("labels", "labels-invalid")]);
}

#[test]
fn the_apostrophe_of_an_export_is_taken_away() {
    let rows = rows("external_id,name\n'=1,'-x\n'a,''=y\n");
    let told: Vec<_> =
        rows.iter().map(|r| (r.external_id.as_deref().unwrap_or(""), r.name.as_str())).collect();
    assert_eq!(told, [("=1", "-x"), ("'a", "'=y")]);
}
