//! Signatures of people by `ssh-keygen -Y`: of a text, in a namespace, by a key of theirs.
//!
//! The namespace keeps a signature for one purpose from being used for another. Whose a key is, others say.

use crate::failure::Failure;
use crate::policy::approvers::body;
use crate::world::{CommandLine, Finished, World};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::time::Duration;

/// Signing may wait for a touch of a hardware key.
const SIGN_TIMEOUT: Duration = Duration::from_secs(120);
/// Verifying reads two small files.
const VERIFY_TIMEOUT: Duration = Duration::from_secs(20);

/// A signature with the key that made it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The public key: kind and body, without a comment.
    pub key: String,
    /// The signature, as `ssh-keygen` writes it.
    pub signature: String,
}

/// Signs a text. `key` is a private key, or the public one of a key that the agent holds.
///
/// # Errors
/// Where the key cannot be read or does not sign.
pub async fn sign(world: &World, key: &Path, namespace: &str, text: &str) -> anyhow::Result<Signed> {
    let shown = key.display();
    let public = match key.extension() {
        Some(extension) if extension == "pub" => key.to_owned(),
        _ => key.with_file_name(format!("{}.pub", key.file_name().unwrap_or_default().to_string_lossy())),
    };
    let public = std::fs::read_to_string(&public).map_err(|error| {
        let message = format!("failed to read the public key {}: {error}", public.display());
        Failure::usage(message, "name the key: --key ~/.ssh/id_ed25519")
    })?;
    let mut command = CommandLine::new("ssh-keygen", ["-q", "-Y", "sign", "-n", namespace, "-f"])
        .arg(key.to_string_lossy())
        .with_timeout(SIGN_TIMEOUT);
    command.input = text.as_bytes().to_vec();
    let signed = run(world, &command).await?;
    if !signed.status.success() {
        let said = String::from_utf8_lossy(&signed.stderr).trim().to_owned();
        let message = format!("ssh-keygen did not sign with {shown}: {said}");
        return Err(Failure::usage(
            message,
            "add the key to the agent: ssh-add, then name its .pub file with --key",
        ));
    }
    let signature = String::from_utf8_lossy(&signed.stdout).into_owned();
    Ok(Signed { key: body(&public), signature })
}

/// Whether the key of a signature signed this text in this namespace; why not.
///
/// # Errors
/// Where ssh-keygen cannot be run.
pub async fn verify(
    world: &World,
    signed: &Signed,
    namespace: &str,
    text: &str,
) -> anyhow::Result<Result<(), String>> {
    if signed.key.contains(char::is_control) || signed.key != body(&signed.key) {
        return Ok(Err("its key is no public key".to_owned()));
    }
    let folder = tempfile::tempdir()?;
    let (signers, signature) = (folder.path().join("signers"), folder.path().join("signature"));
    std::fs::write(&signers, format!("approver namespaces=\"{namespace}\" {}\n", signed.key))?;
    std::fs::write(&signature, &signed.signature)?;
    let mut command =
        CommandLine::new("ssh-keygen", ["-q", "-Y", "verify", "-n", namespace, "-I", "approver"])
            .arg("-f")
            .arg(signers.to_string_lossy())
            .arg("-s")
            .arg(signature.to_string_lossy())
            .with_timeout(VERIFY_TIMEOUT);
    command.input = text.as_bytes().to_vec();
    let verified = run(world, &command).await?;
    let wrong = || "its signature is not of this text by this key".to_owned();
    Ok(if verified.status.success() { Ok(()) } else { Err(wrong()) })
}

async fn run(world: &World, command: &CommandLine) -> anyhow::Result<Finished> {
    world.run(command).await.map_err(|error| {
        Failure::infrastructure(format!("{error:#}"), "install OpenSSH: `apt-get install openssh-client`")
    })
}
