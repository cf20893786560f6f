//! The first step of a file: bytes become checked rows.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::intake::Interrupted;
use crate::areas::tenants::import::plan::Existing;
use crate::areas::tenants::import::{Batch, FileError, Importer, Mapping, Options};
use crate::areas::tenants::store::tenants;
use crate::kernel::Kernel;
use crate::store::StoreError;

/// Bytes that are parsed at once: enough that handing them to another thread costs nothing beside parsing them.
const PORTION: usize = 256 * 1024;

/// Pieces of a file, as they arrived.
#[derive(Debug, Default)]
pub(super) struct Portion {
    pieces: Vec<Bytes>,
    bytes: usize,
}

impl Portion {
    /// Takes from `piece` what still fits, and gives the portion away when it is full.
    pub(super) fn fill(&mut self, piece: &mut Bytes) -> Option<Self> {
        let taken = piece.split_to(piece.len().min(PORTION - self.bytes));
        self.bytes += taken.len();
        if !taken.is_empty() {
            self.pieces.push(taken);
        }
        (self.bytes == PORTION).then(|| std::mem::take(self))
    }
}

/// Rows that have been checked, and the tenants that have one of their external ids.
pub(super) struct Checked {
    pub(super) batch: Arc<Batch>,
    pub(super) existing: JoinHandle<Result<HashMap<String, Existing>, StoreError>>,
}

/// Reads portions until none comes any more, and gives the mapping found.
pub(super) async fn parse(
    kernel: Arc<Kernel>,
    owner_id: String,
    options: Options,
    mut arriving: mpsc::Receiver<Portion>,
    batches: mpsc::Sender<Checked>,
) -> Result<Mapping, Interrupted> {
    let mut importer = Importer::new(options);
    loop {
        let portion = arriving.recv().await;
        let last = portion.is_none();
        let read = tokio::task::spawn_blocking(move || read(importer, portion)).await?;
        importer = read.importer;
        for batch in read.batches {
            let checked = look_up(&kernel, &owner_id, batch);
            batches.send(checked).await.map_err(|_| Interrupted::Downstream)?;
        }
        read.outcome?;
        if last {
            return Ok(importer.mapping());
        }
    }
}

/// What became of a portion.
struct Read {
    importer: Importer,
    batches: Vec<Batch>,
    outcome: Result<(), FileError>,
}

/// Reads a portion, or ends the file.
fn read(mut importer: Importer, portion: Option<Portion>) -> Read {
    let mut batches = Vec::new();
    let outcome = match portion {
        Some(portion) => read_pieces(&mut importer, &portion.pieces, &mut batches),
        None => importer.finish().map(|()| {
            let rest = importer.take_batch();
            if !rest.is_empty() {
                batches.push(rest);
            }
        }),
    };
    Read { importer, batches, outcome }
}

fn read_pieces(importer: &mut Importer, pieces: &[Bytes], batches: &mut Vec<Batch>) -> Result<(), FileError> {
    for mut piece in pieces.iter().map(AsRef::<[u8]>::as_ref) {
        while !piece.is_empty() {
            piece = &piece[importer.read(piece)?..];
            if importer.is_full() {
                batches.push(importer.take_batch());
            }
        }
    }
    Ok(())
}

/// Asks for the tenants that have an external id of the batch, while the file is read on.
fn look_up(kernel: &Arc<Kernel>, owner_id: &str, batch: Batch) -> Checked {
    let batch = Arc::new(batch);
    let (kernel, owner_id, rows) = (Arc::clone(kernel), owner_id.to_owned(), Arc::clone(&batch));
    let existing = tokio::spawn(async move {
        let mut reader = kernel.store.reader().await?;
        let ids = rows.rows().filter_map(|row| row.external_id);
        tenants::with_external_ids(&mut reader, &owner_id, ids).await
    });
    Checked { batch, existing }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_portion_is_given_away_when_it_is_full_and_loses_nothing() {
        let file: Vec<u8> = (0..PORTION * 3 + 17).map(|byte| (byte % 251) as u8).collect();
        for size in [1_000, PORTION - 1, PORTION, PORTION + 1, file.len()] {
            let (mut portion, mut full) = (Portion::default(), Vec::new());
            for piece in file.chunks(size) {
                let mut piece = Bytes::copy_from_slice(piece);
                while let Some(portion) = portion.fill(&mut piece) {
                    full.push(portion);
                }
                assert!(piece.is_empty());
            }
            assert_eq!(full.len(), 3);
            assert!(full.iter().all(|portion| portion.bytes == PORTION));
            let pieces = full.iter().chain([&portion]).flat_map(|portion| &portion.pieces);
            assert_eq!(pieces.flatten().copied().collect::<Vec<_>>(), file);
        }
    }
}
