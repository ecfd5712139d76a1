//! Requirements that any version meets, in the manifests of members and of the workspace.

use crate::evidence::bans::WildcardRequirement;
use crate::evidence::sources::Unreadable;
use crate::tools::security::packages::{Packages, line_of, look, table_of};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The tables of requirements, in a package, below `workspace`, and below each platform of `target`.
const TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// All of them, sorted, and the manifests that cannot be read.
pub(super) fn of(packages: &Packages, root: &Path) -> (Vec<WildcardRequirement>, Vec<Unreadable>) {
    let members = packages.iter().filter(|(_, package)| package.member);
    let mut manifests: BTreeSet<PathBuf> = members
        .filter_map(|(_, package)| Some(package.manifest.as_ref()?.folder.join("Cargo.toml")))
        .collect();
    manifests.insert(root.join("Cargo.toml"));
    look(root, manifests, in_text)
}

/// Those of one manifest. Pure.
///
/// # Errors
/// Where it is no TOML.
pub(super) fn in_text(manifest: &str, text: &str) -> Result<Vec<WildcardRequirement>, Unreadable> {
    let table = table_of(manifest, text)?;
    let within = |table: &Table| {
        TABLES.iter().filter_map(|name| table.get(*name)?.as_table().cloned()).collect::<Vec<_>>()
    };
    let platforms = table.get("target").and_then(Value::as_table).into_iter().flat_map(|all| all.values());
    let workspace = table.get("workspace").and_then(Value::as_table);
    let tables = within(&table)
        .into_iter()
        .chain(platforms.filter_map(Value::as_table).flat_map(within))
        .chain(workspace.into_iter().flat_map(within));
    let mut found: Vec<WildcardRequirement> = tables
        .flat_map(|table| table.into_iter().collect::<Vec<_>>())
        .filter_map(|(package, requirement)| {
            let elsewhere = any_version(&requirement)?;
            Some(WildcardRequirement {
                manifest: manifest.to_owned(),
                line: line_of(text, &package),
                package,
                elsewhere,
            })
        })
        .collect();
    found.sort();
    found.dedup();
    Ok(found)
}

/// Whether it lies in a path or in git, where any version meets it.
fn any_version(requirement: &Value) -> Option<bool> {
    let any = |text: &str| text.trim() == "*";
    match requirement {
        Value::String(text) => any(text).then_some(false),
        Value::Table(table) => {
            let inherited = table.get("workspace").and_then(Value::as_bool).unwrap_or(false);
            let elsewhere = table.contains_key("path") || table.contains_key("git");
            let version = table.get("version").and_then(Value::as_str);
            let wild = version.map_or(elsewhere, any);
            (wild && !inherited).then_some(elsewhere)
        }
        _ => None,
    }
}
