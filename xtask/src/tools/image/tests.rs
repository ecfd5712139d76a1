//! The image from its policy: what is refused before anything is built.

use super::*;
use crate::exit::Exit;
use crate::world::Clock;

#[tokio::test]
async fn root_is_refused_before_anything_is_built() {
    let policy = ImagePolicy { user: 0, ..ImagePolicy::default() };
    let package = PackageFacts {
        name: "svc".to_owned(),
        version: "1.0.0".to_owned(),
        licence: None,
        repository: None,
        description: None,
    };
    let request = ImageRequest {
        root: "/nowhere".into(),
        target_dir: "/nowhere".into(),
        package,
        commit: String::new(),
        commit_time: Timestamp::UNIX_EPOCH,
        policy: &policy,
        output: "/nowhere".into(),
    };
    let world = World::with(Default::default(), "/".into(), Clock::system());
    let error = build(&world, &request, &|_| ()).await.unwrap_err();
    assert_eq!(Failure::exit_of(&error), Exit::Usage);
}

#[test]
fn what_is_no_image_is_refused_with_help() {
    let error = summarise(Path::new("/nowhere"), Architecture::Amd64).unwrap_err();
    assert!(error.to_string().contains("not an OCI image layout"), "{error}");
    assert_eq!(Failure::help_of(&error), Some("cargo xtask image build"));
}
