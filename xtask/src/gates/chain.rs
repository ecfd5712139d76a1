//! How a finding says through whom a package is there.

/// Packages of a path that are shown; of a longer one, both ends.
const SHOWN_MAX: usize = 6;

/// ` (app@1.0.0 → near@2.0.0 → far@3.0.0)`; nothing for what the workspace is itself.
pub(super) fn through(path: &[String]) -> String {
    if path.len() < 2 {
        return String::new();
    }
    let shown: Vec<&str> = match path.len() {
        0..=SHOWN_MAX => path.iter().map(String::as_str).collect(),
        length => {
            let half = SHOWN_MAX / 2;
            let (start, end) = (&path[..half], &path[length - half..]);
            start.iter().map(String::as_str).chain(["…"]).chain(end.iter().map(String::as_str)).collect()
        }
    };
    format!(" ({})", shown.join(" → "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_path_shows_both_ends() {
        let path = |length: usize| (0..length).map(|at| at.to_string()).collect::<Vec<_>>();
        assert_eq!(through(&path(1)), "");
        assert_eq!(through(&path(3)), " (0 → 1 → 2)");
        assert_eq!(through(&path(9)), " (0 → 1 → 2 → … → 6 → 7 → 8)");
    }
}
