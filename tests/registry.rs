//! Images with their evidence in a registry that is not ours, and a proxy before it that fails and lies. Whatever happens, a tag leads to
//! the whole image or to what it led to before.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "registry/faults.rs"]
mod faults;
#[path = "support/oci.rs"]
mod oci;
#[path = "registry/partners.rs"]
mod partners;
#[path = "registry/proxy.rs"]
mod proxy;
#[path = "registry/referring.rs"]
mod referring;
mod support;

use gateline::digest::Digest;
use gateline::oci::layer::Entry;
use gateline::oci::referrers::{self, Artifact};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use support::{Ran, eventually, gateline, partner};
use tempfile::TempDir;

/// docker-registry on a free port of this machine, and a folder for layouts.
struct Home {
    folder: TempDir,
    child: Child,
    port: u16,
}

impl Drop for Home {
    fn drop(&mut self) {
        // It is ours, and it may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `None` where docker-registry is not installed; the test has said so.
#[expect(clippy::disallowed_methods, reason = "a story starts its partner")]
fn home() -> Option<Home> {
    let program = partner("docker-registry")?;
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let store = folder.path().join("store");
    let config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}, delete: {{enabled: true}}}}\nhttp: {{addr: \"127.0.0.1:{port}\"}}\n",
        store.display()
    );
    let file = folder.path().join("registry.yml");
    std::fs::write(&file, config).unwrap();
    let child =
        Command::new(program).arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let home = Home { folder, child: child.unwrap(), port };
    eventually("the registry", || TcpStream::connect(("127.0.0.1", port)).map_err(|error| error.to_string()));
    Some(home)
}

impl Home {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn oci(&self, name: &str) -> String {
        format!("oci:{}", self.path(name).display())
    }

    fn at(&self, rest: &str) -> String {
        format!("127.0.0.1:{}/{rest}", self.port)
    }

    /// An image with this content in a layout, with artifacts that refer to it.
    fn image(&self, name: &str, content: &[u8], said: &[&str]) -> Digest {
        let layers =
            vec![vec![Entry::file("base", b"base".to_vec())], vec![Entry::file("app/svc", content.to_vec())]];
        let image = oci::image(&self.path(name), layers).digest().clone();
        let artifacts: Vec<Artifact> = said.iter().map(|text| artifact(text)).collect();
        if !artifacts.is_empty() {
            referrers::replace(&self.path(name), &image, &artifacts).unwrap();
        }
        image
    }

    fn run(&self, words: &[&str]) -> Ran {
        let words = [&["--format", "json", "image"], words].concat();
        let mut command = gateline(self.folder.path(), &self.path("state"), &words);
        command.env_remove("DOCKER_CONFIG").env("HOME", self.folder.path()).env_remove("XDG_RUNTIME_DIR");
        command.output().unwrap().into()
    }

    fn done(&self, words: &[&str]) -> Value {
        self.run(words).exits(0).json()
    }

    /// The digest that a tag leads to, asked of the registry itself.
    fn tag(&self, name: &str, tag: &str) -> Option<Digest> {
        let reply = proxy::exchange(
            self.port,
            format!("GET /v2/{name}/manifests/{tag} HTTP/1.1\r\nHost: x\r\nAccept: application/vnd.oci.image.index.v1+json\r\nConnection: close\r\n\r\n").as_bytes(),
        );
        let (head, body) = proxy::parted(&reply);
        head.starts_with("HTTP/1.1 200").then(|| Digest::of(body))
    }
}

fn artifact(text: &str) -> Artifact {
    let annotations = BTreeMap::from([("of".to_owned(), text.to_owned())]);
    Artifact { artifact_type: "application/x-story".into(), annotations, bytes: text.as_bytes().to_vec() }
}

/// What refers to an image in a layout, sorted.
fn said(layout: &Path, image: &Digest) -> Vec<String> {
    let found = referrers::of(layout, image, 1000).unwrap();
    let mut texts: Vec<String> =
        found.into_iter().map(|one| String::from_utf8(one.artifact.bytes).unwrap()).collect();
    texts.sort();
    texts
}
