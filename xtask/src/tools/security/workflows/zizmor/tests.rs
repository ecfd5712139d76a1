//! Answers of zizmor, and what comes of those that are none.

use super::*;
use crate::world::Clock;
use std::os::unix::fs::PermissionsExt as _;

/// A world in which `zizmor` is this script.
fn world_of(folder: &Path, script: &str) -> World {
    let program = folder.join(PROGRAM);
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let variables = [("PATH".to_owned(), format!("relative:{}", folder.display()))];
    World::with(variables.into(), folder.to_owned(), Clock::system())
}

fn said(ident: &str, route: &str, row: u32) -> String {
    format!(
        r#"{{"ident":"{ident}","desc":"d","url":"u","locations":[{{"symbolic":{{"key":{{"Local":{{"verbatim_path":"./w.yml"}}}},
        "annotation":"why","route":{{"route":[{route}]}},"kind":"Primary"}},"concrete":{{"location":{{"start_point":{{"row":{row},"column":0}}}}}}}}]}}"#
    )
}

const STEP: &str = r#"{"Key":"jobs"},{"Key":"a"},{"Key":"steps"},{"Index":1},{"Key":"uses"}"#;

async fn asked(script: &str, own: &[WorkflowFound]) -> (SecondOpinion, Vec<WorkflowFound>) {
    let folder = tempfile::tempdir().unwrap();
    let world = world_of(folder.path(), script);
    ask(&world, folder.path(), &["w.yml".to_owned()], own).await
}

#[tokio::test]
async fn what_both_found_is_said_once_whatever_the_exit_code() {
    let answer = format!(
        "[{},{},{}]",
        said("unpinned-uses", STEP, 6),
        said("misfeature", STEP, 6),
        said("self-repository", STEP, 6)
    );
    let script = format!("echo ' INFO zizmor: v1.2.3' >&2; cat <<'E'\n{answer}\nE\nexit 14");
    let (opinion, more) = asked(&script, &[]).await;
    let answered = |findings, agreed| SecondOpinion::Answered { version: "1.2.3".into(), findings, agreed };
    assert_eq!(opinion, answered(2, 0));
    let [pinned, odd] = more.as_slice() else { panic!("{more:?}") };
    assert_eq!((pinned.audit, odd.audit), (Audit::UnpinnedAction, Audit::Zizmor));
    assert_eq!(
        (odd.file.as_str(), odd.line, odd.job.as_deref(), odd.step, odd.name.as_deref()),
        ("w.yml", 7, Some("a"), Some(1), Some("misfeature"))
    );
    assert_eq!(odd.message, "d: why (zizmor: misfeature)");
    let own = WorkflowFound { line: 9, ..pinned.clone() };
    let (opinion, more) = asked(&script, std::slice::from_ref(&own)).await;
    assert_eq!((opinion, more.len()), (answered(2, 1), 1));
    let elsewhere = WorkflowFound { step: Some(0), ..own };
    assert_eq!(asked(&script, &[elsewhere]).await.1.len(), 2);
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure() {
    let why = async |script: &str| match asked(script, &[]).await.0 {
        SecondOpinion::Failed { why } => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(why("echo 'fatal: no audit'; exit 0").await, "it says nothing that we can read");
    assert_eq!(why("printf 'fatal: no audit\\nStack backtrace: x' >&2; exit 1").await, "fatal: no audit");
    assert_eq!(why("kill -9 $$").await, "it says nothing that we can read");
    assert_eq!(
        why("echo '[{\"ident\":\"x\",\"desc\":\"d\",\"locations\":[]}]'").await,
        "its answer names no place"
    );
    assert!(why("echo '[{\"ident\":1}]'").await.contains("nothing that we can read"));
}

#[tokio::test]
async fn it_is_asked_offline_without_what_the_change_brings() {
    let script = "for a in --offline --no-config --no-ignores --strict-collection; do case \" $* \" in *\" $a \"*) ;; *) exit 9;; \
                  esac; done; test -z \"$GH_TOKEN\" && echo '[]'";
    let (opinion, more) = asked(script, &[]).await;
    assert_eq!(
        (opinion, more),
        (SecondOpinion::Answered { version: "unknown".into(), findings: 0, agreed: 0 }, vec![])
    );
}

#[tokio::test]
async fn where_it_is_not_installed_nobody_is_asked() {
    let world = World::with([].into(), PathBuf::from("/"), Clock::system());
    assert_eq!(ask(&world, Path::new("/"), &[], &[]).await, (SecondOpinion::Absent, vec![]));
}
