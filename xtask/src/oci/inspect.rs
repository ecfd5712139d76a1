//! What an image holds, for people and for the gate `image`: layers, sizes, largest files, config.

use super::config::Process;
use super::layout::Stored;
use super::members::{Limits, MemberKind, visit};
use super::unpack::UnpackError;
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

const SCHEMA: &str = "gateline/image/v1";
/// Largest files that are named.
const LARGEST_MAX: usize = 10;

/// An image at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// `gateline/image/v1`.
    pub schema: String,
    /// The digest of the index.
    pub digest: Digest,
    /// `linux/amd64` and the like.
    pub platform: String,
    /// Bytes that a registry would store.
    pub size_bytes: u64,
    /// The commit's time, RFC 3339.
    pub created: Option<String>,
    /// How its process starts.
    pub config: Process,
    /// Lowest first.
    pub layers: Vec<LayerSummary>,
    /// The largest files, largest first.
    pub largest: Vec<FileSummary>,
}

/// A layer at a glance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// The digest of the compressed bytes.
    pub digest: Digest,
    /// What its maker says of it.
    pub what: String,
    /// Compressed.
    pub size_bytes: u64,
    /// As an archive.
    pub unpacked_bytes: u64,
    /// Files, directories and links.
    pub members: u64,
}

/// A file of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSummary {
    /// Absolute, as the process sees it.
    pub path: String,
    /// Unpacked.
    pub size_bytes: u64,
}

/// Reads every layer and says what is in it.
///
/// # Errors
/// Where a layer is damaged or a member is refused.
pub fn inspect(image: &Stored, mut limits: Limits) -> Result<Summary, UnpackError> {
    let mut layers = Vec::new();
    let mut largest: Vec<FileSummary> = Vec::new();
    for (position, (layer, diff_id)) in
        image.manifest.layers.iter().zip(&image.config.rootfs.diff_ids).enumerate()
    {
        let mut members = 0;
        let unpacked_bytes = visit(image.open_layer(layer)?, diff_id, &mut limits, |member, _| {
            members += 1;
            if member.kind == MemberKind::File {
                largest
                    .push(FileSummary { path: format!("/{}", member.path), size_bytes: member.size_bytes });
            }
            Ok(())
        })?;
        let what = image.config.history.get(position).map(|line| line.comment.clone()).unwrap_or_default();
        let (digest, size_bytes) = (layer.digest.clone(), layer.size);
        layers.push(LayerSummary { digest, what, size_bytes, unpacked_bytes, members });
    }
    largest.sort_by(|a, b| b.size_bytes.cmp(&a.size_bytes).then_with(|| a.path.cmp(&b.path)));
    largest.truncate(LARGEST_MAX);
    Ok(Summary {
        schema: SCHEMA.to_owned(),
        digest: image.digest.clone(),
        platform: format!("{}/{}", image.config.os, image.config.architecture),
        size_bytes: image.size_bytes,
        created: image.config.created.clone(),
        config: image.config.config.clone(),
        layers,
        largest,
    })
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "image    {}", self.digest)?;
        writeln!(f, "platform {}", self.platform)?;
        writeln!(f, "size     {}", human(self.size_bytes))?;
        writeln!(f, "created  {}", self.created.as_deref().unwrap_or("-"))?;
        writeln!(f, "command  {}", self.config.command().join(" "))?;
        writeln!(f, "user     {}", self.config.user)?;
        let ports: Vec<&str> = self.config.exposed_ports.keys().map(String::as_str).collect();
        writeln!(f, "ports    {}", if ports.is_empty() { "-".to_owned() } else { ports.join(" ") })?;
        writeln!(f, "layers")?;
        for layer in &self.layers {
            let (packed, unpacked) = (human(layer.size_bytes), human(layer.unpacked_bytes));
            let (short, members) = (layer.digest.short(), layer.members);
            writeln!(
                f,
                "  {short}  {packed:>9}  {unpacked:>9} unpacked  {members:>4} members  {}",
                layer.what
            )?;
        }
        writeln!(f, "largest files")?;
        self.largest.iter().try_for_each(|file| writeln!(f, "  {:>9}  {}", human(file.size_bytes), file.path))
    }
}

/// Bytes for people, in powers of ten.
pub fn human(bytes: u64) -> String {
    let scaled = |unit: u64, name: &str| format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit);
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => scaled(1_000, "kB"),
        1_000_000..1_000_000_000 => scaled(1_000_000, "MB"),
        _ => scaled(1_000_000_000, "GB"),
    }
}

#[cfg(test)]
mod tests {
    use super::human;

    #[test]
    fn bytes_are_told_in_powers_of_ten() {
        let told = [999, 1_000, 1_950_000, 2_100_000_000].map(human);
        assert_eq!(told, ["999 B", "1.0 kB", "1.9 MB", "2.1 GB"]);
    }
}
