//! Dependencies that no source names, by `cargo-shear` or `cargo-machete`, whichever is installed; of both, the former.
//!
//! Both read sources, so they need no compilation. `cargo-shear` parses them and tells places; `cargo-machete` looks for
//! names and can be wrong both ways. Manifests name their exceptions (`[package.metadata.cargo-shear]`, `….cargo-machete]`).
//! Left out: what else `cargo-shear` finds (misplaced dependencies, files that no module names).

use super::Looked;
use crate::digest::{Digest, Hasher};
use crate::evidence::CouldNotRun;
use crate::evidence::lint::{Diagnostic, DiagnosticSeverity, LintTool, Unchecked};
use crate::tools::build::relative;
use crate::tools::cargo::Cargo;
use crate::world::{CommandLine, World};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long it may take.
const LOOK_SECS_MAX: u64 = 300;
/// Codes of `cargo-shear` that begin so are about unused dependencies: plain, optional, of a feature, of the workspace.
const SHEAR_CODES: &str = "shear/unused_";

/// Who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Shear,
    Machete,
}

impl Engine {
    /// Those that we can read, the better one first.
    const ALL: [Engine; 2] = [Engine::Shear, Engine::Machete];

    const fn program(self) -> &'static str {
        match self {
            Engine::Shear => "cargo-shear",
            Engine::Machete => "cargo-machete",
        }
    }

    /// The program in `PATH`.
    fn place(self, world: &World) -> Option<PathBuf> {
        let folders = world.env("PATH").into_iter().flat_map(|path| path.split(':'));
        folders.map(|folder| Path::new(folder).join(self.program())).find(|program| program.is_file())
    }

    fn installed(world: &World) -> Option<(Engine, PathBuf)> {
        Engine::ALL.into_iter().find_map(|engine| Some((engine, engine.place(world)?)))
    }
}

/// Asks the tool that is installed.
///
/// # Errors
/// Where it says neither that there are some nor that there are none.
pub async fn look(world: &World, cargo: &Cargo) -> Result<Looked, CouldNotRun> {
    let (engine, command) = match engine_and_command(world, cargo) {
        Ok(found) => found,
        Err(unchecked) => return Ok(Looked { unchecked: vec![unchecked], ..Looked::default() }),
    };
    let failed = |why: String| CouldNotRun {
        message: format!("{} failed: {why}", engine.program()),
        help: engine.program().replacen('-', " ", 1),
    };
    let finished = world.run(&command).await.map_err(|error| failed(format!("{error:#}")))?;
    let said = String::from_utf8_lossy(&finished.stdout);
    // 0: none, 1: some, 2: it could not look. `cargo-shear` looks for more than we ask for.
    let found = match (engine, finished.status.code()) {
        (Engine::Shear, Some(0 | 1)) => read_shear(&said, &cargo.root),
        (Engine::Machete, Some(0)) => Some(read_machete(&said, &cargo.root)).filter(Vec::is_empty),
        (Engine::Machete, Some(1)) => Some(read_machete(&said, &cargo.root)).filter(|some| !some.is_empty()),
        _ => None,
    };
    let Some(diagnostics) = found else {
        let narration = String::from_utf8_lossy(&finished.stderr);
        let why = narration.split("Stack backtrace:").next().unwrap_or_default().trim();
        return Err(failed(if why.is_empty() { "it says nothing that we can read" } else { why }.to_owned()));
    };
    Ok(Looked { tools: vec![engine.program().to_owned()], diagnostics, ..Looked::default() })
}

/// What is run; `plan` prints it.
///
/// # Errors
/// Where no tool is installed: what is not looked at.
pub fn command(world: &World, cargo: &Cargo) -> Result<CommandLine, Unchecked> {
    engine_and_command(world, cargo).map(|(_, command)| command)
}

fn engine_and_command(world: &World, cargo: &Cargo) -> Result<(Engine, CommandLine), Unchecked> {
    if let Some((engine, _)) = Engine::installed(world) {
        return Ok((engine, command_of(engine, cargo)));
    }
    let [first, second] = Engine::ALL.map(Engine::program);
    Err(Unchecked {
        tool: LintTool::UnusedDependencies,
        why: format!("unused dependencies were not looked for: neither {first} nor {second} is installed"),
        help: format!("cargo install {first}"),
    })
}

/// Which program looks: an answer counts only while it is the same.
pub fn identity(world: &World) -> Digest {
    let mut hasher = Hasher::default();
    if let Some((_, place)) = Engine::installed(world) {
        hasher.field(place.as_os_str().as_encoded_bytes());
    }
    hasher.finish()
}

