//! Finding things: which package is the service, which release a few digits name, where its image lies unpacked.

use super::{InForce, Site};
use crate::digest::Digest;
use crate::failure::Failure;
use crate::oci::layout;
use crate::oci::members::Limits;
use crate::oci::unpack::{self, Unpacked};
use crate::platform::store::{self, Stored};
use crate::release::Release;
use crate::rollout::seen::EnvironmentStatus;
use crate::tools::image::architecture_here;
use crate::workspace::Workspace;
use std::collections::BTreeMap;

/// Whether a digest serves 100 % and is ready.
pub(in crate::commands) fn serves(seen: &EnvironmentStatus, digest: &Digest) -> bool {
    let share = seen.weights.stable().filter(|share| share.weight == 100);
    let ready = |id: &String| {
        let mut instances = seen.instances.iter();
        instances.any(|instance| instance.id == *id && instance.health == crate::rollout::seen::Health::Ready)
    };
    share.is_some_and(|share| share.digest == *digest && share.instances.iter().any(ready))
}

/// The service's name: the policy's, else the image's package.
pub(in crate::commands) fn service_name(workspace: &Workspace, in_force: &InForce) -> anyhow::Result<String> {
    if let Some(name) = &in_force.policy.rollout.service.name {
        return Ok(name.clone());
    }
    let package = workspace.service_package(in_force.policy.image.package.as_deref());
    package.map(|package| package.name.clone()).map_err(|names| {
        let message = if names.is_empty() {
            "no package of this workspace has a binary, so there is nothing to ship".to_owned()
        } else {
            "it is not clear which package is the service".to_owned()
        };
        Failure::usage(
            message,
            format!("name it in policies/image.yaml (`package:`), one of: {}", names.join(", ")),
        )
    })
}

/// The image, checked blob by blob and unpacked once.
pub(super) fn unpacked(stored: &Stored, release: &Release) -> anyhow::Result<Unpacked> {
    let damaged = |why: String| {
        Failure::infrastructure(
            format!("the image of release {} is damaged: {why}", release.digest.short()),
            "cargo xtask ship --fresh",
        )
    };
    let layout =
        layout::read(&stored.image(), architecture_here()?).map_err(|error| damaged(error.to_string()))?;
    if layout.digest != release.digest {
        return Err(damaged(format!("its layout holds {}", layout.digest)));
    }
    unpack::unpack(&layout, &stored.unpacked(), Limits::default()).map_err(|error| damaged(error.to_string()))
}

/// A whole digest, or the start of one that the store knows.
pub(in crate::commands) fn known_digest(site: &Site<'_>, text: &str) -> anyhow::Result<Digest> {
    if let Ok(digest) = text.parse() {
        return Ok(digest);
    }
    let start = text.trim_start_matches("sha256:");
    let kept = store::digests(&site.state, &site.service);
    let found: Vec<Digest> = kept.into_iter().filter(|digest| digest.hex().starts_with(start)).collect();
    match found.as_slice() {
        [one] if !start.is_empty() => Ok(one.clone()),
        [] => {
            Err(Failure::usage(format!("there is no release `{text}` in the store"), "cargo xtask history"))
        }
        _ => Err(Failure::usage(
            format!("`{text}` is the start of {} releases", found.len()),
            "give more digits",
        )),
    }
}

/// Paths in the image's environment that its processes open (CA bundle, time zones) point into the unpacked image.
pub(super) fn point_into(variables: &mut BTreeMap<String, String>, rootfs: &std::path::Path) {
    for name in ["SSL_CERT_FILE", "SSL_CERT_DIR", "TZDIR"] {
        if let Some(value) = variables.get_mut(name) {
            let inside = rootfs.join(value.trim_start_matches('/'));
            if inside.exists() {
                *value = inside.display().to_string();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificate_paths_point_into_the_unpacked_image() {
        let rootfs = tempfile::tempdir().unwrap();
        std::fs::write(rootfs.path().join("ca.pem"), "").unwrap();
        let mut variables = BTreeMap::from([
            ("SSL_CERT_FILE".to_owned(), "/ca.pem".to_owned()),
            ("TZDIR".to_owned(), "/none".to_owned()),
        ]);
        point_into(&mut variables, rootfs.path());
        assert_eq!(variables["SSL_CERT_FILE"], rootfs.path().join("ca.pem").display().to_string());
        assert_eq!(variables["TZDIR"], "/none");
    }
}
