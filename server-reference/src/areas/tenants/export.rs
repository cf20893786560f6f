//! All tenants in sight as CSV (RFC 4180), a page of rows at a time.
//!
//! Columns: `id, external_id, name, region, status, contact_email, labels, owner_id, version,
//! created_at, updated_at`. Labels are one JSON object in one cell: columns of their own would have
//! to be known before the first row is written. An import reads the export back unchanged.

use std::io;

use bytes::Bytes;
use futures_util::{Stream, stream};

use super::import::neutralise;
use super::model::Tenant;
use super::store::tenants::{self, Filter};
use crate::store::Store;

/// Tenants read at once. A page, not a cursor of the database, so that a slow client holds no connection.
const PAGE: usize = 500;

const HEADER: &str =
    "id,external_id,name,region,status,contact_email,labels,owner_id,version,created_at,updated_at\r\n";

/// The file, piece by piece.
pub(super) fn csv(store: Store, filter: Filter) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::try_unfold(Some(String::new()), move |after| {
        let (store, filter) = (store.clone(), filter.clone());
        async move {
            let Some(after) = after else {
                return Ok(None);
            };
            let mut reader = store.reader().await.map_err(io::Error::other)?;
            let page =
                tenants::list(&mut reader, &filter, Some(&after), PAGE).await.map_err(io::Error::other)?;
            drop(reader);
            let mut text = String::new();
            if after.is_empty() {
                text.push_str(HEADER);
            }
            page.iter().for_each(|tenant| write_row(&mut text, tenant));
            let next = page.last().filter(|_| page.len() == PAGE).map(|last| last.id.clone());
            Ok(Some((Bytes::from(text), next)))
        }
    })
}

fn write_row(out: &mut String, tenant: &Tenant) {
    let profile = &tenant.profile;
    let cells = [
        &tenant.id,
        &profile.external_id,
        &profile.name,
        &profile.region,
        tenant.status.as_str(),
        profile.contact_email.as_deref().unwrap_or(""),
        &profile.labels.to_json(),
        &tenant.owner_id,
        &tenant.version.to_string(),
        &tenant.created_at.to_rfc3339(),
        &tenant.updated_at.to_rfc3339(),
    ];
    for (i, cell) in cells.into_iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_cell(out, cell);
    }
    out.push_str("\r\n");
}

fn write_cell(out: &mut String, cell: &str) {
    let neutralised = neutralise(cell);
    let quoted = neutralised.is_some() || cell.contains([',', ';', '"', '\r', '\n', '\t']);
    let cell = neutralised.as_deref().unwrap_or(cell);
    if quoted {
        out.push('"');
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(cell);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::{HEADER, write_cell, write_row};
    use crate::areas::tenants::checks::Regions;
    use crate::areas::tenants::import::plan::{Action, Existing, Planner};
    use crate::areas::tenants::import::{Format, Importer, Limits, Options, restore};
    use crate::areas::tenants::model::{Profile, Tenant};
    use crate::areas::tenants::service::new_tenant;
    use crate::kernel::clock::Timestamp;

    fn cell(text: &str) -> String {
        let mut out = String::new();
        write_cell(&mut out, text);
        out
    }

    #[test]
    fn cells_are_quoted_where_rfc_4180_asks_for_it() {
        for (text, written) in [
            ("Acme", "Acme"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("a;b", "\"a;b\""),
            ("a \"b\"", "\"a \"\"b\"\"\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("=1+1", "\"'=1+1\""),
            ("-1", "\"'-1\""),
        ] {
            assert_eq!(cell(text), written);
        }
    }

    /// Texts with what is special to CSV, to spreadsheets and to JSON.
    fn text(max: usize) -> impl Strategy<Value = String> {
        let special = prop::char::ranges(vec!['a'..='c', '\''..='/', ';'..='@', 'é'..='ê'].into());
        prop::collection::vec(special, 1..max).prop_map(|chars| chars.into_iter().collect())
    }

    prop_compose! {
        fn tenants()(
            external_id in text(10),
            name in text(20),
            contact_email in prop::option::of("[a-z=+]{1,5}@[a-z]{1,5}"),
            labels in prop::collection::btree_map("[a-z][a-z0-9_.-]{0,5}", "[\\x01-\\x7fé]{0,10}", 0..4),
        ) -> Tenant {
            let regions = Regions::new("eu-west-1", []);
            let profile = Profile::new(external_id, name, None, contact_email, labels, &regions);
            new_tenant("tnt_a".into(), "tnt_o".into(), profile.unwrap(), Timestamp::from_micros(0))
        }
    }

    proptest! {
        #[test]
        fn what_was_exported_is_imported_as_unchanged(tenant in tenants()) {
            let mut file = HEADER.to_owned();
            write_row(&mut file, &tenant);
            let mut importer = Importer::new(Options {
                format: Format::Csv,
                mapping: None,
                delimiter: None,
                regions: Regions::new("eu-west-1", []),
                limits: Limits::default(),
            });
            importer.read(file.as_bytes()).unwrap();
            importer.finish().unwrap();
            let existing = Existing {
                id: tenant.id.clone(),
                version: tenant.version,
                name: tenant.profile.name.clone(),
                region: tenant.profile.region.clone(),
                contact_email: tenant.profile.contact_email.clone(),
                labels: tenant.profile.labels.to_json(),
            };
            let held = HashMap::from([(tenant.profile.external_id.clone(), existing)]);
            let decisions = Planner::new().plan(importer.batch(), &held);
            let actions: Vec<_> = decisions.iter().map(|decision| decision.action).collect();
            prop_assert_eq!(actions, [Action::Unchanged], "{}", file);
        }

        #[test]
        fn another_csv_reader_reads_what_was_written(cells in prop::collection::vec("[a-z=+@\\-',;\"\r\n\té]{0,8}", 2..6)) {
            let line: Vec<_> = cells.iter().map(|text| cell(text)).collect();
            let file = line.join(",") + "\r\n";
            let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(file.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            let read: Vec<_> = record.iter().map(restore).collect();
            prop_assert_eq!(read, cells.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}
