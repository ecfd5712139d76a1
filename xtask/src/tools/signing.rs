//! The signing key of this machine: one file in the platform's state directory, private from its first byte.
//!
//! Made once and never overwritten: whoever replaces a key makes everything that it signed worthless. A file that others could read is
//! refused, not repaired: what they read meanwhile nobody knows.

use super::bounded;
use crate::failure::Failure;
use crate::release::attest::key::{PEM_BYTES_MAX, SigningKey};
use crate::world::World;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The bits of a mode by which others could read or write.
const OTHERS: u32 = 0o077;
/// Random numbers that are tried: of 2^32 numbers, one is no key.
const TRIES_MAX: usize = 4;

/// Where the key lies.
pub fn file(state: &Path) -> PathBuf {
    state.join("keys").join("signing.pem")
}

/// Makes a key.
///
/// # Errors
/// Where there is one already, or the folder cannot be written.
pub fn create(world: &World, file: &Path) -> anyhow::Result<SigningKey> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let unwritable = |error: std::io::Error| {
        Failure::infrastructure(
            format!("failed to write {}: {error}", file.display()),
            "check the folder's owner and space, or set GATELINE_STATE to another one",
        )
    };
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unwritable)?;
    let key = random(world)?;
    let text = key.to_pem().map_err(|why| Failure::infrastructure(why, "try again"))?;
    // The temporary file has the mode 0600 from its first byte, and takes its place only where there is nothing.
    let mut fresh = tempfile::NamedTempFile::new_in(folder).map_err(unwritable)?;
    fresh.write_all(text.reveal()).map_err(unwritable)?;
    fresh.as_file().sync_all().map_err(unwritable)?;
    match fresh.persist_noclobber(file) {
        Ok(_) => Ok(key),
        Err(refused) if refused.error.kind() == ErrorKind::AlreadyExists => Err(Failure::usage(
            format!("there is a key in {} already, and a key is never overwritten", file.display()),
            "cargo xtask key show; move the file away first, if it shall sign no more",
        )),
        Err(refused) => Err(unwritable(refused.error)),
    }
}

fn random(world: &World) -> anyhow::Result<SigningKey> {
    for _ in 0..TRIES_MAX {
        if let Some(key) = SigningKey::from_random(&world.random::<32>()?) {
            return Ok(key);
        }
    }
    Err(Failure::infrastructure(
        "the machine's random numbers are no keys",
        "try again; else check /dev/urandom",
    ))
}

/// The key, if there is one.
///
/// # Errors
/// Where it is readable by others, or is no key.
pub fn read(file: &Path) -> anyhow::Result<Option<SigningKey>> {
    let refused = |why: String, help: String| {
        Failure::usage(format!("the key in {} is refused: {why}", file.display()), help)
    };
    let mut options = std::fs::OpenOptions::new();
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let opened = options.read(true).custom_flags(flags.bits().cast_signed()).open(file);
    let (opened, facts) = match opened.and_then(|opened| opened.metadata().map(|facts| (opened, facts))) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(refused(error.to_string(), "check the path; a link is not followed".to_owned()));
        }
        Ok(both) => both,
    };
    if !facts.is_file() {
        return Err(refused("it is no file".to_owned(), "cargo xtask key create".to_owned()));
    }
    if facts.mode() & OTHERS != 0 {
        let why = format!("its mode is {:03o}, so others may have read it", facts.mode() & 0o777);
        return Err(refused(why, format!("make a new one; or, if nobody did: chmod 600 {}", file.display())));
    }
    // The file that was looked at, whatever stands at its path now.
    let text = bounded::read_opened(&opened, PEM_BYTES_MAX)
        .map_err(|error| error.to_string())
        .and_then(|bytes| String::from_utf8(bytes).map_err(|_| "it is no text".to_owned()));
    let key = text.and_then(|text| SigningKey::from_pem(&text).map_err(str::to_owned));
    let help = "restore it, or move it away and make another: cargo xtask key create";
    key.map(Some).map_err(|why| refused(why, help.to_owned()))
}

/// The key of a state directory; made where there is none.
///
/// # Errors
/// As [`read`] and [`create`].
pub fn of_state(world: &World, state: &Path) -> anyhow::Result<SigningKey> {
    let file = file(state);
    match read(&file)? {
        Some(key) => Ok(key),
        None => create(world, &file).or_else(|error| match read(&file)? {
            // Somebody else made it meanwhile.
            Some(key) => Ok(key),
            None => Err(error),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn world() -> World {
        World::real().unwrap()
    }

    #[test]
    fn a_key_is_private_from_the_start_and_never_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let file = file(home.path());
        assert!(read(&file).unwrap().is_none());
        let made = of_state(&world(), home.path()).unwrap();
        let facts = std::fs::metadata(&file).unwrap();
        assert_eq!(facts.mode() & 0o777, 0o600);
        assert_eq!(file.parent().unwrap().metadata().unwrap().mode() & 0o777, 0o700);
        assert_eq!(of_state(&world(), home.path()).unwrap().public(), made.public());
        let error = create(&world(), &file).err().unwrap().to_string();
        assert!(error.contains("never overwritten"), "{error}");
        assert_eq!(read(&file).unwrap().unwrap().public(), made.public());
        let left: Vec<_> = std::fs::read_dir(file.parent().unwrap()).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing temporary stays");
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let file = file(home.path());
        create(&world(), &file).unwrap();
        let refused = |words: &str| {
            let error = read(&file).err().unwrap().to_string();
            assert!(error.contains(words), "{words:?} is not in {error}");
        };
        for mode in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            refused("others may have read it");
        }
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, "x").unwrap();
        refused("it is no P-256 key");
        std::fs::write(&file, vec![b'x'; 9000]).unwrap();
        refused("more than 8192 bytes");
        let elsewhere = home.path().join("elsewhere");
        std::fs::rename(&file, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
        refused("is refused");
        std::fs::remove_file(&file).unwrap();
        std::fs::create_dir(&file).unwrap();
        refused("is no file");
    }
}
