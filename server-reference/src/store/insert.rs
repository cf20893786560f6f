//! Multi-row inserts.

use std::fmt::Write as _;

use sqlx::Arguments as _;
use sqlx::any::AnyArguments;

use super::engine::Engine;
use super::error::StoreError;
use crate::kernel::clock::Timestamp;

/// The most bound parameters one statement may have: SQLite's limit is 32,766, PostgreSQL's 65,535.
const MAX_PARAMETERS: usize = 32_766;

/// The most rows one statement inserts. More make the statement longer to prepare and no faster to run.
const MAX_ROWS: usize = 512;

/// A value to insert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// TEXT.
    Text(String),
    /// BIGINT.
    Int(i64),
    /// BLOB; BYTEA on PostgreSQL.
    Blob(Vec<u8>),
    /// NULL of a TEXT column.
    NoText,
    /// NULL of a BIGINT column.
    NoInt,
    /// NULL of a BLOB column.
    NoBlob,
}

macro_rules! value_from {
    ($($from:ty => |$value:ident| $some:expr, $none:expr;)*) => {$(
        impl From<$from> for Value {
            fn from($value: $from) -> Self {
                $some
            }
        }
        impl From<Option<$from>> for Value {
            fn from(value: Option<$from>) -> Self {
                value.map_or($none, Self::from)
            }
        }
    )*};
}

value_from! {
    String => |value| Self::Text(value), Self::NoText;
    &str => |value| Self::Text(value.to_owned()), Self::NoText;
    &String => |value| Self::Text(value.clone()), Self::NoText;
    i64 => |value| Self::Int(value), Self::NoInt;
    bool => |value| Self::Int(i64::from(value)), Self::NoInt;
    Timestamp => |value| Self::Int(value.as_micros()), Self::NoInt;
    Vec<u8> => |value| Self::Blob(value), Self::NoBlob;
    &[u8] => |value| Self::Blob(value.to_vec()), Self::NoBlob;
    [u8; 32] => |value| Self::Blob(value.to_vec()), Self::NoBlob;
}

/// Rows for one table, inserted by as few statements as the engines' limits allow.
///
/// Rows are cut into powers of two, so that few different statements are prepared however many rows there are.
///
/// ```
/// # use companyos_server::store::Insert;
/// let mut rows = Insert::into("tenants", ["id", "created_at"]).on_conflict("(id) DO NOTHING");
/// rows.push(["tnt_1".into(), 7_i64.into()]);
/// assert_eq!(rows.len(), 1);
/// ```
#[derive(Debug)]
pub struct Insert<const N: usize> {
    table: &'static str,
    columns: [&'static str; N],
    conflict: &'static str,
    returning: &'static str,
    values: Vec<Value>,
}

impl<const N: usize> Insert<N> {
    /// No rows yet for these columns of `table`.
    #[must_use]
    pub fn into(table: &'static str, columns: [&'static str; N]) -> Self {
        Self { table, columns, conflict: "", returning: "", values: Vec::new() }
    }

    /// What follows `ON CONFLICT`, such as `(id) DO NOTHING`.
    #[must_use]
    pub fn on_conflict(mut self, clause: &'static str) -> Self {
        self.conflict = clause;
        self
    }

    /// What follows `RETURNING`.
    #[must_use]
    pub fn returning(mut self, columns: &'static str) -> Self {
        self.returning = columns;
        self
    }

    /// Adds a row.
    pub fn push(&mut self, row: [Value; N]) {
        self.values.extend(row);
    }

