//! Where the embedded platform keeps its state, and its socket.
//!
//! A Unix socket's path may have 107 bytes (`unix(7)`), which a state directory deep in a home directory exceeds. The
//! socket therefore stands in a short private directory, named by the hash of the state directory.

use super::files;
use crate::digest::Digest;
use crate::failure::Failure;
use crate::platform::protocol::Target;
use crate::world::World;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The longest path that a Unix socket can have (`sun_path` less its final zero).
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// The state directory: `$GATELINE_STATE`, `$XDG_STATE_HOME/gateline`, or `~/.local/state/gateline`; absolute.
///
/// # Errors
/// Where none of the three variables is set.
pub fn state_directory(world: &World) -> anyhow::Result<PathBuf> {
    let chosen = world
        .env("GATELINE_STATE")
        .map(PathBuf::from)
        .or_else(|| world.env("XDG_STATE_HOME").map(|home| Path::new(home).join("gateline")))
        .or_else(|| world.env("HOME").map(|home| Path::new(home).join(".local/state/gateline")));
    let Some(chosen) = chosen else {
        return Err(Failure::usage(
            "there is no place for the platform's state: HOME is not set",
            "set GATELINE_STATE to a directory that you may write",
        ));
    };
    Ok(world.directory().join(chosen))
}

/// Makes the state directory and proves that it can be written.
///
/// # Errors
/// Where it cannot; nothing is left half-made.
pub fn prepare_state(state: &Path) -> anyhow::Result<()> {
    let proved = files::create_private_directory(state)
        .and_then(|()| tempfile::NamedTempFile::new_in(state))
        .and_then(tempfile::NamedTempFile::close);
    proved.map_err(|error| {
        Failure::infrastructure(
            format!("failed to write in the state directory {}: {error}", state.display()),
            "make it writable, or set GATELINE_STATE to a directory that you may write",
        )
    })
}

/// The supervisor's socket for a state directory that exists. Makes its private directory.
///
/// # Errors
/// Where that directory belongs to somebody else or is open to others.
pub fn socket(world: &World, state: &Path) -> anyhow::Result<PathBuf> {
    let uid = rustix::process::getuid().as_raw();
    let canonical = state.canonicalize().map_err(|error| {
        Failure::infrastructure(
            format!("failed to name the state directory {}: {error}", state.display()),
            "cargo xtask local up",
        )
    })?;
    let name = format!("{}.sock", Digest::of(canonical.as_os_str().as_encoded_bytes()).short());
    let directory = match world.env("XDG_RUNTIME_DIR") {
        Some(runtime) if runtime.len() + "/gateline/".len() + name.len() <= SOCKET_PATH_BYTES_MAX => {
            Path::new(runtime).join("gateline")
        }
        _ => PathBuf::from(format!("/tmp/gateline-{uid}")),
    };
    private(&directory, uid)?;
    Ok(directory.join(name))
}

/// Makes a directory, or makes sure that it is ours alone.
fn private(directory: &Path, uid: u32) -> anyhow::Result<()> {
    let refuse = |why: String| {
        Failure::infrastructure(
            format!("failed to use {} for the supervisor's socket: {why}", directory.display()),
            format!("remove {}, or set XDG_RUNTIME_DIR to a private directory", directory.display()),
        )
    };
    files::create_private_directory(directory).map_err(|error| refuse(error.to_string()))?;
    let metadata = std::fs::symlink_metadata(directory).map_err(|error| refuse(error.to_string()))?;
    if !metadata.is_dir() || metadata.uid() != uid {
        return Err(refuse("it is not a directory of ours".to_owned()));
    }
    if metadata.permissions().mode() & 0o077 != 0 {
        return Err(refuse("others may enter it".to_owned()));
    }
    Ok(())
}

/// The files of one state directory.
#[derive(Debug, Clone)]
pub(super) struct Layout(pub(super) PathBuf);

impl Layout {
    /// Held by the supervisor; its text is the holder's process id.
    pub(super) fn lock(&self) -> PathBuf {
        self.0.join("supervisor.lock")
    }

    /// The supervisor's own log.
    pub(super) fn log(&self) -> PathBuf {
        self.0.join("supervisor.log")
    }

    /// What a starting supervisor wrote to its standard error.
    pub(super) fn stderr(&self) -> PathBuf {
        self.0.join("supervisor.stderr")
    }

    /// Where the running supervisor's socket is, should its environment differ from a client's.
    pub(super) fn beacon(&self) -> PathBuf {
        self.0.join("supervisor.json")
    }

    /// Copies of our executable.
    pub(super) fn executables(&self) -> PathBuf {
        self.0.join("bin")
    }

    /// The directories of all services.
    pub(super) fn services(&self) -> PathBuf {
        self.0.join("services")
    }

    /// The journal of a service.
    pub(super) fn journal(&self, service: &str) -> PathBuf {
        self.services().join(service).join("journal.jsonl")
    }

    /// The directory of an environment.
    pub(super) fn environment(&self, target: &Target) -> PathBuf {
        self.services().join(&target.service).join(&target.environment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Clock;
    use std::collections::BTreeMap;

    fn world(variables: &[(&str, &str)]) -> World {
        let environment: BTreeMap<_, _> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        World::with(environment, "/work".into(), Clock::system())
    }

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let all = [("GATELINE_STATE", "here"), ("XDG_STATE_HOME", "/x"), ("HOME", "/h")];
        let state = |skip: usize| state_directory(&world(&all[skip..])).ok();
        assert_eq!(state(0), Some("/work/here".into()));
        assert_eq!(state(1), Some("/x/gateline".into()));
        assert_eq!(state(2), Some("/h/.local/state/gateline".into()));
        assert_eq!(state(3), None);
    }

    #[test]
    fn a_state_directory_that_cannot_be_written_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = prepare_state(&file.join("state")).unwrap_err();
        assert!(error.to_string().contains("file/state"), "{error}");
        assert!(Failure::help_of(&error).unwrap().contains("GATELINE_STATE"));
    }

    #[test]
    fn the_socket_is_short_and_private() {
        let directory = tempfile::tempdir().unwrap();
        let long = directory.path().join("d".repeat(120));
        prepare_state(&long).unwrap();
        let runtime = directory.path().to_str().unwrap();
        let path = socket(&world(&[("XDG_RUNTIME_DIR", runtime)]), &long).unwrap();
        assert!(path.starts_with(runtime) && path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX);
        std::fs::set_permissions(path.parent().unwrap(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let error = socket(&world(&[("XDG_RUNTIME_DIR", runtime)]), &long).unwrap_err();
        assert!(error.to_string().contains("others may enter"), "{error}");
    }

    #[test]
    fn a_link_in_place_of_the_private_directory_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("/", directory.path().join("gateline")).unwrap();
        let world = world(&[("XDG_RUNTIME_DIR", directory.path().to_str().unwrap())]);
        assert!(socket(&world, directory.path()).is_err());
    }
}
