//! Sources whose lines say whether they are test code: `T` at the end of a line's comment, or nothing.

use super::super::TestLines;
use super::*;
use proptest::prelude::*;

/// Lines that end with `// T` are expected to be test code, and no others.
fn check(text: &str) {
    let test: TestLines = read(text).unwrap().test.into_iter().collect();
    for (line, number) in text.lines().zip(1..) {
        assert_eq!(test.contains(number), line.ends_with("// T"), "line {number} `{line}` of:\n{text}");
    }
}

#[test]
fn items_of_every_kind_end_where_they_end() {
    check(
        "use a::b;
#[cfg(test)] // T
mod tests { // T
    fn x() {} // T
} // T
fn product() {}
#[cfg(test)] use a::{b, c}; // T
#[cfg(test)] const A: [u8; 2] = { [1, 2] }; // T
#[cfg(test)] pub(crate) const fn f<const N: usize>() -> Result<[u8; { N }], ()> // T
where A<{ N + 1 }>: Sized, // T
{ // T
    g() // T
} // T
#[cfg(test)] impl<T: Fn() -> u8> Trait<T> for X<{ 1 }> { fn a() {} } // T
struct Product { a: u8 }
#[cfg(test)] struct Tuple(u8, #[x] u8); // T
#[cfg(test)] pub unsafe extern \"C\" fn e() {} // T
#[cfg(test)] extern crate a; // T
#[cfg(test)] extern \"C\" { fn z(); } // T
#[cfg(test)] static S: fn(u8) -> u8 = |x| { x }; // T
#[cfg(test)] macro_rules! m { () => { } } // T
#[cfg(test)] lazy! { a } // T
#[cfg(test)] a::lazy!(b); // T
#[cfg(test)] union U { a: u8 } // T
fn last() {}
",
    );
}

#[test]
fn statements_fields_variants_and_arms_end_too() {
    check(
        "fn f(a: u8, #[cfg(test)] b: u8) {
    #[cfg(test)] // T
    let x = match a { _ => 1 }; // T
    #[cfg(test)] // T
    { // T
        g(); // T
    } // T
    #[cfg(test)] // T
    if let P { a } = x { // T
    } else if y { // T
    } else { // T
    } // T
    h();
    #[cfg(test)] // T
    a.b(|| { 1 }, 2).c(); // T
    match a {
        #[cfg(test)] // T
        A { b } => { // T
        } // T
        B => {}
        #[cfg(test)] // T
        C | D if a < b => x { a: 1 }, // T
        _ => {}
    }
    let s = S {
        #[cfg(test)] // T
        a: b < c, // T
        b: 1,
    };
}
struct S {
    #[cfg(test)] // T
    a: Map<u8, u8>, // T
    b: u8,
}
enum E {
    A,
    #[cfg(test)] // T
    B { c: u8 }, // T
    #[cfg(test)] // T
    C // T
}
",
    );
}

#[test]
fn conditions_count_where_nothing_but_test_can_make_them_true() {
    let check = |attribute: &str, expected: bool| {
        let items = read(&format!("#[{attribute}]\nfn f() {{}}\n")).unwrap();
        assert_eq!(!items.test.is_empty(), expected, "{attribute}");
    };
    check("cfg(test)", true);
    check("cfg ( test )", true);
    check("cfg(\n  all ( test, feature = \"x\" , )\n)", true);
    check("cfg(any(test, all(unix, test)))", true);
    check("cfg(not(not(test)))", true);
    check("cfg(all(any(test), not(any())))", true);
    check("cfg(any(test, feature = \"test\"))", false);
    check("cfg(any(test, true))", false);
    check("cfg(not(test))", false);
    check("cfg(feature = \"test\")", false);
    check("cfg(any())", false);
    check("cfg(doctest)", false);
    check("cfg_attr(test, inline)", false);
    check("cfg_attr(unix, cfg(test))", false);
    check("doc = \"#[cfg(test)]\"", false);
    check("test", true);
    check("tokio :: test(flavor = \"multi_thread\")", true);
    check("test_case(1, 2)", true);
    check("attest", false);
    check("testing", false);
}

