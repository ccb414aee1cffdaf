use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Words in CamelCase that the sources state and that are no reasons. Each must occur, so that the list stays true.
const NO_REASONS: &[&str] = &[
    // Values of the configuration, and Kubernetes' own words.
    "Always",
    "BlueGreen",
    "ConfigMap",
    "DoesNotExist",
    "Equal",
    "Exists",
    "False",
    "Gt",
    "IfNotPresent",
    "In",
    "Lt",
    "Never",
    "NoExecute",
    "NoSchedule",
    "NotIn",
    "Null",
    "PreferNoSchedule",
    "Recreate",
    "RollingUpdate",
    "Secret",
    "String",
    "True",
    // Docker's own words for the steps of a pull, what devices are called, and serde's for a case.
    "Downloading",
    "Extracting",
    "GPUs",
    "Model",
    "PascalCase",
    "Retrying",
    "Transport",
    "Waiting",
    // What kubelets, the scheduler and controllers call the states of pods, and values of their fields.
    "AlwaysAllow",
    "ClusterIP",
    "ClusterRole",
    "ContainerCannotRun",
    "ContainerCreating",
    "ContainerStatusUnknown",
    "ContainersReady",
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "DeletionByPodGC",
    "DeletionByTaintManager",
    "DisruptionTarget",
    "DoNotSchedule",
    "ErrImageNeverPull",
    "ErrImagePull",
    "FallbackToLogsOnError",
    "ImageInspectError",
    "ImagePullBackOff",
    "Ingress",
    "InvalidImageName",
    "Memory",
    "None",
    "OOMKilled",
    "OnRootMismatch",
    "Opaque",
    "Parallel",
    "PodInitializing",
    "PodReadyToStartContainers",
    "PodScheduled",
    "Preempting",
    "PreemptionByScheduler",
    "ReadWriteOnce",
    "ReadinessGatesNotReady",
    "RegistryUnavailable",
    "Retain",
    "RunContainerError",
    "RuntimeDefault",
    "ServiceAccount",
    "SignatureValidationFailed",
    "Shutdown",
    "Stalled",
    "StartError",
    "Succeeded",
    "Terminated",
    // Units.
    "Ei",
    "Gi",
    "Ki",
    "Mi",
    "Pi",
    "Ti",
    // What a performer's status says on the wire, and its kind.
    "Failed",
    "InService",
    "Pending",
    "Performer",
    "Running",
    "Staged",
    "Terminating",
    "Upgrading",
    // What custom resources, their columns and their conditions are called, Kubernetes' own kinds and words, and derived traits.
    "Age",
    "Available",
    "CustomResourceDefinition",
    "Default",
    "Degraded",
    "Endpoint",
    "HourglassExecutor",
    "HourglassExecutorStatus",
    "Image",
    "List",
    "Namespaced",
    "PartialEq",
    "PerformerStatus",
    "Phase",
    "Progressing",
    "Ready",
    "Reason",
    "Reconciling",
    "Replicas",
    "ScheduleAnyway",
    "Unknown",
    "Version",
    // What the operator sends to an API server, and how it reads what comes.
    "Background",
    "DeleteOptions",
    "Event",
    "Lease",
    "NetworkPolicy",
    "Normal",
    "Pod",
    "PodDisruptionBudget",
    "Reconcile",
    "ResourceVersionTooLarge",
    "SelfSubjectAccessReview",
    "Service",
    "Warning",
    "Wire",
    // What YAML 1.1 takes for a boolean.
    "No",
    "Off",
    "On",
    "Yes",
    // How the Engine API spells its keys.
    "DeviceIDs",
    // A signing domain, and a field of a keystore.
    "Crypto",
    "EigenLayer",
];

/// The reasons that the sources state, each with the file that does.
///
/// Every literal in CamelCase outside tests counts, unless it is known to be something else: a new reason is found
/// however the code comes to it.
///
/// # Errors
/// Where a source cannot be read, or an exception has become untrue.
pub fn stated(root: &Path) -> Result<BTreeMap<String, PathBuf>> {
    let mut files = Vec::new();
    for folder in ["core/src", "adapters", "apps"] {
        sources(&root.join(folder), &mut files)?;
    }
    let mut found = BTreeMap::new();
    for file in files {
        let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        for word in words(&text) {
            found.entry(word).or_insert_with(|| file.clone());
        }
    }
    for word in NO_REASONS {
        found.remove(*word).with_context(|| format!("'{word}' is in no source any more: remove it from NO_REASONS"))?;
    }
    Ok(found)
}

/// The reasons that a document explains, in tables whose first column is the reason, with the other columns.
pub fn explained(text: &str) -> BTreeMap<String, Vec<String>> {
    let rows = text.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.strip_suffix('|')?.split('|').map(str::trim);
        let reason = cells.next()?.strip_suffix('`').filter(|word| is_reason(word))?;
        Some((reason.to_owned(), cells.map(str::to_owned).collect()))
    });
    rows.collect()
}

fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let excluded: BTreeSet<&str> = ["tests", "testing", "benches", "tests.rs", "build.rs"].into();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| excluded.contains(name) || name.ends_with("_tests.rs"))
        {
            continue;
        }
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The literals in CamelCase before the unit tests of a file, comments and names for `Debug` left out.
fn words(text: &str) -> impl Iterator<Item = String> {
    let product = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    let lines = product.lines().filter(|line| !line.trim_start().starts_with("//") && !line.contains("debug_struct("));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).filter(|word| is_reason(word)).map(str::to_owned)
}

fn is_reason(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_uppercase())
        && word.contains(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_alphanumeric())
}
