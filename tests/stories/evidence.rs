//! Signed evidence of releases: what holds is rolled out, what was tampered with is refused before anything starts.

use crate::support::releases::Image;
use crate::support::site::{Pace, Site};

#[test]
fn a_release_whose_evidence_does_not_hold_is_not_rolled_out() {
    let site = Site::new(Pace::Quick);
    site.run(&["key", "show"]).exits(2).says(&["there is no key", "key create"]);
    let made = site.run(&["key", "create", "--format", "json"]).exits(0).json();
    site.run(&["key", "create"]).exits(2).says(&["never overwritten"]);
    let shown = site.run(&["key", "show"]).exits(0);
    let shown = shown.says(&[made["id"].as_str().unwrap()]);
    assert!(!shown.all().contains("PRIVATE"), "the secret part is never shown");

    let digest = site.release(Image::One);
    site.run(&["image", "verify"]).exits(0).says(&["provenance", "sbom", "verdict", "holds"]);
    let other = ["image", "verify", "--digest", &format!("sha256:{}", "0".repeat(64))];
    site.run(&other).exits(10).says(&["evidence/other-image"]);
    site.run(&["image", "verify", "--commit", &"0".repeat(40)]).exits(10).says(&["evidence/other-commit"]);

    // Another key takes the place of the one that signed.
    let key = site.state.join("keys/signing.pem");
    let aside = site.state.join("keys/aside.pem");
    std::fs::rename(&key, &aside).unwrap();
    site.run(&["key", "create"]).exits(0);
    let refused = site.run(&["image", "verify", "--format", "json"]).exits(10).json();
    assert_eq!(refused["refused"][0]["code"], "evidence/unknown-key");
    site.run(&["deploy", "development", "--yes"]).exits(10).says(&["evidence/unknown-key", "is refused"]);

    std::fs::rename(&aside, &key).unwrap();
    site.run(&["deploy", "development", "--yes"]).exits(0);
    assert_eq!(site.answering("development"), digest.to_string());
}
