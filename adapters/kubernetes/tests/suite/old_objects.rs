//! Objects that the earlier implementation wrote, as `tests/spec/old-objects.yaml` has them.

use hourglass_core::hardware::HardwareTables;
use hourglass_core::lifecycle::Intent;
use hourglass_kubernetes::api::{Performer, PerformerPhase};
use hourglass_kubernetes::translate;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::Value;

pub(crate) const OLD: &str = include_str!("../spec/old-objects.yaml");

/// Every document of a text. Only what these files use: no anchors, no numbers that are texts.
pub(crate) fn documents(text: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut open: Vec<(Value, Option<String>)> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.unwrap();
        let value = match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => match &*text {
                "null" | "" => Value::Null,
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                text => text.parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::from),
            },
            Event::Scalar(text, ..) => Value::String(text.into_owned()),
            Event::SequenceStart(..) => {
                open.push((Value::Array(Vec::new()), None));
                continue;
            }
            Event::MappingStart(..) => {
                open.push((Value::Object(serde_json::Map::new()), None));
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().unwrap().0,
            _ => continue,
        };
        match open.last_mut() {
            None => found.push(value),
            Some((Value::Array(items), _)) => items.push(value),
            Some((Value::Object(fields), key)) => match key.take() {
                Some(name) => drop(fields.insert(name, value)),
                None => *key = Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned)),
            },
            Some(_) => unreachable!("only lists and mappings are open"),
        }
    }
    found
}

fn objects() -> Vec<Performer> {
    documents(OLD).into_iter().map(|document| serde_json::from_value(document).unwrap()).collect()
}

fn translated(object: &Performer) -> Result<Intent, Vec<String>> {
    translate::performer(object, None, &HardwareTables::default())
        .map(|translated| translated.intent)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

#[test]
fn all_of_them_load() {
    let objects = objects();
    assert_eq!(objects.len(), 6);
    let status = objects[0].status.clone().unwrap();
    assert_eq!(status.phase, Some(PerformerPhase::Running));
    assert_eq!(status.conditions.len(), 1);
    assert!(status.last_upgrade.is_none() && status.ready_time.is_some() && status.history.is_none());
    let broken = objects[1].status.clone().unwrap();
    assert_eq!((broken.phase, broken.conditions.len()), (None, 0), "what cannot be read is as if it were not there");
}

#[test]
fn those_that_can_run_do() {
    let intent = translated(&objects()[0]).unwrap();
    assert_eq!(intent.spec.image.as_str(), "my-org/my-avs-performer:v1.0.0");
    assert_eq!(intent.spec.avs.to_string(), "0x1234567890abcdef1234567890abcdef12345678");
    assert_eq!(intent.spec.port.map(std::num::NonZeroU16::get), Some(9090));
    assert_eq!(intent.spec.replicas, 1);
}

#[test]
fn the_others_say_what_to_write_instead() {
    let said: Vec<String> = objects()[1..].iter().flat_map(|object| translated(object).unwrap_err()).collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn all_of_them_can_be_deleted() {
    for mut object in objects() {
        object.metadata.deletion_timestamp = Some(Time("2026-01-01T00:00:00Z".parse().unwrap()));
        match translated(&object) {
            Ok(intent) => assert!(intent.deleted),
            // No pod of ours can have such a name: there is nothing to wait for.
            Err(problems) => assert!(problems.len() == 1 && problems[0].starts_with("metadata.name"), "{problems:?}"),
        }
    }
}
