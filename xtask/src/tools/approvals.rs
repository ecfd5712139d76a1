//! Approvals of loosened policies: signed by `ssh-keygen -Y`, kept under `refs/gateline/approvals/COMMIT/`, one blob each.
//!
//! A reference of its own for each approval: two people never meet in one, and `git push` and `git fetch` carry them like
//! any other. Whoever may push can put one there, so each is verified when it is read; who may approve is said by
//! [`crate::policy::approvers`].

use super::git;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::policy::approvers::{Approval, Approved, Identity, NAMESPACE, body};
use crate::world::{CommandLine, World};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// Where approvals are kept.
const REFS: &str = "refs/gateline/approvals";
/// Most approvals that are read of one commit.
const APPROVALS_MAX: usize = 32;
/// Longest approval, in bytes.
const APPROVAL_BYTES_MAX: usize = 16 * 1024;
/// Signing may wait for a touch of a hardware key.
const SIGN_TIMEOUT: Duration = Duration::from_secs(120);
/// Verifying reads two small files.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(20);

/// An approval as it is kept. Nobody has verified it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// What is approved.
    pub of: Approved,
    /// The public key that signed.
    pub key: String,
    /// The signature, as `ssh-keygen` writes it.
    pub signature: String,
}

/// Signs an approval. `key` is a private key, or the public one of a key that the agent holds.
///
/// # Errors
/// Where the key cannot be read or does not sign.
pub async fn sign(world: &World, key: &Path, of: &Approved) -> anyhow::Result<Record> {
    let shown = key.display();
    let public = match key.extension() {
        Some(extension) if extension == "pub" => key.to_owned(),
        _ => key.with_file_name(format!("{}.pub", key.file_name().unwrap_or_default().to_string_lossy())),
    };
    let text = std::fs::read_to_string(&public).map_err(|error| {
        let message = format!("failed to read the public key {}: {error}", public.display());
        Failure::usage(message, "name the key: --key ~/.ssh/id_ed25519")
    })?;
    let mut command = CommandLine::new("ssh-keygen", ["-q", "-Y", "sign", "-n", NAMESPACE, "-f"])
        .arg(key.to_string_lossy())
        .with_timeout(SIGN_TIMEOUT);
    command.input = of.message().into_bytes();
    let signed = run(world, &command).await?;
    if !signed.status.success() {
        let said = String::from_utf8_lossy(&signed.stderr).trim().to_owned();
        let message = format!("ssh-keygen did not sign with {shown}: {said}");
        return Err(Failure::usage(
            message,
            "add the key to the agent: ssh-add, then name its .pub file with --key",
        ));
    }
    Ok(Record {
        of: of.clone(),
        key: body(&text),
        signature: String::from_utf8_lossy(&signed.stdout).into_owned(),
    })
}

/// Makes sure that the key of a record signed it: then it is an approval, though maybe of nobody who may give one.
///
/// # Errors
/// `Err` inside holds why it is none; outside, what could not be done.
pub async fn verify(world: &World, record: &Record) -> anyhow::Result<Result<Approval, String>> {
    if record.key.contains(char::is_control) || record.key != body(&record.key) {
        return Ok(Err("its key is no public key".to_owned()));
    }
    let folder = tempfile::tempdir()?;
    let (signers, signature) = (folder.path().join("signers"), folder.path().join("signature"));
    std::fs::write(&signers, format!("approver namespaces=\"{NAMESPACE}\" {}\n", record.key))?;
    std::fs::write(&signature, &record.signature)?;
    let mut command =
        CommandLine::new("ssh-keygen", ["-q", "-Y", "verify", "-n", NAMESPACE, "-I", "approver"])
            .arg("-f")
            .arg(signers.to_string_lossy())
            .arg("-s")
            .arg(signature.to_string_lossy())
            .with_timeout(VERIFY_TIMEOUT);
    command.input = record.of.message().into_bytes();
    let verified = run(world, &command).await?;
    if !verified.status.success() {
        return Ok(Err("its signature is not of this text by this key".to_owned()));
    }
    let identity = Identity::Ssh { key: record.key.clone() };
    Ok(Ok(Approval { identity, of: record.of.clone() }))
}

async fn run(world: &World, command: &CommandLine) -> anyhow::Result<crate::world::Finished> {
    world.run(command).await.map_err(|error| {
        Failure::infrastructure(format!("{error:#}"), "install OpenSSH: `apt-get install openssh-client`")
    })
}

/// Keeps a record; the name of its reference.
///
/// # Errors
/// Where git cannot write.
pub async fn keep(world: &World, root: &Path, record: &Record) -> anyhow::Result<String> {
    let bytes = serde_json::to_vec_pretty(record)?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("approval.json");
    std::fs::write(&file, &bytes)?;
    let object =
        git::run(world, root, &["hash-object", "-w", "--no-filters", &file.to_string_lossy()]).await?;
    let object = String::from_utf8_lossy(&object).trim().to_owned();
    let name = format!("{REFS}/{}/{}", record.of.commit, Digest::of(&bytes).short());
    git::run(world, root, &["update-ref", &name, &object]).await?;
    Ok(name)
}

/// Brings the approvals of a commit from a remote. One that has none, or cannot be reached, brings none.
pub async fn bring(world: &World, root: &Path, remote: &str, commit: &str) {
    let refs = format!("+{REFS}/{commit}/*:{REFS}/{commit}/*");
    // What does not come does not count: the finding says that an approval is missing.
    let _ = git::run(world, root, &["fetch", "--quiet", "--no-tags", remote, &refs]).await;
}

/// The approvals that are kept for a commit, each verified or with the reason why it is none.
///
/// # Errors
/// Where git or ssh-keygen cannot be run.
pub async fn of(world: &World, root: &Path, commit: &str) -> anyhow::Result<Vec<Result<Approval, String>>> {
    let pattern = format!("{REFS}/{commit}/");
    let format = "--format=%(objectname) %(objecttype) %(objectsize)";
    let listed = git::run(world, root, &["for-each-ref", "--sort=refname", format, &pattern]).await?;
    let mut found = Vec::new();
    for line in String::from_utf8_lossy(&listed).lines().take(APPROVALS_MAX) {
        let [object, "blob", size] = line.split_whitespace().collect::<Vec<_>>()[..] else {
            found.push(Err("it is no file".to_owned()));
            continue;
        };
        if size.parse::<usize>().map_or(true, |size| size > APPROVAL_BYTES_MAX) {
            found.push(Err(format!("it has {size} bytes, {APPROVAL_BYTES_MAX} at most")));
            continue;
        }
        let bytes = git::run(world, root, &["cat-file", "blob", object]).await?;
        found.push(match serde_json::from_slice::<Record>(&bytes) {
            Ok(record) => verify(world, &record).await?,
            Err(error) => Err(format!("it cannot be read: {error}")),
        });
    }
    Ok(found)
}