fn command_of(engine: Engine, cargo: &Cargo) -> CommandLine {
    let command = match engine {
        Engine::Shear => cargo.command("shear", ["--format=json", "--color=never"]),
        Engine::Machete => CommandLine::new(engine.program(), [cargo.root.to_string_lossy().into_owned()])
            .in_directory(&cargo.root),
    };
    command.with_timeout(Duration::from_secs(LOOK_SECS_MAX))
}

/// What `cargo shear --format=json` prints.
#[derive(Deserialize)]
struct Shear {
    findings: Vec<ShearFinding>,
}

#[derive(Deserialize)]
struct ShearFinding {
    code: String,
    message: String,
    #[serde(default)]
    file: String,
    location: Option<Location>,
}

#[derive(Deserialize)]
struct Location {
    offset: usize,
}

fn read_shear(text: &str, root: &Path) -> Option<Vec<Diagnostic>> {
    let said: Shear = serde_json::from_str(text).ok()?;
    let ours = said.findings.into_iter().filter(|finding| finding.code.starts_with(SHEAR_CODES));
    let told = |finding: ShearFinding| {
        let manifest = std::fs::read(root.join(&finding.file)).unwrap_or_default();
        let before = finding.location.and_then(|location| manifest.get(..location.offset));
        let line = before.map(|before| memchr::memchr_iter(b'\n', before).count() + 1);
        diagnostic(finding.file, line, finding.message)
    };
    Some(ours.map(told).collect())
}

/// `package -- ./path/Cargo.toml:`, then each dependency on a line of its own behind a tab.
fn read_machete(text: &str, root: &Path) -> Vec<Diagnostic> {
    let mut manifest: Option<String> = None;
    let mut diagnostics = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix('\t'), &manifest) {
            (Some(name), Some(file)) => diagnostics.push(unused(name.trim(), file, root)),
            _ => {
                let path = line.split_once(" -- ").and_then(|(_, path)| path.strip_suffix(':'));
                manifest =
                    path.map(|path| relative(Path::new(path), root).trim_start_matches("./").to_owned());
            }
        }
    }
    diagnostics
}

fn unused(name: &str, file: &str, root: &Path) -> Diagnostic {
    let manifest = std::fs::read_to_string(root.join(file)).unwrap_or_default();
    // `name = …`, `name.workspace = …`, or a table `[dependencies.name]`.
    let is_it = |line: &str| {
        let line = line.trim();
        let key = line.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with(['=', '.']));
        let table =
            line.strip_suffix(']').is_some_and(|line| line.ends_with(&format!("dependencies.{name}")));
        key || table
    };
    let line = manifest.lines().position(is_it).map(|index| index + 1);
    diagnostic(file.to_owned(), line, format!("unused dependency `{name}`"))
}

