//! Cells: everything a region owns, reached only through the residency check.
//!
//! A tenant has one home region, and what belongs to it (database, keys, receipt logs) lies in the [`Cell`] of that
//! region. A `Cell` cannot be had without naming the tenant's home region to [`Cells::of`], so that code that would
//! reach across regions has nothing to call.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::keys::KeyStore;
use crate::store::Store;

/// Everything one region owns.
#[derive(Debug)]
pub struct Cell {
    region: String,
    store: Store,
    keys: KeyStore,
}

impl Cell {
    /// A cell of these parts. Its region is the one whose logs the store keeps.
    #[must_use]
    pub fn new(store: Store, keys: KeyStore) -> Self {
        Self { region: store.region().to_owned(), store, keys }
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Its database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its keys.
    #[must_use]
    pub fn keys(&self) -> &KeyStore {
        &self.keys
    }
}

/// This server has no cell for a region.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("region {region} is not served here")]
pub struct NotServedHere {
    /// The region.
    pub region: String,
}

/// The cells this server runs. Clones share them.
#[derive(Debug, Clone)]
pub struct Cells {
    home: Arc<Cell>,
    cells: Arc<BTreeMap<String, Arc<Cell>>>,
}

impl Cells {
    /// Cells, of which `home` holds what belongs to no tenant, such as the platform's own keys.
    #[must_use]
    pub fn new(home: Cell, others: impl IntoIterator<Item = Cell>) -> Self {
        let home = Arc::new(home);
        let mut cells = BTreeMap::from([(home.region.clone(), Arc::clone(&home))]);
        cells.extend(others.into_iter().map(|cell| (cell.region.clone(), Arc::new(cell))));
        Self { home, cells: Arc::new(cells) }
    }

    /// The cell of a tenant whose home region this is.
    ///
    /// # Errors
    /// When this server does not run it.
    pub fn of(&self, home_region: &str) -> Result<&Arc<Cell>, NotServedHere> {
        self.cells.get(home_region).ok_or_else(|| NotServedHere { region: home_region.to_owned() })
    }

    /// The cell of the platform itself.
    #[must_use]
    pub fn home(&self) -> &Arc<Cell> {
        &self.home
    }

    /// Shuts every store down: what was accepted is committed first.
    pub async fn shutdown(&self) {
        for cell in self.cells.values() {
            cell.store.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::ids::{Ids, RandomIds};
    use crate::store::testing;
    use crate::store::{StoreDeps, StoreOptions};

    async fn cell(region: &str) -> Cell {
        let ids: Arc<dyn Ids> = Arc::new(RandomIds);
        let deps = StoreDeps { region: region.to_owned(), ..testing::deps() };
        let store = Store::open(StoreOptions::new("sqlite::memory:"), deps).await.unwrap();
        Cell::new(store, KeyStore::in_memory(&ids).unwrap())
    }

    #[tokio::test]
    async fn a_cell_is_reached_by_its_region_only() {
        let cells = Cells::new(cell("eu-west-1").await, [cell("us-east-1").await]);
        assert_eq!(cells.of("us-east-1").unwrap().region(), "us-east-1");
        assert_eq!(cells.home().region(), "eu-west-1");
        assert_eq!(cells.of("ap-east-1").unwrap_err(), NotServedHere { region: "ap-east-1".to_owned() });
        cells.shutdown().await;
    }
}
