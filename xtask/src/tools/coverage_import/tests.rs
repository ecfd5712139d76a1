//! The three formats on small files of our own, right and wrong; any bytes are lines or an error.

use super::*;
use proptest::prelude::*;

type ByFile = Vec<(String, Vec<(u32, u64)>)>;

fn read_text(text: &[u8], format: InputFormat) -> Result<(ByFile, u64), String> {
    let mut gathered = Gathered::new(&|path| !path.starts_with("gone"));
    gathered.start(PathRule::new(Path::new("/no-such-root/w"), None, None));
    parse(text, format, &mut gathered).map_err(|wrong| wrong.to_string())?;
    let (_, outside) = gathered.finish();
    let files = gathered.into_files(|_| "p".into());
    Ok((files.into_iter().map(|file| (file.file, file.lines.iter().collect())).collect(), outside.count))
}

#[track_caller]
fn check(text: &str, expected: &[(&str, &[(u32, u64)])], outside: u64) {
    let expected: ByFile =
        expected.iter().map(|(file, lines)| ((*file).to_owned(), lines.to_vec())).collect();
    assert_eq!(read_text(text.as_bytes(), InputFormat::Auto), Ok((expected, outside)));
}

#[track_caller]
fn check_wrong(text: &str, said: &str) {
    let error = read_text(text.as_bytes(), InputFormat::Auto).expect_err(text);
    assert!(error.starts_with(said), "{error:?} does not begin with {said:?}");
}

#[test]
fn lcov_is_read_whoever_wrote_it() {
    let whole = "TN:\nSF:src/a.rs\nFN:1,main\nFNDA:2,main\nDA:1,2\nDA:3,0,c2hlY2s=\n\
                 BRDA:1,0,0,-\nLF:9\nLH:9\nend_of_record\n# a comment\n\n\
                 SF:/no-such-root/w/src/a.rs\nDA:3,4\nDA:2,1\nend_of_record\nSF:/usr/b.c\nDA:1,1\nend_of_record\n";
    check(whole, &[("src/a.rs", &[(1, 2), (2, 1), (3, 4)])], 1);
    check(&format!("\u{feff}{}", whole.replace('\n', "\r\n")), &[("src/a.rs", &[(1, 2), (2, 1), (3, 4)])], 1);
    check("SF:a\nDA:1,99999999999999999999999\nend_of_record", &[("a", &[(1, u64::MAX)])], 0);
    check("SF:gone.rs\nDA:1,1\nend_of_record\n", &[], 1);
    let odd = read_text(b"SF:src/a\xff.rs\nDA:1,1\nend_of_record\n", InputFormat::Auto).unwrap();
    assert_eq!(odd.0[0].0, "src/a\\xff.rs");
}

#[test]
fn lcov_that_is_wrong_says_where() {
    check_wrong("", "1: no record");
    check_wrong("hello\n", "1: `hello` is no line");
    check_wrong("TN:\nDA:1,1\n", "2: `DA` before `SF`");
    check_wrong("SF:a\nDA:1,1\nSF:b\n", "3: `SF` before the `end_of_record`");
    check_wrong("SF:a\nDA:1,1\n", "2: the file is cut off");
    check_wrong("SF:a\nend_of_record\nend_of_record\n", "3: `end_of_record` without `SF`");
    for wrong in ["DA:0,1", "DA:1", "DA:1,", "DA:x,1", "DA:1,-1", "DA:1,1x", "DA:1,1,", "DA:4294967296,1"] {
        check_wrong(&format!("SF:a\n{wrong}\nend_of_record\n"), &format!("2: `{wrong}` is no"));
    }
    let long = format!("SF:a\n#{}\n", "x".repeat(stream::PIECE_BYTES_MAX + BUFFER_BYTES));
    assert!(read_text(long.as_bytes(), InputFormat::Auto).is_err());
    let cut = BufReader::with_capacity(7, long.as_bytes());
    let mut gathered = Gathered::new(&|_| true);
    assert!(lcov::read(cut, &mut gathered).unwrap_err().what.contains("a line of more than"));
}

