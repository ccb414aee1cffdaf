//! The table of `contract.md` §5, row by row, and that combined constraints hold exactly where both do.

use std::collections::BTreeMap;

use hourglass_core::hardware::{
    DeviceRequest, HardwareError, HardwareRequirements, HardwareTables, Placement, devices, map,
};
use hourglass_core::resources::Resources;
use hourglass_core::scheduling::{NodeExpression, NodeOperator, NodeTerm, Scheduling, both};
use proptest::prelude::*;

fn requirements(change: impl FnOnce(&mut HardwareRequirements)) -> HardwareRequirements {
    let mut requirements = HardwareRequirements::default();
    change(&mut requirements);
    requirements
}

fn limits(entries: &[(&str, &str)]) -> Resources {
    let limits = entries.iter().map(|(name, amount)| ((*name).into(), amount.parse().unwrap())).collect();
    Resources { limits, ..Resources::default() }
}

fn mapped(requirements: &HardwareRequirements, resources: &Resources) -> Result<Placement, HardwareError> {
    map(requirements, resources, &Scheduling::default(), &HardwareTables::default())
}

fn reason(result: Result<Placement, HardwareError>) -> &'static str {
    let error = result.unwrap_err();
    assert!(!error.remedy().is_empty() && !error.to_string().is_empty() && !error.retryable());
    error.reason()
}

/// Whether a node with these labels would do.
fn fits(scheduling: &Scheduling, labels: &[(&str, &str)]) -> bool {
    let labels = labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    scheduling.required_nodes.is_empty()
        || scheduling.required_nodes.iter().any(|term| term.matches(&labels, &BTreeMap::new()))
}

#[test]
fn nothing_required_changes_nothing() {
    let resources = limits(&[("cpu", "2")]);
    let placement = mapped(&HardwareRequirements::default(), &resources).unwrap();
    assert_eq!(placement, Placement { resources, scheduling: Scheduling::default() });
}

#[test]
fn counted_gpus() {
    let placement = mapped(&requirements(|r| r.gpu_count = 2), &Resources::default()).unwrap();
    for amounts in [&placement.resources.requests, &placement.resources.limits] {
        assert_eq!(amounts["nvidia.com/gpu"].whole(), 2);
    }
    let toleration = &placement.scheduling.tolerations[0];
    assert_eq!(toleration.key.as_deref(), Some("nvidia.com/gpu"));
    assert!(placement.scheduling.required_nodes.is_empty());
}

#[test]
fn gpus_of_a_type() {
    for gpu_type in ["nvidia-a100", "nvidia-tesla-a100", "NVIDIA-A100"] {
        let placement = mapped(&requirements(|r| r.gpu_type = Some(gpu_type.into())), &Resources::default()).unwrap();
        assert_eq!(placement.resources.limits["nvidia.com/gpu"].whole(), 1, "a type alone is one");
        for (label, value) in [
            ("nvidia.com/gpu.product", "NVIDIA-A100-SXM4-40GB"),
            ("accelerator", "nvidia-a100"),
            ("accelerator", "nvidia-tesla-a100"),
        ] {
            assert!(fits(&placement.scheduling, &[(label, value)]), "{label}={value}");
        }
        assert!(!fits(&placement.scheduling, &[("accelerator", "nvidia-tesla-v100")]));
        assert!(!fits(&placement.scheduling, &[]));
    }
    let of = |gpu_type: &str| mapped(&requirements(|r| r.gpu_type = Some(gpu_type.into())), &Resources::default());
    assert_eq!(reason(of("voodoo2")), "UnknownGpuType");
    assert_eq!(reason(of("nodomain/gpu")), "UnknownGpuType");
    assert_eq!(of("amd.com/gpu").unwrap().resources.limits["amd.com/gpu"].whole(), 1);
    let mi300 = of("amd.com/mi300x").unwrap();
    assert_eq!(mi300.resources.limits["amd.com/gpu"].whole(), 1);
    assert!(!fits(&mi300.scheduling, &[]) && fits(&mi300.scheduling, &[("amd.com/gpu.product-name", "mi300x")]));
    assert_eq!(of("nvidia.com/mig-1g.5gb").unwrap().resources.limits["nvidia.com/mig-1g.5gb"].whole(), 1);
    assert_eq!(of("example.org/tpu").unwrap().resources.limits["example.org/tpu"].whole(), 1);
}

