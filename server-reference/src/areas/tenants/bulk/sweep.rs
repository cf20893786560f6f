//! Leftovers of files that never finished arriving.

use std::time::Duration;

use crate::areas::tenants::store::imports;
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
        kernel
            .store
            .write(move |tx| {
                let id = id.clone();
                Box::pin(async move {
                    imports::discard(tx, &id).await?;
                    Ok::<_, StoreError>(Commit::without_receipt((), "removing rows nobody has seen"))
                })
            })
            .await?;
        swept += 1;
    }
}
