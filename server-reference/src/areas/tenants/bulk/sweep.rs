//! What imports leave behind: files that never finished arriving, and rows that have been kept long enough.

use std::time::Duration;

use crate::areas::tenants::store::{blocks, imports};
use crate::kernel::Kernel;
use crate::store::{Commit, StoreError};

/// After how long without a sign of life a file is taken to have stopped arriving. Longer than a
/// whole request may take, so that no living one is swept away.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(20 * 60);

/// Removes what was staged for files that stopped arriving, because the client went away or the
/// server crashed, and returns how many there were.
///
/// # Errors
/// When the store fails; the rest is left to the next sweep.
pub async fn sweep(kernel: &Kernel) -> Result<usize, StoreError> {
    let before = kernel.clock.now().saturating_sub(GIVEN_UP_AFTER);
    let mut swept = 0;
    loop {
        let mut reader = kernel.store.reader().await?;
        let Some(id) = imports::abandoned(&mut reader, before).await? else {
            return Ok(swept);
        };
        drop(reader);
        discard(kernel, &id).await?;
        swept += 1;
    }
}

/// Removes the rows of imports that ended longer ago than rows are kept, and returns how many imports
/// it were. The imports stay.
///
/// # Errors
/// When the store fails; the rest is left to the next sweep.
pub async fn forget_rows(kernel: &Kernel) -> Result<usize, StoreError> {
    let before = kernel.clock.now().saturating_sub(kernel.settings.limits.import_rows_kept);
    let mut forgotten = 0;
    loop {
        let mut reader = kernel.store.reader().await?;
        let Some(id) = imports::outdated(&mut reader, before).await? else {
            return Ok(forgotten);
        };
        drop(reader);
        remove_blocks(kernel, &id).await?;
        kernel
            .store
            .write(move |tx| {
                let id = id.clone();
                Box::pin(async move {
                    imports::forget_rows(tx, &id).await?;
                    Ok::<_, StoreError>(Commit::without_receipt((), "rows of an import kept long enough"))
                })
            })
            .await?;
        forgotten += 1;
    }
}

/// Removes an import that is receiving, and its rows.
pub(super) async fn discard(kernel: &Kernel, id: &str) -> Result<(), StoreError> {
    remove_blocks(kernel, id).await?;
    let id = id.to_owned();
    kernel
        .store
        .write(move |tx| {
            let id = id.clone();
            Box::pin(async move {
                imports::discard(tx, &id).await?;
                Ok::<_, StoreError>(Commit::without_receipt((), "removing rows nobody has seen"))
            })
        })
        .await
}

/// Removes the rows of an import some at a time, so that other writes come in between.
async fn remove_blocks(kernel: &Kernel, id: &str) -> Result<(), StoreError> {
    loop {
        let id = id.to_owned();
        let more = kernel.store.write(move |tx| {
            let id = id.clone();
            Box::pin(async move {
                let more = blocks::remove_some(tx, &id).await?;
                Ok::<_, StoreError>(Commit::without_receipt(more, "rows of an import that are not needed"))
            })
        });
        if !more.await? {
            return Ok(());
        }
    }
}
