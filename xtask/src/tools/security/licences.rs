//! What dependencies say of their licences: expressions from manifests, and the digests of the files that say it in words.

use super::packages::Packages;
use crate::digest::Digest;
use crate::evidence::CouldNotRun;
use crate::evidence::licences::{Licenced, LicencesEvidence};
use crate::policy::security::LicencesPolicy;
use crate::tools::bounded;
use std::collections::BTreeMap;
use std::path::{Component, Path};

/// Longest text of a licence. Collections of all licences of a program have some 100,000 bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The licences of these packages. Blocking: call it from a blocking thread.
///
/// # Errors
/// Where cargo did not resolve the workspace: then no manifest is known.
pub fn of(packages: &Packages, policy: &LicencesPolicy) -> Result<LicencesEvidence, CouldNotRun> {
    if let Some(why) = &packages.all.unresolved {
        return Err(CouldNotRun {
            message: format!("no manifest of a dependency is known, for cargo did not resolve: {why}"),
            help: "cargo metadata --locked".to_owned(),
        });
    }
    let mut evidence = LicencesEvidence::default();
    for (index, package) in packages.iter() {
        let Some(manifest) = &package.manifest else {
            evidence.not_read += 1;
            continue;
        };
        let file = manifest.licence_file.as_ref().map(|file| file.to_string_lossy().into_owned());
        let clarified = policy.clarifications.iter().filter(|one| one.package == package.name);
        let files = file.iter().chain(clarified.map(|one| &one.file));
        let hashes: BTreeMap<String, String> =
            files.filter_map(|file| Some((file.clone(), digest(&manifest.folder, file)?))).collect();
        evidence.packages.push(Licenced {
            name: package.name.clone(),
            version: package.version.clone(),
            member: package.member,
            reach: packages.reached.of(index),
            line: packages.line(package),
            path: packages.path(index),
            expression: manifest.licence.clone().filter(|text| !text.trim().is_empty()),
            file,
            hashes,
        });
    }
    Ok(evidence)
}

/// SHA-256 of a file of a package, in hexadecimal digits.
fn digest(folder: &Path, file: &str) -> Option<String> {
    // `license-file = "../LICENSE"` is usual in workspaces that are published from git.
    let usual =
        |part: Component<'_>| matches!(part, Component::Normal(_) | Component::ParentDir | Component::CurDir);
    if !Path::new(file).components().all(usual) {
        return None;
    }
    let path = folder.join(file);
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    Some(Digest::of(&bounded::read(&path, FILE_BYTES_MAX).ok()?).hex().to_owned())
}

#[cfg(test)]
mod tests;
