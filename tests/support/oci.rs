//! A little image as we make them, and other people's tools for such images.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests fail and tell as tests do")]

use gateline::oci::config::{Architecture, Facts};
use gateline::oci::layer::{Entry, Layer};
use gateline::oci::{Assembled, LayerFacts, assemble, layout};
use gateline::world::{CommandLine, World};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;

/// The commit that the image is of.
pub(crate) const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Writes an image of these layers, tagged `1.2.3`; one that is there is replaced.
pub(crate) fn image(layout: &Path, layers: Vec<Vec<Entry>>) -> Assembled {
    let (mut facts_of, mut files) = (Vec::new(), Vec::new());
    for (position, entries) in layers.into_iter().enumerate() {
        let path = layout.with_extension(format!("layer-{position}"));
        let out = std::fs::File::create(&path).unwrap();
        let blob = Layer::new(entries).unwrap().compress(out).unwrap();
        facts_of.push(LayerFacts { blob, what: "test".to_owned() });
        files.push(path);
    }
    let facts = Facts {
        name: "svc".to_owned(),
        version: "1.2.3".to_owned(),
        revision: COMMIT.to_owned(),
        source: None,
        licences: None,
        description: None,
        entrypoint: "/app/svc".to_owned(),
        arguments: vec![],
        ports: vec![8080],
        user: 65532,
        environment: BTreeMap::new(),
        labels: BTreeMap::new(),
    };
    let image = assemble(&facts, Architecture::Amd64, Timestamp::UNIX_EPOCH, &facts_of);
    layout::write(layout, &image, "1.2.3", &files).unwrap();
    image
}

/// Runs a partner that must succeed; `None` where it is not installed.
pub(crate) async fn partner(program: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let command = CommandLine::new(program, arguments.iter().copied());
    let Ok(finished) = World::real().unwrap().run(&command).await else {
        println!("gateline-skip: {program}");
        return None;
    };
    let said = String::from_utf8_lossy(&finished.stderr).into_owned();
    assert!(finished.status.success(), "{command}: {said}{}", String::from_utf8_lossy(&finished.stdout));
    Some(finished.stdout)
}
