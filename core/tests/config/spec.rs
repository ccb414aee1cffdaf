//! Every YAML block of the specification that configures an executor, completed where it is a fragment.

use std::time::Duration;

use hourglass_core::config::DeploymentMode;
use hourglass_core::hardware::{HardwareTables, map};

use crate::{load, valid};

const MIXED: &str = "mixed deployment modes not supported: all performers must use the same deployment mode (either 'docker' or 'kubernetes')";

/// Fills in what a fragment leaves out: whole addresses, and an image for each.
fn completed(fragment: &str) -> String {
    fragment
        .replace("\"0x123...\"", &format!("\"0x123{}\"\n      performer_image: \"org/one:v1\"", "0".repeat(37)))
        .replace("\"0x456...\"", &format!("\"0x456{}\"\n      performer_image: \"org/two:v1\"", "0".repeat(37)))
}

#[test]
fn docker_mode() {
    let loaded = valid(include_str!("../spec/docker-mode.yaml"));
    let config = &loaded.config;
    assert_eq!(config.deployment_mode, DeploymentMode::Docker);
    assert_eq!(config.aggregator.endpoint.as_ref().unwrap().to_string(), "aggregator.example.com:9090");
    assert!(config.kubernetes.is_none());
    let [avs] = &config.avs[..] else { panic!("{:?}", config.avs) };
    assert_eq!(avs.address.to_string(), "0x1234567890abcdef1234567890abcdef12345678");
    let spec = avs.performer_spec(config);
    assert_eq!(avs.performer_name().as_str(), "my-avs");
    assert_eq!(spec.image.as_str(), "my-org/my-avs-performer:v1.0.0");
    assert_eq!(spec.version.as_deref(), Some("v1.0.0"));
    assert_eq!(spec.resources.requests["cpu"], "500m".parse().unwrap());
    assert_eq!(spec.resources.limits["memory"], "4Gi".parse().unwrap());
    assert_eq!(spec.port, None);
}

#[test]
fn kubernetes_mode() {
    let config = valid(include_str!("../spec/kubernetes-mode.yaml")).config;
    assert_eq!(config.deployment_mode, DeploymentMode::Kubernetes);
    let kubernetes = config.kubernetes.as_ref().unwrap();
    assert_eq!(kubernetes.namespace, "my-avs-project");
    assert_eq!(kubernetes.operator_namespace, "hourglass-system");
    assert!(kubernetes.cleanup_on_shutdown);
    assert_eq!(kubernetes.cleanup_timeout, Duration::from_secs(60));
    assert_eq!(config.performer.startup_timeout, Duration::from_secs(300));
    assert_eq!(config.performer.max_performers, 5);
    assert_eq!(config.performer.retry_attempts, 3);
    assert_eq!(config.avs[0].upgrade.ready_deadline, Duration::from_secs(300));
    assert_eq!(config.avs[0].port.unwrap().get(), 9090);
    let endpoint = config.performer.service_endpoint("my-avs", &config.avs[0].address, "ns", 9090);
    assert_eq!(endpoint, None, "the default pattern overrides nothing");
}

#[test]
fn all_docker() {
    let config = valid(&completed(include_str!("../spec/all-docker.yaml"))).config;
    assert_eq!(config.deployment_mode, DeploymentMode::Docker);
    assert_eq!(config.avs.len(), 2);
    assert_eq!(config.avs[0].name, "avs-12300000");
    assert_eq!(config.avs[1].performer_name().as_str(), "avs-45600000");
}

#[test]
fn all_kubernetes() {
    let config = valid(&completed(include_str!("../spec/all-kubernetes.yaml"))).config;
    assert_eq!(config.deployment_mode, DeploymentMode::Kubernetes);
    assert_eq!(config.kubernetes.unwrap().namespace, "my-avs");
}

#[test]
fn mixed_modes_are_refused_to_the_letter() {
    let text = completed(include_str!("../spec/mixed.yaml"));
    let problems = load(&text).unwrap_err();
    let mixed = problems.as_slice().iter().find(|p| p.message == MIXED).expect("the mixed-mode problem");
    assert_eq!(mixed.path, "avs_config.supported_avs[1].deployment_mode");
    assert_eq!(mixed.source.to_string(), "executor.yaml:9:24");
    assert_eq!(problems.len(), 1, "{problems}");
}

