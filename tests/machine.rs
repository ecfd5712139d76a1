//! Stories of what a machine has and lacks: the tools of the gates, older toolchains, linters that not everybody installs.
#![expect(clippy::disallowed_methods, reason = "stories look for real programs and start them")]

#[path = "machine/doctor.rs"]
mod doctor;
#[path = "machine/linters.rs"]
mod linters;
mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A program of ours in a folder: a shell script.
fn script(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder).expect("a folder");
    let file = folder.join(name);
    std::fs::write(&file, format!("#!/bin/sh\n{text}\n")).expect("written");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("a program");
}

/// Where `PATH` has a program.
fn place_of(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// `PATH` with a folder in front of it.
fn before_path(folder: &Path) -> String {
    format!("{}:{}", folder.display(), std::env::var("PATH").unwrap_or_default())
}
