//! act (<https://github.com/nektos/act>), a runner of workflows on this machine, with stubs for what only GitHub has.

use super::fixture::Fixture;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Stands for an action that only GitHub can serve.
const STUB: &str = "name: stub\ndescription: stub\ninputs: {path: {description: p}, name: {description: n}}\nruns:\n  using: composite\n  steps:\n    \
                    - shell: bash\n      env: {P: '${{ inputs.path }}', N: '${{ inputs.name }}'}\n      run: SCRIPT\n";

/// The runner, and the repository whose workflows it runs.
pub(crate) struct Act {
    program: PathBuf,
    pub(crate) fixture: Fixture,
}

impl Act {
    /// It, from `PATH`.
    pub(crate) fn of(fixture: Fixture) -> Act {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders = std::env::split_paths(&path).map(|folder| folder.join("act"));
        Act { program: folders.find(|file| file.is_file()).expect("act is in PATH"), fixture }
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.fixture.folder.path().join(path)
    }

    /// A program, or a file of an action.
    pub(crate) fn executable(&self, file: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let file = self.at(file);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
        std::fs::write(&file, text).expect("it can be written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755))
            .expect("it can be executable");
    }

    /// An action that runs this script (quoted for YAML), with its inputs `path` and `name` in `P` and `N`.
    pub(crate) fn stub(&self, folder: &str, script: &str) {
        self.executable(&format!("{folder}/action.yml"), &STUB.replace("SCRIPT", script));
    }

    /// Runs a workflow for an event to its end; the JSON lines that it says. `actions` says which folder of ours stands for which
    /// action, by the part of its name before `@`; where the workflow does not use it, nothing does.
    pub(crate) fn run(
        &self,
        (event, payload): (&str, &serde_json::Value),
        workflow: &str,
        actions: &[(&str, &str)],
        more: &[String],
    ) -> (bool, Vec<serde_json::Value>) {
        std::fs::write(self.at("event.json"), payload.to_string()).expect("it can be written");
        let text = std::fs::read_to_string(self.fixture.workspace.join(workflow)).expect("a workflow");
        let local = |(name, folder): &(&str, &str)| {
            let commit = text.split(&format!("uses: {name}")).nth(1)?.split('@').nth(1)?.get(..40)?;
            let repository = name.split('/').take(2).collect::<Vec<_>>().join("/");
            Some(format!("--local-repository={repository}@{commit}={}", self.at(folder).display()))
        };
        std::fs::create_dir_all(self.at("home")).expect("it can be made");
        let path = format!("{}:{}", self.at("bin").display(), std::env::var("PATH").unwrap_or_default());
        let ran = Command::new(&self.program)
            .args([event, "--json", "--action-offline-mode", "--no-cache-server"])
            .args(["-P", "ubuntu-24.04=-self-hosted", "-s", "GITHUB_TOKEN=ghs_fake", "-W", workflow])
            .arg("-e")
            .arg(self.at("event.json"))
            .args(actions.iter().filter_map(local))
            .args(more)
            .current_dir(&self.fixture.workspace)
            .envs([("HOME", self.at("home")), ("CARGO_HOME", cargo_home())])
            .env("PATH", path)
            .env_remove("CI")
            .output()
            .expect("act starts");
        let lines = String::from_utf8_lossy(&ran.stdout).into_owned();
        (ran.status.success(), lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }
}

/// Where cargo and its registry lie.
pub(crate) fn cargo_home() -> PathBuf {
    let home = || std::env::home_dir().map(|home| home.join(".cargo"));
    std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).expect("cargo has a home")
}

/// The real cargo.
pub(crate) fn cargo() -> PathBuf {
    cargo_home().join(Path::new("bin/cargo"))
}

/// What a step of a job put out.
pub(crate) fn output(lines: &[serde_json::Value], job: &str, name: &str) -> Option<String> {
    let is = |line: &&serde_json::Value| {
        line["jobID"] == job && line["command"] == "set-output" && line["name"] == name && line["arg"] != ""
    };
    lines.iter().find(is).and_then(|line| line["arg"].as_str().map(str::to_owned))
}
