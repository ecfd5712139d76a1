//! Migrations only expand: an older desk must go on working on a newer schema, or a rollback is none.
//!
//! A check of words, not a parser of SQL: it refuses more than it must, never less.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::database::MIGRATIONS;

/// Why this text is more than an expansion.
fn contraction(sql: &str) -> Option<&'static str> {
    let code: String = sql
        .lines()
        .map(|line| line.split("--").next().unwrap_or_default())
        .fold(String::new(), |code, line| code + " " + line);
    code.to_uppercase().split(';').find_map(|statement| {
        let words: Vec<&str> = statement
            .split(|c: char| !c.is_alphanumeric() && c != '_')
            .filter(|word| !word.is_empty())
            .collect();
        let has = |word: &str| words.contains(&word);
        let has_pair = |pair: [&str; 2]| words.windows(2).any(|window| window == pair);
        if has("DROP") {
            Some("drops something")
        } else if has("RENAME") {
            Some("renames something")
        } else if has("UPDATE") || has("DELETE") || has("REPLACE") {
            Some("changes rows that an older version reads")
        } else if has_pair(["UNIQUE", "INDEX"]) {
            Some("refuses rows that an older version writes")
        } else if has_pair(["CREATE", "TRIGGER"]) {
            Some("changes what an older version writes")
        } else if has("ALTER") && has_pair(["NOT", "NULL"]) && !has("DEFAULT") {
            Some("needs a column that an older version does not write")
        } else {
            None
        }
    })
}

#[track_caller]
fn check(sql: &str, expected: Option<&str>) {
    assert_eq!(contraction(sql), expected, "{sql}");
}

#[test]
fn contractions_are_recognised() {
    check("CREATE TABLE a (b TEXT NOT NULL); CREATE INDEX i ON a (b);", None);
    check("ALTER TABLE a ADD COLUMN c TEXT", None);
    check("ALTER TABLE a ADD COLUMN c TEXT NOT NULL DEFAULT ''", None);
    check("-- drop nothing\nCREATE TABLE a (b TEXT)", None);
    check(
        "alter table a add column c text not\nnull",
        Some("needs a column that an older version does not write"),
    );
    check("CREATE TABLE x (y TEXT); drop table a", Some("drops something"));
    check("ALTER TABLE a DROP COLUMN b", Some("drops something"));
    check("ALTER TABLE a RENAME TO b", Some("renames something"));
    check("UPDATE a SET b = ''", Some("changes rows that an older version reads"));
    check("CREATE UNIQUE INDEX i ON a (b)", Some("refuses rows that an older version writes"));
    check(
        "CREATE TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END",
        Some("changes what an older version writes"),
    );
}

#[test]
fn every_migration_file_is_listed_and_only_expands() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/migrations");
    let files: BTreeMap<String, String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(&path).unwrap())
        })
        .collect();
    let listed: BTreeMap<String, String> = MIGRATIONS
        .into_iter()
        .map(|(version, name, sql)| (format!("{version:04}_{name}.sql"), sql.to_owned()))
        .collect();
    assert_eq!(files, listed);
    for (file, sql) in files {
        assert_eq!(contraction(&sql), None, "{file}");
    }
}
