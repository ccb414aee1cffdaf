//! Resources, good and bad, and what is expected of each: the offline check and the real API server are asked the same.

use serde_json::{Value, json};

/// One document.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) object: Value,
    /// Part of what is said where it is refused; `None` where it is accepted.
    pub(crate) refused: Option<&'static str>,
}

fn base(kind: &str) -> Value {
    let spec = match kind {
        "Performer" => json!({ "avsAddress": "0x1234567890abcdef1234567890abcdef12345678", "image": "my-org/p:v1" }),
        _ => json!({ "image": "hourglass/executor:v1" }),
    };
    let name = kind.to_lowercase();
    json!({ "apiVersion": "hourglass.eigenlayer.io/v1alpha1", "kind": kind, "metadata": { "name": name }, "spec": spec })
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Value::Object(object) = target else { return };
    for (name, value) in fields {
        if value.is_null() {
            object.remove(name);
        } else {
            merge(object.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn performer(name: &'static str, spec: Value, refused: Option<&'static str>) -> Case {
    let mut object = base("Performer");
    merge(&mut object, &json!({ "spec": spec }));
    Case { name, object, refused }
}

fn executor(name: &'static str, spec: Value, refused: Option<&'static str>) -> Case {
    let mut object = base("HourglassExecutor");
    merge(&mut object, &json!({ "spec": spec }));
    Case { name, object, refused }
}

fn whole(name: &'static str, patch: Value, refused: Option<&'static str>) -> Case {
    let mut object = base("Performer");
    merge(&mut object, &patch);
    Case { name, object, refused }
}

/// All of them. What is bad is bad in one way.
pub(crate) fn cases() -> Vec<Case> {
    let long = |count: usize| "x".repeat(count);
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let terms = |terms: Value| json!({ required: { "nodeSelectorTerms": terms } });
    vec![
        performer("the least", json!({}), None),
        performer("everything", everything(), None),
        whole("a name of 53", json!({ "metadata": { "name": long(53) } }), None),
        whole("a name of 54", json!({ "metadata": { "name": long(54) } }), Some("at most 53 characters")),
        whole("a name with a dot", json!({ "metadata": { "name": "a.b" } }), Some("no dots")),
        whole("a name in capitals", json!({ "metadata": { "name": "A" } }), Some("")),
        whole("an unknown field beside spec", json!({ "sepc": {} }), Some("")),
        whole("no spec", json!({ "spec": null }), Some("spec")),
        performer("no address", json!({ "avsAddress": null }), Some("avsAddress")),
        performer("a short address", json!({ "avsAddress": "0x123" }), Some("40 hexadecimal digits")),
        performer("a long address", json!({ "avsAddress": format!("0x{}", "1".repeat(41)) }), Some("40 hexadecimal")),
        performer("nobody's address", json!({ "avsAddress": format!("0x{}", "0".repeat(40)) }), Some("zero address")),
        performer("an address as number", json!({ "avsAddress": 12 }), Some("avsAddress")),
        performer("no image", json!({ "image": null }), Some("image")),
        performer("an empty image", json!({ "image": "" }), Some("must not be empty")),
        performer("an image with a space", json!({ "image": "my org/p" }), Some("spaces")),
        performer("a very long image", json!({ "image": long(513) }), Some("image")),
        performer("a pull policy", json!({ "imagePullPolicy": "Sometimes" }), Some("IfNotPresent")),
        performer("an unknown field", json!({ "imgae": "x" }), Some("imgae")),
        performer("no port", json!({ "config": { "grpcPort": 0 } }), Some("grpcPort")),
        performer("a port too high", json!({ "config": { "grpcPort": 65536 } }), Some("grpcPort")),
        performer("a port as text", json!({ "config": { "grpcPort": "9090" } }), Some("grpcPort")),
        performer("a broken port", json!({ "config": { "grpcPort": 90.5 } }), Some("grpcPort")),
        performer("a variable with =", json!({ "config": { "environment": { "A=B": "1" } } }), Some("other than =")),
        performer("a variable as number", json!({ "config": { "environment": { "A": 1 } } }), Some("environment")),
        performer(
            "an environment of two sources",
            json!({ "config": { "environmentFrom": [{ "name": "A", "valueFrom": {
                "secretKeyRef": { "name": "s", "key": "k" }, "configMapKeyRef": { "name": "s", "key": "k" } } }] } }),
            Some("exactly one"),
        ),
        performer(
            "an environment of no source",
            json!({ "config": { "environmentFrom": [{ "name": "A", "valueFrom": {} }] } }),
            Some("exactly one"),
        ),
        performer(
            "a secret without key",
            json!({ "config": { "environmentFrom": [{ "name": "A", "valueFrom": { "secretKeyRef": { "name": "s" } } }] } }),
            Some("key"),
        ),
        performer("a quantity of words", json!({ "resources": { "limits": { "cpu": "many" } } }), Some("cpu")),
        performer("a negative quantity", json!({ "resources": { "limits": { "cpu": "-1" } } }), Some("cpu")),
        performer("a negative number", json!({ "resources": { "limits": { "cpu": -1 } } }), Some("cpu")),
        performer("an exponent", json!({ "resources": { "limits": { "cpu": "1e3" } } }), None),
        performer("an absurd exponent", json!({ "resources": { "limits": { "cpu": "1e99" } } }), Some("cpu")),
        performer("a broken quantity", json!({ "resources": { "limits": { "cpu": 0.5 } } }), Some("cpu")),
        performer("quantities as numbers", json!({ "resources": { "limits": { "cpu": 2, "memory": 1024 } } }), None),
        performer(
            "a request above its limit",
            json!({ "resources": { "limits": { "memory": "1Gi" }, "requests": { "memory": "1025Mi" } } }),
            Some("greater than the limit"),
        ),
        performer(
            "a request at its limit, in other words",
            json!({ "resources": { "limits": { "memory": "1Gi", "cpu": "1" }, "requests": { "memory": "1024Mi", "cpu": "1000m" } } }),
            None,
        ),
        performer("claims of devices", json!({ "resources": { "claims": [{ "name": "x" }] } }), Some("claims")),
        performer(
            "a TEE of no type",
            json!({ "hardwareRequirements": { "teeRequired": true } }),
            Some("needs a teeType"),
        ),
        performer("a TEE of no known type", json!({ "hardwareRequirements": { "teeType": "sxg" } }), Some("not known")),
        performer(
            "a TEE in capitals",
            json!({ "hardwareRequirements": { "teeRequired": true, "teeType": "SGX" } }),
            None,
        ),
        performer(
            "GPUs without a count",
            json!({ "hardwareRequirements": { "gpuType": "nvidia-a100" } }),
            Some("needs a gpuCount"),
        ),
        performer("too many GPUs", json!({ "hardwareRequirements": { "gpuCount": 129 } }), Some("gpuCount")),
        performer("fewer GPUs than none", json!({ "hardwareRequirements": { "gpuCount": -1 } }), Some("gpuCount")),
        performer(
            "GPUs that agree",
            json!({ "hardwareRequirements": { "gpuCount": 2 }, "resources": { "limits": { "nvidia.com/gpu": 2 }, "requests": { "nvidia.com/gpu": "2" } } }),
            None,
        ),
        performer(
            "GPUs that do not agree",
            json!({ "hardwareRequirements": { "gpuCount": 2 }, "resources": { "limits": { "nvidia.com/gpu": "1" } } }),
            Some("must agree"),
        ),
        performer(
            "GPUs of another vendor",
            json!({ "hardwareRequirements": { "gpuType": "amd.com/gpu", "gpuCount": 2 }, "resources": { "limits": { "amd.com/gpu": 2 } } }),
            None,
        ),
        performer(
            "a label that no node has",
            json!({ "hardwareRequirements": { "customLabels": { "-a": "b" } } }),
            Some("customLabels"),
        ),
        performer(
            "a label value that no node has",
            json!({ "hardwareRequirements": { "customLabels": { "a": "b c" } } }),
            Some("customLabels"),
        ),
        performer(
            "a node selector",
            json!({ "scheduling": { "nodeSelector": { "a/b/c": "d" } } }),
            Some("nodeSelector"),
        ),
        performer(
            "a toleration of nothing",
            json!({ "scheduling": { "tolerations": [{}] } }),
            Some("operator: Exists"),
        ),
        performer(
            "a toleration of everything",
            json!({ "scheduling": { "tolerations": [{ "operator": "Exists" }] } }),
            None,
        ),
        performer(
            "a toleration with a value too many",
            json!({ "scheduling": { "tolerations": [{ "key": "a", "operator": "Exists", "value": "b" }] } }),
            Some("has no value"),
        ),
        performer(
            "a toleration of an effect",
            json!({ "scheduling": { "tolerations": [{ "key": "a", "effect": "NoSchedul" }] } }),
            Some("effect"),
        ),
        performer(
            "a toleration for some seconds",
            json!({ "scheduling": { "tolerations": [{ "key": "a", "tolerationSeconds": 3 }] } }),
            Some("NoExecute"),
        ),
        performer(
            "no alternative",
            json!({ "scheduling": { "nodeAffinity": terms(json!([])) } }),
            Some("nodeSelectorTerms"),
        ),
        performer(
            "an operator that is none",
            json!({ "scheduling": { "nodeAffinity": terms(json!([{ "matchExpressions": [{ "key": "a", "operator": "Is", "values": ["b"] }] }])) } }),
            Some("operator"),
        ),
        performer(
            "In nothing",
            json!({ "scheduling": { "affinity": { "nodeAffinity": terms(json!([{ "matchExpressions": [{ "key": "a", "operator": "In" }] }])) } } }),
            Some("values belong to"),
        ),
        performer(
            "more than many",
            json!({ "scheduling": { "nodeAffinity": terms(json!([{ "matchExpressions": [{ "key": "a", "operator": "Gt", "values": ["many"] }] }])) } }),
            Some("one whole number"),
        ),
        performer(
            "a preference of no weight",
            json!({ "scheduling": { "nodeAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{ "preference": {} }] } } }),
            Some("weight"),
        ),
        performer(
            "away from other pods",
            json!({ "scheduling": { "affinity": { "podAntiAffinity": { required: [
                { "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": "x" } } }] } } } }),
            None,
        ),
        performer(
            "away from other pods, nowhere",
            json!({ "scheduling": { "affinity": { "podAntiAffinity": { required: [{ "labelSelector": {} }] } } } }),
            Some("topologyKey"),
        ),
        performer("a runtime class", json!({ "scheduling": { "runtimeClass": "Kata!" } }), Some("runtimeClass")),
        performer("fewer replicas than none", json!({ "replicas": -1 }), Some("replicas")),
        performer("no replicas", json!({ "replicas": 0 }), None),
        performer("very many replicas", json!({ "replicas": 1001 }), Some("replicas")),
        performer("a strategy", json!({ "upgradeStrategy": { "type": "Rolling" } }), Some("RollingUpdate")),
        performer(
            "no time to be ready",
            json!({ "upgradeStrategy": { "readyDeadlineSeconds": 0 } }),
            Some("readyDeadlineSeconds"),
        ),
        performer("a promotion of no revision", json!({ "upgradeStrategy": { "promote": "v2" } }), Some("promote")),
        performer(
            "a capability with CAP_",
            json!({ "security": { "addCapabilities": ["CAP_NET_ADMIN"] } }),
            Some("without CAP_"),
        ),
        performer("a user below zero", json!({ "security": { "runAsUser": -1 } }), Some("runAsUser")),
        performer("a spread", json!({ "spread": { "maxSkew": 0 } }), Some("maxSkew")),
        performer("a pull secret without name", json!({ "imagePullSecrets": [{}] }), Some("name")),
        performer("nulls", json!({ "config": { "environmentFrom": [], "args": [] }, "resources": {} }), None),
        executor("an executor", json!({}), None),
        executor("an executor with everything", everything_of_an_executor(), None),
        executor("no executor", json!({ "replicas": 0 }), Some("replicas")),
        executor("an executor without image", json!({ "image": "" }), Some("must not be empty")),
        executor("a mode", json!({ "config": { "performerMode": "podman" } }), Some("performerMode")),
        executor("a level", json!({ "config": { "logLevel": "loud" } }), Some("logLevel")),
        executor(
            "an aggregator with a scheme",
            json!({ "config": { "aggregatorEndpoint": "http://a:1" } }),
            Some("without a scheme"),
        ),
        executor("an aggregator without port", json!({ "config": { "aggregatorEndpoint": "a" } }), Some("host:port")),
        executor(
            "a key in two places",
            json!({ "config": { "operatorKeys": { "ecdsa": "1" }, "operatorKeyRefs": { "ecdsa": { "name": "s", "key": "k" } } } }),
            Some("both operatorKeys and operatorKeyRefs"),
        ),
        executor(
            "a chain without id",
            json!({ "config": { "chains": [{ "name": "a", "rpc": "http://a" }] } }),
            Some("chainId"),
        ),
        executor(
            "a chain by another scheme",
            json!({ "config": { "chains": [{ "name": "a", "rpc": "ipc://a", "chainId": 1 }] } }),
            Some("https://"),
        ),
        executor(
            "a chain with a short mailbox",
            json!({ "config": { "chains": [{ "name": "a", "rpc": "http://a", "chainId": 1, "taskMailboxAddress": "0x1" }] } }),
            Some("40 hexadecimal digits"),
        ),
        executor(
            "a chain twice",
            json!({ "config": { "chains": [{ "name": "a", "rpc": "http://a", "chainId": 1 }, { "name": "b", "rpc": "http://b", "chainId": 1 }] } }),
            Some("one chainId"),
        ),
    ]
}

/// Every field of a Performer, each with something in it.
pub(crate) fn everything() -> Value {
    let selector = json!({ "matchExpressions": [{ "key": "app", "operator": "Exists" }] });
    let near = json!({ "topologyKey": "zone", "labelSelector": selector, "namespaces": ["other"] });
    json!({
        "imagePullPolicy": "Always",
        "version": "v1",
        "executorRef": "my-executor",
        "config": {
            "grpcPort": 7000,
            "environment": { "A": "1", "b.c-d": "" },
            "environmentFrom": [
                { "name": "A", "valueFrom": { "secretKeyRef": { "name": "s", "key": "k" } } },
                { "name": "C", "valueFrom": { "configMapKeyRef": { "name": "c", "key": "k.txt" } } },
            ],
            "args": ["--verbose", ""],
            "command": ["/bin/performer"],
            "serviceAccountName": "sa",
        },
        "resources": { "limits": { "cpu": "2", "nvidia.com/gpu": 1 }, "requests": { "cpu": "500m" } },
        "scheduling": {
            "nodeSelector": { "disk": "ssd", "example.com/x": "" },
            "tolerations": [{ "key": "a", "operator": "Equal", "value": "b", "effect": "NoExecute", "tolerationSeconds": 5 }],
            "affinity": {
                "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                    { "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["a", "b"] }] },
                    { "matchFields": [{ "key": "metadata.name", "operator": "In", "values": ["node-1"] }] }] } },
                "podAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": [{ "weight": 5, "podAffinityTerm": near }] },
                "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [near] },
            },
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                    { "matchExpressions": [{ "key": "cores", "operator": "Gt", "values": ["8"] }, { "key": "old", "operator": "DoesNotExist" }] }] },
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    { "weight": 100, "preference": { "matchExpressions": [{ "key": "fast", "operator": "Exists" }] } }],
            },
            "runtimeClass": "kata-qemu",
            "priorityClassName": "high",
        },
        "hardwareRequirements": {
            "gpuType": "nvidia-a100", "gpuCount": 1, "teeRequired": true, "teeType": "sgx",
            "customLabels": { "hsm": "yes" },
        },
        "imagePullSecrets": [{ "name": "registry" }],
        "replicas": 3,
        "upgradeStrategy": {
            "type": "BlueGreen", "readyDeadlineSeconds": 60, "drainDeadlineSeconds": 0, "stopGraceSeconds": 5,
            "promote": "0123456789", "abort": "", "retry": 1,
        },
        "security": {
            "runAsUser": 1000, "readOnlyRootFilesystem": false, "allowPrivilegeEscalation": true,
            "addCapabilities": ["NET_BIND_SERVICE"], "tmpSize": "1Gi",
        },
        "spread": { "topologyKey": "topology.kubernetes.io/zone", "maxSkew": 2, "whenUnsatisfiable": "DoNotSchedule" },
        "service": { "headless": true },
    })
}

