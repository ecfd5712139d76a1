//! A found value: a type that nothing can print, and the slow hash by which a waiver names it.
//!
//! The hash is Argon2id with a salt of its own and its parameters beside it. Only values of the rule for what merely
//! looks random may be hashed: those have too many possibilities to be tried. What is shorter or has a known form could
//! be guessed from its hash, which would publish it.

use crate::evidence::CouldNotRun;
use crate::policy::waivers::{HASH_BYTES, wrong_hash};
use argon2::{Algorithm, Argon2, Params, Version};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// 64 MiB, three passes, one lane: what RFC 9106 recommends where memory is limited.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
/// Bits of a value, by the entropy of its characters, below which its hash could be guessed.
const HASHED_BITS_MIN: u32 = 60;

/// A value that was found: no `Debug`, no `Display`, no `Serialize`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Value(Vec<u8>);

/// What a waiver names a value by.
struct Named {
    memory_kib: u32,
    passes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Value {
    pub(super) fn new(bytes: &[u8]) -> Value {
        Value(bytes.to_vec())
    }

    /// The name by which a waiver may lift this value, with this salt.
    ///
    /// # Errors
    /// Why it must not be hashed, or could not be.
    pub(super) fn name(&self, salt: &str) -> Result<String, String> {
        let bits = super::filter::centibits(&self.0) * u32::try_from(self.0.len()).unwrap_or(u32::MAX) / 100;
        if bits < HASHED_BITS_MIN {
            return Err("the value could be guessed from its hash, which would publish it".to_owned());
        }
        let salt = unhex(salt).ok_or("the salt is not hexadecimal")?;
        let hash = slow(&self.0, &salt, MEMORY_KIB, PASSES)?;
        Ok(format!("argon2id:{MEMORY_KIB}:{PASSES}:{}:{}", hex(&salt), hex(&hash)))
    }
}

/// The parts of a name that [`wrong_hash`] has nothing against.
fn parse(text: &str) -> Option<Named> {
    if wrong_hash(text).is_some() {
        return None;
    }
    let parts: Vec<&str> = text.split(':').collect();
    let [_, memory, passes, salt, hash] = parts[..] else { return None };
    let (memory_kib, passes) = (memory.parse().ok()?, passes.parse().ok()?);
    Some(Named { memory_kib, passes, salt: unhex(salt)?, hash: unhex(hash)? })
}

/// The names that waivers give to values, asked for each value once.
#[derive(Default)]
pub(crate) struct Names {
    names: Vec<(String, Named)>,
    known: BTreeMap<Value, Vec<String>>,
}

/// Values that are hashed in one run: each costs a tenth of a second for each name.
const ASKED_MAX: usize = 100;

impl Names {
    /// Those of these texts that name a value; the rest was refused when the policy was read.
    pub(crate) fn new<'a>(texts: impl Iterator<Item = &'a str>) -> Names {
        let named = |text: &str| Some((text.to_owned(), parse(text)?));
        Names { names: texts.filter_map(named).collect(), known: BTreeMap::new() }
    }

    /// The names that mean this value.
    ///
    /// # Errors
    /// Where there are too many values to ask for, or memory is short.
    pub(super) fn of(&mut self, value: &Value) -> Result<Vec<String>, CouldNotRun> {
        if self.names.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(known) = self.known.get(value) {
            return Ok(known.clone());
        }
        let failed = |message: String| CouldNotRun {
            message,
            help: "waive them by rule and path: cargo xtask waive secrets/generic-secret PATH".to_owned(),
        };
        if self.known.len() >= ASKED_MAX {
            let message = format!("more than {ASKED_MAX} values would be compared with waived ones");
            return Err(failed(message));
        }
        let mut met = Vec::new();
        for (text, named) in &self.names {
            let hash = slow(&value.0, &named.salt, named.memory_kib, named.passes).map_err(failed)?;
            if hash[..] == named.hash[..] {
                met.push(text.clone());
            }
        }
        self.known.insert(value.clone(), met.clone());
        Ok(met)
    }
}

fn slow(value: &[u8], salt: &[u8], memory_kib: u32, passes: u32) -> Result<[u8; HASH_BYTES], String> {
    let failed = |error: argon2::Error| format!("failed to hash a value: {error}");
    let parameters = Params::new(memory_kib, passes, 1, Some(HASH_BYTES)).map_err(failed)?;
    let mut hash = [0; HASH_BYTES];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters)
        .hash_password_into(value, salt, &mut hash)
        .map_err(failed)?;
    Ok(hash)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let plain = digits.len().is_multiple_of(2) && digits.iter().all(u8::is_ascii_hexdigit);
    if plain { digits.chunks(2).map(pair).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Value {
        Value::new(text.as_bytes())
    }

    #[test]
    fn a_name_means_its_value_and_no_other() {
        let one = value(concat!("q7Rz9", "Kd2Vw8Lm4Xt6"));
        let name = one.name(&"07".repeat(16)).unwrap();
        assert!(name.starts_with("argon2id:65536:3:0707") && wrong_hash(&name).is_none(), "{name}");
        let mut names = Names::new([name.as_str(), "nonsense"].into_iter());
        assert_eq!(names.of(&one).unwrap(), [name]);
        assert_eq!(names.of(&value("something-else-4Xt6")).unwrap(), [""; 0]);
    }

    #[test]
    fn what_could_be_guessed_is_not_hashed() {
        for text in ["hunter2", "aaaaaaaaaaaaaaaaaaaaaaaaaaaa", "20261129"] {
            assert!(value(text).name(&"01".repeat(16)).is_err_and(|why| why.contains("guessed")), "{text}");
        }
    }
}
