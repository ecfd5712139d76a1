//! The fuzz targets under libFuzzer, which is guided by what code an input reaches. `GATELINE_FUZZ` names the target.
//! How to run it: docs/operations/fuzzing.md.
#![no_main]

mod targets;

use std::sync::LazyLock;
use targets::{TARGETS, Target};

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("GATELINE_FUZZ").unwrap_or_default();
    let names = TARGETS.map(|(name, _)| name).join(", ");
    let found = TARGETS.into_iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("set GATELINE_FUZZ to one of: {names}"))
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET.1(bytes));