#[test]
fn strings_and_comments_cannot_pretend() {
    check(
        "// #[cfg(test)]
/* #[cfg(test)] /* nested */ */ fn a() {}
const A: &str = \"#[cfg(test)]\";
const B: &str = r##\"
#[cfg(test)]
mod x {\"# }
\"##;
const C: &[u8] = br#\"#[cfg(test)]\"#;
/// #[cfg(test)]
fn b() { let c = '\\''; let d: &'static str = c\"#[cfg(test)]\"; }
#[cfg(test)] // T
fn c() { // T
    let brace = \"}\"; let brace = '}'; // } // T
} // T
fn d() {}
",
    );
}

#[test]
fn macros_are_seen_into() {
    check(
        "macro_rules! make {
    ($name:ident, $(#[$meta:meta])*) => {
        pub fn $name() {}
        #[cfg(test)] // T
        mod $name { // T
            fn x() {} // T
        } // T
    };
}
cfg_if! { if #[cfg(test)] { fn a() {} } else { fn b() {} } }
make! {
    x,
    #[test] // T
    fn inside() { // T
    } // T
}
",
    );
}

#[test]
fn a_line_that_product_code_shares_is_product_code() {
    check(
        "#[cfg(test)] fn a() {} fn b() {}
fn c() { #[cfg(test)] d(
    1, // T
); }
#[cfg(test)] fn e() { // T
} fn f() {}
",
    );
}

#[test]
fn inner_attributes_speak_for_what_is_around_them() {
    let whole = |text: &str| read(text).unwrap().test == [(1, u32::MAX)];
    assert!(whole("#!/usr/bin/env run\n//! Documentation.\n#![cfg(test)]\nfn a() {}"));
    assert!(whole("\u{feff}#![allow(x)]\n#![cfg(all(test, unix))]"));
    assert!(!whole("#![cfg_attr(test, allow(x))]\nfn a() {}"));
    check("fn a() {}\nmod m {\n    #![cfg(test)] // T\n    mod n; // T\n    fn c() {} // T\n}\nfn b() {}\n");
    assert!(read("mod m {\n#![cfg(test)]\nmod n;\n}").unwrap().modules[0].test);
}

#[test]
fn modules_in_files_are_listed_with_where_they_stand() {
    let text = "#[path = r\"x.rs\"] pub(crate) mod a;\nmod b { #[cfg(test)] mod c { mod r#try; } }\nmod d;";
    let modules = read(text).unwrap().modules;
    let module = |inside: &[&str], name: &str, path: Option<&str>, test| Declared {
        inside: inside.iter().map(|part| (*part).to_owned()).collect(),
        name: name.into(),
        path: path.map(str::to_owned),
        test,
    };
    let expected = [
        module(&[], "a", Some("x.rs"), false),
        module(&["b", "c"], "try", None, true),
        module(&[], "d", None, false),
    ];
    assert_eq!(modules, expected);
}

#[test]
fn documentation_is_known_by_its_lines() {
    let items = read("//! a\n//! b\nfn f() {}\n/** c\n d */\n#[doc = \"e\"]\nfn g() {}\n").unwrap();
    let lines: TestLines = items.comments.into_iter().collect();
    let known: Vec<u32> = (1..9).filter(|line| lines.contains(*line)).collect();
    assert_eq!(known, [1, 2, 4, 5, 6]);
}

#[test]
fn what_is_not_rust_is_refused_with_its_line() {
    assert!(read("fn a() {}\nfn b( {}\n").unwrap_err().contains("line 2"));
    assert!(read(&"(".repeat(100_000)).is_err());
    let deep = DEPTH_MAX + 10;
    assert!(read(&("(".repeat(deep) + &")".repeat(deep))).unwrap_err().contains("inside of each other"));
    assert!(read("const A: &str = \"open").is_err());
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
        let _ = read(&text);
    }

    #[test]
    fn any_mix_of_words_is_read_or_refused(words in prop::collection::vec(prop::sample::select(vec![
        "#", "[cfg(test)]", "!", "fn", "mod", "a", ";", "{", "}", "(", ")", "<", ">", "->", "=>", "'a", "$", ",", "\"s\"", "match",
        "if", "else", "=", "const", "extern", "\n",
    ]), 0..30)) {
        let text = words.join(" ");
        if let Ok(items) = read(&text) {
            let lines = u32::try_from(text.lines().count()).unwrap();
            for (first, last) in items.test {
                prop_assert!(last == u32::MAX || last <= lines, "{first} {last} in {lines}");
            }
        }
    }

    // Whatever surrounds it, a test module is found, and the product code around it is kept.
    #[test]
    fn a_test_module_is_found_wherever_it_stands(before in 0usize..4, after in 0usize..4, nested in 0usize..4) {
        let products = ["fn p<T: A<B>>() -> Option<T> { a < b }\n", "const P: u8 = { 1 };\n", "struct P(u8);\n", "m! { a, b }\n"];
        let mut text = String::new();
        text.extend((0..nested).map(|level| format!("mod m{level} {{\n")));
        text += &products[..before].concat();
        text += "#[cfg(test)] // T\nmod tests { // T\n} // T\n";
        text += &products[..after].concat();
        text.extend((0..nested).map(|_| "}\n"));
        check(&text);
    }
}
