//! A workspace with its own state directory and ports: one story's world. Everything is stopped when it is dropped.

use super::client::{self, Reply};
use super::releases::{self, Image};
use super::{Ran, eventually, gateline, git, kill, processes_of, repository_of};
use gateline::digest::Digest;
use gateline::policy::{Policy, parse};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

/// The environments of every story, in order.
pub(crate) const ENVIRONMENTS: [&str; 3] = ["development", "staging", "production"];

/// One story's world.
pub(crate) struct Site {
    _folder: tempfile::TempDir,
    /// The state directory.
    pub(crate) state: PathBuf,
    /// The workspace: its path has a space and letters beyond ASCII.
    pub(crate) workspace: PathBuf,
    /// The ports of the proxies, by environment.
    pub(crate) ports: Vec<u16>,
    policy: Policy,
}

/// What production demands, as YAML.
pub(crate) struct Demands<'a> {
    /// Its approvals.
    pub(crate) approvals: &'a str,
    /// Its windows.
    pub(crate) windows: &'a str,
    /// The file of approvers.
    pub(crate) approvers: &'a str,
    /// The webhooks of all environments.
    pub(crate) notifications: &'a str,
}

impl Default for Demands<'_> {
    fn default() -> Self {
        Demands { approvals: "1", windows: "{}", approvers: "", notifications: "[]" }
    }
}

/// How long a canary step of a story is watched.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// As quick as samples come.
    Quick,
    /// So long that the story interferes meanwhile.
    Slow,
    /// So long that the judge has its samples under load; without a verdict it goes back.
    Judged,
}

impl Site {
    /// A fresh one.
    pub(crate) fn new(pace: Pace) -> Site {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let state = folder.path().join("state");
        Site::in_folder(folder, pace, &state, &Demands::default())
    }

    /// A fresh one whose production demands more.
    pub(crate) fn demanding(pace: Pace, demands: &Demands<'_>) -> Site {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let state = folder.path().join("state");
        Site::in_folder(folder, pace, &state, demands)
    }

    /// A fresh one whose state lies elsewhere.
    pub(crate) fn with_state(pace: Pace, state: &Path) -> Site {
        Site::in_folder(tempfile::tempdir().expect("a temporary folder"), pace, state, &Demands::default())
    }

    fn in_folder(folder: tempfile::TempDir, pace: Pace, state: &Path, demands: &Demands<'_>) -> Site {
        let workspace = folder.path().join("wörk space");
        let ports = free_ports(ENVIRONMENTS.len());
        let rollout = policy_text(pace, &ports, demands);
        let manifest = "[package]\nname = \"desk\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
        repository_of(
            &workspace,
            &[
                ("Cargo.toml", manifest),
                ("src/main.rs", "fn main() {}\n"),
                (".gitignore", "target\n"),
                ("policies/rollout.yaml", &rollout),
                ("policies/approvers.yaml", demands.approvers),
            ],
        );
        let policy = parse::parse(|name| {
            Ok(match name {
                "rollout.yaml" => Some(rollout.clone()),
                "approvers.yaml" => Some(demands.approvers.to_owned()),
                _ => None,
            })
        })
        .expect("the policy is one");
        Site { state: state.to_owned(), workspace, ports, policy, _folder: folder }
    }

