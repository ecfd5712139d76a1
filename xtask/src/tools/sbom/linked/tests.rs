//! The feature resolver on a small graph with every kind of feature. `tests/sbom.rs` compares it with cargo on this workspace.

use super::*;
use cargo_metadata::MetadataCommand;
use serde_json::{Value, json};

const TARGET: &str = "x86_64-unknown-linux-gnu";

fn dependency(name: &str, more: Value) -> Value {
    let mut dependency = json!({"name": name, "req": "^1", "kind": null, "optional": false, "uses_default_features": true,
        "features": [], "target": null, "rename": null, "registry": null, "source": null});
    for (key, value) in more.as_object().into_iter().flatten() {
        dependency[key] = value.clone();
    }
    dependency
}

fn package(name: &str, kind: &str, features: Value, dependencies: Vec<Value>) -> Value {
    json!({"name": name, "version": "1.0.0", "id": name, "dependencies": dependencies, "features": features, "metadata": null,
        "manifest_path": format!("/w/{name}/Cargo.toml"), "targets": [{"name": name, "kind": [kind], "crate_types": [kind],
        "src_path": "/w/x.rs", "edition": "2024"}]})
}

/// What `root` links with these features of `root`.
fn linked(features: &[&str], root: Vec<Value>, table: Value) -> Vec<String> {
    let leaf = json!({"default": ["std"], "std": [], "extra": []});
    let packages = [
        package("root", "bin", table, root),
        package(
            "a",
            "lib",
            json!({"default": [], "b": ["dep:b"], "via": ["b/extra"], "weak": ["b?/extra"]}),
            vec![dependency("b", json!({"optional": true, "uses_default_features": false}))],
        ),
        package("b", "lib", leaf, vec![]),
        package("m", "proc-macro", json!({}), vec![dependency("b", json!({}))]),
    ];
    let kinds = |kind: Value| json!([{"kind": kind, "target": null}]);
    let dep = |name: &str, kind: Value| json!({"name": name, "pkg": name, "dep_kinds": kinds(kind)});
    let of_root = ["a", "b", "m"].map(|name| {
        let mut one = dep(name, Value::Null);
        if name == "b" {
            one["dep_kinds"] = json!([{"kind": null, "target": null}, {"kind": "build", "target": null}]);
        }
        one
    });
    let nodes = json!([
        {"id": "root", "dependencies": [], "deps": of_root, "features": []},
        {"id": "a", "dependencies": [], "deps": [dep("b", Value::Null)], "features": []},
        {"id": "b", "dependencies": [], "deps": [], "features": []},
        {"id": "m", "dependencies": [], "deps": [dep("b", Value::Null)], "features": []},
    ]);
    let metadata = json!({"packages": packages, "workspace_members": ["root"], "version": 1, "metadata": null,
        "resolve": {"root": "root", "nodes": nodes}, "workspace_root": "/w", "target_directory": "/w/target"});
    let metadata = MetadataCommand::parse(metadata.to_string()).unwrap();
    let features: Vec<String> = features.iter().map(|one| (*one).to_owned()).collect();
    let linked = by_manifests(&metadata, &metadata.packages[0], &features);
    let edges = edges(&metadata, &linked);
    assert!(edges.keys().all(|id| linked.0.contains_key(id)));
    let shown = |(id, has): (&PackageId, &BTreeSet<String>)| {
        format!("{id} {}", has.iter().cloned().collect::<Vec<_>>().join("+"))
    };
    linked.0.iter().map(shown).collect()
}

#[test]
fn features_switch_dependencies_on_as_cargo_does() {
    let a = |more: Value| vec![dependency("a", more)];
    let check = |features: &[&str], root: Vec<Value>, table: Value, expected: &[&str]| {
        assert_eq!(linked(features, root, table), expected);
    };
    let none = json!({});
    check(&[], a(json!({})), none.clone(), &["a default", "root "]);
    // `dep:b` switches it on without its own features.
    check(&[], a(json!({"features": ["b"]})), none.clone(), &["a b+default", "b ", "root "]);
    // `b/extra` does both, and switches the feature `b` on too; `b?/extra` neither.
    check(&[], a(json!({"features": ["via"]})), none.clone(), &["a b+default+via", "b extra", "root "]);
    check(&[], a(json!({"features": ["weak"]})), none.clone(), &["a default+weak", "root "]);
    check(
        &[],
        a(json!({"features": ["weak", "b"]})),
        none.clone(),
        &["a b+default+weak", "b extra", "root "],
    );
    // Features of the root, as the command line gives them.
    let table = json!({"more": ["a/b", "inner"], "inner": []});
    check(&["more"], a(json!({})), table.clone(), &["a b+default", "b ", "root inner+more"]);
    check(&["inner,more"], a(json!({})), table, &["a b+default", "b ", "root inner+more"]);
    // What somebody else asks for counts for all.
    let both = vec![dependency("a", json!({})), dependency("b", json!({}))];
    check(&[], both, none.clone(), &["a default", "b default+std", "root "]);
    // Neither macros with what they use, nor build scripts, nor tests.
    for root in [
        dependency("m", json!({})),
        dependency("b", json!({"kind": "build"})),
        dependency("b", json!({"kind": "dev"})),
        dependency("b", json!({"target": "cfg(windows)"})),
        dependency("b", json!({"optional": true})),
    ] {
        check(&[], vec![root], none.clone(), &["root "]);
    }
}

#[test]
fn a_build_says_what_it_compiled_for_the_target() {
    let artifact = |id: &str, kind: &str, file: &str, features: Value| {
        json!({"reason": "compiler-artifact", "package_id": id, "manifest_path": "/w/Cargo.toml", "features": features,
            "target": {"name": id, "kind": [kind], "crate_types": [kind], "src_path": "/w/x.rs", "edition": "2024"},
            "profile": {"opt_level": "2", "debuginfo": 0, "debug_assertions": false, "overflow_checks": false, "test": false},
            "filenames": [file], "executable": null, "fresh": true})
        .to_string()
    };
    let messages = [
        artifact("a", "lib", &format!("/t/{TARGET}/image/deps/liba.rlib"), json!(["std"])),
        artifact("a", "lib", "/t/image/deps/liba.rlib", json!(["builder"])),
        artifact("b", "lib", "/t/image/deps/libb.rlib", json!([])),
        artifact("m", "proc-macro", "/t/image/deps/libm.so", json!([])),
        artifact("root", "bin", &format!("/t/{TARGET}/image/root"), json!([])),
        "no message".to_owned(),
    ];
    let linked = by_build(messages.join("\n").as_bytes(), TARGET);
    let ids: Vec<String> = linked.0.keys().map(ToString::to_string).collect();
    assert_eq!(ids, ["a", "root"]);
    let features = linked.0.values().next().unwrap();
    assert_eq!(features.iter().map(String::as_str).collect::<Vec<_>>(), ["std"]);
}
