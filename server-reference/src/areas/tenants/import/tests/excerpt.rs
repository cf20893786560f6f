//! A real file: the companies of the S&P 500.

use super::{mapping, options, read};
use crate::areas::tenants::import::{Format, Options};

const FILE: &str = "\
Symbol,Security,GICS Sector,GICS Sub-Industry,Headquarters Location,Date added,CIK,Founded
MMM,3M,Industrials,Industrial Conglomerates,\"Saint Paul, Minnesota\",1957-03-04,66740,1902
AOS,A. O. Smith,Industrials,Building Products,\"Milwaukee, Wisconsin\",2017-07-26,91142,1916
ABBV,AbbVie,Health Care,Biotechnology,\"North Chicago, Illinois\",2012-12-31,1551152,2013 (1888)
";

#[test]
fn a_real_file_is_read_through_a_mapping() {
    let mapping = mapping(&[
        ("external_id", "Symbol"),
        ("name", "Security"),
        ("labels.sector", "GICS Sector"),
        ("labels.headquarters", "Headquarters Location"),
        ("labels.founded", "Founded"),
    ]);
    let rows = read(Options { mapping, ..options(Format::Csv) }, FILE).expect("a readable file");
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row.findings.is_empty()), "{rows:?}");
    assert_eq!(
        rows[2].labels,
        r#"{"founded":"2013 (1888)","headquarters":"North Chicago, Illinois","sector":"Health Care"}"#
    );
}

#[test]
fn all_of_the_real_file_is_fine() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/sp500-constituents.csv");
    let mapping =
        mapping(&[("external_id", "Symbol"), ("name", "Security"), ("labels.sector", "GICS Sector")]);
    let file = std::fs::read(path).expect("examples/data is part of the repository");
    let rows = read(Options { mapping, ..options(Format::Csv) }, file).expect("a readable file");
    assert_eq!(rows.len(), 503);
    assert!(rows.iter().all(|row| row.findings.is_empty()));
}

#[test]
fn without_a_mapping_the_columns_that_are_not_ours_are_named() {
    let told = super::refused(options(Format::Csv), FILE);
    assert!(told.contains("Symbol:unknown-column"), "{told}");
    assert!(told.contains("external_id:missing-column"), "{told}");
}
