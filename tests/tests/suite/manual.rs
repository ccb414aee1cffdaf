//! What the manual says, held against the sources.

use std::collections::BTreeSet;
use std::time::Duration;

use hourglass_core::config::{self, ConfigFile, DeploymentMode, PerformerRuntime, Sources};
use hourglass_core::ports::{AuthorityError, CallError, JournalError, SignatureError, SignerError};
use hourglass_core::service::TaskError;
use hourglass_core::task::{Conflict, FieldError, TaskId};
use hourglass_core::{Address, CurveType};
use hourglass_tests::documents::{all, dead_links, explained, stated};
use hourglass_tests::repository;

#[test]
fn every_reason_is_explained_and_no_other() {
    let root = repository::root();
    let stated = stated(&root).unwrap();
    let explained = explained(&std::fs::read_to_string(root.join("docs/troubleshooting.md")).unwrap());
    let missing: Vec<_> = stated.iter().filter(|(reason, _)| !explained.contains_key(*reason)).collect();
    assert!(missing.is_empty(), "docs/troubleshooting.md does not explain: {missing:#?}");
    let gone: Vec<_> = explained.keys().filter(|reason| !stated.contains_key(*reason)).collect();
    assert!(gone.is_empty(), "docs/troubleshooting.md explains what no source states: {gone:?}");
    for (reason, cells) in explained {
        assert!(cells.len() >= 2 && cells.iter().all(|cell| !cell.is_empty()), "{reason}: an empty cell: {cells:?}");
    }
}

#[test]
fn the_codes_of_refused_tasks_are_as_documented() {
    let text = std::fs::read_to_string(repository::root().join("docs/troubleshooting.md")).unwrap();
    let explained = explained(&text);
    let errors = task_errors();
    let covered: BTreeSet<_> = errors.iter().map(TaskError::reason).collect();
    for error in errors {
        let code = screaming(&format!("{:?}", error.kind()));
        let shown = &explained[error.reason()][0];
        assert!(shown.contains(&code), "{}: the code is {code}, the document says {shown}", error.reason());
    }
    let section = text.split("\n## ").find(|section| section.starts_with("Tasks that get no result")).unwrap();
    let documented: BTreeSet<_> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(reason, _)| reason)
        .collect();
    let only_documented: Vec<_> = documented.difference(&covered).collect();
    assert!(only_documented.is_empty(), "no task error has these reasons: {only_documented:?}");
}

/// One of each.
fn task_errors() -> Vec<TaskError> {
    let address: Address = "0x1111111111111111111111111111111111111111".parse().unwrap();
    let (avs, set, text) = (address, 0, || "text".to_owned());
    let performer = || "square".parse().unwrap();
    let task_id: TaskId = format!("0x{}", "ab".repeat(32)).parse().unwrap();
    vec![
        TaskError::Field(FieldError { field: "payload", problem: text() }),
        TaskError::WrongExecutor { claimed: address, ours: address },
        TaskError::Signature(SignatureError::Malformed("text")),
        TaskError::Signature(SignatureError::Mismatch),
        TaskError::Signature(SignatureError::MalformedKey("text")),
        TaskError::PeerRationed { retry_after_secs: 1 },
        TaskError::Authority(AuthorityError::UnknownAvs(avs)),
        TaskError::Authority(AuthorityError::UnknownOperatorSet { avs, set }),
        TaskError::Authority(AuthorityError::NotAnAggregator { aggregator: address, avs }),
        TaskError::Authority(AuthorityError::NotAMember { avs, set }),
        TaskError::Authority(AuthorityError::Unavailable(text())),
        TaskError::Conflict(Conflict { task_id }),
        TaskError::Journal(JournalError::Unavailable { message: text() }),
        TaskError::Journal(JournalError::BelowFloor { reference_timestamp: 1, floor: 2 }),
        TaskError::Journal(JournalError::Unusable { message: text() }),
        TaskError::QueueFull { limit: 1 },
        TaskError::Call(CallError::NotReady { performer: performer(), detail: text() }),
        TaskError::Call(CallError::Deadline(Duration::from_secs(1))),
        TaskError::Call(CallError::Broken(text())),
        TaskError::Call(CallError::Performer { code: "INVALID_ARGUMENT", message: text() }),
        TaskError::Call(CallError::Performer { code: "UNKNOWN", message: text() }),
        TaskError::Call(CallError::Invalid(text())),
        TaskError::OutputTooLarge { size: 1 },
        TaskError::NoKey { curve: CurveType::Ecdsa },
        TaskError::Signer(SignerError::WrongCurve { key: CurveType::Ecdsa, wanted: CurveType::Bn254 }),
        TaskError::Signer(SignerError::Unavailable(text())),
        TaskError::StillRunning,
        TaskError::ShuttingDown,
        TaskError::Lost,
    ]
}

/// `NotFound` as gRPC writes it: `NOT_FOUND`.
fn screaming(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_uppercase());
    }
    text
}

#[test]
fn no_link_of_a_document_is_dead() {
    let root = repository::root();
    let mut dead = Vec::new();
    for document in all(&root).unwrap() {
        let shown = document.strip_prefix(&root).unwrap().display().to_string();
        dead.extend(dead_links(&document).unwrap().into_iter().map(|link| format!("{shown}: {link}")));
    }
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
}

#[test]
fn dead_links_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let document = folder.path().join("a.md");
    let text = "# One two\n[x](b.md) [y](#one-two) [z](#three) [w](https://example.com/x)\n```\n[v](c.md)\n```\n[u](a.md#One)\n";
    std::fs::write(&document, text).unwrap();
    assert_eq!(dead_links(&document).unwrap(), ["b.md", "#three", "a.md#One"]);
}

#[test]
fn the_files_that_the_architecture_names_are_there() {
    let root = repository::root();
    let text = std::fs::read_to_string(root.join("docs/architecture.md")).unwrap();
    let missing: Vec<_> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| {
            ["core/", "adapters/", "apps/", "tests/", "docs/", "proto/", "deploy/", "fuzz/"]
                .iter()
                .any(|top| name.starts_with(top))
        })
        .filter(|name| !root.join(name).exists())
        .collect();
    assert!(missing.is_empty(), "docs/architecture.md names what is not there: {missing:?}");
}

#[test]
fn the_example_configurations_are_valid() {
    let expected = [
        ("executor-docker.yaml", PerformerRuntime::Docker),
        ("executor-compose.yaml", PerformerRuntime::Docker),
        ("executor-development.yaml", PerformerRuntime::Process),
    ];
    for (name, performers) in expected {
        let path = repository::root().join("deploy/examples").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let file = Some(ConfigFile { name: name.into(), text });
        // Nothing but the file: an example needs no variable and no flag.
        let loaded =
            config::load(&Sources { file, ..Sources::default() }).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(loaded.config.deployment_mode, DeploymentMode::Docker, "{name}");
        assert_eq!(loaded.config.development.performers, performers, "{name}");
        assert_eq!(loaded.config.development.enabled, performers == PerformerRuntime::Process, "{name}");
        assert!(loaded.notes.is_empty(), "{name}: {:?}", loaded.notes);
        assert!(
            loaded.config.avs.iter().all(|avs| !avs.aggregators.is_empty() && !avs.operator_sets.is_empty()),
            "{name}"
        );
    }
}
