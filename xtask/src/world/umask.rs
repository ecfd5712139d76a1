//! The mode bits that new files do not get. They belong to the whole process and to what it starts.

use rustix::fs::Mode;

/// Another umask for as long as this lives. Two at a time would restore each other's: only verbs that do one thing take one.
#[derive(Debug)]
pub struct Umask(Mode);

impl Umask {
    /// Sets it.
    #[must_use]
    pub fn set(bits: u32) -> Umask {
        Umask(rustix::process::umask(Mode::from_raw_mode(bits)))
    }
}

impl Drop for Umask {
    fn drop(&mut self) {
        rustix::process::umask(self.0);
    }
}