#[test]
fn gpus_in_resources_and_requirement_are_one_request() {
    let wanted = |count| requirements(|r| r.gpu_count = count);
    let resources = |amount| limits(&[("nvidia.com/gpu", amount)]);
    assert_eq!(mapped(&wanted(2), &resources("2")).unwrap().resources.limits["nvidia.com/gpu"].whole(), 2);
    assert_eq!(reason(mapped(&wanted(2), &resources("1"))), "GpuCountsDiffer");
    assert_eq!(reason(mapped(&wanted(1), &resources("500m"))), "UnevenDevices");
    let typed = requirements(|r| r.gpu_type = Some("nvidia-t4".into()));
    assert_eq!(mapped(&typed, &resources("4")).unwrap().resources.requests["nvidia.com/gpu"].whole(), 4);
    assert_eq!(reason(mapped(&typed, &resources("0"))), "GpuCountsDiffer", "a type of nothing");
    let mut uneven = resources("2");
    uneven.requests.insert("nvidia.com/gpu".into(), "1".parse().unwrap());
    assert_eq!(reason(mapped(&wanted(0), &uneven)), "UnevenDevices");
    let tolerated = mapped(&wanted(0), &resources("1")).unwrap();
    assert_eq!(tolerated.scheduling.tolerations.len(), 1);
}

#[test]
fn trusted_execution() {
    let tee = |tee_type: &str| requirements(|r| (r.tee_required, r.tee_type) = (true, Some(tee_type.into())));
    let sgx = mapped(&tee("sgx"), &Resources::default()).unwrap();
    assert_eq!(sgx.resources.limits["sgx.intel.com/epc"].whole(), 1 << 20);
    assert_eq!(sgx.resources.requests["sgx.intel.com/enclave"].whole(), 1);
    assert_eq!(sgx.scheduling.tolerations[0].value.as_deref(), Some("enabled"));
    assert!(fits(&sgx.scheduling, &[("intel.feature.node.kubernetes.io/sgx", "true")]));
    assert!(!fits(&sgx.scheduling, &[]));
    let epc = |amount| limits(&[("sgx.intel.com/epc", amount)]);
    assert_eq!(reason(mapped(&tee("sgx"), &epc("1Ki"))), "EnclaveMemoryTooSmall");
    let more = mapped(&tee("sgx"), &epc("64Mi")).unwrap();
    assert_eq!(more.resources.requests["sgx.intel.com/epc"].whole(), 64 << 20);

    for (tee_type, class, label) in [
        ("sev", "kata-qemu-snp", "amd.feature.node.kubernetes.io/snp"),
        ("TDX", "kata-qemu-tdx", "intel.feature.node.kubernetes.io/tdx"),
    ] {
        let placement = mapped(&tee(tee_type), &Resources::default()).unwrap();
        assert_eq!(placement.scheduling.runtime_class.as_deref(), Some(class));
        assert!(fits(&placement.scheduling, &[(label, "true")]) && !fits(&placement.scheduling, &[]));
    }
    let own = Scheduling { runtime_class: Some("mine".into()), ..Scheduling::default() };
    let placement = map(&tee("tdx"), &Resources::default(), &own, &HardwareTables::default()).unwrap();
    assert_eq!(placement.scheduling.runtime_class.as_deref(), Some("mine"));
    let mut tables = HardwareTables::default();
    tables.confidential.get_mut("sev").unwrap().runtime_class = None;
    let without = map(&tee("sev"), &Resources::default(), &Scheduling::default(), &tables);
    assert_eq!(reason(without), "RuntimeClassMissing");
    assert_eq!(reason(mapped(&tee("trustzone"), &Resources::default())), "UnknownTeeType");
    assert_eq!(reason(mapped(&requirements(|r| r.tee_required = true), &Resources::default())), "TeeTypeMissing");
    let type_alone = requirements(|r| r.tee_type = Some("sgx".into()));
    assert!(!mapped(&type_alone, &Resources::default()).unwrap().resources.limits.is_empty(), "fails closed");
}

