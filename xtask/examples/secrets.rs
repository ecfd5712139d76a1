//! Scans every file below a folder for secrets and tells what it cost: for measuring beside peers, see
//! `docs/reference/security-gate.md`.
//!
//! `cargo run --release -p gateline --example secrets -- FOLDER [--list]`

#![expect(clippy::print_stdout, clippy::use_debug, reason = "an example prints")]

use gateline::tools::security::secrets::scan_files;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let root = PathBuf::from(arguments.next().unwrap_or_else(|| ".".to_owned()));
    let list = arguments.next().is_some();
    let (files, bytes) = files_below(&root)?;
    let evidence = scan_files(&root, &files, &[], &[]).map_err(|why| anyhow::anyhow!(why.message))?;
    let mut by_rule: BTreeMap<&str, u64> = BTreeMap::new();
    for found in &evidence.found {
        *by_rule.entry(&found.rule).or_default() += 1;
        if list {
            println!("{}:{} {} {}", found.file, found.line, found.rule, found.redacted);
        }
    }
    println!("{} files, {bytes} bytes, {} found: {by_rule:?}", evidence.files, evidence.found.len());
    println!("{} not read to their end", evidence.skipped.len());
    Ok(())
}

fn files_below(root: &Path) -> anyhow::Result<(Vec<PathBuf>, u64)> {
    let (mut folders, mut files, mut bytes) = (vec![root.to_owned()], Vec::new(), 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                bytes += entry.metadata()?.len();
                files.push(entry.path().strip_prefix(root)?.to_owned());
            }
        }
    }
    Ok((files, bytes))
}