#[test]
fn mixed_modes_are_reported_beside_other_problems_and_in_the_fragment_itself() {
    for text in [
        include_str!("../spec/mixed.yaml").to_owned(),
        format!("log_level: loud\n{}", completed(include_str!("../spec/mixed.yaml"))),
    ] {
        let problems = load(&text).unwrap_err();
        assert_eq!(problems.as_slice().iter().filter(|p| p.message == MIXED).count(), 1, "{problems}");
        assert!(problems.len() > 1, "{problems}");
    }
}

#[test]
fn an_avs_inherits_the_mode() {
    let own = "deployment_mode: docker\navs_config:\n  supported_avs:\n    - address: \"0x123...\"\n      deployment_mode: kubernetes\n    - address: \"0x456...\"\n";
    let problems = load(&completed(own)).unwrap_err();
    assert!(problems.to_string().contains(MIXED), "{problems}");
    assert!(problems.to_string().contains("[1] is 'docker' (inherited)"), "{problems}");
    assert_eq!(load(&completed(&own.replace("mode: kubernetes", "mode: docker"))).unwrap().config.avs.len(), 2);
}

#[test]
fn a_mode_that_is_none_is_not_another_mode() {
    let text = completed(include_str!("../spec/mixed.yaml")).replace("mode: \"docker\"", "mode: dokcer");
    let problems = load(&text).unwrap_err();
    assert!(!problems.to_string().contains(MIXED) && problems.to_string().contains("'dokcer'"), "{problems}");
}

#[test]
fn migration() {
    let base = include_str!("../spec/docker-mode.yaml").replace("deployment_mode: \"docker\"", "#");
    let there = format!("{}\n{base}", include_str!("../spec/migrate-to-kubernetes.yaml"));
    assert_eq!(valid(&there).config.kubernetes.unwrap().operator_namespace, "hourglass-system");
    let back = format!("{}\n{base}", include_str!("../spec/migrate-to-docker.yaml"));
    assert_eq!(valid(&back).config.deployment_mode, DeploymentMode::Docker);
}

/// The values of a chart name an image by two keys; everything else of an AVS is written alike.
fn from_values(values: &str) -> String {
    let text = values.split_once("avs:\n").unwrap().1.replace("performer:\n        image:", "performer_image:");
    let text = text.replace("        version:", "      performer_version:");
    let text = text.replace("supportedAvs", "supported_avs").replace("\"0x...\"", &format!("\"0x{}\"", "7".repeat(40)));
    let avs = text.lines().take_while(|line| line.is_empty() || line.starts_with(' ') || line.starts_with('#'));
    let avs: Vec<&str> = avs.collect();
    format!("deployment_mode: kubernetes\nkubernetes: {{namespace: ns}}\navs_config:\n{}\n", avs.join("\n"))
}

#[test]
fn chart_values_of_an_avs() {
    let config = valid(&from_values(include_str!("../spec/values-resources.yaml"))).config;
    assert_eq!(config.avs[0].resources.limits["cpu"].as_str(), "2");
    let config = valid(&from_values(include_str!("../spec/values-bottlerocket.yaml"))).config;
    assert_eq!(config.avs[0].scheduling.node_selector["node.kubernetes.io/os"], "bottlerocket");
    assert_eq!(config.avs[0].scheduling.tolerations[0].value.as_deref(), Some("true"));
}

#[test]
fn hardware_in_both_spellings() {
    for (values, gpus) in [
        (include_str!("../spec/values-gpu-requirements.yaml"), 2),
        (include_str!("../spec/values-gpu-hardware.yaml"), 1),
    ] {
        let avs = valid(&from_values(values)).config.avs.remove(0);
        assert_eq!(avs.hardware.gpu_type.as_deref(), Some("nvidia-a100"));
        assert_eq!(avs.hardware.gpu_count, gpus);
        let placement = map(&avs.hardware, &avs.resources, &avs.scheduling, &HardwareTables::default()).unwrap();
        assert_eq!(placement.resources.limits["nvidia.com/gpu"].whole(), u128::from(gpus));
        assert_eq!(placement.scheduling.tolerations.len(), 1, "ours is the user's");
    }
    for values in
        [include_str!("../spec/values-tee-requirements.yaml"), include_str!("../spec/values-tee-hardware.yaml")]
    {
        let avs = valid(&from_values(values)).config.avs.remove(0);
        assert!(avs.hardware.tee_required);
        assert_eq!(avs.hardware.tee_type.as_deref(), Some("sgx"));
        let placement = map(&avs.hardware, &avs.resources, &avs.scheduling, &HardwareTables::default()).unwrap();
        assert_eq!(placement.resources.limits["sgx.intel.com/enclave"].whole(), 1);
        assert_eq!(placement.scheduling.tolerations.len(), 1, "ours is the user's");
    }
}
