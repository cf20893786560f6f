//! A range of a log as one file that verifies offline, sent while it is read.

use std::io;
use std::ops::Range;

use bytes::Bytes;
use companyos_receipt::range::RangeWriter;
use companyos_receipt::tlog::RangePlan;
use futures_util::{Stream, stream};

use super::model::{Filter, LogHead};
use super::rules;
use super::service::Error;
use super::store;
use super::tree::Tiles;
use crate::store::{Store, StoreError};

/// How many receipts are read at once.
const CHUNK: u64 = 512;

/// An export that can be sent.
pub(super) struct Export {
    pub(super) log: LogHead,
    pub(super) range: Range<u64>,
    writer: RangeWriter,
}

/// Prepares the export of a tenant's receipts from `from` up to but not including `to`.
pub(super) async fn prepare(
    store: &Store,
    tenant_id: &str,
    from: u64,
    to: Option<u64>,
) -> Result<Export, Error> {
    let mut db = store.reader().await?;
    let Some(log) = store::log_of(&mut db, tenant_id, store.region()).await? else {
        return Err(rules::export_range(from, to, 0).err().map_or(Error::NotFound, Error::from));
    };
    let range = rules::export_range(from, to, log.size)?;
    let plan = RangePlan::new(range.start, range.end, log.size)?;
    let tiles = Tiles::load(&mut db, &log.id, log.size, plan.node_ids()).await?;
    let hashes = plan.finish(|node| tiles.node(node))?;
    let writer = RangeWriter::new(range.start, range.end, &log.checkpoint, hashes)?;
    Ok(Export { log, range, writer })
}

impl Export {
    /// The file, in pieces. No connection to the database is held while the other side takes its time.
    pub(super) fn into_stream(self, store: Store) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let header = Bytes::from(self.writer.header());
        let sending = Sending { store, log_id: self.log.id, rest: self.range, writer: self.writer };
        let receipts = stream::try_unfold(sending, |mut sending| async move {
            Ok(sending.next().await.map_err(io::Error::other)?.map(|piece| (piece, sending)))
        });
        stream::StreamExt::chain(stream::iter([Ok(header)]), receipts)
    }
}

struct Sending {
    store: Store,
    log_id: String,
    rest: Range<u64>,
    writer: RangeWriter,
}

impl Sending {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let piece = self.rest.start..self.rest.end.min(self.rest.start + CHUNK);
        let mut db = self.store.reader().await?;
        let limit = usize::try_from(CHUNK).unwrap_or(usize::MAX);
        let receipts =
            store::receipts(&mut db, &self.log_id, piece.clone(), &Filter::default(), limit).await?;
        drop(db);
        if receipts.len() as u64 != piece.end - piece.start {
            let gap = format!("{} lacks receipts between {} and {}", self.log_id, piece.start, piece.end);
            return Err(StoreError::Inconsistent(gap).into());
        }
        let mut text =
            String::with_capacity(receipts.iter().map(|r| r.jwt.len() + r.disclosures.len() + 8).sum());
        for receipt in &receipts {
            self.writer.receipt(&receipt.sd_jwt(), &mut text)?;
        }
        self.rest.start = piece.end;
        if self.rest.is_empty() {
            self.writer.clone().finish()?;
        }
        Ok(Some(Bytes::from(text)))
    }
}
