use std::fmt;

use serde::{Deserialize, Serialize};

/// One variable of a performer's environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnvVar {
    /// Its name.
    pub name: String,
    /// Where its value comes from.
    #[serde(flatten)]
    pub source: EnvSource,
}

/// Where the value of a variable comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvSource {
    /// Written out.
    Value(EnvValue),
    /// The executor's own environment, under this name.
    FromExecutor(String),
    /// A key of a Kubernetes Secret.
    SecretKey {
        /// The Secret.
        secret: String,
        /// Its key.
        key: String,
    },
    /// A key of a Kubernetes ConfigMap.
    ConfigMapKey {
        /// The ConfigMap.
        config_map: String,
        /// Its key.
        key: String,
    },
}

/// A literal value. People put secrets there, so its debug form does not show it.
#[derive(Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EnvValue(pub String);

impl fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[value]")
    }
}
