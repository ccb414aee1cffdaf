use std::time::Duration;

use hourglass_fuzz::{TARGETS, Target, brief};
use hourglass_tests::repository;

fn variable<T: std::str::FromStr>(name: &str, default: T) -> T {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}: expected a number")),
        Err(_) => default,
    }
}

#[test]
fn every_parser_that_faces_a_stranger_for_a_moment() {
    let time = Duration::from_secs_f64(variable("HOURGLASS_FUZZ_SECONDS", 0.5));
    let seed = variable("HOURGLASS_FUZZ_SEED", 1);
    let fuzz = repository::root().join("fuzz");
    let artifacts = std::env::temp_dir().join("hourglass-fuzz");
    println!("HOURGLASS_FUZZ_SEED={seed}, {time:?} for each target");
    for target in TARGETS {
        match brief::run(target, &fuzz.join("corpus"), &artifacts, time, seed) {
            Ok(report) => println!("{}: {} known and {} mutated inputs", report.target, report.known, report.mutated),
            Err(finding) => panic!("{finding}"),
        }
    }
}

#[test]
fn every_target_has_its_binary_for_libfuzzer() {
    let fuzz = repository::root().join("fuzz");
    let mut binaries: Vec<_> =
        std::fs::read_dir(fuzz.join("fuzz_targets")).unwrap().map(|file| file.unwrap().path()).collect();
    binaries.sort();
    let mut expected: Vec<_> =
        TARGETS.iter().map(|t| fuzz.join("fuzz_targets").join(format!("{}.rs", t.name))).collect();
    expected.sort();
    assert_eq!(binaries, expected);
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for target in TARGETS {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{}.rs\"", target.name)), "{}", target.name);
    }
}

#[test]
fn a_planted_defect_is_found_and_written_down() {
    fn planted(data: &[u8]) {
        assert!(!data.windows(2).any(|pair| pair == b"0X"), "planted");
    }
    let artifacts = tempfile::tempdir().unwrap();
    let target = Target { name: "planted", run: planted, seeds: &["harmless"] };
    let run = || brief::run(&target, artifacts.path(), artifacts.path(), Duration::from_secs(60), 7).unwrap_err();
    let finding = run();
    assert_eq!(finding.problem, "panicked: planted");
    assert!(std::fs::read(&finding.file).unwrap().windows(2).any(|pair| pair == b"0X"));
    assert_eq!(run(), finding, "a seed repeats the run");
}
