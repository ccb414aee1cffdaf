//! The configuration of an executor: layers, provenance, every problem at once.
//!
//! Nothing here reads a file or the environment: the caller passes texts and maps.
//!
//! ```
//! use hourglass_core::config::{self, ConfigFile, Sources};
//!
//! let text = "deployment_mode: docker\nlog_levle: debug\n";
//! let file = ConfigFile { name: "executor.yaml".into(), text: text.into() };
//! let problems = config::load(&Sources { file: Some(file), ..Sources::default() }).unwrap_err();
//! let report = problems.to_string();
//! assert!(report.contains("executor.yaml:2:1") && report.contains("did you mean 'log_level'?"));
//! ```

mod avs;
mod check;
mod docker;
mod docker_variables;
mod duration;
mod effective;
mod key;
mod layers;
mod model;
mod nearest;
mod placement;
mod problem;
mod read;
mod read_avs;
mod read_docker;
mod reference;
mod reload;
mod rules;
mod schema;
mod section;
mod table;
mod table_avs;
mod table_docker;
mod tree;
mod yaml;

use std::collections::BTreeMap;

pub use avs::{AggregatorConfig, AvsConfig, OperatorSetConfig, TaskConfig};
pub use docker::{DockerConfig, DockerTls};
pub use duration::{format_duration, parse_duration};
pub use effective::EffectiveValue;
pub use model::{
    AggregatorEndpoint, AuthenticationConfig, ChainConfig, Config, DeploymentMode, DevelopmentConfig, HealthConfig,
    KeyMaterial, KeySource, KubernetesConfig, LogFormat, ManagementConfig, MetricsConfig, OperatorConfig, OperatorKeys,
    Password, PerformerConfig, PerformerRuntime, ServerConfig, StorageConfig, TlsConfig,
};
pub use nearest::distance;
pub use problem::{Note, Problem, Problems, Source};
pub use reference::reference_markdown;
pub use reload::ReloadDiff;
pub use schema::json_schema;

use key::Kind;
use section::Section;

/// Where the values come from; later ones win: defaults, file, environment, flags.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file, if there is one.
    pub file: Option<ConfigFile>,
    /// The whole environment. Read are the variables that begin with `HOURGLASS_`, with `__` between levels, the chart's
    /// own (`contract.md` §6), and Docker's own with `HOME`; empty ones count as unset.
    pub env: BTreeMap<String, String>,
    /// Path and value, as in `("server.listen", "127.0.0.1:9095")`; the last of one path wins.
    pub flags: Vec<(String, String)>,
}

/// A configuration file that somebody read.
#[derive(Clone)]
pub struct ConfigFile {
    /// As it is shown in reports.
    pub name: String,
    /// YAML.
    pub text: String,
}

/// A valid configuration, and what there is to say about it.
#[derive(Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What the user should know, said once at start.
    pub notes: Vec<Note>,
    tree: tree::Node,
}

impl std::fmt::Debug for Loaded {
    /// Without the tree, whose texts are not masked.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Loaded").field("config", &self.config).field("notes", &self.notes).finish_non_exhaustive()
    }
}

impl Loaded {
    /// Every value in force, secrets masked, in the order of the reference.
    pub fn effective(&self) -> Vec<EffectiveValue> {
        effective::effective(&self.tree)
    }

    /// Where a value comes from, by its path as in `server.listen` or `avs_config.supported_avs[0].name`;
    /// [`Source::Default`] where nobody set it.
    pub fn provenance(&self, path: &str) -> Source {
        self.effective().into_iter().find(|value| value.path == path).map_or(Source::Default, |value| value.source)
    }
}

/// Reads and checks a configuration.
///
/// Total: no input panics or takes more than time linear in its (bounded) size.
///
/// # Errors
/// [`Problems`]: all of them at once, each with its path, its place and what would be right. Secrets are never shown.
pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
    let (mut problems, mut notes) = (Problems::default(), Vec::new());
    let Some(tree) = layers::merge(sources, &mut problems, &mut notes) else {
        return Err(problems.sorted());
    };
    check::check(&tree, Kind::Section(table::ROOT), "", &mut problems);
    let root = Section::new(String::new(), table::ROOT, Some(&tree), &tree.source);
    let mut report = read::Report { problems: &mut problems, notes: &mut notes };
    let config = read::config(&root, &mut report);
    rules::check(&root, &config, &mut report);
    if problems.is_empty() {
        return Ok(Loaded { config, notes, tree });
    }
    Err(problems.sorted())
}
