use super::samples::{UID, avs, performer_spec, pretty, with_site};
use super::*;

#[test]
fn services() {
    let revision = performer_spec().revision();
    let of = |headless| with_site(|site| service(&Site { headless, ..*site }, &avs(), &revision, 9090));
    insta::assert_snapshot!(pretty(&of(false)));
    assert_eq!(of(true).spec.unwrap().cluster_ip.as_deref(), Some("None"));
}

#[test]
fn network_policies() {
    insta::assert_snapshot!(pretty(&network_policy("avs-ns", "my-executor", UID)));
}

#[test]
fn disruption_budgets() {
    let revision = performer_spec().revision();
    let of = |replicas| with_site(|site| disruption_budget(site, &avs(), &revision, replicas));
    insta::assert_snapshot!(pretty(&of(3).unwrap()));
    assert_eq!((of(0), of(1)), (None, None), "one alone would keep its node from being emptied");
}
