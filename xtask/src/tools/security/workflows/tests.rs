//! Files as they lie on a disk: links, other encodings, bombs, and what is no workflow.

use super::*;

fn looked(files: &[(&str, &[u8])]) -> (WorkflowsEvidence, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let names: Vec<PathBuf> = files.iter().map(|(name, _)| PathBuf::from(name)).collect();
    look(folder.path(), &names, &WorkflowsPolicy::default()).unwrap()
}

const GOOD: &[u8] = b"on: push\npermissions: {}\njobs: {a: {steps: [{run: make}], timeout-minutes: 5}}\n";

/// What is said of the one file that cannot be read.
#[track_caller]
fn check_unreadable(bytes: &[u8], expected: &str) {
    let (evidence, read) = looked(&[(".github/workflows/a.yml", bytes), (".github/workflows/b.yml", GOOD)]);
    let [one] = evidence.found.as_slice() else { panic!("{:?}", evidence.found) };
    assert_eq!((one.audit, one.file.as_str()), (Audit::Unreadable, ".github/workflows/a.yml"));
    assert!(one.message.contains(expected), "{}", one.message);
    assert_eq!((evidence.workflows, read), (1, vec![".github/workflows/b.yml".to_owned()]));
}

#[test]
fn what_cannot_be_read_is_found_and_the_others_are_looked_at() {
    check_unreadable(b"on: [", "no YAML");
    check_unreadable(b"", "empty");
    check_unreadable(b"\xff\xfeo\0n\0", "no UTF-8");
    check_unreadable(b"on: push\n", "no `jobs:`");
    check_unreadable(&vec![b'#'; 1024 * 1024 + 1], "larger than 1 MiB");
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{items}]\n");
    }
    check_unreadable(bomb.as_bytes(), "more than");
}

#[test]
fn a_link_is_not_followed_and_what_is_gone_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let workflows = folder.path().join(".github/workflows");
    std::fs::create_dir_all(workflows.join("d.yml")).unwrap();
    std::os::unix::fs::symlink("a.yml", workflows.join("a.yml")).unwrap();
    let names = ["a.yml", "gone.yml", "d.yml"].map(|name| PathBuf::from(format!(".github/workflows/{name}")));
    let (evidence, read) = look(folder.path(), &names, &WorkflowsPolicy::default()).unwrap();
    assert_eq!((evidence.found.len(), read.len()), (1, 0));
    assert!(evidence.found[0].message.contains("symbolic link"));
}

#[test]
fn actions_are_read_and_other_files_are_not() {
    let action = b"runs: {using: composite, steps: [{uses: a/b@v1}]}\n";
    let files: [(&str, &[u8]); 4] = [
        ("action.yml", action),
        ("deep/in/action.yaml", b"title: a form"),
        (".github/dependabot.yml", b"on: ["),
        ("policies/action.txt", b"x"),
    ];
    let (evidence, read) = looked(&files);
    assert_eq!((evidence.actions, evidence.used, evidence.pinned), (1, 1, 0));
    assert_eq!(read, ["action.yml"]);
}

#[test]
fn what_the_policy_leaves_out_is_counted() {
    let policy = WorkflowsPolicy { skip: vec!["fixtures".into()], ..WorkflowsPolicy::default() };
    let files = [PathBuf::from("fixtures/action.yml"), PathBuf::from("fixtures2/action.yml")];
    let (evidence, _) = look(Path::new("/nowhere"), &files, &policy).unwrap();
    assert_eq!(evidence.skipped, ["fixtures/action.yml"]);
}

#[test]
fn more_files_than_anybody_has_could_not_run() {
    let files: Vec<PathBuf> =
        (0..=FILES_MAX).map(|n| PathBuf::from(format!(".github/workflows/{n}.yml"))).collect();
    let error = look(Path::new("/nowhere"), &files, &WorkflowsPolicy::default()).unwrap_err();
    assert!(error.message.contains("more than 2000"), "{}", error.message);
}

#[test]
fn a_line_that_only_yaml_sees_is_refused() {
    let check = |text: &str, expected: &[u32]| {
        let found = look_at_text(".github/workflows/a.yml", text).found;
        let hidden = found.iter().filter(|one| one.message.contains("carriage return"));
        assert_eq!(hidden.map(|one| one.line).collect::<Vec<_>>(), expected, "{text:?}");
    };
    check("on: push # nothing to see\rjobs: {}\n", &[1]);
    check("on: push\r\njobs: {}\r\n", &[]);
    check("on: push\r\r\njobs: {}\n", &[1]);
}
