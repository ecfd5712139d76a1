//! `image build --check` on real programs: one that is the same wherever it is built, and one that knows where and when it was.

mod support;

use support::fixture::Fixture;

const MANIFEST: &str = "[package]\nname = \"svc\"\nversion = \"1.0.0\"\nedition = \"2024\"\n";
const LOCKFILE: &str = "version = 4\n\n[[package]]\nname = \"svc\"\nversion = \"1.0.0\"\n";
const FILES: [(&str, &str); 3] =
    [("Cargo.toml", MANIFEST), ("Cargo.lock", LOCKFILE), (".gitignore", "/target\n")];

fn fixture(more: &[(&str, &str)]) -> Fixture {
    Fixture::of("a wörkspace", &[&FILES, more].concat())
}

#[test]
fn an_honest_program_is_the_same_elsewhere() {
    let fixture = fixture(&[("src/main.rs", "fn main() {\n    println!(\"{}\", file!());\n}\n")]);
    let checked = fixture.run(&["--format", "json", "image", "build", "--check"]).exits(0).json();
    assert_eq!(checked["reproducible"], true, "{checked:#}");
    assert_eq!((&checked["first"], &checked["differences"]), (&checked["second"], &serde_json::json!([])));
    fixture.write("src/main.rs", "fn main() {}\n");
    let said = fixture.run(&["image", "build", "--check"]).exits(2);
    said.says(&["src/main.rs is not as it was committed", "git commit -a"]);
}

#[test]
fn what_knows_its_place_is_named_by_file_and_section() {
    let main = "fn main() {\n    println!(\"built in {}\", env!(\"OUT_DIR\"));\n}\n";
    let fixture = fixture(&[("src/main.rs", main), ("build.rs", "fn main() {}\n")]);
    let ran = fixture.run(&["image", "build", "--check"]).exits(10);
    ran.says(&[
        "app/svc  section .rodata, byte",
        "gateline-built-again-in-a-longer-path-",
        "a second build gave another image",
        "env!(\"OUT_DIR\")",
    ]);
}
