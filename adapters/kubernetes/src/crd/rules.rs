use serde_json::{Value, json};

use super::path::{each, is_meant};

/// A rule in CEL, and what to write instead where it does not hold.
pub(super) struct Rule {
    /// Which object or value it is about; `**` stands for any beginning, and nothing for the whole resource.
    path: &'static str,
    rule: &'static str,
    message: &'static str,
    /// Whether `oldSelf` is an optional: the rule then holds at creation too, and compares with what was there before.
    compares: bool,
}

const fn rule(path: &'static str, rule: &'static str, message: &'static str) -> Rule {
    Rule { path, rule, message, compares: false }
}

const fn comparing(path: &'static str, rule: &'static str, message: &'static str) -> Rule {
    Rule { path, rule, message, compares: true }
}

/// Whether GPUs are one number, wherever they stand.
macro_rules! gpus_agree {
    ($spec:literal) => {
        concat!(
            gpus_agree!(@nothing $spec),
            " || ((",
            gpus_agree!(@in $spec, "limits"),
            ") && (",
            gpus_agree!(@in $spec, "requests"),
            "))"
        )
    };
    (@nothing $spec:literal) => {
        concat!(
            "!has(", $spec, ".resources) || !has(", $spec, ".hardwareRequirements) || !has(", $spec,
            ".hardwareRequirements.gpuCount) || ", $spec, ".hardwareRequirements.gpuCount == 0 || (has(", $spec,
            ".hardwareRequirements.gpuType) && ", $spec, ".hardwareRequirements.gpuType.contains('/') && !", $spec,
            ".hardwareRequirements.gpuType.startsWith('nvidia.com/'))"
        )
    };
    (@in $spec:literal, $amounts:literal) => {
        concat!(
            "!has(", $spec, ".resources.", $amounts, ") || !('nvidia.com/gpu' in ", $spec, ".resources.", $amounts,
            ") || (", gpus_agree!(@count $spec, $amounts), ".isInteger() && ", gpus_agree!(@count $spec, $amounts),
            ".asInteger() == ", $spec, ".hardwareRequirements.gpuCount)"
        )
    };
    (@count $spec:literal, $amounts:literal) => {
        concat!("quantity(string(", $spec, ".resources.", $amounts, "['nvidia.com/gpu']))")
    };
}

const GPUS_AGREE: &str = "gpuCount and nvidia.com/gpu in resources are one request and must agree: make them equal, or \
    remove nvidia.com/gpu from resources";

