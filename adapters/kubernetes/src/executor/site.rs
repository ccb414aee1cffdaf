//! Whose children they are, and what they are called.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::api::HourglassExecutor;
use crate::build::{Owner, owner_reference};
use crate::names;

/// The ConfigMap of an executor.
pub fn config_map_name(executor: &str) -> String {
    format!("{executor}-config")
}

/// The Secret into which keys are moved that stand in the resource.
pub fn key_secret_name(executor: &str) -> String {
    format!("{executor}-keys")
}

/// The Service that gives each replica a DNS name of its own.
pub fn headless_service_name(executor: &str) -> String {
    format!("{executor}-headless")
}

/// The executor that children belong to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) name: &'a str,
    pub(super) namespace: &'a str,
    pub(super) uid: &'a str,
}

impl<'a> Site<'a> {
    pub(super) fn of(executor: &'a HourglassExecutor) -> Self {
        Self {
            name: executor.metadata.name.as_deref().unwrap_or_default(),
            namespace: executor.metadata.namespace.as_deref().unwrap_or_default(),
            uid: executor.metadata.uid.as_deref().unwrap_or_default(),
        }
    }

    /// What selects the replicas.
    pub(super) fn selecting(&self) -> BTreeMap<String, String> {
        [(names::LABEL_APP, names::APP_EXECUTOR), (names::LABEL_NAME, self.name)]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    }

    pub(super) fn selector(&self) -> LabelSelector {
        LabelSelector { match_labels: Some(self.selecting()), match_expressions: None }
    }

    /// What every child carries.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.selecting();
        labels.insert(names::LABEL_MANAGED_BY.into(), names::OPERATOR_MANAGER.into());
        labels
    }

    pub(super) fn metadata(&self, name: impl Into<String>) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.into()),
            namespace: Some(self.namespace.into()),
            labels: Some(self.labels()),
            owner_references: Some(vec![owner_reference(Owner::Executor { name: self.name, uid: self.uid })]),
            ..ObjectMeta::default()
        }
    }
}
