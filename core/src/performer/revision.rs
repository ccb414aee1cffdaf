use sha2::{Digest as _, Sha256};

use crate::hardware::HardwareRequirements;
use crate::performer::{EnvSource, EnvVar, PerformerSpec, Revision, Security};
use crate::resources::{Quantity, Resources};
use crate::scheduling::{
    NodeExpression, NodeOperator, NodeTerm, PreferredTerm, Scheduling, TaintEffect, Toleration, TolerationOperator,
};

impl PerformerSpec {
    /// The stable hash of what the user asked for that would need a new instance (`architecture.md`, the planner).
    ///
    /// Fields in their default state contribute nothing, so that fields can be added later without a new revision for
    /// those who do not use them. Ways of writing the same thing give the same revision: the order of variables,
    /// labels and tolerations, `1` and `1000m`, a version that the image's tag already says. Golden tests keep every
    /// value the same for ever: a change here would restart every performer of every user.
    pub fn revision(&self) -> Revision {
        let mut all = Canonical::default();
        all.text("image", self.image.as_str());
        all.text("version", self.version.as_deref().filter(|v| self.image.tag_or_digest() != Some(v)).unwrap_or(""));
        all.list("command", self.command.iter().map(|arg| arg.as_bytes().to_vec()));
        all.list("args", self.args.iter().map(|arg| arg.as_bytes().to_vec()));
        all.set("env", effective(&self.env).map(env_var));
        all.number("port", self.port.map(|port| port.get().into()));
        all.bytes("resources", &resources(&self.resources));
        all.bytes("scheduling", &scheduling(&self.scheduling));
        all.bytes("hardware", &hardware(&self.hardware));
        all.text("service_account", self.service_account.as_deref().unwrap_or(""));
        all.bytes("security", &security(&self.security));

        let hash = Sha256::new().chain_update(b"hourglass revision 1\n").chain_update(&all.0).finalize();
        let [a, b, c, d, e, ..]: [u8; 32] = hash.into();
        Revision::from_bytes([a, b, c, d, e])
    }
}

/// Named fields, each as name and value with their lengths in front; a field without a value is not there at all.
#[derive(Default)]
struct Canonical(Vec<u8>);

impl Canonical {
    fn bytes(&mut self, name: &str, value: &[u8]) {
        if !value.is_empty() {
            self.part(name.as_bytes());
            self.part(value);
        }
    }

    fn part(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, name: &str, value: &str) {
        self.bytes(name, value.as_bytes());
    }

    fn number(&mut self, name: &str, value: Option<i128>) {
        self.text(name, &value.map_or_else(String::new, |value| value.to_string()));
    }

    fn flag(&mut self, name: &str, value: bool) {
        self.text(name, if value { "true" } else { "" });
    }

    /// Order matters.
    fn list(&mut self, name: &str, items: impl IntoIterator<Item = Vec<u8>>) {
        let mut list = Self::default();
        for item in items {
            list.part(&item);
        }
        self.bytes(name, &list.0);
    }

    /// Order does not matter.
    fn set(&mut self, name: &str, items: impl IntoIterator<Item = Vec<u8>>) {
        let mut items: Vec<Vec<u8>> = items.into_iter().collect();
        items.sort_unstable();
        self.list(name, items);
    }

    fn map<'a>(&mut self, name: &str, entries: impl IntoIterator<Item = (&'a String, String)>) {
        self.set(name, entries.into_iter().map(|(key, value)| pair(key, &value)));
    }
}

fn pair(key: &str, value: &str) -> Vec<u8> {
    let mut pair = Canonical::default();
    pair.part(key.as_bytes());
    pair.part(value.as_bytes());
    pair.0
}

/// The variables that count: of several with one name the last.
fn effective(env: &[EnvVar]) -> impl Iterator<Item = &EnvVar> {
    env.iter().enumerate().filter(|(at, var)| !env[at + 1..].iter().any(|later| later.name == var.name)).map(|(_, v)| v)
}

fn env_var(var: &EnvVar) -> Vec<u8> {
    let mut fields = Canonical::default();
    fields.part(var.name.as_bytes());
    match &var.source {
        // Written even where empty: a variable that is set to nothing is not one that is not set.
        EnvSource::Value(value) => fields.list("value", [value.0.as_bytes().to_vec()]),
        EnvSource::FromExecutor(name) => fields.list("from_executor", [name.as_bytes().to_vec()]),
        EnvSource::SecretKey { secret, key } => fields.list("secret", [pair(secret, key)]),
        EnvSource::ConfigMapKey { config_map, key } => fields.list("config_map", [pair(config_map, key)]),
    }
    fields.0
}