/// Rules of Performers.
pub(super) const PERFORMER: &[Rule] = &[
    comparing(
        "",
        "oldSelf.hasValue() || (self.metadata.name.size() <= 53 && !self.metadata.name.contains('.'))",
        "metadata.name must have at most 53 characters and no dots, because the Service performer-<name> gets a DNS name from it: choose a shorter name, with - instead of .",
    ),
    rule(
        "spec.avsAddress",
        "self.matches('^0x[0-9a-fA-F]{40}$')",
        "avsAddress must be an Ethereum address: write 0x and 40 hexadecimal digits, such as 0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    ),
    rule(
        "spec.avsAddress",
        "!self.matches('^0x0{40}$')",
        "avsAddress is the zero address, which is nobody's: write the address of the AVS",
    ),
    rule(
        "spec.avsAddress",
        "self.lowerAscii() == oldSelf.lowerAscii() || !oldSelf.matches('^0x[0-9a-fA-F]{40}$')",
        "avsAddress cannot be changed: create another Performer for the other AVS, and delete this one when it is not needed any more",
    ),
    rule(
        "spec.hardwareRequirements",
        "!has(self.teeRequired) || !self.teeRequired || (has(self.teeType) && self.teeType != '')",
        "teeRequired needs a teeType: write teeType: sgx, sev or tdx beside it, or remove teeRequired",
    ),
    rule(
        "spec.hardwareRequirements.teeType",
        "self.lowerAscii() in ['', 'sgx', 'sev', 'tdx']",
        "teeType is not known: write sgx, sev or tdx",
    ),
    rule(
        "spec.hardwareRequirements",
        "!has(self.gpuType) || self.gpuType == '' || (has(self.gpuCount) && self.gpuCount > 0)",
        "gpuType needs a gpuCount: write how many GPUs each pod gets, such as gpuCount: 1, or remove gpuType",
    ),
    rule(
        "spec.hardwareRequirements.customLabels",
        "self.all(key, key.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",
        "customLabels has a key that no node's label can have: write a name of at most 63 letters, digits, -, _ and ., with a domain and / before it or not",
    ),
    // One rule for both would have to ask an optional for quantities, whose cost the API server takes for boundless.
    comparing("spec", concat!("oldSelf.hasValue() || ", gpus_agree!("self")), GPUS_AGREE),
    rule("spec", concat!(gpus_agree!("self"), " || !(", gpus_agree!("oldSelf"), ")"), GPUS_AGREE),
    rule(
        "spec",
        "self.?service.?headless.orValue(false) == oldSelf.?service.?headless.orValue(false)",
        "service.headless cannot be changed, because a Service keeps its kind of address for ever: create another Performer",
    ),
    rule(
        "spec.config.environment",
        "self.all(name, name.matches('^[ -<>-~]+$'))",
        "environment has a name that no variable can have: write printable characters other than =",
    ),
    rule(
        "spec.config.environmentFrom[].valueFrom",
        "has(self.secretKeyRef) != has(self.configMapKeyRef)",
        "valueFrom needs exactly one of secretKeyRef and configMapKeyRef",
    ),
    rule(
        "spec.security.addCapabilities[]",
        "!self.startsWith('CAP_')",
        "capabilities are written without CAP_ here: write NET_BIND_SERVICE for CAP_NET_BIND_SERVICE",
    ),
];

/// Rules of executors.
pub(super) const EXECUTOR: &[Rule] = &[
    comparing(
        "",
        "oldSelf.hasValue() || (self.metadata.name.size() <= 52 && self.metadata.name.matches('^[a-z][-a-z0-9]*$'))",
        "metadata.name must have at most 52 characters, begin with a letter and have no dots, because the StatefulSet and the Service of the same name need that",
    ),
    rule(
        "spec.config.aggregatorEndpoint",
        "self == '' || self.matches('^[^ /]+:[0-9]{1,5}$')",
        "aggregatorEndpoint must be host:port, without a scheme: write aggregator.example.com:9090",
    ),
    rule(
        "spec.config",
        "!has(self.operatorKeys) || !has(self.operatorKeyRefs) || self.operatorKeys.all(name, !(name in self.operatorKeyRefs))",
        "a key stands in both operatorKeys and operatorKeyRefs: remove it from operatorKeys",
    ),
    rule(
        "spec.config.chains[].taskMailboxAddress",
        "self == '' || self.matches('^0x[0-9a-fA-F]{40}$')",
        "taskMailboxAddress must be an Ethereum address: write 0x and 40 hexadecimal digits",
    ),
    rule(
        "spec.config.chains[].rpc",
        "self.matches('^(https?|wss?)://[!-~]+$')",
        "rpc must be a URL: write https://, http://, wss:// or ws:// and the host",
    ),
    rule(
        "spec.config.chains",
        "self.all(chain, self.exists_one(other, other.chainId == chain.chainId))",
        "two chains have one chainId: keep one of them",
    ),
];

/// Rules of both.
pub(super) const SHARED: &[Rule] = &[
    rule(
        "spec.image",
        "self.matches('^[!-~]+$')",
        "image must not be empty or have spaces: write an image such as registry.example.com/my-org/my-image:v1.0.0",
    ),
    rule(
        "spec.resources",
        "!has(self.requests) || !has(self.limits) || self.requests.all(name, !(name in self.limits) \
         || quantity(string(self.requests[name])).compareTo(quantity(string(self.limits[name]))) <= 0)",
        "a request is greater than the limit of the same resource: lower the request or raise the limit",
    ),
    rule(
        "**.nodeSelector",
        "self.all(key, key.matches('^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$'))",
        "nodeSelector has a key that no node's label can have: write a name of at most 63 letters, digits, -, _ and ., with a domain and / before it or not",
    ),
    rule(
        "**.tolerations[]",
        "(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')",
        "a toleration without a key tolerates every taint, and then its operator must be Exists: add the key of the taint, or operator: Exists",
    ),
    rule(
        "**.tolerations[]",
        "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
        "a toleration with operator Exists has no value: remove value, or write operator: Equal",
    ),
    rule(
        "**.tolerations[]",
        "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
        "tolerationSeconds is only for taints that evict: write effect: NoExecute beside it, or remove it",
    ),
    rule(
        "**.matchExpressions[]",
        "self.operator in ['Exists', 'DoesNotExist'] ? (!has(self.values) || self.values.size() == 0) : (has(self.values) && self.values.size() > 0)",
        "values belong to In, NotIn, Gt and Lt, and to nothing else: add values, or remove them from Exists and DoesNotExist",
    ),
    rule(
        "**.matchExpressions[]",
        "!(self.operator in ['Gt', 'Lt']) || (has(self.values) && self.values.size() == 1 && self.values[0].matches('^-?[0-9]{1,18}$'))",
        "Gt and Lt compare with one whole number: write it as text, such as values: [\"8\"]",
    ),
];

impl Rule {
    #[cfg(test)]
    pub(super) const fn path(&self) -> &'static str {
        self.path
    }

    fn to_json(&self) -> Value {
        let mut rule = json!({ "rule": self.rule, "message": self.message });
        if self.compares {
            rule["optionalOldSelf"] = json!(true);
        }
        rule
    }
}

/// Adds the rules to what they are about.
pub(super) fn add<'r>(schema: &mut Value, rules: impl Iterator<Item = &'r Rule> + Clone) {
    each(schema, "", &mut |path, fields| {
        let found: Vec<Value> = rules.clone().filter(|rule| is_meant(path, rule.path)).map(Rule::to_json).collect();
        if !found.is_empty() {
            fields.insert("x-kubernetes-validations".into(), Value::Array(found));
        }
    });
}