fn diagnostic(file: String, line: Option<usize>, message: String) -> Diagnostic {
    Diagnostic {
        file,
        line: line.and_then(|line| u32::try_from(line).ok()).unwrap_or_default(),
        tool: LintTool::UnusedDependencies,
        severity: DiagnosticSeverity::Warning,
        lint: String::new(),
        message,
        rendered: String::new(),
        edits: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::build::wrapper::write_script;
    use crate::tools::cargo::{Network, Toolchain};
    use crate::world::Clock;

    const MANIFEST: &str = "[package]\nname = \"a\"\n\n[dependencies]\nb = { path = \"../b\" }\nlog = \"1\"\n\n[dependencies.cc]\npath = \"../c\"\n";
    /// What cargo-shear 1.14.0 printed for two unused dependencies, and a file that no module names.
    const SHEAR: &str = r#"{
  "summary": { "errors": 2, "warnings": 1, "fixed": 0 },
  "findings": [
    {
      "code": "shear/unused_dependency",
      "severity": "error",
      "message": "unused dependency `log`",
      "file": "a b/Cargo.toml",
      "location": { "offset": 59, "length": 3 },
      "help": "remove this dependency",
      "fixable": true
    },
    {
      "code": "shear/unused_dependency",
      "severity": "error",
      "message": "unused dependency `cc`",
      "file": "a b/Cargo.toml",
      "location": { "offset": 84, "length": 2 },
      "help": "remove this dependency",
      "fixable": true
    },
    {
      "code": "shear/unlinked_files",
      "severity": "warning",
      "message": "1 unlinked file in `x`\nsrc/other.rs",
      "help": "delete this file",
      "fixable": false
    }
  ]
}"#;
    /// What cargo-machete 0.9.2 printed for one of these, with our folder in the place of its own, and the other put beside it.
    const MACHETE: &str = "cargo-machete found the following unused dependencies in @ROOT@:\n\
                           a -- @ROOT@/a b/Cargo.toml:\n\tlog\n\tcc\n\n\
                           If you believe cargo-machete has detected an unused dependency incorrectly,\n\
                           you can add the dependency to the list of dependencies to ignore in the\n\
                           `[package.metadata.cargo-machete]` section of the appropriate Cargo.toml.\n\
                           For example:\n\n[package.metadata.cargo-machete]\nignored = [\"prost\"]\n\n\
                           You can also try running it with the `--with-metadata` flag for better accuracy,\n\
                           though this may modify your Cargo.lock files.\n\n";

    /// What is found where these programs are installed, each a script.
    async fn asked(programs: &[(&str, String)]) -> Result<Looked, CouldNotRun> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("a b")).unwrap();
        std::fs::write(directory.path().join("a b/Cargo.toml"), MANIFEST).unwrap();
        std::fs::write(directory.path().join("shear.json"), SHEAR).unwrap();
        let machete = MACHETE.replace("@ROOT@", &directory.path().to_string_lossy());
        std::fs::write(directory.path().join("machete.txt"), machete).unwrap();
        for (name, script) in programs {
            write_script(directory.path(), name, &format!("#!/bin/sh\n{script}\n")).unwrap();
        }
        // Cargo itself only passes its sub-command on.
        write_script(directory.path(), "cargo", "#!/bin/sh\nexec \"cargo-$1\" \"$@\"\n").unwrap();
        let path = format!("{}:/usr/bin:/bin", directory.path().display());
        let world = World::with([("PATH".to_owned(), path)].into(), "/".into(), Clock::system());
        let toolchain = Toolchain {
            rustc: String::new(),
            host: String::new(),
            sysroot: "/s".into(),
            clippy_driver: None,
        };
        let cargo = Cargo::known(directory.path().into(), vec![], toolchain, Network::Offline);
        look(&world, &cargo).await
    }

    fn shear(script: &str) -> (&'static str, String) {
        ("cargo-shear", script.to_owned())
    }

    fn machete(script: &str) -> (&'static str, String) {
        ("cargo-machete", script.to_owned())
    }

    #[tokio::test]
    async fn what_either_tool_names_is_told_with_its_line() {
        let both = [shear("cat shear.json; exit 1"), machete("exit 2")];
        for (programs, tool) in
            [(&both[..], "cargo-shear"), (&[machete("cat machete.txt; exit 1")][..], "cargo-machete")]
        {
            let looked = asked(programs).await.unwrap();
            let found: Vec<_> = looked
                .diagnostics
                .iter()
                .map(|one| (one.file.as_str(), one.line, one.message.as_str()))
                .collect();
            let expected = [
                ("a b/Cargo.toml", 6, "unused dependency `log`"),
                ("a b/Cargo.toml", 8, "unused dependency `cc`"),
            ];
            assert_eq!((looked.tools, found), (vec![tool.to_owned()], expected.to_vec()));
        }
        let none = asked(&[shear("echo '{\"findings\":[]}'")]).await.unwrap();
        assert_eq!((none.diagnostics.len(), none.unchecked.len()), (0, 0));
        assert!(asked(&[machete("exit 0")]).await.unwrap().diagnostics.is_empty());
        let asked_offline =
            shear("echo \"$@\" | grep -q 'shear --offline --format=json' && echo '{\"findings\":[]}'");
        assert!(asked(&[asked_offline]).await.is_ok());
    }

    #[tokio::test]
    async fn a_tool_that_is_missing_or_broken_is_told() {
        assert_eq!(asked(&[]).await.unwrap().unchecked[0].help, "cargo install cargo-shear");
        let why = async |program| asked(&[program]).await.unwrap_err().message;
        assert_eq!(why(machete("echo no >&2; exit 2")).await, "cargo-machete failed: no");
        let long = "echo 'error: no manifest\n\nStack backtrace:\n 0: main' >&2; exit 2";
        assert_eq!(why(shear(long)).await, "cargo-shear failed: error: no manifest");
        let silent = "it says nothing that we can read";
        for program in [machete("exit 1"), machete("cat machete.txt"), shear("exit 1"), shear("exit 0")] {
            assert!(why(program).await.ends_with(silent), "some, and none named");
        }
    }

    #[test]
    fn an_answer_is_that_of_one_program() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display().to_string();
        let world = World::with([("PATH".to_owned(), path)].into(), "/".into(), Clock::system());
        let nobody = identity(&world);
        write_script(directory.path(), "cargo-machete", "#!/bin/sh\n").unwrap();
        let machete = identity(&world);
        write_script(directory.path(), "cargo-shear", "#!/bin/sh\n").unwrap();
        assert!(nobody != machete && machete != identity(&world));
    }
}