const COBERTURA: &str = r#"<?xml version="1.0" ?>
<!DOCTYPE coverage SYSTEM "http://cobertura.sourceforge.net/xml/coverage-04.dtd">
<coverage line-rate="0.5"><!-- by hand -->
  <sources><source>/no-such-root/w/py</source><source></source></sources>
  <packages><package name="p"><classes>
    <class name="A" filename="a &amp; b.py" line-rate="1">
      <methods><method name="m" signature=""><lines><line number="2" hits="5"/></lines></method></methods>
      <lines><line number="2" hits="4" branch="true" condition-coverage="50% (1/2)"><conditions/></line>
        <line number="3" hits="0"/></lines>
    </class>
    <class name="A.B" filename="a &amp; b.py"><lines><line number="3" hits="1"/></lines></class>
    <class name="C" filename="/usr/c.py"><methods/><lines><line number="1" hits="1"/></lines></class>
  </classes></package></packages>
</coverage>
"#;

#[test]
fn cobertura_is_read_and_a_line_counts_once_in_its_class() {
    check(COBERTURA, &[("py/a & b.py", &[(2, 5), (3, 1)])], 1);
}

#[test]
fn cobertura_that_is_wrong_says_where() {
    let class = |inside: &str| format!("<coverage>\n<class filename='a'>\n{inside}\n</class></coverage>");
    check_wrong("<report/>", "1: the root element is `report`");
    check_wrong("<coverage>\n<packages>\n", "3: the file is cut off");
    check_wrong("<coverage>\n</packages>\n", "2: ");
    check_wrong(&class("<line number='1'/>"), "3: a `line` whose");
    check_wrong(&class("<line number='0' hits='1'/>"), "3: a `line` whose");
    check_wrong(&class("<line number='1' hits='-1'/>"), "3: a `line` whose");
    check_wrong(&class("<class filename='b'/>"), "3: a `class` inside");
    check_wrong("<coverage><line number='1' hits='1'/></coverage>", "1: a `line` outside");
    check_wrong("<coverage>\n<class/></coverage>", "2: a `class` without");
    check_wrong(&"<coverage>".repeat(cobertura::NESTING_MAX + 1), "1: elements nest deeper");
    check_wrong("<!-- nothing -->", "1: no element");
    let sources = "<source>x</source>".repeat(cobertura::FOLDERS_MAX + 1);
    check_wrong(&format!("<coverage>{sources}</coverage>"), "1: more than 100 sources");
}

#[test]
fn entities_are_never_expanded() {
    let bomb = "<!DOCTYPE coverage [\n<!ENTITY a \"aaaaaaaaaa\">\n<!ENTITY b \"&a;&a;&a;\">\n]>\n\
                <coverage><class filename='&b;'/></coverage>";
    check_wrong(bomb, "1: a document type with a subset");
    check_wrong("<coverage><class filename='&b;'/></coverage>", "1: ");
    check_wrong("<coverage><sources><source>&b;</source></sources></coverage>", "1: the entity `&b;`");
    let huge = format!("<coverage a='{}'/>", "x".repeat(stream::PIECE_BYTES_MAX * 2));
    let cut = BufReader::with_capacity(4096, huge.as_bytes());
    let mut gathered = Gathered::new(&|_| true);
    let error = cobertura::read(cut, &mut gathered).unwrap_err();
    assert!(error.what.contains("a piece of more than"), "{error}");
}

#[test]
fn segments_of_llvm_become_lines() {
    let export = r#"{"version":"3.0.1","data":[{"totals":{"lines":{"count":1}},"functions":[{"name":"f","regions":[[1,1,3,2,1,0,0,0]]}],
      "files":[{"summary":{},"segments":[[1,11,2,true,true,false],[2,5,0,true,true,false],[2,9,2,true,false,false],[4,2,0,false,false,false]],
      "filename":"/no-such-root/w/src/a.c"},{"filename":"/usr/include/b.h","segments":[]}]}],"type":"llvm.coverage.json.export"}"#;
    check(export, &[("src/a.c", &[(1, 2), (2, 2), (3, 2), (4, 2)])], 1);
}

