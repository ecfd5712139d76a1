//! Files whose length somebody else decides: read whole up to a limit, so that memory is bounded whoever wrote them.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _};
use std::path::Path;

/// A file's bytes.
///
/// # Errors
/// As [`std::fs::read`]; [`ErrorKind::FileTooLarge`] where it has more than these bytes.
pub fn read(file: &Path, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    read_opened(&File::open(file)?, bytes_max)
}

/// The bytes of a file that was opened, and perhaps looked at, before.
///
/// # Errors
/// As [`read`].
pub fn read_opened(file: &File, bytes_max: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > bytes_max {
        true => Err(Error::new(ErrorKind::FileTooLarge, format!("it has more than {bytes_max} bytes"))),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_whole_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f");
        std::fs::write(&file, "four").unwrap();
        assert_eq!(read(&file, 4).unwrap(), b"four");
        let error = read(&file, 3).unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string()),
            (ErrorKind::FileTooLarge, "it has more than 3 bytes".to_owned())
        );
        assert_eq!(read(&folder.path().join("none"), 3).unwrap_err().kind(), ErrorKind::NotFound);
    }
}
