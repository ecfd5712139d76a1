//! Reads the members of a layer, and refuses every one that could reach outside the root or surprise its reader.
//!
//! What a layer may hold is what its archive header says and nothing else: extension headers (pax, GNU long names)
//! are refused, because two readers of them may see two different archives. Whiteouts are refused too: no image of
//! ours has them. A member's path has no `..` and is not absolute; what it means among the others is for
//! [`super::unpack`] to decide.

use crate::digest::{Digest, Hasher};
use std::io::{self, Read};

/// How much is read of one image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Members of all layers.
    pub members_max: u64,
    /// Bytes of all archives, headers included: what a gzip bomb runs into.
    pub unpacked_bytes_max: u64,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Relative to the root, without `.` parts; never empty.
    pub path: String,
    /// What it is.
    pub kind: MemberKind,
    /// Permission bits, sticky bit included.
    pub mode: u32,
    /// The length of a file.
    pub size_bytes: u64,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link to this.
    Symlink(String),
    /// Another name of this path.
    HardLink(String),
}

/// Why a member is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// `/etc/passwd`.
    #[error("its path is absolute")]
    Absolute,
    /// `../x`.
    #[error("its path leads out of the root with `..`")]
    Traversal,
    /// Not UTF-8, or with a control character.
    #[error("its path is not plain text")]
    NotText,
    /// A device, a pipe, or an unknown kind.
    #[error("it is neither file, directory nor link")]
    Device,
    /// pax, GNU long name, sparse.
    #[error("it uses an extension of the archive format")]
    Extension,
    /// Set-user-id or set-group-id.
    #[error("it would run with another user's rights")]
    SetUserId,
    /// `.wh.`
    #[error("it is a whiteout, which this version does not read")]
    Whiteout,
    /// The same path again in one layer.
    #[error("it is in the layer twice")]
    Twice,
    /// A directory in its path is a link or a file.
    #[error("its path leads through something that is no directory")]
    ThroughLink,
    /// A file in the place of a directory, or the reverse.
    #[error("it takes the place of something of another kind")]
    OtherKind,
    /// The target of a link.
    #[error("it is a link out of the root")]
    LinkEscape,
    /// The target of a hard link is no file that was seen before.
    #[error("it is a hard link to something that is no earlier file")]
    LinkTarget,
}

/// Why a layer cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// A member that is not taken.
    #[error("the member `{0}` is refused: {1}")]
    Refused(String, Why),
    /// Beyond [`Limits`].
    #[error("the image has more than {0} members")]
    TooMany(u64),
    /// Beyond [`Limits`].
    #[error("the image unpacks to more than {0} bytes")]
    TooLarge(u64),
    /// Not gzip, not tar, or cut off.
    #[error("a layer cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// The archive is not the one that the config names.
    #[error("a layer unpacks to other bytes than its config says: expected {0}, found {1}")]
    DiffId(Digest, Digest),
    /// Writing what was read failed.
    #[error("failed to write `{0}`: {1}")]
    Io(String, #[source] io::Error),
}

impl Default for Limits {
    fn default() -> Self {
        Limits { members_max: 200_000, unpacked_bytes_max: 4 * 1024 * 1024 * 1024 }
    }
}

/// Visits every member of a gzipped layer, takes what it used from the limits, and at the end compares the archive
/// with its diff id. What `each` did before an error must be thrown away.
///
/// # Errors
/// Where a member is refused, a limit is reached, the layer is damaged, or `each` fails.
pub fn visit(
    compressed: impl Read,
    diff_id: &Digest,
    limits: &mut Limits,
    each: impl FnMut(&Member, &mut dyn Read) -> Result<(), MemberError>,
) -> Result<u64, MemberError> {
    let before = *limits;
    let mut inflated = Inflated {
        inner: flate2::read::GzDecoder::new(compressed),
        hasher: Hasher::default(),
        left: limits.unpacked_bytes_max,
        exceeded: false,
    };
    let result = walk(&mut inflated, limits, each);
    limits.unpacked_bytes_max = inflated.left;
    if inflated.exceeded {
        return Err(MemberError::TooLarge(before.unpacked_bytes_max));
    }
    result?;
    let found = inflated.hasher.finish();
    if found != *diff_id {
        return Err(MemberError::DiffId(diff_id.clone(), found));
    }
    Ok(before.unpacked_bytes_max - limits.unpacked_bytes_max)
}

fn walk(
    inflated: &mut impl Read,
    limits: &mut Limits,
    mut each: impl FnMut(&Member, &mut dyn Read) -> Result<(), MemberError>,
) -> Result<(), MemberError> {
    let members_max = limits.members_max;
    let mut archive = tar::Archive::new(&mut *inflated);
    for entry in archive.entries().map_err(MemberError::Unreadable)?.raw(true) {
        let mut entry = entry.map_err(MemberError::Unreadable)?;
        limits.members_max = limits.members_max.checked_sub(1).ok_or(MemberError::TooMany(members_max))?;
        if let Some(member) = member(&entry)? {
            each(&member, &mut entry)?;
        }
    }
    // The padding after the archive's end belongs to the diff id.
    io::copy(inflated, &mut io::sink()).map_err(MemberError::Unreadable)?;
    Ok(())
}

/// The member behind a header; `None` for the root itself.
fn member<R: Read>(entry: &tar::Entry<'_, R>) -> Result<Option<Member>, MemberError> {
    use tar::EntryType;
    let raw = entry.path_bytes();
    let shown = String::from_utf8_lossy(&raw).into_owned();
    let refuse = |why| MemberError::Refused(shown.clone(), why);
    let header = entry.header();
    let link = || {
        let target = entry.link_name_bytes().unwrap_or_default();
        text(&target).ok_or_else(|| refuse(Why::NotText))
    };
    let kind = match header.entry_type() {
        EntryType::Regular => MemberKind::File,
        EntryType::Directory => MemberKind::Directory,
        EntryType::Symlink => MemberKind::Symlink(link()?),
        EntryType::Link => MemberKind::HardLink(relative(&link()?).map_err(refuse)?),
        EntryType::Char | EntryType::Block | EntryType::Fifo => return Err(refuse(Why::Device)),
        _ => return Err(refuse(Why::Extension)),
    };
    let path = relative(&text(&raw).ok_or_else(|| refuse(Why::NotText))?).map_err(refuse)?;
    if path.is_empty() {
        return if kind == MemberKind::Directory { Ok(None) } else { Err(refuse(Why::OtherKind)) };
    }
    let mode = header.mode().map_err(MemberError::Unreadable)?;
    if mode & 0o6000 != 0 {
        return Err(refuse(Why::SetUserId));
    }
    if path.rsplit('/').next().is_some_and(|name| name.starts_with(".wh.")) {
        return Err(refuse(Why::Whiteout));
    }
    Ok(Some(Member { path, kind, mode: mode & 0o1777, size_bytes: entry.size() }))
}

fn text(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    (!text.contains(char::is_control)).then(|| text.to_owned())
}

/// The path without empty and `.` parts.
fn relative(path: &str) -> Result<String, Why> {
    if path.starts_with('/') {
        return Err(Why::Absolute);
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if parts.contains(&"..") { Err(Why::Traversal) } else { Ok(parts.join("/")) }
}

/// Inflates, digests and counts; stops at the limit.
struct Inflated<R> {
    inner: R,
    hasher: Hasher,
    left: u64,
    exceeded: bool,
}

impl<R: Read> Read for Inflated<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => {
                (self.left, self.exceeded) = (0, true);
                return Err(io::Error::other("the limit of unpacked bytes is reached"));
            }
        }
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}
