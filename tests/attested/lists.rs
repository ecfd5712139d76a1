//! The two lists of referrers, and blobs that are not what their digests name.

use super::*;

/// Takes entries out of `index.json`, or changes them.
fn index(layout: &Path, change: impl FnOnce(&mut Vec<Value>)) {
    let file = layout.join("index.json");
    let mut json: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    change(json["manifests"].as_array_mut().unwrap());
    std::fs::write(file, json.to_string()).unwrap();
}

#[test]
fn a_downgrade_to_an_older_list_under_the_fallback_tag() {
    // The list that there was before the verdict was added is put back.
    let home = Home::new();
    let all = home.artifacts();
    referrers::replace(&home.layout, &home.image, &all[..2]).unwrap();
    let mut older = Vec::new();
    index(&home.layout, |entries| older.push(entries.pop().unwrap()));
    attach(&home.layout, &home.image, &said(&home.image, COMMIT), &home.key).unwrap();
    index(&home.layout, |entries| *entries.last_mut().unwrap() = older[0].clone());
    assert_eq!(home.codes(), ["evidence/lists-disagree"]);
    // The same with the newer entries taken away: then the list is all there is, and something is missing.
    index(&home.layout, |entries| entries.retain(|one| one.get("artifactType").is_none()));
    assert_eq!(home.codes(), ["evidence/missing"]);
    index(&home.layout, |entries| entries.push(older[0].clone()));
    assert_eq!(home.codes(), ["evidence/lists-disagree"], "two lists under one tag");
}

#[test]
fn a_referrer_whose_blob_was_changed() {
    let home = Home::attested();
    let bundle = &home.artifacts()[0];
    let file = home.layout.join("blobs/sha256").join(Digest::of(&bundle.bytes).hex());
    std::fs::write(&file, b"x").unwrap();
    assert_eq!(home.codes(), ["evidence/damaged"]);
}

#[test]
fn a_tag_that_is_moved_after_it_was_resolved() {
    let home = Home::attested();
    // Between resolving and verifying, the layout gets another image, with evidence that holds for that one.
    let moved = image(&home.layout, "malicious");
    attach(&home.layout, &moved, &said(&moved, COMMIT), &home.key).unwrap();
    assert!(home.judged(&moved, 1).is_ok(), "it is honest about itself");
    assert_eq!(home.codes(), ["evidence/missing"; 3], "and says nothing of what was resolved");
}
