//! The desk's SQLite file: opened, migrated and asked whether it still answers.
//!
//! During a rollout two versions of the desk use one file. So migrations only expand (`expand_only` checks
//! each file), an older binary accepts migrations that it does not know, and a migration that was changed
//! after it was applied is refused. SQLite has no lock for migrations in sqlx, so a lock file keeps
//! two instances that start at once apart.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions};

use crate::identity::Identity;

/// All migrations in order: version, name, text. A new one is one file and one line here.
pub(crate) const MIGRATIONS: [(i64, &str, &str); 1] =
    [(1, "starts", include_str!("migrations/0001_starts.sql"))];

const FILE: &str = "desk.sqlite";
const LOCK_FILE: &str = "desk.migrating";
/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Readiness is asked every second or so: a database that needs longer is not ready.
const PING_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a start waits for another instance that migrates.
const MIGRATION_TURN: Duration = Duration::from_secs(30);
const MIGRATION_TURN_POLL: Duration = Duration::from_millis(20);
/// A last checkpoint; what it does not finish is done by the next start.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// One thread each; the desk's statements are short.
const MAX_CONNECTIONS: u32 = 4;

/// An open and migrated database.
pub(crate) struct Database {
    pool: SqlitePool,
}

impl Database {
    /// Opens `desk.sqlite` in this directory; creates both when missing, and applies what is new.
    pub(crate) async fn open(directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| hint("create the data directory", directory))?;
        let file = directory.join(FILE);
        let turn = migration_turn(directory.join(LOCK_FILE)).await?;
        let options = SqliteConnectOptions::new()
            .filename(&file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(MAX_CONNECTIONS)
            .acquire_timeout(BUSY_TIMEOUT)
            .connect_with(options)
            .await
            .with_context(|| hint("open the database", &file))?;
        migrator().run(&pool).await.map_err(|error| refused_migration(error, &file))?;
        drop(turn);
        Ok(Self { pool })
    }

    /// Writes down that this instance started on this data.
    pub(crate) async fn record_start(&self, identity: &Identity, unix_secs: u64) -> anyhow::Result<()> {
        sqlx::query(
            "INSERT INTO starts (instance, version, commit_id, digest, started_at_unix_secs)
             VALUES (?, ?, ?, ?, ?)",
        )
        .bind(identity.instance())
        .bind(identity.version())
        .bind(identity.commit())
        .bind(identity.digest())
        .bind(i64::try_from(unix_secs).unwrap_or(i64::MAX))
        .execute(&self.pool)
        .await
        .context(
            "failed to record the start in the database; next: look for a full disk or another writer",
        )?;
        Ok(())
    }

    /// How many starts this data has seen. Reads the file, so it tells whether the database answers.
    pub(crate) async fn starts(&self) -> anyhow::Result<i64> {
        let count = sqlx::query_scalar("SELECT count(*) FROM starts").fetch_one(&self.pool);
        match tokio::time::timeout(PING_TIMEOUT, count).await {
            Ok(count) => count.context("failed to read the database"),
            Err(_) => anyhow::bail!("the database did not answer within {} s", PING_TIMEOUT.as_secs()),
        }
    }

    /// Writes back what is in the log of SQLite, within a limit.
    pub(crate) async fn close(&self) {
        if tokio::time::timeout(CLOSE_TIMEOUT, self.pool.close()).await.is_err() {
            tracing::warn!("the database did not close in time; the next start finishes its log");
        }
    }
}

fn migrator() -> Migrator {
    let migrations = MIGRATIONS.map(|(version, name, sql)| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    });
    let mut migrator = Migrator::with_migrations(migrations.into());
    migrator.set_ignore_missing(true);
    migrator
}

/// Waits until no other instance migrates. The turn ends when the file is dropped, or with the process.
async fn migration_turn(path: PathBuf) -> anyhow::Result<File> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| hint("create the migration lock", &path))?;
    let turn = async {
        loop {
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => tokio::time::sleep(MIGRATION_TURN_POLL).await,
                done => return done,
            }
        }
    };
    match tokio::time::timeout(MIGRATION_TURN, turn).await {
        Ok(locked) => locked.with_context(|| hint("lock", &path))?,
        Err(_) => anyhow::bail!(
            "another instance has been migrating for {} s and holds {}; next: look at its log, then start again",
            MIGRATION_TURN.as_secs(),
            path.display()
        ),
    }
    Ok(file)
}

fn hint(what: &str, path: &Path) -> String {
    format!("failed to {what} {}; next: make it writable, or give another --data-dir", path.display())
}

fn refused_migration(error: MigrateError, file: &Path) -> anyhow::Error {
    let file = file.display();
    let message = match &error {
        MigrateError::VersionMismatch(version) => format!(
            "migration {version} was changed after it was applied to {file}; \
             next: restore its text and add a new migration for the difference"
        ),
        _ => format!(
            "failed to migrate {file}; next: restore the file from a backup, or give another --data-dir"
        ),
    };
    anyhow::Error::new(error).context(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::settings;

    async fn opened(directory: &Path) -> Database {
        Database::open(directory).await.expect("opens")
    }

    #[tokio::test]
    async fn a_start_is_recorded_and_outlives_the_process() {
        let directory = tempfile::tempdir().unwrap();
        let identity = settings(&["--identity-instance", "one"]).identity;
        let first = opened(directory.path()).await;
        first.record_start(&identity, 7).await.unwrap();
        first.close().await;
        let second = opened(directory.path()).await;
        second.record_start(&identity, 8).await.unwrap();
        assert_eq!(second.starts().await.unwrap(), 2);
    }

    #[tokio::test]
    async fn instances_that_start_at_once_migrate_one_after_the_other() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let (a, b, c) = tokio::join!(Database::open(path), Database::open(path), Database::open(path));
        for database in [a, b, c] {
            assert_eq!(database.unwrap().starts().await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn a_changed_migration_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let database = opened(directory.path()).await;
        sqlx::query("UPDATE _sqlx_migrations SET checksum = x'00'").execute(&database.pool).await.unwrap();
        database.close().await;
        let refused = Database::open(directory.path()).await.err().expect("refused");
        assert!(refused.to_string().contains("migration 1 was changed after it was applied"), "{refused}");
    }

    #[tokio::test]
    async fn a_file_that_is_no_database_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "no database, but long enough to have a header ".repeat(40))
            .unwrap();
        let refused = Database::open(directory.path()).await.err().expect("refused");
        assert!(refused.to_string().contains("desk.sqlite"), "{refused}");
    }

    #[tokio::test]
    async fn a_closed_database_does_not_answer() {
        let directory = tempfile::tempdir().unwrap();
        let database = opened(directory.path()).await;
        database.close().await;
        let failure = database.starts().await.unwrap_err();
        assert!(failure.to_string().contains("failed to read the database"), "{failure}");
    }
}
