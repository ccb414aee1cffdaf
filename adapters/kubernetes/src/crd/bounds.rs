use serde_json::{Map, Value, json};

use super::path::{each, is_meant};

/// What a field may hold at most, and how it is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Bound {
    /// Characters at most.
    Chars(u32),
    /// How it is written.
    Pattern(&'static str),
    /// Items of a list at most.
    Items(u32),
    /// Items of a list at least.
    AtLeast(u32),
    /// Entries of a map at most.
    Entries(u32),
    /// A number from, to.
    Range(i64, i64),
    /// One of these words.
    Words(&'static [&'static str]),
    /// Fields that must be there.
    Required(&'static [&'static str]),
    /// The list is a map whose key is this field.
    MapBy(&'static str),
    /// An object that may hold anything.
    Anything,
    /// What it is for, where the comment of its type says something else.
    Says(&'static str),
}

use Bound::{Anything, AtLeast, Chars, Entries, Items, MapBy, Pattern, Range, Required, Says, Words};

const SUBDOMAIN: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)?$";
const LABEL: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$";
const LABEL_VALUE: &str = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$";
const QUALIFIED_NAME: &str = "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";
const DATA_KEY: &str = "^[-._a-zA-Z0-9]+$";
const REVISION: &str = "^([0-9a-f]{10})?$";
const QUANTITY: &str = "^([0-9]{1,18}(\\.[0-9]{0,9})?|\\.[0-9]{1,9})([KMGTPE]i|[numkMGTPE]|[eE][+-]?(1[0-8]|[0-9]))?$";
const NODE_OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"];
const LABEL_OPERATORS: &[&str] = &["In", "NotIn", "Exists", "DoesNotExist"];

