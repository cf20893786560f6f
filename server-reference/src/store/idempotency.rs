//! Idempotency records: committed with the effect they stand for.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::commit::{Commit, Remember};
use super::error::StoreError;
use super::insert::Insert;
use super::row::Columns as _;
use super::tx::{Read, Tx};
use super::{Reader, Store};
use crate::kernel::clock::Timestamp;

/// How many expired records one write deletes, so that sweeping never holds up the writer for long.
const SWEEP_AT_ONCE: i64 = 1_000;

/// The outcome of an earlier request with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remembered {
    /// SHA-256 over that request.
    pub fingerprint: [u8; 32],
    /// Its reply, sealed.
    pub response: Vec<u8>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// Until when it is replayed.
    pub expires_at: Timestamp,
}

impl Reader {
    /// Looks an idempotency key up. A record that has expired at `now` is not there.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn remembered(
        &mut self,
        key: &[u8; 32],
        now: Timestamp,
    ) -> Result<Option<Remembered>, StoreError> {
        let sql = sqlx::query(
            "SELECT fingerprint, response, created_at, expires_at FROM idempotency WHERE key = $1 AND expires_at > $2",
        );
        let row = self.fetch_optional(sql.bind(key.to_vec()).bind(now.as_micros())).await?;
        row.as_ref().map(remembered).transpose()
    }
}

/// How many keys one statement looks up.
pub const LOOKED_UP_AT_ONCE: usize = 256;

impl Reader {
    /// Looks several idempotency keys up by one statement, at most [`LOOKED_UP_AT_ONCE`]; the rest are not looked up.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn remembered_of(
        &mut self,
        keys: &[[u8; 32]],
        now: Timestamp,
    ) -> Result<HashMap<[u8; 32], Remembered>, StoreError> {
        let keys = &keys[..keys.len().min(LOOKED_UP_AT_ONCE)];
        let Some(last) = keys.last() else {
            return Ok(HashMap::new());
        };
        // Powers of two, so that few different statements are prepared; the last key fills up.
        let places = keys.len().next_power_of_two();
        let list: Vec<String> = (0..places).map(|place| format!("${}", place + 2)).collect();
        let text = format!(
            "SELECT key, fingerprint, response, created_at, expires_at FROM idempotency \
             WHERE expires_at > $1 AND key IN ({})",
            list.join(", ")
        );
        let mut sql = sqlx::query(AssertSqlSafe(text)).bind(now.as_micros());
        for place in 0..places {
            sql = sql.bind(keys.get(place).unwrap_or(last).to_vec());
        }
        let rows = self.fetch_all(sql).await?;
        rows.iter().map(|row| Ok((row.hash("key")?, remembered(row)?))).collect()
    }
}

/// How many keys [`Reader::remembered_keys`] gives at once.
const LISTED_AT_ONCE: i64 = 10_000;

impl Reader {
    /// The keys there are records under, expired or not, in their order: the next few after `after`.
    ///
    /// # Errors
    /// When the database cannot be asked.
    pub async fn remembered_keys(&mut self, after: &[u8]) -> Result<Vec<[u8; 32]>, StoreError> {
        let sql = sqlx::query("SELECT key FROM idempotency WHERE key > $1 ORDER BY key LIMIT $2");
        let rows = self.fetch_all(sql.bind(after.to_vec()).bind(LISTED_AT_ONCE)).await?;
        rows.iter().map(|row| row.hash("key")).collect()
    }
}

fn remembered(row: &AnyRow) -> Result<Remembered, StoreError> {
    Ok(Remembered {
        fingerprint: row.hash("fingerprint")?,
        response: row.blob("response")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
    })
}

impl Store {
    /// Deletes the idempotency records that have expired at `now`, a few at a time, and returns how many there were.
    ///
    /// # Errors
    /// When a write fails; what was deleted before stays deleted.
    pub async fn sweep_idempotency(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut swept = 0;
        loop {
            let deleted = self
                .write::<u64, StoreError>(move |tx| {
                    Box::pin(async move {
                        let sql = sqlx::query(
                            "DELETE FROM idempotency WHERE key IN \
                             (SELECT key FROM idempotency WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2)",
                        );
                        let deleted = tx.execute(sql.bind(now.as_micros()).bind(SWEEP_AT_ONCE)).await?;
                        Ok(Commit::without_receipt(deleted, "housekeeping of records nobody can ask for any more"))
                    })
                })
                .await?;
            swept += deleted;
            if deleted == 0 {
                return Ok(swept);
            }
        }
    }
}

/// Members of a group whose idempotency keys are taken.
#[derive(Debug, Default)]
pub(super) struct Taken {
    /// By a record that has been committed and has not expired.
    pub(super) by_record: Vec<usize>,
    /// By an earlier member, provided that one can be committed itself.
    pub(super) by_member: Vec<usize>,
}

/// Writes the records of a group, as far as their keys are free.
pub(super) async fn remember(
    tx: &mut Tx,
    now: Timestamp,
    records: Vec<(usize, Arc<Remember>)>,
) -> Result<Taken, StoreError> {
    let mut members: BTreeMap<[u8; 32], (Vec<usize>, Arc<Remember>)> = BTreeMap::new();
    for (member, record) in records {
        members.entry(record.key).or_insert_with(|| (Vec::new(), record)).0.push(member);
    }
    let mut rows =
        Insert::into("idempotency", ["key", "fingerprint", "response", "created_at", "expires_at"])
            .on_conflict(
                "(key) DO UPDATE SET fingerprint = excluded.fingerprint, response = excluded.response, \
             created_at = excluded.created_at, expires_at = excluded.expires_at \
             WHERE idempotency.expires_at <= excluded.created_at",
            )
            .returning("key");
    // In one order everywhere, so that transactions that write the same keys do not deadlock.
    for (key, (_, record)) in &members {
        rows.push([
            (*key).into(),
            record.fingerprint.into(),
            record.response.as_slice().into(),
            now.into(),
            record.expires_at.into(),
        ]);
    }
    let mut written = HashSet::with_capacity(rows.len());
    for row in tx.insert_returning(rows).await? {
        written.insert(row.hash("key")?);
    }
    let mut taken = Taken::default();
    for (key, (members, _)) in members {
        if written.contains(&key) {
            taken.by_member.extend(members.into_iter().skip(1));
        } else {
            taken.by_record.extend(members);
        }
    }
    Ok(taken)
}
