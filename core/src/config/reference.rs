use super::check::join;
use super::key::{Key, Kind};
use super::table::ROOT;

const INTRODUCTION: &str = "\
# Configuration

<!-- Generated from the key table in core/src/config; `UPDATE_GENERATED=1 cargo test -p hourglass-core --test config` writes it. -->

The executor reads one YAML file. Four layers set a value, later ones win: the defaults below, the file, the
environment, flags. `hourglass-executor config print` shows every value in force and who set it;
`hourglass-executor validate` reports every problem at once; `hourglass-executor schema` prints the JSON Schema for
editors.

- A key `a.b` is the variable `HOURGLASS_A__B`; an item of a list is named by its number, as in
  `HOURGLASS_AVS_CONFIG__SUPPORTED_AVS__0__PERFORMER_VERSION`. A list or mapping as a whole is written as YAML in one line.
- The chart's own variables are weaker than these: `DEPLOYMENT_MODE`, `KUBERNETES_NAMESPACE`, `AGGREGATOR_ENDPOINT`,
  `AGGREGATOR_TLS_ENABLED`, `LOG_LEVEL`, `LOG_FORMAT`, `ECDSA_PRIVATE_KEY`, `BLS_PRIVATE_KEY`, `HEALTH_CHECK_PORT`,
  `METRICS_PORT`. A variable that is empty counts as unset.
- Docker's own variables are weaker than these too, and stronger than the file: `DOCKER_HOST` is `docker.host`,
  `DOCKER_CONFIG` is `docker.client_config_path` (else the file's, else `$HOME/.docker`), and `DOCKER_CERT_PATH` is the directory of
  `ca.pem`, `cert.pem` and `key.pem` for `docker.tls`; with `DOCKER_TLS_VERIFY` alone it is Docker's own directory. Whoever
  uses TLS has the engine verified: there is no way to turn that off.
- Unknown keys and keys that stand twice are errors.
- Durations are written as `500ms`, `30s`, `5m`, `1h`, `1m30s` or `30d`, amounts as in Kubernetes: `500m`, `2`, `1Gi`.
- On SIGHUP, changes of the AVSs and of the log level take effect at once, all others at the next start.
";

/// The reference of every key, in Markdown: `docs/configuration.md`.
pub fn reference_markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    text.push_str("\n## Top level\n\n");
    section(ROOT, "", &mut text);
    text
}

/// One table, and then one for each section in it.
fn section(keys: &[Key], path: &str, text: &mut String) {
    text.push_str("| key | value | default | |\n|---|---|---|---|\n");
    for key in keys {
        let default = match (key.default, key.required) {
            (Some(default), _) => format!("`{default}`"),
            (None, true) => "required".into(),
            (None, false) => String::new(),
        };
        let value = match key.kind {
            Kind::Section(_) | Kind::Entries(_) => {
                let anchor = join(path, key.name).replace(['.', '[', ']'], "");
                format!("[{}](#{anchor})", key.kind.expected())
            }
            kind => escaped(&kind.expected()),
        };
        text.push_str(&format!("| `{}` | {value} | {default} | {}{} |\n", key.name, escaped(key.doc), spellings(key)));
    }
    for key in keys {
        let path = join(path, key.name);
        let (keys, item) = match key.kind {
            Kind::Section(keys) => (keys, ""),
            Kind::Entries(keys) => (keys, "[]"),
            _ => continue,
        };
        text.push_str(&format!("\n## `{path}{item}`\n\n{}\n\n", key.doc));
        section(keys, &format!("{path}{item}"), text);
    }
}

fn spellings(key: &Key) -> String {
    let mut text = String::new();
    if let Some(example) = key.example {
        text.push_str(&format!(" Example: `{}`.", escaped(example)));
    }
    let camel = super::key::camel_case(key.name);
    let mut others: Vec<String> = key.alias.map(str::to_owned).into_iter().collect();
    others.extend(key.alias.filter(|_| key.camel).map(super::key::camel_case));
    others.extend(Some(camel).filter(|camel| key.camel && camel != key.name));
    others.dedup();
    if !others.is_empty() {
        let quoted: Vec<String> = others.iter().map(|name| format!("`{name}`")).collect();
        text.push_str(&format!(" Also {}.", quoted.join(", ")));
    }
    if let Some(former) = key.former {
        text.push_str(&format!(" Also, with a note, `{former}`."));
    }
    text
}

/// A bar would end the cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|")
}