/// By path; `**` stands for any beginning. Of several that mean one path all hold.
pub(super) const BOUNDS: &[(&str, &[Bound])] = &[
    // Performer
    ("spec.avsAddress", &[Chars(64)]),
    ("spec.image", &[Chars(512)]),
    ("spec.version", &[Chars(128), Pattern("^[ -~]*$")]),
    ("spec.executorRef", &[Chars(253), Pattern(SUBDOMAIN)]),
    ("spec.replicas", &[Range(0, 1000)]),
    ("spec.config.grpcPort", &[Range(1, 65535)]),
    ("spec.config.environment", &[Entries(256)]),
    ("spec.config.environment.*", &[Chars(32_768)]),
    ("spec.config.environmentFrom", &[Items(256)]),
    ("spec.config.environmentFrom[]", &[Required(&["name", "valueFrom"])]),
    ("spec.config.environmentFrom[].name", &[Chars(256), Pattern("^[ -<>-~]+$")]),
    ("spec.config.args", &[Items(256)]),
    ("spec.config.args[]", &[Chars(32_768)]),
    ("spec.config.command", &[Items(256)]),
    ("spec.config.command[]", &[Chars(32_768)]),
    ("spec.config.serviceAccountName", &[Chars(253), Pattern(SUBDOMAIN)]),
    ("spec.scheduling.priorityClassName", &[Chars(253), Pattern(SUBDOMAIN)]),
    ("spec.hardwareRequirements.gpuType", &[Chars(128), Pattern("^([A-Za-z0-9][-A-Za-z0-9_./]*)?$")]),
    ("spec.hardwareRequirements.gpuCount", &[Range(0, 128)]),
    ("spec.hardwareRequirements.teeType", &[Chars(32)]),
    ("spec.hardwareRequirements.customLabels", &[Entries(32)]),
    ("spec.hardwareRequirements.customLabels.*", &[Chars(63), Pattern(LABEL_VALUE)]),
    ("spec.upgradeStrategy.readyDeadlineSeconds", &[Range(1, 86_400)]),
    ("spec.upgradeStrategy.drainDeadlineSeconds", &[Range(0, 86_400)]),
    ("spec.upgradeStrategy.stopGraceSeconds", &[Range(0, 86_400)]),
    ("spec.upgradeStrategy.promote", &[Chars(10), Pattern(REVISION)]),
    ("spec.upgradeStrategy.abort", &[Chars(10), Pattern(REVISION)]),
    ("spec.upgradeStrategy.retry", &[Range(0, 2_147_483_647)]),
    ("spec.security.runAsUser", &[Range(0, 2_147_483_647)]),
    ("spec.security.addCapabilities", &[Items(48)]),
    ("spec.security.addCapabilities[]", &[Chars(32), Pattern("^[A-Z][A-Z_]*$")]),
    ("spec.spread.topologyKey", &[Chars(317), Pattern(QUALIFIED_NAME)]),
    ("spec.spread.maxSkew", &[Range(1, 1000)]),
    ("status.podName", &[Chars(253)]),
    ("status.serviceName", &[Chars(63)]),
    ("status.grpcEndpoint", &[Chars(323)]),
    ("status.revision", &[Chars(10)]),
    ("status.desiredRevision", &[Chars(10)]),
    ("status.drainingPods", &[Items(4096)]),
    ("status.drainingPods[]", &[Chars(253)]),
    ("status.withdrawn.revision", &[Chars(10)]),
    ("status.withdrawn.reason", &[Chars(256)]),
    ("status.withdrawn.message", &[Chars(32_768)]),
    ("status.history", &[Anything]),
    // HourglassExecutor
    ("spec.config.aggregatorEndpoint", &[Chars(512)]),
    ("spec.config.performerMode", &[Words(&["kubernetes", "docker"])]),
    ("spec.config.logLevel", &[Words(&["error", "warn", "info", "debug", "trace"])]),
    ("spec.config.operatorKeys", &[Entries(16)]),
    ("spec.config.operatorKeys.*", &[Chars(16_384)]),
    ("spec.config.operatorKeyRefs", &[Entries(16)]),
    ("spec.config.chains", &[Items(32)]),
    ("spec.config.chains[]", &[Required(&["name", "rpc", "chainId"])]),
    ("spec.config.chains[].name", &[Chars(63)]),
    ("spec.config.chains[].rpc", &[Chars(2048)]),
    ("spec.config.chains[].chainId", &[Range(1, 9_007_199_254_740_991)]),
    ("spec.config.chains[].taskMailboxAddress", &[Chars(64)]),
    ("spec.config.kubernetes.namespace", &[Chars(63), Pattern(LABEL)]),
    ("spec.config.additionalConfig", &[Anything, Entries(64)]),
    ("spec.persistence.storageClassName", &[Chars(253), Pattern(SUBDOMAIN)]),
    ("status.configRevision", &[Chars(64)]),
    // Both
    ("spec.imagePullSecrets", &[Items(32)]),
    ("spec.imagePullSecrets[]", &[Required(&["name"])]),
    ("spec.imagePullSecrets[].name", &[Chars(253), Pattern(SUBDOMAIN)]),
    ("**KeyRef", &[Required(&["name", "key"])]),
    ("**KeyRef.name", &[Chars(253), Pattern(SUBDOMAIN)]),
    ("**KeyRef.key", &[Chars(253), Pattern(DATA_KEY)]),
    ("**.operatorKeyRefs.*", &[Required(&["name", "key"])]),
    ("**.operatorKeyRefs.*.name", &[Chars(253), Pattern(SUBDOMAIN)]),
    ("**.operatorKeyRefs.*.key", &[Chars(253), Pattern(DATA_KEY)]),
    ("spec.resources.limits", &[Entries(32)]),
    ("spec.resources.requests", &[Entries(32)]),
    ("**.nodeSelector", &[Entries(32)]),
    ("**.nodeSelector.*", &[Chars(63), Pattern(LABEL_VALUE)]),
    ("**.runtimeClass", &[Chars(253), Pattern(SUBDOMAIN)]),
    ("**.tolerations", &[Items(64)]),
    ("**.tolerations[].key", &[Chars(317)]),
    ("**.tolerations[].value", &[Chars(63), Pattern(LABEL_VALUE)]),
    ("**.tolerations[].operator", &[Words(&["", "Equal", "Exists"])]),
    ("**.tolerations[].effect", &[Words(&["", "NoSchedule", "PreferNoSchedule", "NoExecute"])]),
    ("**.nodeSelectorTerms", &[AtLeast(1), Items(32)]),
    ("**.nodeSelectorTerms[].matchExpressions[].operator", &[Words(NODE_OPERATORS)]),
    ("**.nodeSelectorTerms[].matchFields[].operator", &[Words(NODE_OPERATORS)]),
    ("**.preference.matchExpressions[].operator", &[Words(NODE_OPERATORS)]),
    ("**.preference.matchFields[].operator", &[Words(NODE_OPERATORS)]),
    ("**elector.matchExpressions[].operator", &[Words(LABEL_OPERATORS)]),
    ("**.matchExpressions", &[Items(32)]),
    ("**.matchExpressions[]", &[Required(&["key", "operator"])]),
    ("**.matchFields", &[Items(8)]),
    ("**.matchFields[]", &[Required(&["key", "operator"])]),
    ("**.values", &[Items(64)]),
    ("**.values[]", &[Chars(253)]),
    ("**.weight", &[Range(1, 100)]),
    ("**.preferredDuringSchedulingIgnoredDuringExecution", &[Items(32)]),
    ("**.requiredDuringSchedulingIgnoredDuringExecution", &[Items(32)]),
    ("**.requiredDuringSchedulingIgnoredDuringExecution", &[Required(&["nodeSelectorTerms"])]),
    ("**nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[]", &[Required(&["weight", "preference"])]),
    ("**Affinity.requiredDuringSchedulingIgnoredDuringExecution[]", &[Required(&["topologyKey"])]),
    ("**.podAffinityTerm", &[Required(&["topologyKey"])]),
    ("**odAffinity.preferredDuringSchedulingIgnoredDuringExecution[]", &[Required(&["weight", "podAffinityTerm"])]),
    ("**odAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[]", &[Required(&["weight", "podAffinityTerm"])]),
    ("**.topologyKey", &[Chars(317)]),
    ("**.namespaces", &[Items(32)]),
    ("**.namespaces[]", &[Chars(63), Pattern(LABEL)]),
    ("**.matchLabels", &[Entries(32)]),
    ("**.matchLabels.*", &[Chars(63), Pattern(LABEL_VALUE)]),
    ("**.matchLabelKeys", &[Items(16)]),
    ("**.mismatchLabelKeys", &[Items(16)]),
    ("status.selector", &[Chars(512)]),
    ("status.observedGeneration", &[Range(0, i64::MAX)]),
    ("status.conditions", &[Items(16), MapBy("type")]),
    ("status.conditions[]", &[Required(&["type", "status", "reason", "message", "lastTransitionTime"])]),
    (
        "status.conditions[].type",
        &[Chars(316), Pattern("^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$")],
    ),
    ("status.conditions[].status", &[Words(&["True", "False", "Unknown"])]),
    ("status.conditions[].reason", &[Chars(1024), Pattern("^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")]),
    ("status.conditions[].message", &[Chars(32_768)]),
    ("status.conditions[].observedGeneration", &[Range(0, i64::MAX)]),
    ("spec.resources.limits.*", &[Says("An amount: a number with an optional suffix, such as 2, 500m, 1Gi or 100M.")]),
    (
        "spec.resources.requests.*",
        &[Says("An amount: a number with an optional suffix, such as 2, 500m, 1Gi or 100M.")],
    ),
];

