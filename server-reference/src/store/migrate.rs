//! Brings the schema up to date when the store is opened.

use std::collections::BTreeMap;

use sha2::{Digest as _, Sha256};
use sqlx::{AnyConnection, AssertSqlSafe, Executor as _};

use super::engine::Engine;
use super::error::StoreError;
use super::migrations::{MIGRATIONS, Migration};
use super::row::Columns as _;
use crate::kernel::clock::Clock;

/// Applies the migrations the database has not seen, each in a transaction of its own.
///
/// Refuses a database whose migrations are not the ones of this program: one was edited after it was applied, or a
/// newer program has been here.
pub(super) async fn migrate(
    connection: &mut AnyConnection,
    engine: Engine,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    // Each looks at the history anew: another server may have migrated while this one waited for the lock.
    for migration in MIGRATIONS {
        connection.execute(engine.begin()).await?;
        let done = apply(connection, engine, migration, clock).await;
        connection.execute(if done.is_ok() { "COMMIT" } else { "ROLLBACK" }).await?;
        done?;
    }
    Ok(())
}

async fn apply(
    connection: &mut AnyConnection,
    engine: Engine,
    migration: &Migration,
    clock: &dyn Clock,
) -> Result<(), StoreError> {
    if let Some(lock) = engine.migration_lock() {
        connection.execute(lock).await?;
    }
    let applied = applied(connection).await?;
    check_history(&applied)?;
    if applied.contains_key(&migration.version) {
        return Ok(());
    }
    let sql = engine.translate(migration.sql);
    if let Err(error) = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await {
        return Err(StoreError::Migration(format!("{} failed: {error}", migration.name)));
    }
    sqlx::query(
        "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES ($1, $2, $3, $4)",
    )
    .bind(migration.version)
    .bind(migration.name)
    .bind(checksum(migration))
    .bind(clock.now().as_micros())
    .execute(&mut *connection)
    .await?;
    tracing::info!(migration = migration.name, "migrated the database");
    Ok(())
}

/// Checksum and name by version of what has been applied.
async fn applied(connection: &mut AnyConnection) -> Result<BTreeMap<i64, (String, String)>, StoreError> {
    connection
        .execute(
            "CREATE TABLE IF NOT EXISTS schema_migrations \
             (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)",
        )
        .await?;
    let rows =
        sqlx::query("SELECT version, name, checksum FROM schema_migrations").fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.int("version")?, (row.text("checksum")?, row.text("name")?)))).collect()
}

fn check_history(applied: &BTreeMap<i64, (String, String)>) -> Result<(), StoreError> {
    for (version, (applied_checksum, name)) in applied {
        let Some(known) = MIGRATIONS.iter().find(|migration| migration.version == *version) else {
            return Err(StoreError::Migration(format!(
                "the database has {name}, which this program does not know; start the newer program that applied it, \
                 or restore a backup from before"
            )));
        };
        if checksum(known) != *applied_checksum {
            return Err(StoreError::Migration(format!(
                "{name} was changed after it had been applied; put the released file back and add a new migration"
            )));
        }
    }
    Ok(())
}

fn checksum(migration: &Migration) -> String {
    Sha256::digest(migration.sql).iter().map(|byte| format!("{byte:02x}")).collect()
}
