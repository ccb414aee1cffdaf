use std::time::{Duration, Instant};

use hourglass_tests::documents::{StepFailure, Surroundings, all, matches, parse, run, wants_engine};
use hourglass_tests::repository;

#[test]
fn every_command_of_every_document_does_as_it_says() {
    execute(|text| !wants_engine(text));
}

#[test]
fn every_command_of_the_documents_about_containers_does_as_it_says() {
    execute(wants_engine);
}

/// Runs those documents that are chosen by their text.
fn execute(chosen: impl Fn(&str) -> bool) {
    let root = repository::root();
    let mut problems = Vec::new();
    let (mut documents, mut executed) = (0, 0);
    for file in all(&root).unwrap() {
        let shown = file.strip_prefix(&root).unwrap().display().to_string();
        let text = std::fs::read_to_string(&file).unwrap();
        if !chosen(&text) {
            continue;
        }
        match parse(&text) {
            Ok(blocks) if blocks.is_empty() => {}
            Ok(blocks) => {
                let around = Surroundings::of(&text).unwrap();
                (documents, executed) = (documents + 1, executed + blocks.len());
                problems.extend(run(&blocks, &root, &around).err().map(|error| format!("{shown}: {error:#}")));
            }
            Err(errors) => problems.extend(errors.into_iter().map(|error| format!("{shown}: {error}"))),
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
    assert!(executed > 0, "no document of this kind has a block");
    println!("{executed} blocks of {documents} documents executed");
}

#[test]
fn the_index_of_decisions_is_complete() {
    let folder = repository::root().join("docs/adr");
    let index = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let names = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<_> = names.filter(|name| name != "README.md").collect();
    pages.sort();
    let mut linked: Vec<_> =
        index.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link.to_owned()).collect();
    linked.sort();
    assert_eq!(linked, pages, "docs/adr/README.md beside the folder");
    for page in pages {
        let text = std::fs::read_to_string(folder.join(&page)).unwrap();
        let number = &page[..4];
        assert!(text.starts_with(&format!("# {number}: ")), "{page}: begin with '# {number}: '");
        assert!(text.contains("\nDate: 20"), "{page}: say when, as 'Date: YYYY-MM-DD'");
        for section in ["Context", "Decision", "Alternatives", "Consequences"] {
            assert!(text.contains(&format!("\n## {section}\n")), "{page}: there is no section '## {section}'");
        }
    }
}

/// Runs a document that this test writes. `~~~` stands for a fence, so that it can stand in a literal.
fn document(text: &str) -> anyhow::Result<()> {
    let blocks = parse(&text.replace("~~~", "```")).unwrap();
    run(&blocks, &repository::root(), &Surroundings::only(std::env::var_os("PATH").unwrap()))
}

fn failure(text: &str) -> StepFailure {
    document(text).unwrap_err().downcast().unwrap()
}

#[test]
fn blocks_share_a_shell_and_a_folder() {
    document(
        "Text.\n\n<!-- run: first -->\n~~~bash\nname=world\necho hello > file\n~~~\n\n\
         <!-- run -->\n~~~bash\ncat file\necho \"$name\"\ntest -e \"$CHECKOUT/Cargo.toml\"\n~~~\n\n\
         <!-- output -->\n~~~text\nhello\nwor…\n~~~\n",
    )
    .unwrap();
}

#[test]
fn a_console_block_shows_what_each_command_prints() {
    document("<!-- run -->\n~~~console\n$ echo a; \\\n> echo b\na\nb\n$ seq 5\n1\n…\n5\n$ true\n~~~\n").unwrap();
    let different = failure("<!-- run -->\n~~~console\n$ seq 3\n1\n2\n~~~\n");
    assert!(matches!(different, StepFailure::Different { .. }), "{different}");
}

#[test]
fn a_command_that_fails_or_prints_something_else_is_seen() {
    let failed = failure("<!-- run: broken -->\n~~~bash\necho before\nfalse\necho after\n~~~\n");
    assert!(matches!(&failed, StepFailure::Failed { block, output, .. } if block == "broken" && output == "before\n"));
    let failed = failure("<!-- run -->\n~~~bash\nfalse | true\n~~~\n");
    assert!(matches!(failed, StepFailure::Failed { .. }), "{failed}");
    let different = failure("<!-- run -->\n~~~bash\necho x\n~~~\n<!-- output -->\n~~~\ny\n~~~\n");
    assert!(matches!(different, StepFailure::Different { .. }), "{different}");
}

#[test]
fn what_hangs_or_stays_behind_is_ended() {
    let began = Instant::now();
    let late = failure("<!-- run: slow, within 1 s -->\n~~~bash\necho begun\nsleep 600\n~~~\n");
    assert!(matches!(&late, StepFailure::Late { output, .. } if output == "begun\n"), "{late}");
    document("<!-- run -->\n~~~bash\nsleep 600 &\n~~~\n").unwrap();
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn a_promise_that_nothing_executes_is_an_error() {
    let errors = |text: &str| {
        let errors = parse(&text.replace("~~~", "```")).unwrap_err();
        errors.into_iter().map(|error| error.to_string()).collect::<Vec<_>>().join("\n")
    };
    assert!(errors("# Title\n\n~~~bash\nmake demo\n~~~\n").starts_with("line 3: say what becomes of this block"));
    assert!(errors("<!-- not run -->\n~~~bash\nx\n~~~\n").starts_with("line 1: say why"));
    assert!(errors("<!-- run -->\nText.\n~~~text\nx\n~~~\n").contains("line 1: the comment stands before no block"));
    assert!(errors("<!-- run -->\n~~~yaml\nx\n~~~\n").contains("only a bash or console block"));
    assert!(errors("<!-- run -->\n~~~console\nls\n~~~\n").contains("begins with '$ '"));
    assert!(errors("<!-- run: x, within soon -->\n~~~bash\nx\n~~~\n").contains("write the time as"));
    assert!(errors("<!-- run -->\n~~~bash\nx\n").contains("never closed"));
    assert_eq!(parse("```yaml\na: 1\n```\n\n<!-- not run: it takes an hour -->\n```bash\nx\n```\n"), Ok(Vec::new()));
}

#[test]
fn wildcards() {
    for (expected, printed) in [
        ("a…c", "abbbc"),
        ("…", ""),
        ("…", "a\nb"),
        ("a\n…\nz", "a\nz"),
        ("a\n...\nz\n", "a\nb\nc\nz  \n\n"),
        ("…b…b", "ab b"),
    ] {
        assert_eq!(matches(expected, printed), Ok(()), "{expected:?} {printed:?}");
    }
    for (expected, printed) in [("a…c", "ab"), ("a", "a\nb"), ("a\n…\nz", "a\nb"), ("", "x"), ("a.c", "abc")] {
        assert!(matches(expected, printed).is_err(), "{expected:?} {printed:?}");
    }
}
