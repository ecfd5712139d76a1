//! Coverage files from elsewhere: what of them is not in the workspace.

use crate::evidence::coverage::ImportedInput;
use crate::verdict::{Finding, Gate, Severity};

/// Names that a message holds.
const NAMES_MAX: usize = 5;

/// What is to be said about them. A file that gives nothing at all refuses: a wrong rule for paths must not look like success.
pub(super) fn findings(inputs: &[ImportedInput]) -> Vec<Finding> {
    let finding = |input: &ImportedInput| {
        let (what, severity) = match (input.files, input.outside) {
            (0, _) => ("empty-input", Severity::Error),
            (_, 0) => return None,
            _ => ("unknown-file", Severity::Warning),
        };
        let names: Vec<&str> = input.outside_names.iter().take(NAMES_MAX).map(String::as_str).collect();
        let listed = match input.outside as usize - names.len().min(input.outside as usize) {
            _ if names.is_empty() => String::new(),
            0 => format!(": {}", names.join(", ")),
            more => format!(": {} and {more} more", names.join(", ")),
        };
        let all = input.files + input.outside;
        let message = match input.files {
            0 => format!("none of the {all} files in {} is in the workspace{listed}", input.name),
            _ => format!(
                "{} of the {all} files in {} are not in the workspace{listed}",
                input.outside, input.name
            ),
        };
        let help = "set `strip` or `prefix` of this input in policies/coverage.yaml";
        Some(Finding::new(Gate::Coverage, what, severity, message, help).about(&input.name))
    };
    inputs.iter().filter_map(finding).collect()
}

#[cfg(test)]
mod proof {
    use super::*;

    #[test]
    fn what_is_outside_is_told_and_nothing_inside_refuses() {
        let input = |files, outside| ImportedInput {
            name: "lcov.info".into(),
            format: "lcov".into(),
            files,
            outside,
            outside_names: (0..outside.min(20)).map(|index| format!("/x/{index}")).collect(),
        };
        let found = findings(&[input(3, 0), input(3, 7), input(0, 1), input(0, 0)]);
        let told: Vec<_> = found.iter().map(|one| (one.code.as_str(), one.message.as_str())).collect();
        let expected = [
            (
                "coverage/unknown-file",
                "7 of the 10 files in lcov.info are not in the workspace: /x/0, /x/1, /x/2, /x/3, /x/4 and 2 more",
            ),
            ("coverage/empty-input", "none of the 1 files in lcov.info is in the workspace: /x/0"),
            ("coverage/empty-input", "none of the 0 files in lcov.info is in the workspace"),
        ];
        assert_eq!(told, expected);
    }
}
