//! The peers, each with the same advisories: our snapshot, written out as the database that they expect.

use super::Subject;
use super::advisory::advisory;
use gateline::tools::security::snapshot::embedded;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What cargo-deny is asked to check; it takes no address without a domain, so git is told where that domain is.
const ADDRESS: &str = "https://example.invalid/db";

/// For the advisories alone, and for the whole.
pub(crate) fn of(workspace: &Path, folder: &Path) -> (Vec<Subject>, Vec<Subject>) {
    let database = folder.join("database");
    write_database(&database);
    let (mut alone, mut all) = (Vec::new(), Vec::new());
    if let Some(program) = find(workspace, "cargo-audit") {
        let mut command = Command::new(program);
        command.args(["audit", "--quiet", "--no-fetch", "--stale", "--db"]).arg(&database);
        command.current_dir(workspace);
        let mut loud = Command::new(command.get_program());
        loud.args(command.get_args().filter(|one| *one != "--quiet")).current_dir(workspace);
        works(&mut loud, "crate dependencies");
        alone.push(Subject { name: "cargo-audit", command, bar: None });
    }
    if let Some(program) = find(workspace, "cargo-deny") {
        let configuration = folder.join("deny.toml");
        std::fs::write(&configuration, deny_toml(&folder.join("deny"))).unwrap();
        let deny = |flags: &[&str], what: &[&str]| {
            let mut command = Command::new(&program);
            command.args(flags).arg("--config").arg(&configuration);
            command.args(["--locked", "check"]).args(what).current_dir(workspace);
            command
        };
        const QUIET: [&str; 3] = ["--log-level", "off", "--offline"];
        // It keeps a clone of its own, and says what it did only where it may say anything.
        let mut fetch = deny(&["--log-level", "warn"], &["advisories"]);
        fetch.env("GIT_CONFIG_COUNT", "1");
        fetch.env("GIT_CONFIG_KEY_0", format!("url.file://{}.insteadOf", database.display()));
        fetch.env("GIT_CONFIG_VALUE_0", ADDRESS);
        works(&mut fetch, "advisories ");
        works(&mut deny(&["--log-level", "warn", "--offline"], &["sources"]), "sources ok");
        let command = deny(&QUIET, &["advisories"]);
        alone.push(Subject { name: "cargo-deny check advisories", command, bar: None });
        let command = deny(&QUIET, &["advisories", "licenses", "bans", "sources"]);
        all.push(Subject { name: "cargo-deny check (four of them)", command, bar: None });
    }
    (alone, all)
}

/// Its exit code does not tell whether it did its work; what it says does.
fn works(command: &mut Command, says: &str) {
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(said.contains(says), "{command:?} did not work: {said}");
}

fn find(workspace: &Path, name: &str) -> Option<PathBuf> {
    let own = workspace.join("target/gateline/tools/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = [own].into_iter().chain(std::env::split_paths(&path));
    let found = places.find_map(|folder| Some(folder.join(name)).filter(|file| file.is_file()));
    if found.is_none() {
        println!("skipped: {name} is not installed (cargo xtask setup)");
    }
    found
}

fn deny_toml(home: &Path) -> String {
    format!(
        "[advisories]\ndb-path = {:?}\ndb-urls = [{ADDRESS:?}]\ngit-fetch-with-cli = true\nunmaintained = \"all\"\nunsound = \"all\"\n\
         [licenses]\nallow = [\"0BSD\", \"Apache-2.0\", \"Apache-2.0 WITH LLVM-exception\", \"BSD-2-Clause\", \"BSD-3-Clause\", \"BSL-1.0\",\
         \"CDLA-Permissive-2.0\", \"ISC\", \"MIT\", \"MIT-0\", \"MPL-2.0\", \"Unicode-3.0\", \"Unlicense\", \"Zlib\"]\n",
        home.display().to_string()
    )
}

fn write_database(folder: &Path) {
    for facts in &embedded().map_err(|why| why.message).unwrap().advisories {
        let place = folder.join("crates").join(&facts.package);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join(format!("{}.md", facts.id)), advisory(facts)).unwrap();
    }
    for arguments in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "--all"],
        &["-c", "user.name=b", "-c", "user.email=b@example.invalid", "commit", "--quiet", "--message", "all"],
    ] {
        assert!(Command::new("git").args(arguments).current_dir(folder).status().unwrap().success());
    }
}
