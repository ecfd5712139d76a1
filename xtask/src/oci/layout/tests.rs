//! Layouts on disk: what was written is read back, and each damage is refused.

use super::*;
use crate::oci::layer::Entry;
use crate::oci::tests::{facts, small};
use crate::oci::{LayerFacts, assemble};
use tempfile::TempDir;

fn written() -> (TempDir, PathBuf, Assembled) {
    let home = tempfile::tempdir().unwrap();
    let (image, layer) = small(vec![Entry::file("etc/a", b"hello".to_vec())]);
    let source = home.path().join("layer");
    std::fs::write(&source, layer).unwrap();
    let directory = home.path().join("deep/layout");
    write(&directory, &image, "1.2.3", &[source]).unwrap();
    (home, directory, image)
}

fn refused(directory: &Path, expected: &str) {
    let message = read(directory, Architecture::Amd64).unwrap_err().to_string();
    assert!(message.contains(expected), "{message} does not say {expected}");
}

/// Changes one field of `index.json`.
fn edit(directory: &Path, change: impl FnOnce(&mut serde_json::Value)) {
    let path = directory.join(INDEX_FILE);
    let mut json = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    change(&mut json);
    std::fs::write(path, json.to_string()).unwrap();
}

#[test]
fn what_is_written_is_read_back() {
    let (home, directory, image) = written();
    let stored = read(&directory, Architecture::Amd64).unwrap();
    assert_eq!((&stored.digest, stored.size_bytes), (image.digest(), image.size_bytes()));
    assert_eq!(stored.config.config.entrypoint, ["/app/svc"]);
    let index: serde_json::Value =
        serde_json::from_slice(&std::fs::read(directory.join(INDEX_FILE)).unwrap()).unwrap();
    assert_eq!(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "1.2.3");
    let beside: Vec<_> = std::fs::read_dir(home.path().join("deep")).unwrap().collect();
    assert_eq!(beside.len(), 1, "nothing temporary stays: {beside:?}");
}

#[test]
fn an_old_layout_is_replaced_whole() {
    let (home, directory, image) = written();
    std::fs::write(directory.join("leftover"), b"x").unwrap();
    write(&directory, &image, "1.2.4", &[home.path().join("layer")]).unwrap();
    assert!(!directory.join("leftover").exists());
    assert!(read(&directory, Architecture::Amd64).is_ok());
}

#[test]
fn a_wrong_layer_is_not_written() {
    let (home, directory, image) = written();
    std::fs::write(home.path().join("layer"), b"other").unwrap();
    let other = directory.with_file_name("other");
    let error = write(&other, &image, "1", &[home.path().join("layer")]).unwrap_err();
    assert!(error.to_string().starts_with("layer 1 is damaged"), "{error}");
    assert!(!other.exists());
    assert!(write(&other, &image, "1", &[home.path().join("gone")]).is_err());
}

#[test]
fn a_flipped_byte_is_refused_by_name() {
    let parts = |image: &Assembled| {
        [
            ("the index", image.index.digest.clone()),
            ("the manifest", image.manifest.digest.clone()),
            ("the config", image.config.digest.clone()),
            ("layer 1", image.layers[0].digest.clone()),
        ]
    };
    for position in 0..4 {
        let (_home, directory, image) = written();
        let (name, digest) = parts(&image)[position].clone();
        let path = blob_path(&directory, &digest);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        refused(&directory, &format!("{name} is damaged: expected {digest}"));
        bytes.pop();
        std::fs::write(&path, &bytes).unwrap();
        refused(&directory, &format!("{name} is damaged: expected {} bytes", bytes.len() + 1));
        std::fs::remove_file(&path).unwrap();
        refused(&directory, digest.hex());
    }
}

#[test]
fn what_is_no_layout_is_said_to_be_none() {
    let (home, directory, _) = written();
    refused(home.path(), "is not an OCI image layout");
    std::fs::write(directory.join(MARKER_FILE), r#"{"imageLayoutVersion":"2.0.0"}"#).unwrap();
    refused(&directory, "is not an OCI image layout");
}

#[test]
fn other_kinds_are_refused() {
    let (_home, directory, _) = written();
    let message = read(&directory, Architecture::Arm64).unwrap_err().to_string();
    assert!(message.contains("linux/arm64"), "{message}");
    edit(&directory, |json| json["manifests"][0]["mediaType"] = MEDIA_MANIFEST.into());
    refused(&directory, "the index has the media type");
    edit(&directory, |json| {
        let twice = json["manifests"][0].clone();
        json["manifests"] = vec![twice.clone(), twice].into();
    });
    refused(&directory, "holds 2 images");
    std::fs::write(directory.join(INDEX_FILE), b"{").unwrap();
    refused(&directory, "index.json is not valid");
    std::fs::write(directory.join(INDEX_FILE), vec![b' '; 5 * 1024 * 1024]).unwrap();
    refused(&directory, "index.json is larger than 4194304");
}

#[test]
fn layers_are_counted() {
    let (home, directory, image) = written();
    let what = "test".to_owned();
    let many = vec![LayerFacts { blob: image.layers[0].clone(), what }; LAYERS_MAX + 1];
    let created = jiff::Timestamp::UNIX_EPOCH;
    let many = assemble(&facts(), Architecture::Amd64, created, &many);
    write(&directory, &many, "1", &vec![home.path().join("layer"); LAYERS_MAX + 1]).unwrap();
    refused(&directory, "the image has 128 layers, more than 127");
    let mut manifest: Manifest = serde_json::from_slice(&image.manifest.bytes).unwrap();
    manifest.layers.clear();
    let manifest = Blob::of(&manifest);
    let mut index: Index = serde_json::from_slice(&image.index.bytes).unwrap();
    index.manifests[0].digest = manifest.digest.clone();
    index.manifests[0].size = manifest.bytes.len() as u64;
    let odd = Assembled { index: Blob::of(&index), manifest, layers: vec![], ..image };
    write(&directory, &odd, "1", &[]).unwrap();
    refused(&directory, "the manifest has 0 layers, the config 1");
}