    /// Makes room for that many more rows.
    pub fn reserve(&mut self, rows: usize) {
        self.values.reserve(rows * N);
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len().checked_div(N).unwrap_or(0)
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Takes the rows as statements and their arguments.
    pub(super) fn into_statements(self, engine: Engine) -> Statements<N> {
        let most = (MAX_PARAMETERS / N.max(1)).clamp(1, MAX_ROWS);
        let most = 1 << most.ilog2();
        let rows = self.len();
        Statements {
            engine,
            table: self.table,
            columns: self.columns,
            conflict: self.conflict,
            returning: self.returning,
            values: self.values.into_iter(),
            rows,
            most,
            last: None,
        }
    }
}

/// The statements of an [`Insert`].
pub(super) struct Statements<const N: usize> {
    engine: Engine,
    table: &'static str,
    columns: [&'static str; N],
    conflict: &'static str,
    returning: &'static str,
    values: std::vec::IntoIter<Value>,
    rows: usize,
    most: usize,
    last: Option<(usize, String)>,
}

impl<const N: usize> Statements<N> {
    fn text(&self, rows: usize) -> String {
        let mut sql = String::with_capacity(64 + rows * (3 + N * 6));
        let _infallible = write!(sql, "INSERT INTO {} ({}) VALUES ", self.table, self.columns.join(", "));
        let mut parameter = 0_usize;
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..N {
                parameter += 1;
                if column > 0 {
                    sql.push_str(", ");
                }
                self.engine.push_parameter(&mut sql, parameter);
            }
            sql.push(')');
        }
        if !self.conflict.is_empty() {
            sql.push_str(" ON CONFLICT ");
            sql.push_str(self.conflict);
        }
        if !self.returning.is_empty() {
            sql.push_str(" RETURNING ");
            sql.push_str(self.returning);
        }
        sql
    }
}

impl<const N: usize> Iterator for Statements<N> {
    type Item = Result<(String, AnyArguments), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let rows = match self.rows {
            0 => return None,
            rows if rows >= self.most => self.most,
            rows => 1 << rows.ilog2(),
        };
        self.rows -= rows;
        let sql = match &self.last {
            Some((last, sql)) if *last == rows => sql.clone(),
            _ => {
                let sql = self.text(rows);
                self.last = Some((rows, sql.clone()));
                sql
            }
        };
        let mut arguments = AnyArguments::default();
        arguments.reserve(rows * N, 0);
        for value in self.values.by_ref().take(rows * N) {
            let added = match value {
                Value::Text(value) => arguments.add(value),
                Value::Int(value) => arguments.add(value),
                Value::Blob(value) => arguments.add(value),
                Value::NoText => arguments.add(None::<String>),
                Value::NoInt => arguments.add(None::<i64>),
                Value::NoBlob => arguments.add(None::<Vec<u8>>),
            };
            if let Err(error) = added {
                return Some(Err(sqlx::Error::Encode(error).into()));
            }
        }
        Some(Ok((sql, arguments)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statements(engine: Engine, rows: i64) -> Vec<(String, usize)> {
        let mut insert = Insert::into("t", ["a", "b"]).on_conflict("(a) DO NOTHING").returning("a");
        for row in 0..rows {
            insert.push([row.into(), "x".into()]);
        }
        insert
            .into_statements(engine)
            .map(|s| s.map(|(sql, arguments)| (sql, arguments.len())).unwrap())
            .collect()
    }

    #[test]
    fn rows_are_cut_into_powers_of_two() {
        let sizes = |rows| {
            statements(Engine::Postgres, rows)
                .iter()
                .map(|(_, parameters)| parameters / 2)
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(0), [0; 0]);
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(37), [32, 4, 1]);
        assert_eq!(sizes(1_030), [512, 512, 4, 2]);
    }

    #[test]
    fn the_statement_numbers_its_parameters() {
        assert_eq!(
            statements(Engine::Postgres, 2)[0].0,
            "INSERT INTO t (a, b) VALUES ($1, $2), ($3, $4) ON CONFLICT (a) DO NOTHING RETURNING a"
        );
        assert_eq!(
            statements(Engine::Sqlite, 2)[0].0,
            "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT (a) DO NOTHING RETURNING a"
        );
    }

    #[test]
    fn many_columns_stay_under_the_parameter_limit() {
        let mut insert = Insert::into("t", ["c"; 100]);
        for _ in 0..600 {
            insert.push(std::array::from_fn(|_| Value::NoInt));
        }
        let sizes: Vec<_> = insert.into_statements(Engine::Sqlite).map(|s| s.unwrap().1.len()).collect();
        assert_eq!(sizes, [25_600, 25_600, 6_400, 1_600, 800]);
    }
}
