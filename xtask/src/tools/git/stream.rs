//! git as a stream: what it says of a history of any length, and blobs one after another, with memory for one of them.
//!
//! Streams are read by threads, which block; processes are started and awaited by the runtime.

use super::command::command;
use crate::world::{Leash, Running, World};
use anyhow::Context as _;
use std::io::{BufRead, BufReader, PipeReader, PipeWriter, Read, Seek as _, Write as _};
use std::path::Path;
use std::process::Stdio;

/// Names of objects that are asked for before the first answer is read: they fit into a pipe that nobody empties.
pub(in crate::tools) const ASKED_MAX: usize = 500;
/// What git says of an object before its bytes.
const HEADER_BYTES_MAX: u64 = 200;
/// What is kept of git's complaint.
const COMPLAINT_BYTES_MAX: u64 = 2000;

/// A git that runs; killed when dropped.
pub(in crate::tools) struct Piped {
    child: Running,
    _leash: Leash,
    what: String,
    stderr: std::fs::File,
}

impl Piped {
    /// Starts git with this input.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub(in crate::tools) fn start(
        world: &World,
        root: &Path,
        arguments: &[&str],
        input: Option<PipeReader>,
    ) -> anyhow::Result<(Piped, PipeReader)> {
        let (output, theirs) = std::io::pipe()?;
        let stderr = tempfile::tempfile()?;
        let complaint = stderr.try_clone()?;
        let stdin = input.map_or_else(Stdio::null, Stdio::from);
        // It may work for as long as the history is long.
        let mut line = command(root, arguments);
        line.timeout = None;
        let child = world.spawn(&line, |command| {
            command
                .stdin(stdin)
                .stdout(Stdio::from(theirs))
                .stderr(Stdio::from(complaint))
                .kill_on_drop(true);
        })?;
        let what = arguments.iter().take(2).copied().collect::<Vec<_>>().join(" ");
        Ok((Piped { _leash: Leash::of(&child), child, what, stderr }, output))
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// Where it failed, with what it said: an object that is missing, above all.
    pub(in crate::tools) async fn finish(mut self) -> anyhow::Result<()> {
        let status = self.child.wait().await?;
        if status.success() {
            return Ok(());
        }
        let mut said = Vec::new();
        self.stderr.rewind()?;
        (&mut self.stderr).take(COMPLAINT_BYTES_MAX).read_to_end(&mut said)?;
        anyhow::bail!("git {} failed: {}", self.what, String::from_utf8_lossy(&said).trim())
    }
}

/// `cat-file --batch`: asked for objects, it gives them in order.
pub(in crate::tools) struct Blobs {
    input: PipeWriter,
    output: BufReader<PipeReader>,
}

impl Blobs {
    /// Starts it.
    ///
    /// # Errors
    /// Where git cannot be started.
    pub(in crate::tools) fn start(world: &World, root: &Path) -> anyhow::Result<(Piped, Blobs)> {
        let (theirs, input) = std::io::pipe()?;
        let format = "--batch=%(objecttype) %(objectsize)";
        let (piped, output) = Piped::start(world, root, &["cat-file", format], Some(theirs))?;
        Ok((piped, Blobs { input, output: BufReader::with_capacity(64 * 1024, output) }))
    }

    /// Asks for at most [`ASKED_MAX`] objects; each must be read by [`Blobs::next`].
    ///
    /// # Errors
    /// Where git has ended.
    pub(in crate::tools) fn ask<'a>(&mut self, objects: impl Iterator<Item = &'a str>) -> anyhow::Result<()> {
        let lines: String = objects.take(ASKED_MAX).map(|object| format!("{object}\n")).collect();
        self.input.write_all(lines.as_bytes()).context("git takes no more names")
    }

    /// Hands the next object to `read`, with its size; what is not read of it is dropped.
    ///
    /// # Errors
    /// Where git lacks it, or ends before its last byte.
    pub(in crate::tools) fn next<T>(
        &mut self,
        read: impl FnOnce(&mut dyn Read, u64) -> std::io::Result<T>,
    ) -> anyhow::Result<T> {
        let size = header(&mut self.output)?;
        let mut object = (&mut self.output).take(size);
        let done = read(&mut object, size)?;
        let rest = std::io::copy(&mut object, &mut std::io::sink())?;
        let left = object.limit();
        anyhow::ensure!(left == 0, "git's answer is cut short: {left} bytes are missing after {rest}");
        let mut end = [0];
        self.output.read_exact(&mut end).context("git's answer is cut short")?;
        anyhow::ensure!(end == *b"\n", "git's answer is longer than it says");
        Ok(done)
    }
}

/// `blob 12`, or `1111… missing`.
fn header(output: &mut impl BufRead) -> anyhow::Result<u64> {
    let mut line = Vec::new();
    output.take(HEADER_BYTES_MAX).read_until(b'\n', &mut line)?;
    let line = String::from_utf8_lossy(&line).trim_end().to_owned();
    anyhow::ensure!(!line.is_empty(), "git ended before its answer");
    let size = line.strip_prefix("blob ").and_then(|size| size.parse().ok());
    size.with_context(|| format!("git said `{line}` of an object"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_a_size_or_the_reason_why_there_is_none() {
        assert_eq!(header(&mut &b"blob 12\n"[..]).unwrap(), 12);
        for wrong in [&b"1111 missing\n"[..], b"", b"tree 5\n", b"blob x\n", &[b'a'; 500]] {
            assert!(header(&mut &*wrong).is_err());
        }
    }
}
