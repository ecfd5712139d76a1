//! The document: names, licences, order. `tests/sbom.rs` compares whole documents with cargo and with the official schema.

use super::*;
use proptest::prelude::*;

fn component(name: &str, origin: Origin) -> Component {
    Component {
        name: name.into(),
        version: "1.0.0+b".into(),
        origin,
        licence: None,
        checksum: None,
        features: BTreeSet::new(),
        repository: None,
    }
}

#[test]
fn a_package_has_one_name_for_all_tools() {
    let check = |origin: Origin, expected: &str| assert_eq!(component("a", origin).purl(), expected);
    check(Origin::CratesIo, "pkg:cargo/a@1.0.0%2Bb");
    check(Origin::Here, "pkg:cargo/a@1.0.0%2Bb");
    check(Origin::System, "pkg:generic/a@1.0.0%2Bb");
    let registry = "pkg:cargo/a@1.0.0%2Bb?repository_url=https:%2F%2Fr.example%2Findex";
    check(Origin::Registry("https://r.example/index".into()), registry);
    let git = "pkg:cargo/a@1.0.0%2Bb?vcs_url=git%2Bhttps:%2F%2Fg.example%2Fa%40c0ffee";
    check(Origin::Git("https://g.example/a#c0ffee".into()), git);
    let here = component("a", Origin::Here);
    assert_ne!(here.reference(), component("a", Origin::CratesIo).reference());
}

#[test]
fn a_licence_is_an_expression_or_a_name() {
    let check = |text: &str, expected: Value| assert_eq!(licence_choice(text), json!([expected]), "{text}");
    for good in
        ["MIT", "MIT OR Apache-2.0", "(MIT OR Apache-2.0) AND Unicode-3.0", "Apache-2.0 WITH LLVM-exception"]
    {
        check(good, json!({"expression": good}));
    }
    check("MIT/Apache-2.0", json!({"expression": "MIT OR Apache-2.0"}));
    for bad in ["", "MIT OR", "OR MIT", "MIT Apache-2.0", "(MIT", "MIT)", "()", "see the file", "MIT, ISC"] {
        check(bad, json!({"license": {"name": bad}}));
    }
}

fn sbom(names: &[String]) -> Sbom {
    let root = component("root", Origin::Here);
    let components: Vec<Component> = names.iter().map(|name| component(name, Origin::CratesIo)).collect();
    let uses = components.iter().map(Component::reference).collect();
    Sbom { uses: [(root.reference(), uses)].into(), root, build: BTreeMap::new(), components }
}

#[test]
fn a_document_has_no_time_no_chance_and_no_foreign_addresses() {
    let mut one = sbom(&["b".into(), "a".into()]);
    one.build.insert("gateline:target".into(), "t".into());
    one.components[0].repository = Some("git@github.com:o/r".into());
    one.components[1].repository = Some("https://github.com/o/r".into());
    one.components[1].features.insert("std".into());
    let text = one.document(("gateline", "1"));
    let read: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(read["components"][0]["name"], "a");
    assert_eq!(read["components"][0]["properties"][0], json!({"name": "cargo:feature", "value": "std"}));
    assert_eq!(read["components"][0]["externalReferences"][0]["url"], "https://github.com/o/r");
    assert!(read["components"][1].get("externalReferences").is_none(), "{text}");
    assert!(read["metadata"].get("timestamp").is_none());
    let serial = |sbom: &Sbom| {
        let read: Value = serde_json::from_str(&sbom.document(("gateline", "1"))).unwrap();
        read["serialNumber"].as_str().unwrap().to_owned()
    };
    let shape =
        regex::Regex::new("^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
            .unwrap();
    assert!(shape.is_match(&serial(&one)), "{}", serial(&one));
    assert_eq!(serial(&one), serial(&one.clone()));
    assert_ne!(serial(&one), serial(&sbom(&["other".into()])), "it is of the content");
    assert_eq!(read["metadata"]["component"]["properties"][0]["name"], "gateline:target");
    assert_eq!(read["dependencies"].as_array().unwrap().len(), 3);
}

proptest! {
    #[test]
    fn order_does_not_show(names in prop::collection::btree_set("[a-z-]{1,8}", 0..10), seed in any::<prop::sample::Index>()) {
        let names: Vec<String> = names.into_iter().collect();
        let mut turned = names.clone();
        if !turned.is_empty() {
            turned.rotate_left(seed.index(names.len()));
        }
        prop_assert_eq!(sbom(&names).document(("g", "1")), sbom(&turned).document(("g", "1")));
    }

    #[test]
    fn any_licence_is_told(text in "[A-Za-z0-9 ()/,.-]{0,30}") {
        let choice = licence_choice(&text);
        prop_assert!(choice[0].get("expression").is_some() || choice[0]["license"]["name"] == text);
    }
}
