//! Every state in which a release can be found, and what is done about it.

use super::*;
use proptest::prelude::*;

fn wanted(names: &[&str]) -> Wanted {
    let file = |name: &&str| ((*name).to_owned(), File { size: 4, digest: Digest::of(name.as_bytes()) });
    Wanted {
        tag: "v1.0.0".into(),
        commit: "c".into(),
        title: "v1.0.0".into(),
        notes: "- a\n- b".into(),
        prerelease: false,
        assets: names.iter().map(file).collect(),
    }
}

fn there(draft: bool) -> There {
    There {
        id: 1,
        tag_name: "v1.0.0".into(),
        name: Some("v1.0.0".into()),
        body: Some("- a\r\n- b\n".into()),
        draft,
        prerelease: false,
        html_url: String::new(),
        upload_url: String::new(),
    }
}

fn asset(name: &str) -> Asset {
    let digest = Some(Digest::of(name.as_bytes()).to_string());
    Asset { id: 5, name: name.into(), size: 4, state: WHOLE.into(), digest }
}

#[test]
fn a_draft_is_gone_on_with_and_published_last() {
    let wanted = wanted(&["a", "b"]);
    let check = |there: Option<&There>, assets: &[Asset], expected: Act| {
        assert_eq!(next(&wanted, there, assets), Ok(expected));
    };
    let draft = there(true);
    check(None, &[], Act::Create);
    check(Some(&draft), &[], Act::Upload("a".into()));
    check(Some(&draft), &[asset("a")], Act::Upload("b".into()));
    check(Some(&draft), &[asset("b"), asset("a")], Act::Publish);
    check(Some(&There { body: None, ..draft.clone() }), &[asset("a")], Act::Describe);
    check(Some(&There { prerelease: true, ..draft.clone() }), &[], Act::Describe);
    let broken = Asset { state: "starter".into(), size: 0, digest: None, ..asset("a") };
    check(Some(&draft), &[broken], Act::Remove(5));
    check(Some(&there(false)), &[asset("a"), asset("b")], Act::Nothing);
}

#[test]
fn other_bytes_are_for_people() {
    let wanted = wanted(&["a"]);
    let check = |there: &There, assets: &[Asset], expected: &str| {
        let why = next(&wanted, Some(there), assets).unwrap_err().to_string();
        assert!(why.contains(expected), "{why}");
    };
    let (draft, published) = (there(true), there(false));
    check(&draft, &[Asset { size: 5, ..asset("a") }], "another `a`: 5 bytes instead of 4");
    check(&draft, &[Asset { digest: Some("sha256:0".into()), ..asset("a") }], "another `a`: sha256:0");
    check(&draft, &[Asset { digest: None, ..asset("a") }], "does not tell its digest");
    check(&draft, &[asset("x")], "has `x`, which this release does not");
    check(&published, &[], "`a` is missing");
    check(&published, &[Asset { size: 5, ..asset("a") }], "`a` is another");
    check(&published, &[asset("a"), asset("x")], "`x` is not of this release");
    check(&There { name: Some("other".into()), ..published.clone() }, &[asset("a")], "differs: the title");
    check(&There { body: Some("other".into()), ..published.clone() }, &[asset("a")], "differs: the notes");
}

#[test]
fn two_drafts_of_a_tag_are_for_people() {
    let other = There { tag_name: "v2.0.0".into(), ..there(true) };
    assert_eq!(only("v1.0.0", vec![other.clone()]), Ok(None));
    assert_eq!(only("v1.0.0", vec![other, there(true)]), Ok(Some(there(true))));
    let both = only("v1.0.0", vec![there(true), there(false)]);
    assert_eq!(both, Err(Refused::Several { tag: "v1.0.0".into(), count: 2 }));
}

proptest! {
    /// Whatever order the files are in and wherever it begins: every file is sent once, and then it is published, once.
    #[test]
    fn following_it_ends_published_and_whole(names in prop::collection::btree_set("[a-z]{1,3}", 1..8), broken in any::<bool>()) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let wanted = wanted(&names);
        let (mut at, mut assets) = (None, Vec::new());
        if broken {
            at = Some(there(true));
            assets.push(Asset { state: "starter".into(), ..asset(names[0]) });
        }
        let mut sent = 0;
        loop {
            match next(&wanted, at.as_ref(), &assets).unwrap() {
                Act::Create => at = Some(there(true)),
                Act::Describe => prop_assert!(false, "it is described"),
                Act::Remove(id) => assets.retain(|asset| asset.id != id),
                Act::Upload(name) => {
                    assets.push(Asset { id: 100 + sent, ..asset(&name) });
                    sent += 1;
                }
                Act::Publish => {
                    prop_assert_eq!(assets.len(), names.len());
                    at = Some(there(false));
                }
                Act::Nothing => break,
            }
            prop_assert!(sent <= names.len() as u64);
        }
        prop_assert_eq!(sent, names.len() as u64);
    }
}