fn everything_of_an_executor() -> Value {
    json!({
        "imagePullPolicy": "Never",
        "replicas": 2,
        "config": {
            "aggregatorEndpoint": "aggregator.example.com:9090",
            "performerMode": "kubernetes",
            "logLevel": "debug",
            "operatorKeys": { "ecdsa": "0x01" },
            "operatorKeyRefs": { "bls": { "name": "keys", "key": "bls" } },
            "chains": [
                { "name": "ethereum", "rpc": "https://a.example.com/v2/key", "chainId": 1 },
                { "name": "base", "rpc": "wss://b.example.com", "chainId": 8453, "taskMailboxAddress": "0x132b466d9d5723531F68797519DfED701aC2C749" },
            ],
            "kubernetes": {
                "namespace": "performers",
                "defaultScheduling": {
                    "nodeSelector": { "disk": "ssd" },
                    "tolerations": [{ "key": "dedicated", "value": "avs" }],
                    "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": { "nodeSelectorTerms": [
                        { "matchExpressions": [{ "key": "zone", "operator": "In", "values": ["a"] }] }] } },
                    "runtimeClass": "gvisor",
                },
            },
            "additionalConfig": { "operator": { "name": "me" }, "tasks": { "deadline": "30s" } },
        },
        "resources": { "requests": { "cpu": "500m" } },
        "nodeSelector": { "disk": "ssd" },
        "tolerations": [{ "operator": "Exists" }],
        "imagePullSecrets": [{ "name": "registry" }],
        "persistence": { "size": "10Gi", "storageClassName": "fast" },
    })
}
