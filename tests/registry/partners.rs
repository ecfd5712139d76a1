//! A real registry, and skopeo on the other side.

use super::*;
use gateline::oci::config::Architecture;
use gateline::oci::layout;

#[test]
fn an_image_goes_in_and_comes_out_with_its_evidence_and_is_sent_once() {
    let Some(home) = home() else { return };
    let image = home.image("a", b"one", &["x", "y"]);
    let first = home.done(&["push", &home.oci("a"), &home.at("svc:1")]);
    assert_eq!(first["digest"], image.to_string());
    assert_eq!(
        (&first["tag_moved"], &first["fallback_tag"], &first["referrers"]),
        (&true.into(), &true.into(), &2.into())
    );
    assert!(first["uploaded"]["blobs"].as_u64() > Some(4), "{first}");
    assert_eq!(home.tag("svc", "1"), Some(image.clone()));
    let again = home.done(&["push", &home.oci("a"), &home.at("svc:1")]);
    let nothing = serde_json::json!({"blobs": 0, "bytes": 0});
    assert_eq!(
        (&again["uploaded"], &again["documents_written"], &again["tag_moved"]),
        (&nothing, &0.into(), &false.into())
    );
    let changed = home.image("b", b"two", &[]);
    let one_layer = home.done(&["push", &home.oci("b"), &home.at("svc:2")]);
    // The layer that changed and the config.
    assert_eq!(one_layer["uploaded"]["blobs"], 2, "{one_layer}");
    let mounted = home.done(&["push", &home.oci("a"), &home.at("other:1"), "--mount-from", "svc"]);
    assert_eq!(mounted["uploaded"], nothing, "{mounted}");
    let copied = home.done(&["copy", &home.at("svc:1"), &home.at("third/one:1")]);
    assert_eq!((&copied["uploaded"], &copied["digest"]), (&nothing, &image.to_string().into()), "{copied}");
    home.done(&["pull", &home.at(&format!("third/one@{image}")), &home.oci("back:1")]);
    let stored = layout::read(&home.path("back"), Architecture::Amd64).unwrap();
    assert_eq!(stored.digest, image);
    assert_eq!(said(&home.path("back"), &image), ["x", "y"]);
    assert_eq!(home.tag("svc", "2"), Some(changed));
}

#[tokio::test]
async fn skopeo_reads_what_we_push_and_we_read_what_it_pushes() {
    let Some(home) = home() else { return };
    let image = home.image("a", b"one", &[]);
    home.done(&["push", &home.oci("a"), &home.at("ours:1")]);
    let ours = format!("docker://{}", home.at("ours:1"));
    let Some(raw) = oci::partner("skopeo", &["inspect", "--tls-verify=false", "--raw", &ours]).await else {
        return;
    };
    assert_eq!(Digest::of(&raw), image);
    let theirs = format!("docker://{}", home.at("theirs:1"));
    let copy = [
        "--insecure-policy",
        "copy",
        "--all",
        "--preserve-digests",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
    ];
    oci::partner("skopeo", &[&copy[..], &[&ours, &theirs]].concat()).await.unwrap();
    let pulled = home.done(&["pull", &home.at("theirs:1"), &home.oci("back:1")]);
    assert_eq!(pulled["digest"], image.to_string());
    assert_eq!(layout::read(&home.path("back"), Architecture::Amd64).unwrap().digest, image);
}