#[test]
fn json_that_is_wrong_says_where() {
    check_wrong("{}", "1: `type` is not");
    check_wrong("{\"type\":\"x\",\n\"data\":[]}", "2: `type` is not");
    check_wrong("{\"data\":[{\"files\":[\n{\"segments\":[]}]}]}", "2: a file without `filename`");
    check_wrong("{\"data\":[", "1: the text ends too early");
    let file = |segments: &str| {
        format!("{{\"data\":[{{\"files\":[{{\"filename\":\"a\",\"segments\":{segments}}}]}}]}}")
    };
    check_wrong(&file("[[1,1,1,true,true]]"), "1: `,` is expected here, not `]`");
    check_wrong(
        &file("[[2,1,1,true,true,false],[1,1,1,true,true,false]]"),
        "1: the segments of `a` are not in order",
    );
    check_wrong(
        &file("[[1,1,1,true,true,false],[4294967295,1,1,true,true,false]]"),
        "1: the segments of `a` name lines",
    );
    check_wrong(&"[".repeat(1000), "1: ");
    check_wrong(&format!("{{\"a\":{}", "[".repeat(100)), "1: the text ends too early");
    check_wrong(&format!("{{\"a\":{}", "[".repeat(1000)), "1: more than 128 lists inside of each other");
}

#[test]
fn inputs_are_merged_with_what_was_measured() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("web")).unwrap();
    std::fs::write(folder.path().join("web/a.ts"), "").unwrap();
    std::fs::write(folder.path().join("b.rs"), "").unwrap();
    std::fs::write(folder.path().join("one.info"), "SF:a.ts\nDA:1,1\nend_of_record\n").unwrap();
    std::fs::write(folder.path().join("two.info"), "SF:b.rs\nDA:2,3\nDA:9,0\nend_of_record\n").unwrap();
    let sources = Sources {
        root: folder.path().to_owned(),
        packages: vec![("app".into(), PathBuf::new()), ("web".into(), "web".into())],
    };
    let input = |file: &str, prefix: Option<&str>| CoverageInput {
        file: file.into(),
        prefix: prefix.map(str::to_owned),
        ..CoverageInput::default()
    };
    let imported = read(&sources, &[input("one.info", Some("web")), input("two.info", None)]).unwrap();
    let known = FileLines { file: "b.rs".into(), lines: vec![(1, 1), (2, 1)].into(), ..FileLines::default() };
    let counts = merge(LineCounts { files: vec![known], ..LineCounts::default() }, imported);
    let lines = |file: &FileLines| file.lines.iter().collect::<Vec<_>>();
    let files: Vec<_> = counts.files.iter().map(|file| (file.file.as_str(), lines(file))).collect();
    assert_eq!(files, [("b.rs", vec![(1, 1), (2, 4), (9, 0)]), ("web/a.ts", vec![(1, 1)])]);
    assert_eq!(counts.files[1].package, "web");
    assert_eq!((counts.imported.len(), counts.imported[0].format.as_str()), (2, "lcov"));
    let missing = read(&sources, &[input("none.info", None)]).unwrap_err();
    assert!(missing.message.contains("none.info"), "{}", missing.message);
    std::fs::write(folder.path().join("bad.info"), "SF:b.rs\nDA:x\n").unwrap();
    let wrong = read(&sources, &[input("bad.info", None)]).unwrap_err();
    assert!(wrong.message.starts_with("bad.info:2: `DA:x`"), "{}", wrong.message);
}

/// A stream that gives few bytes at a time.
struct Drops<'a>(&'a [u8], usize);

impl std::io::Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let length = self.1.min(into.len());
        let into = into.get_mut(..length).unwrap_or_default();
        self.0.read(into)
    }
}

/// What stands in a class, right and wrong; lines above all.
fn elements() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "<line number=\"7\" hits=\"3\"/>",
        "\n\t<line number=\"8\" hits=\"0\" branch=\"true\" condition-coverage=\"50% (1/2)\"/>",
        "<line hits=\"18446744073709551616\" number=\"9\" />\r\n",
        "<line number=\"2\" hits=\"1\">",
        "<line number=\"2\" hits=\"1\" a=\"&gt;\" />",
        "<line number=\"2\" number=\"3\" hits='1'/>",
        "</line>",
        "<lines>",
        "</lines>",
        "text",
        "&amp;",
        "<!-- <line/> -->",
        "<source>",
        "</source>",
        "\n",
        "<line number=\"0\" hits=\"1\"/>",
        "<line number=\"4294967296\" hits=\"1\"/>",
        "<line number=\"1\" hits=\"1",
        "<line/>",
        "é",
        "</class>\n<class filename=\"gone\">",
    ]);
    prop::collection::vec(words, 0..12).prop_map(|words| words.concat())
}

fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        "SF:a\n",
        "DA:1,2\n",
        "DA:3,0\n",
        "end_of_record\n",
        "<coverage>",
        "<class filename='a'>",
        "</class>",
        "<line number='1' hits='2'/>",
        "</coverage>",
        "{",
        "\"data\":",
        "[",
        "]",
        "}",
        "\"files\"",
        ",",
        "1",
        "true",
        "<!DOCTYPE x [",
        "&a;",
        "<source>",
        "</source>",
        "\"",
        "\n",
        "\u{0}",
        "é",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat().into_bytes())
}

proptest! {
    #[test]
    fn any_bytes_are_lines_or_an_error(bytes in prop_oneof![prop::collection::vec(any::<u8>(), 0..300), fragments()]) {
        for format in [InputFormat::Auto, InputFormat::Lcov, InputFormat::Cobertura, InputFormat::LlvmJson] {
            let _ = read_text(&bytes, format);
        }
    }

    /// Byte by byte the parser reads every element, in a whole buffer hardly any line.
    #[test]
    fn plain_lines_are_what_the_parser_reads(inside in elements(), size in 1usize..4) {
        let text = format!("<coverage>\n<class filename=\"a\">{inside}</class>\n</coverage>");
        let read = |size: usize| {
            let mut gathered = Gathered::new(&|path| path != "gone");
            let input = BufReader::with_capacity(1, Drops(text.as_bytes(), size));
            let read = cobertura::read(input, &mut gathered);
            read.map(|()| gathered.into_files(|_| "p".into()))
        };
        prop_assert_eq!(read(size), read(usize::MAX), "{}", text);
    }

    /// In a small buffer segments are read character by character, in a whole one all at once.
    #[test]
    fn plain_segments_are_what_any_way_of_writing_them_is(
        segments in prop::collection::vec(("[0-9]{1,3}", 0u8..9, "[0-9]{1,21}(\\.5|e1|)", any::<[bool; 3]>(), "[\\] ]?"), 0..9),
        size in 1usize..9,
    ) {
        let one = |(line, column, count, [a, b, c], odd): &(String, u8, String, [bool; 3], String)| {
            format!("[{line},{column},{count},{a},{b},{c}{odd}]")
        };
        let list: Vec<String> = segments.iter().map(one).collect();
        let text = format!("{{\"data\":[{{\"files\":[{{\"filename\":\"a\",\"segments\":[{}]}}]}}],\"type\":\"llvm.coverage.json.export\"}}", list.join(","));
        let read = |text: &str, size: usize| {
            let mut gathered = Gathered::new(&|_| true);
            let read = llvm_json::read(BufReader::with_capacity(1, Drops(text.as_bytes(), size)), &mut gathered);
            read.map(|()| gathered.into_files(|_| "p".into())).map_err(|wrong| wrong.to_string())
        };
        let whole = read(&text, usize::MAX);
        prop_assert_eq!(&read(&text, size), &whole, "{}", text);
        let spaced = text.replace(',', " ,\t");
        prop_assert_eq!(read(&spaced, usize::MAX).is_ok(), whole.is_ok(), "{}", spaced);
    }

    #[test]
    fn what_we_write_is_read_back(lines in prop::collection::btree_map(1u32..5000, 0u64..9, 1..60), capacity in 1usize..80) {
        let lines: Vec<(u32, u64)> = lines.into_iter().collect();
        let text: String = lines.iter().map(|(line, count)| format!("DA:{line},{count}\n")).collect();
        let text = format!("SF:a.rs\n{text}end_of_record\n");
        let mut gathered = Gathered::new(&|_| true);
        lcov::read(BufReader::with_capacity(capacity, text.as_bytes()), &mut gathered).unwrap();
        let files = gathered.into_files(|_| "p".into());
        prop_assert_eq!(&files[0].lines, &lines);
    }
}