/// What nobody has bounded.
const CHARS: u32 = 317;
const ITEMS: u32 = 64;
const ENTRIES: u32 = 64;

/// Adds the bounds, and some to everything that has none: without, the cost of a rule about it would have no bound.
pub(super) fn add(schema: &mut Value) {
    each(schema, "", &mut |path, fields| {
        for (_, bounds) in BOUNDS.iter().filter(|(pattern, _)| is_meant(path, pattern)) {
            bounds.iter().for_each(|bound| bound.add(fields));
        }
        remaining(path, fields);
    });
}

impl Bound {
    fn add(self, fields: &mut Map<String, Value>) {
        let is_list = fields.get("type").is_some_and(|name| name == "array");
        let (keyword, value) = match self {
            Chars(most) => ("maxLength", json!(most)),
            Pattern(pattern) => ("pattern", json!(pattern)),
            // One word means a list for pods and an object for nodes.
            Items(most) if is_list => ("maxItems", json!(most)),
            Items(_) => return,
            AtLeast(least) => ("minItems", json!(least)),
            Entries(most) => ("maxProperties", json!(most)),
            Words(words) => ("enum", json!(words)),
            Required(_) if is_list => return,
            Required(names) => ("required", json!(names)),
            Range(least, most) => {
                fields.insert("minimum".into(), json!(least));
                if most == i64::MAX {
                    return;
                }
                ("maximum", json!(most))
            }
            MapBy(key) => {
                fields.insert("x-kubernetes-list-type".into(), json!("map"));
                ("x-kubernetes-list-map-keys", json!([key]))
            }
            Anything => {
                fields.insert("type".into(), json!("object"));
                ("x-kubernetes-preserve-unknown-fields", json!(true))
            }
            Says(text) => ("description", json!(text)),
        };
        fields.insert(keyword.into(), value);
    }
}

fn remaining(path: &str, fields: &mut Map<String, Value>) {
    if fields.contains_key("x-kubernetes-int-or-string") {
        fields.insert("anyOf".into(), json!([{ "type": "integer" }, { "type": "string" }]));
        fields.insert("pattern".into(), json!(QUANTITY));
        fields.insert("maxLength".into(), json!(32));
        fields.insert("minimum".into(), json!(0));
        return;
    }
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let (keyword, most) = match kind {
        "string" if !fields.contains_key("enum") && !fields.contains_key("format") => ("maxLength", CHARS),
        "array" => ("maxItems", ITEMS),
        "object" if fields.contains_key("additionalProperties") => ("maxProperties", ENTRIES),
        // Numbers that nobody has bounded are numbers of replicas.
        "integer" if !fields.contains_key("minimum") && path.starts_with("status.") => {
            fields.insert("minimum".into(), json!(0));
            return;
        }
        _ => return,
    };
    fields.entry(keyword).or_insert(json!(most));
}
