//! Names that become directories: plain, so that none of them leads elsewhere.

use super::refuse::malformed;
use crate::platform::protocol::{Refusal, Target};

/// The longest name.
const NAME_BYTES_MAX: usize = 100;

/// Whether service and environment can be directories.
pub(super) fn check_target(target: &Target) -> Result<(), Refusal> {
    check("service", &target.service)?;
    check("environment", &target.environment)
}

/// Whether a name is letters, digits, `-` and `_`, and begins with a letter or digit.
pub(super) fn check(what: &str, name: &str) -> Result<(), Refusal> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    if begins_well && name.len() <= NAME_BYTES_MAX && name.bytes().all(is_plain) {
        return Ok(());
    }
    Err(malformed(format!(
        "`{name}` is no name for a {what}: letters, digits, - and _, at most {NAME_BYTES_MAX}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_elsewhere() {
        for name in ["desk", "gateline-desk", "a_B-9", "0"] {
            assert_eq!(check("service", name), Ok(()));
        }
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for name in ["", "-a", "..", "a/b", "a.b", "ä", "a b", &long] {
            assert!(check("service", name).is_err(), "{name}");
        }
    }
}