#[test]
fn custom_labels() {
    let labels =
        |key: &str, value: &str| requirements(|r| r.custom_labels = BTreeMap::from([(key.into(), value.into())]));
    let placement = mapped(&labels("example.com/disk", "fast"), &Resources::default()).unwrap();
    assert!(fits(&placement.scheduling, &[("example.com/disk", "fast")]));
    assert!(!fits(&placement.scheduling, &[("example.com/disk", "slow")]));
    for (key, value) in [("a b", "x"), ("", "x"), ("a", "-x"), ("UPPER.com/a", "x"), ("a", &"x".repeat(64))] {
        assert_eq!(reason(mapped(&labels(key, value), &Resources::default())), "InvalidNodeLabel", "{key}: {value}");
    }
}

#[test]
fn tables_are_data() {
    let text = r#"{"gpu_models": {"mine": {"vendor": "amd.com", "accelerators": ["x"]}}}"#;
    let tables = HardwareTables::default().extended(serde_json::from_str(text).unwrap());
    let mine = requirements(|r| r.gpu_type = Some("mine".into()));
    let placement = map(&mine, &Resources::default(), &Scheduling::default(), &tables).unwrap();
    assert_eq!(placement.resources.limits["amd.com/gpu"].whole(), 1);
    assert!(serde_json::from_str::<HardwareTables>(r#"{"gpu_model": {}}"#).is_err());
}

#[test]
fn docker_devices() {
    let asked = requirements(|r| {
        (r.gpu_type, r.gpu_count, r.tee_type) = (Some("nvidia-t4".into()), 2, Some("sev".into()));
    });
    let found = devices(&asked, &limits(&[("cpu", "2"), ("nvidia.com/gpu", "2")])).unwrap();
    let products = vec!["Tesla-T4".into(), "NVIDIA-T4".into()];
    let gpus = DeviceRequest::Gpus { driver: "nvidia", count: 2, products };
    assert_eq!(found, [gpus, DeviceRequest::File { path: "/dev/sev" }]);
    for (tee, path) in [("sgx", "/dev/sgx_enclave"), ("tdx", "/dev/tdx_guest")] {
        let found = devices(&requirements(|r| r.tee_type = Some(tee.into())), &Resources::default()).unwrap();
        assert_eq!(found, [DeviceRequest::File { path }]);
    }
    let in_resources = devices(&HardwareRequirements::default(), &limits(&[("nvidia.com/gpu", "1")])).unwrap();
    assert!(matches!(in_resources[..], [DeviceRequest::Gpus { count: 1, .. }]));
    assert_eq!(devices(&HardwareRequirements::default(), &Resources::default()).unwrap(), []);
    for (asked, resources) in [
        (requirements(|r| r.gpu_type = Some("amd.com/gpu".into())), Resources::default()),
        (requirements(|r| r.custom_labels = BTreeMap::from([("a".into(), "b".into())])), Resources::default()),
        (HardwareRequirements::default(), limits(&[("amd.com/gpu", "1")])),
    ] {
        assert_eq!(devices(&asked, &resources).unwrap_err().reason(), "HardwareNotInDocker");
    }
    let differ = devices(&requirements(|r| r.gpu_count = 1), &limits(&[("nvidia.com/gpu", "2")]));
    assert_eq!(differ.unwrap_err().reason(), "GpuCountsDiffer");
}

#[test]
fn the_cross_product_is_bounded() {
    let term = |i: usize| NodeTerm { labels: vec![NodeExpression::is_in(format!("k{i}"), ["v"])], fields: Vec::new() };
    let terms: Vec<NodeTerm> = (0..200).map(term).collect();
    assert_eq!(both(&terms, &terms[..1]).unwrap().len(), 200);
    assert!(both(&terms, &terms[..2]).is_err());
    let scheduling = Scheduling { required_nodes: terms, ..Scheduling::default() };
    let asked = requirements(|r| r.gpu_type = Some("nvidia-a100".into()));
    let result = map(&asked, &Resources::default(), &scheduling, &HardwareTables::default());
    assert_eq!(reason(result), "TooManyNodeTerms");
}

fn expression() -> impl Strategy<Value = NodeExpression> {
    use NodeOperator::{DoesNotExist, Exists, Gt, In, Lt, NotIn};
    let operator = prop::sample::select(vec![In, NotIn, Exists, DoesNotExist, Gt, Lt]);
    ("[a-c]", operator, prop::collection::vec("[1-3]", 1..3)).prop_map(|(key, operator, values)| {
        let values = match operator {
            Exists | DoesNotExist => Vec::new(),
            Gt | Lt => values[..1].to_vec(),
            _ => values,
        };
        NodeExpression { key, operator, values }
    })
}

fn terms() -> impl Strategy<Value = Vec<NodeTerm>> {
    let expressions = || prop::collection::vec(expression(), 0..3);
    let term = (expressions(), expressions()).prop_map(|(labels, fields)| NodeTerm { labels, fields });
    prop::collection::vec(term, 0..4)
}

fn holds(terms: &[NodeTerm], labels: &BTreeMap<String, String>, fields: &BTreeMap<String, String>) -> bool {
    terms.is_empty() || terms.iter().any(|term| term.matches(labels, fields))
}

proptest! {
    #[test]
    fn combined_terms_hold_exactly_where_both_hold(
        a in terms(),
        b in terms(),
        labels in prop::collection::btree_map("[a-c]", "[1-3]", 0..4),
        fields in prop::collection::btree_map("[a-c]", "[1-3]", 0..4),
    ) {
        let combined = both(&a, &b).unwrap();
        let expected = holds(&a, &labels, &fields) && holds(&b, &labels, &fields);
        prop_assert_eq!(holds(&combined, &labels, &fields), expected);
    }

    #[test]
    fn whatever_is_required_is_on_the_placement_or_refused(
        gpu_type in prop::option::of("[a-z./0-9-]{0,20}|nvidia-(a100|t4|l4)|amd.com/gpu"),
        gpu_count in 0u32..5,
        tee_type in prop::option::of("sgx|sev|tdx|[a-z]{0,4}"),
        tee_required in any::<bool>(),
        custom_labels in prop::collection::btree_map("\\PC{0,8}", "\\PC{0,8}", 0..3),
        user in terms(),
    ) {
        let asked = HardwareRequirements { gpu_type, gpu_count, tee_required, tee_type, custom_labels };
        let scheduling = Scheduling { required_nodes: user.clone(), ..Scheduling::default() };
        let Ok(placement) = map(&asked, &Resources::default(), &scheduling, &HardwareTables::default()) else {
            return Ok(());
        };
        if gpu_count > 0 || asked.gpu_type.is_some() {
            let counts: Vec<u128> = placement.resources.limits.iter()
                .filter(|(name, _)| !name.starts_with("sgx")).map(|(_, amount)| amount.whole()).collect();
            prop_assert_eq!(counts, vec![u128::from(gpu_count.max(1))]);
        }
        let sgx = placement.resources.limits.contains_key("sgx.intel.com/enclave");
        if tee_required {
            prop_assert!(sgx || placement.scheduling.runtime_class.is_some());
        }
        for (key, value) in &asked.custom_labels {
            let wanted = NodeExpression::is_in(key, [value]);
            for term in placement.scheduling.required_nodes.iter().filter(|term| !term.is_empty()) {
                prop_assert!(term.labels.contains(&wanted));
            }
        }
        prop_assert!(placement.resources.requests == placement.resources.limits);
    }
}
