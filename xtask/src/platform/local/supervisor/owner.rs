//! Who listens on a port: for services that do not repeat their identity, the owner of the listening socket is it.
//!
//! `/proc/net/tcp` names the socket's inode, `/proc/<pid>/fd` who has it open; `/proc/<pid>/stat` tells the group.

use super::super::shim;
use std::collections::BTreeSet;
use std::path::Path;

/// The state `LISTEN` in `/proc/net/tcp` (proc_net_tcp(5), include/net/tcp_states.h).
const LISTEN: &str = "0A";

/// Whether all sockets that listen on a local port belong to the process group of `leader`.
pub(super) fn owns(leader: u32, port: u16) -> bool {
    let mut wanted = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        wanted.extend(listening(&std::fs::read_to_string(table).unwrap_or_default(), port));
    }
    if wanted.is_empty() {
        return false;
    }
    for pid in group(leader) {
        for inode in sockets(pid) {
            wanted.remove(&inode);
        }
    }
    wanted.is_empty()
}

/// The inodes of the sockets that listen on a port.
fn listening(table: &str, port: u16) -> Vec<u64> {
    let row = |line: &str| -> Option<u64> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local) = fields.get(1)?.rsplit_once(':')?;
        let is_ours = u16::from_str_radix(local, 16) == Ok(port) && *fields.get(3)? == LISTEN;
        fields.get(9)?.parse().ok().filter(|_| is_ours)
    };
    table.lines().filter_map(row).collect()
}

fn group(leader: u32) -> Vec<u32> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| shim::process_group(*pid) == Some(u64::from(leader)))
        .collect()
}

fn sockets(pid: u32) -> Vec<u64> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|entry| socket(&std::fs::read_link(entry.path()).ok()?)).collect()
}

fn socket(link: &Path) -> Option<u64> {
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listening_sockets_on_that_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100\n\
             1: 0100007F:1F90 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 4712 1 0 100\n\
             2: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4713 1 0 100\n";
        assert_eq!(listening(table, 8080), [4711]);
        assert_eq!(listening(table, 1), [0; 0]);
    }

    #[test]
    fn a_socket_of_ours_is_ours_and_nobody_elses() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let world = crate::world::World::with([].into(), "/".into(), crate::world::Clock::system());
        let listener = runtime.block_on(world.listen(([127, 0, 0, 1], 0).into())).unwrap();
        let port = listener.local_addr().unwrap().port();
        let own = u32::try_from(shim::process_group(std::process::id()).unwrap()).unwrap();
        assert!(owns(own, port));
        assert!(!owns(1, port));
        drop(listener);
        assert!(!owns(own, port));
    }
}
