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
/// A statement has a power of two of rows, so that few different ones are prepared however many rows there are. The
/// first column is never NULL: where the engine takes that, rows of NULLs fill the last statement up and are left out.
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
    pub(super) fn into_statements(self, engine: Engine) -> Statements {
        let Self { table, columns, conflict, returning, values } = self;
        Statements::new(engine, table, columns.to_vec(), conflict, returning, values)
    }
}

/// One row that may find its place taken.
///
/// A write that only inserts such a row is cheap: the store inserts the rows of many writes by one statement.
///
/// ```
/// # use companyos_server::store::Row;
/// let row = Row::into("tenants", &["id", "external_id"], ["tnt_1".into(), "acme".into()]).unless_taken("(external_id)");
/// # drop(row);
/// ```
#[derive(Debug, Clone)]
pub struct Row {
    table: &'static str,
    columns: &'static [&'static str],
    conflict: &'static str,
    values: Vec<Value>,
}

impl Row {
    /// A row of `table`. The first column is a TEXT that is new: no row has had it before, as is the case for an id
    /// that was just made. By it the store tells which rows were inserted.
    #[must_use]
    pub fn into<const N: usize>(
        table: &'static str,
        columns: &'static [&'static str; N],
        values: [Value; N],
    ) -> Self {
        Self { table, columns, conflict: "", values: values.into() }
    }

    /// Do not insert the row when there is one with the same values in these columns, such as `(external_id)`. They
    /// are those of a unique index. Without this such a clash is an error.
    #[must_use]
    pub fn unless_taken(mut self, columns: &'static str) -> Self {
        self.conflict = columns;
        self
    }

    /// The value of the first column.
    pub(super) fn id(&self) -> &str {
        match self.values.first() {
            Some(Value::Text(id)) => id,
            _ => "",
        }
    }

    /// Whether one statement can insert both.
    pub(super) fn goes_with(&self, other: &Self) -> bool {
        let shape = |row: &Self| (row.table, row.columns, row.conflict);
        shape(self) == shape(other)
    }

    /// The statements that insert `rows`, which all go with the first.
    pub(super) fn statements(rows: &[&Self], engine: Engine) -> Option<Statements> {
        let first = rows.first()?;
        let values = rows.iter().flat_map(|row| row.values.iter().cloned()).collect();
        let mut statements =
            Statements::new(engine, first.table, first.columns.to_vec(), first.conflict, "", values);
        statements.taken_is_fine = !first.conflict.is_empty();
        Some(statements)
    }

    /// The statement that finds which of `rows` are in the table, by their first column.
    pub(super) fn present(rows: &[&Self]) -> Option<(String, AnyArguments)> {
        let first = rows.first()?;
        let (table, id) = (first.table, first.columns.first()?);
        let mut sql = format!("SELECT {id} AS id FROM {table} WHERE {id} IN (");
        let mut arguments = AnyArguments::default();
        for (number, row) in rows.iter().enumerate() {
            let _infallible = write!(sql, "{}${}", if number == 0 { "" } else { ", " }, number + 1);
            arguments.add(row.id().to_owned()).ok()?;
        }
        sql.push(')');
        Some((sql, arguments))
    }
}

/// The statements that insert rows.
pub(super) struct Statements {
    engine: Engine,
    table: &'static str,
    columns: Vec<&'static str>,
    conflict: &'static str,
    /// `conflict` names columns only, and a row that finds them taken is left out.
    taken_is_fine: bool,
    returning: &'static str,
    values: std::vec::IntoIter<Value>,
    rows: usize,
    most: usize,
    last: Option<(usize, String)>,
}

impl Statements {
    fn new(
        engine: Engine,
        table: &'static str,
        columns: Vec<&'static str>,
        conflict: &'static str,
        returning: &'static str,
        values: Vec<Value>,
    ) -> Self {
        let width = columns.len().max(1);
        let most = (MAX_PARAMETERS / width).clamp(1, MAX_ROWS);
        let most = 1 << most.ilog2();
        let rows = values.len() / width;
        let values = values.into_iter();
        Self {
            engine,
            table,
            columns,
            conflict,
            taken_is_fine: false,
            returning,
            values,
            rows,
            most,
            last: None,
        }
    }

    /// The text for that many rows, of which some may be there to fill up.
    fn text(&self, rows: usize, filled: bool) -> String {
        let width = self.columns.len();
        let mut sql = String::with_capacity(64 + rows * (3 + width * 6));
        let _infallible = write!(sql, "INSERT INTO {} ({}) ", self.table, self.columns.join(", "));
        sql.push_str(if filled { "SELECT * FROM (VALUES " } else { "VALUES " });
        let mut parameter = 0_usize;
        for row in 0..rows {
            sql.push_str(if row == 0 { "(" } else { ", (" });
            for column in 0..width {
                parameter += 1;
                if column > 0 {
                    sql.push_str(", ");
                }
                self.engine.push_parameter(&mut sql, parameter);
            }
            sql.push(')');
        }
        if filled {
            sql.push_str(") WHERE column1 IS NOT NULL");
        }
        if !self.conflict.is_empty() {
            sql.push_str(" ON CONFLICT ");
            sql.push_str(self.conflict);
        }
        if self.taken_is_fine {
            sql.push_str(" DO NOTHING");
        }
        if !self.returning.is_empty() {
            sql.push_str(" RETURNING ");
            sql.push_str(self.returning);
        }
        sql
    }
}

impl Iterator for Statements {
    type Item = Result<(String, AnyArguments), StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let wanted = match self.rows {
            0 => return None,
            rows if rows >= self.most => self.most,
            rows if self.engine.fills_up() => rows,
            rows => 1 << rows.ilog2(),
        };
        self.rows -= wanted;
        let rows = wanted.next_power_of_two();
        let sql = match &self.last {
            Some((last, sql)) if *last == wanted => sql.clone(),
            _ => {
                let sql = self.text(rows, wanted < rows);
                self.last = Some((wanted, sql.clone()));
                sql
            }
        };
        let parameters = rows * self.columns.len();
        let mut arguments = AnyArguments::default();
        arguments.reserve(parameters, 0);
        let filling = std::iter::repeat_n(Value::NoText, (rows - wanted) * self.columns.len());
        for value in self.values.by_ref().take(wanted * self.columns.len()).chain(filling) {
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
    fn a_statement_has_a_power_of_two_of_rows() {
        let sizes = |engine, rows| {
            statements(engine, rows).iter().map(|(_, parameters)| parameters / 2).collect::<Vec<_>>()
        };
        assert_eq!(sizes(Engine::Postgres, 0), [0; 0]);
        assert_eq!(sizes(Engine::Postgres, 1), [1]);
        assert_eq!(sizes(Engine::Postgres, 37), [32, 4, 1]);
        assert_eq!(sizes(Engine::Postgres, 1_030), [512, 512, 4, 2]);
        assert_eq!(sizes(Engine::Sqlite, 37), [64]);
        assert_eq!(sizes(Engine::Sqlite, 1_030), [512, 512, 8]);
    }

    #[test]
    fn rows_that_fill_a_statement_up_are_left_out() {
        assert_eq!(
            statements(Engine::Sqlite, 3)[0].0,
            "INSERT INTO t (a, b) SELECT * FROM (VALUES (?, ?), (?, ?), (?, ?), (?, ?)) WHERE column1 IS NOT NULL \
             ON CONFLICT (a) DO NOTHING RETURNING a"
        );
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
        assert_eq!(sizes, [25_600, 25_600, 12_800]);
    }
}