fn resources(resources: &Resources) -> Vec<u8> {
    let amount = |(name, quantity): (&'_ String, &Quantity)| pair(name, &quantity.millis().to_string());
    let mut fields = Canonical::default();
    fields.set("requests", resources.requests.iter().map(amount));
    fields.set("limits", resources.limits.iter().map(amount));
    fields.0
}

fn scheduling(scheduling: &Scheduling) -> Vec<u8> {
    let mut fields = Canonical::default();
    fields.map("node_selector", scheduling.node_selector.iter().map(|(key, value)| (key, value.clone())));
    fields.set("tolerations", scheduling.tolerations.iter().map(toleration));
    fields.set("required_nodes", scheduling.required_nodes.iter().map(node_term));
    fields.set("preferred_nodes", scheduling.preferred_nodes.iter().map(preferred_term));
    fields.text("runtime_class", scheduling.runtime_class.as_deref().unwrap_or(""));
    fields.text("priority_class", scheduling.priority_class.as_deref().unwrap_or(""));
    fields.map("extras", scheduling.extras.iter().map(|(key, value)| (key, value.clone())));
    fields.0
}

fn toleration(toleration: &Toleration) -> Vec<u8> {
    let operator = match toleration.operator {
        TolerationOperator::Equal => "Equal",
        TolerationOperator::Exists => "Exists",
    };
    let effect = toleration.effect.map_or("", |effect| match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    });
    let mut fields = Canonical::default();
    fields.text("operator", operator);
    fields.text("key", toleration.key.as_deref().unwrap_or(""));
    fields.text("value", toleration.value.as_deref().unwrap_or(""));
    fields.text("effect", effect);
    fields.number("seconds", toleration.seconds.map(i128::from));
    fields.0
}

fn preferred_term(preferred: &PreferredTerm) -> Vec<u8> {
    let mut fields = Canonical::default();
    fields.number("weight", Some(preferred.weight.into()));
    fields.bytes("term", &node_term(&preferred.term));
    fields.0
}

fn node_term(term: &NodeTerm) -> Vec<u8> {
    let mut fields = Canonical::default();
    fields.set("labels", term.labels.iter().map(node_expression));
    fields.set("fields", term.fields.iter().map(node_expression));
    fields.0
}

fn node_expression(expression: &NodeExpression) -> Vec<u8> {
    let operator = match expression.operator {
        NodeOperator::In => "In",
        NodeOperator::NotIn => "NotIn",
        NodeOperator::Exists => "Exists",
        NodeOperator::DoesNotExist => "DoesNotExist",
        NodeOperator::Gt => "Gt",
        NodeOperator::Lt => "Lt",
    };
    let mut fields = Canonical::default();
    fields.text("key", &expression.key);
    fields.text("operator", operator);
    fields.set("values", expression.values.iter().map(|value| value.as_bytes().to_vec()));
    fields.0
}

fn hardware(hardware: &HardwareRequirements) -> Vec<u8> {
    let mut fields = Canonical::default();
    fields.text("gpu_type", hardware.gpu_type.as_deref().unwrap_or(""));
    fields.number("gpu_count", (hardware.gpu_count > 0).then(|| hardware.gpu_count.into()));
    fields.flag("tee_required", hardware.tee_required);
    fields.text("tee_type", hardware.tee_type.as_deref().unwrap_or(""));
    fields.map("custom_labels", hardware.custom_labels.iter().map(|(key, value)| (key, value.clone())));
    fields.0
}

fn security(security: &Security) -> Vec<u8> {
    let mut fields = Canonical::default();
    fields.number("run_as_user", security.run_as_user.map(i128::from));
    fields.number("read_only_root", security.read_only_root.map(i128::from));
    fields.set("add_capabilities", security.add_capabilities.iter().map(|name| name.as_bytes().to_vec()));
    fields.number("allow_privilege_escalation", security.allow_privilege_escalation.map(i128::from));
    fields.number("pids_limit", security.pids_limit.map(i128::from));
    fields.number("tmpfs_bytes", security.tmpfs_bytes.map(i128::from));
    fields.number("log_max_bytes", security.log_max_bytes.map(i128::from));
    fields.number("log_max_files", security.log_max_files.map(i128::from));
    fields.0
}
