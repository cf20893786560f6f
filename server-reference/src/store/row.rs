//! Columns of a row, by the three types the engines share.

use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::error::StoreError;
use crate::kernel::clock::Timestamp;

/// Typed access to the columns of a row.
///
/// There are TEXT, BIGINT and BLOB columns only; sqlx's `Any` driver decodes nothing else on both engines. A NULL
/// where none is expected, a missing column and another type are errors.
pub trait Columns {
    /// A TEXT column.
    ///
    /// # Errors
    /// When the column is missing, NULL or of another type.
    fn text(&self, column: &str) -> Result<String, StoreError>;
    /// A TEXT column that may be NULL.
    ///
    /// # Errors
    /// When the column is missing or of another type.
    fn text_or_null(&self, column: &str) -> Result<Option<String>, StoreError>;
    /// A BIGINT column.
    ///
    /// # Errors
    /// When the column is missing, NULL or of another type.
    fn int(&self, column: &str) -> Result<i64, StoreError>;
    /// A BIGINT column that may be NULL.
    ///
    /// # Errors
    /// When the column is missing or of another type.
    fn int_or_null(&self, column: &str) -> Result<Option<i64>, StoreError>;
    /// A BLOB column.
    ///
    /// # Errors
    /// When the column is missing, NULL or of another type.
    fn blob(&self, column: &str) -> Result<Vec<u8>, StoreError>;
    /// A BIGINT column that holds microseconds.
    ///
    /// # Errors
    /// When the column is missing, NULL or of another type.
    fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        self.int(column).map(Timestamp::from_micros)
    }
    /// A BIGINT column that holds microseconds or NULL.
    ///
    /// # Errors
    /// When the column is missing or of another type.
    fn time_or_null(&self, column: &str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.int_or_null(column)?.map(Timestamp::from_micros))
    }
    /// A BIGINT column that is never negative.
    ///
    /// # Errors
    /// When the column is missing, NULL, of another type or negative.
    fn count(&self, column: &str) -> Result<u64, StoreError> {
        let value = self.int(column)?;
        u64::try_from(value).map_err(|_| StoreError::Inconsistent(format!("{column} is negative: {value}")))
    }
    /// A BLOB column of 32 bytes.
    ///
    /// # Errors
    /// When the column is missing, NULL, of another type or of another length.
    fn hash(&self, column: &str) -> Result<[u8; 32], StoreError> {
        self.blob(column)?.try_into().map_err(|blob: Vec<u8>| {
            StoreError::Inconsistent(format!("{column} has {} bytes, not 32", blob.len()))
        })
    }
}

impl Columns for AnyRow {
    fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn text_or_null(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn int(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn int_or_null(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.try_get(column)?)
    }

    fn blob(&self, column: &str) -> Result<Vec<u8>, StoreError> {
        Ok(self.try_get(column)?)
    }
}
