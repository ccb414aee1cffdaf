//! What executors say of tasks that they still have on pods that drain (`contract.md` §5).

use std::collections::{BTreeMap, BTreeSet};

use crate::names::ANNOTATION_DRAINED_PREFIX;

/// Names of pods on which no executor has a task left: those that *every* replica has named in its annotation on the
/// Performer, separated by commas. Without any replica nobody can know, and none is.
pub fn drained(annotations: &BTreeMap<String, String>, replicas: &[&str]) -> BTreeSet<Box<str>> {
    let named = |replica: &&str| -> BTreeSet<Box<str>> {
        let text = annotations.get(&format!("{ANNOTATION_DRAINED_PREFIX}{replica}"));
        let names = text.into_iter().flat_map(|text| text.split(',')).map(str::trim);
        names.filter(|name| !name.is_empty()).map(Into::into).collect()
    };
    let mut all = replicas.iter().map(named);
    let Some(first) = all.next() else { return BTreeSet::new() };
    all.fold(first, |common, more| common.intersection(&more).cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_replica_must_have_said_so() {
        let said = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            let key = |replica: &str| format!("drained.hourglass.eigenlayer.io/{replica}");
            pairs.iter().map(|(replica, pods)| (key(replica), (*pods).to_owned())).collect()
        };
        let found = |pairs: &[(&str, &str)], replicas: &[&str]| -> Vec<String> {
            drained(&said(pairs), replicas).iter().map(ToString::to_string).collect()
        };
        assert_eq!(found(&[("e-0", "a,b")], &["e-0"]), ["a", "b"]);
        assert_eq!(found(&[("e-0", "a, b"), ("e-1", "b,c")], &["e-0", "e-1"]), ["b"]);
        assert!(found(&[("e-0", "a")], &["e-0", "e-1"]).is_empty(), "one has not said anything");
        assert_eq!(found(&[("e-0", "a"), ("gone-9", "")], &["e-0"]), ["a"], "who is not there does not count");
        assert!(found(&[("e-0", "a")], &[]).is_empty());
        assert!(found(&[("e-0", " ,,")], &["e-0"]).is_empty());
    }
}
