//! The schema's migrations, embedded, in the order in which they are applied.
//!
//! A released file is never edited; a change is a new file. `migrations/<nnnn>_<area>_<what>.sql`, one line here.

/// One step of the schema.
#[derive(Debug)]
pub(super) struct Migration {
    pub(super) version: i64,
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal),* $(,)?) => {
        &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/", $name, ".sql")),
        }),*]
    };
}

pub(super) const MIGRATIONS: &[Migration] = migrations![
    1 "0001_store_core",
    2 "0002_identity_keys",
    3 "0003_tenants_core",
    4 "0004_operations_core",
    5 "0005_adapters_core",
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_is_listed_under_its_own_number_and_in_order() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        let listed: Vec<String> =
            MIGRATIONS.iter().map(|migration| format!("{}.sql", migration.name)).collect();
        assert_eq!(
            listed, files,
            "a migration in migrations/ is not listed in src/store/migrations.rs, or the reverse"
        );
        for migration in MIGRATIONS {
            assert!(migration.name.starts_with(&format!("{:04}_", migration.version)), "{}", migration.name);
        }
    }

    #[test]
    fn columns_have_the_three_types_both_engines_share() {
        for migration in MIGRATIONS {
            let statements = migration.sql.lines().filter(|line| !line.trim_start().starts_with("--"));
            let sql = statements.collect::<Vec<_>>().join("\n").to_uppercase();
            for word in
                ["BOOLEAN", "INTEGER", "TIMESTAMP", "JSONB", "SERIAL", "VARCHAR", "AUTOINCREMENT", "BYTEA"]
            {
                assert!(
                    !sql.contains(word),
                    "{} uses {word}; there are TEXT, BIGINT and BLOB",
                    migration.name
                );
            }
        }
    }
}