    /// Runs the suite here.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        gateline(&self.workspace, &self.state, arguments).output().expect("gateline starts").into()
    }

    /// Starts the suite here and lets it run.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = gateline(&self.workspace, &self.state, arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("gateline starts")
    }

    /// Starts the suite here with its standard output in a file.
    pub(crate) fn start_into(&self, arguments: &[&str], file: &Path) -> Child {
        let out = std::fs::File::create(file).expect("the file can be made");
        let mut command = gateline(&self.workspace, &self.state, arguments);
        command.stdin(Stdio::null()).stdout(out).stderr(Stdio::null()).spawn().expect("gateline starts")
    }

    /// Makes a prepared image the newest release here.
    pub(crate) fn release(&self, image: Image) -> Digest {
        let commit = git(&self.workspace, &["rev-parse", "HEAD"]);
        releases::put(image, (&self.workspace, &self.state), &self.policy, &commit)
    }

    /// Deploys a prepared image to one environment.
    pub(crate) fn deployed(&self, image: Image, environment: &str) -> Digest {
        let digest = self.release(image);
        self.run(&["deploy", environment, "--yes"]).exits(0);
        digest
    }

    /// The port of an environment.
    pub(crate) fn port(&self, environment: &str) -> u16 {
        let position =
            ENVIRONMENTS.iter().position(|name| *name == environment).expect("a known environment");
        self.ports[position]
    }

    /// Asks an environment through its proxy.
    pub(crate) fn get(&self, environment: &str, path: &str) -> Reply {
        client::get(self.port(environment), path)
            .unwrap_or_else(|error| panic!("{environment}{path}: {error}"))
    }

    /// The digest that answers in an environment.
    pub(crate) fn answering(&self, environment: &str) -> String {
        self.get(environment, "/version").header("x-gateline-digest").unwrap_or_default().to_owned()
    }

    /// The status of one environment, as JSON.
    pub(crate) fn status(&self, environment: &str) -> serde_json::Value {
        let status = self.run(&["status", "--format", "json"]).exits(0).json();
        let environments = status["environments"].as_array().cloned().unwrap_or_default();
        let mine = environments.into_iter().find(|one| one["target"]["environment"] == environment);
        mine.unwrap_or_else(|| panic!("no {environment} in {status}"))
    }

    /// The weight of a role's share in an environment.
    pub(crate) fn weight(&self, environment: &str, role: &str) -> Option<u64> {
        let status = self.status(environment);
        let shares = status["weights"]["shares"].as_array().cloned().unwrap_or_default();
        shares.iter().find(|share| share["role"] == role).and_then(|share| share["weight"].as_u64())
    }

    /// Waits until a role has this weight.
    #[track_caller]
    pub(crate) fn wait_for_weight(&self, environment: &str, role: &str, weight: u64) {
        eventually(&format!("{role} at {weight} %"), || match self.weight(environment, role) {
            Some(now) if now == weight => Ok(()),
            now => Err(format!("{now:?}")),
        });
    }

    /// The processes that this story has started and that still run.
    pub(crate) fn processes(&self) -> Vec<(u32, String)> {
        processes_of(&self.state)
    }

    /// The process whose command line has this word after the program's name.
    pub(crate) fn process(&self, word: &str) -> u32 {
        let all = self.processes();
        let found = all.iter().find(|(_, line)| line.contains(&format!(" {word} ")));
        found.unwrap_or_else(|| panic!("no {word} in {all:?}")).0
    }

    /// The journal's file.
    pub(crate) fn journal(&self) -> PathBuf {
        self.state.join("services/desk/journal.jsonl")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = gateline(&self.workspace, &self.state, &["local", "down"]).output();
        for (id, line) in self.processes() {
            if line.contains("supervise") || line.contains(" shim ") || line.contains("/app/") {
                kill(id);
            }
        }
    }
}

fn policy_text(pace: Pace, ports: &[u16], demands: &Demands<'_>) -> String {
    let (hold, samples, judge) = match pace {
        Pace::Quick => (200, 10, "wait_secs: 0"),
        Pace::Slow => (60_000, 5, "wait_secs: 0"),
        Pace::Judged => (2000, 5, "looks: 2, min_samples: 60, wait_secs: 60, on_inconclusive: back"),
    };
    let environments = ENVIRONMENTS.iter().zip(ports).map(|(name, port)| {
        let (approvals, windows) =
            if *name == "production" { (demands.approvals, demands.windows) } else { ("0", "{}") };
        format!(
            "- name: {name}\n  port: {port}\n  approvals: {approvals}\n  windows: {windows}\n  soak_millis: 200\n  steps:\n  \
             - {{weight: 10, hold_millis: {hold}, samples: {samples}}}\n  \
             - {{weight: 50, hold_millis: {hold}, samples: {samples}}}\n  \
             judge: {{{judge}}}\n  \
             deadlines: {{weight_expiry_secs: 3, drain_secs: 10, stop_secs: 10}}\n"
        )
    });
    format!(
        "service:\n  name: desk\n  probe_path: /version\n  environment:\n    \
         GATELINE_DESK_LISTEN: \"127.0.0.1:{{port}}\"\n    GATELINE_DESK_DATA_DIR: \"{{data}}\"\nnotifications: {}\nenvironments:\n{}",
        demands.notifications,
        environments.collect::<String>()
    )
}

/// Ports that were free a moment ago. A story that loses the race fails with the message of the port.
#[expect(clippy::disallowed_methods, reason = "stories use real sockets")]
pub(crate) fn free_ports(count: usize) -> Vec<u16> {
    let listeners: Vec<_> =
        (0..count).map(|_| std::net::TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    listeners.iter().map(|listener| listener.local_addr().expect("an address").port()).collect()
}

/// A folder below the story's own.
pub(crate) fn below(folder: &Path, name: &str) -> PathBuf {
    let below = folder.join(name);
    std::fs::create_dir_all(&below).expect("the folder can be made");
    below
}
