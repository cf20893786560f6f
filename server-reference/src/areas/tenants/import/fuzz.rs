//! The entry point of the fuzz target, here so that ordinary tests can run it too.

use std::collections::HashMap;

use super::plan::{Action, Planner};
use super::{Format, Importer, Limits, Options};
use crate::areas::tenants::checks::Regions;

/// Reads arbitrary bytes as a file and checks what must hold for every file. The first byte chooses
/// the format, the second the size of the pieces the file arrives in.
///
/// # Panics
/// When a promise is broken: a batch outgrows its limit, row numbers have gaps, a row without findings
/// lacks a member, or the plan loses a row.
pub fn fuzz(data: &[u8]) {
    let [format, size, file @ ..] = data else {
        return;
    };
    let format = match format % 3 {
        0 => Format::Csv,
        1 => Format::Json,
        _ => Format::Ndjson,
    };
    let limits = Limits { rows: 1_000, row_bytes: 4_096, columns: 64, depth: 8, batch_rows: 16 };
    let regions = Regions::new("eu-west-1", []);
    let mut importer = Importer::new(Options { format, mapping: None, delimiter: None, regions, limits });
    let mut planner = Planner::new();
    let mut rows = 0;
    for mut piece in file.chunks(usize::from(*size).max(1)) {
        while !piece.is_empty() {
            match importer.read(piece) {
                Ok(taken) => piece = &piece[taken..],
                Err(_) => return,
            }
            drain(&mut importer, &mut planner, &mut rows);
        }
    }
    if importer.finish().is_ok() {
        drain(&mut importer, &mut planner, &mut rows);
        assert_eq!(planner.counts().total, u64::from(rows), "the plan has every row");
        planner.finish(format, &importer.mapping(), "tnt_owner");
    }
}

fn drain(importer: &mut Importer, planner: &mut Planner, rows: &mut u32) {
    assert!(importer.batch().len() <= 16, "a batch stays within its limit");
    let decisions = planner.plan(importer.batch(), &HashMap::new());
    for (row, decision) in importer.batch().rows().zip(&decisions) {
        *rows += 1;
        assert_eq!(row.number, *rows, "rows are numbered without gaps");
        assert_eq!(decision.action == Action::Error, !row.findings.is_empty(), "findings make an error");
        if decision.action == Action::Create {
            assert!(row.external_id.is_some_and(|id| !id.is_empty()), "a row to create has an external id");
            assert!(!row.name.is_empty() && !row.region.is_empty(), "a row to create is complete");
            assert!(serde_json::from_str::<serde_json::Value>(row.labels).is_ok(), "labels are JSON");
        }
    }
    importer.clear();
}
