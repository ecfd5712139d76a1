//! What the summary at `/health` looks at besides the database: memory and disk.
//!
//! Neither decides readiness: an instance short of memory is restarted by its guards, and a full disk is
//! full for every instance on it; taking all of them out of traffic would help nobody.

use std::fs;
use std::path::Path;

use serde::Serialize;

const MIB: u64 = 1024 * 1024;
/// Of the memory that this process may use, in percent.
const MEMORY_WARNING_PERCENT: u64 = 90;
/// SQLite needs about this much to go on.
const DISK_FAILING_BYTES: u64 = 16 * MIB;
const DISK_WARNING_BYTES: u64 = 256 * MIB;

/// How one check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum CheckStatus {
    Ok,
    Warning,
    Failing,
}

/// One check, for people.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    pub(crate) status: CheckStatus,
    pub(crate) detail: String,
}

/// Resident memory against the limit of the machine and of the control group.
pub(crate) fn memory() -> Check {
    let limit = [machine_memory_bytes(), group_memory_bytes()].into_iter().flatten().min();
    judge_memory(resident_bytes(), limit)
}

/// Free space where the data is.
pub(crate) fn disk(directory: &Path) -> Check {
    match rustix::fs::statvfs(directory) {
        Ok(disk) => judge_disk(disk.f_bavail.saturating_mul(disk.f_frsize)),
        Err(error) => {
            let detail = format!("failed to read the free space of {}: {error}", directory.display());
            Check { status: CheckStatus::Warning, detail }
        }
    }
}

/// Resident memory of this process; `None` where `/proc` does not say.
pub(crate) fn resident_bytes() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/self/status").ok()?, "VmRSS:")
}

fn machine_memory_bytes() -> Option<u64> {
    kibibytes(&fs::read_to_string("/proc/meminfo").ok()?, "MemTotal:")
}

/// `max`, which means no limit, is no number and gives `None`.
fn group_memory_bytes() -> Option<u64> {
    fs::read_to_string("/sys/fs/cgroup/memory.max").ok()?.trim().parse().ok()
}

/// Bytes of a line like `VmRSS:     5120 kB`, as the kernel writes them.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(name))?;
    value.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

fn judge_memory(resident: Option<u64>, limit: Option<u64>) -> Check {
    let (Some(resident), Some(limit)) = (resident, limit) else {
        return Check { status: CheckStatus::Warning, detail: "the kernel does not say".to_owned() };
    };
    let high = resident.saturating_mul(100) >= limit.saturating_mul(MEMORY_WARNING_PERCENT);
    Check {
        status: if high { CheckStatus::Warning } else { CheckStatus::Ok },
        detail: format!("{} of {} MiB in use", resident / MIB, limit / MIB),
    }
}

fn judge_disk(free: u64) -> Check {
    let status = match free {
        ..DISK_FAILING_BYTES => CheckStatus::Failing,
        DISK_FAILING_BYTES..DISK_WARNING_BYTES => CheckStatus::Warning,
        _ => CheckStatus::Ok,
    };
    Check { status, detail: format!("{} MiB free", free / MIB) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernel_lines_are_read() {
        #[track_caller]
        fn check(text: &str, expected: Option<u64>) {
            assert_eq!(kibibytes(text, "VmRSS:"), expected);
        }
        check("VmSize:\t 9 kB\nVmRSS:\t 5120 kB\n", Some(5120 * 1024));
        check("VmSize:\t 9 kB\n", None);
        check("VmRSS:\t many kB\n", None);
        check("VmRSS:\n", None);
    }

    #[test]
    fn memory_warns_at_nine_tenths() {
        #[track_caller]
        fn check(resident: Option<u64>, limit: Option<u64>, expected: CheckStatus) {
            assert_eq!(judge_memory(resident, limit).status, expected);
        }
        check(Some(89), Some(100), CheckStatus::Ok);
        check(Some(90), Some(100), CheckStatus::Warning);
        check(None, Some(100), CheckStatus::Warning);
        check(Some(1), None, CheckStatus::Warning);
    }

    #[test]
    fn disk_fails_before_it_is_full() {
        #[track_caller]
        fn check(free: u64, expected: CheckStatus) {
            assert_eq!(judge_disk(free).status, expected);
        }
        check(0, CheckStatus::Failing);
        check(DISK_FAILING_BYTES - 1, CheckStatus::Failing);
        check(DISK_FAILING_BYTES, CheckStatus::Warning);
        check(DISK_WARNING_BYTES, CheckStatus::Ok);
    }

    #[test]
    fn this_process_has_memory_and_a_disk() {
        assert!(resident_bytes().unwrap() > MIB);
        assert!(memory().detail.contains("MiB in use"));
        assert!(disk(Path::new("/")).detail.contains("MiB free"));
        let nowhere = disk(Path::new("/nowhere/at/all"));
        assert_eq!(nowhere.status, CheckStatus::Warning);
    }
}
