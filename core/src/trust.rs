//! Who may submit tasks and how answers are signed, taken from the configuration instead of a chain.

use std::collections::BTreeMap;
use std::sync::RwLock;

use async_trait::async_trait;

use crate::address::Address;
use crate::ports::{AuthorityError, Mandate, PublicKey, TaskAuthority, TaskClaim};

/// What the configuration says of one AVS.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AvsTrust {
    /// Who may submit, and the key each signs with.
    pub aggregators: BTreeMap<Address, PublicKey>,
    /// The sets this operator executes tasks for, and how each signs.
    pub operator_sets: BTreeMap<u32, Mandate>,
}

/// A [`TaskAuthority`] that believes the configuration. It asks nobody and never fails for want of an answer.
#[derive(Debug, Default)]
pub struct StaticAuthority {
    avs: RwLock<BTreeMap<Address, AvsTrust>>,
}

impl StaticAuthority {
    /// Trusts what is listed and nothing else.
    pub fn new(avs: BTreeMap<Address, AvsTrust>) -> Self {
        Self { avs: RwLock::new(avs) }
    }

    /// Replaces everything that was trusted, at once.
    pub fn replace(&self, avs: BTreeMap<Address, AvsTrust>) {
        *self.avs.write().unwrap_or_else(std::sync::PoisonError::into_inner) = avs;
    }

    fn with<T>(
        &self,
        claim: &TaskClaim,
        read: impl FnOnce(&AvsTrust, &Mandate) -> Result<T, AuthorityError>,
    ) -> Result<T, AuthorityError> {
        let all = self.avs.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let avs = all.get(&claim.avs).ok_or(AuthorityError::UnknownAvs(claim.avs))?;
        let set = claim.operator_set_id;
        let mandate = avs.operator_sets.get(&set).ok_or(AuthorityError::UnknownOperatorSet { avs: claim.avs, set })?;
        read(avs, mandate)
    }
}

#[async_trait]
impl TaskAuthority for StaticAuthority {
    async fn aggregator_key(&self, claim: &TaskClaim) -> Result<PublicKey, AuthorityError> {
        self.with(claim, |avs, _| {
            let unknown = AuthorityError::NotAnAggregator { aggregator: claim.aggregator, avs: claim.avs };
            avs.aggregators.get(&claim.aggregator).copied().ok_or(unknown)
        })
    }

    async fn mandate(&self, claim: &TaskClaim) -> Result<Mandate, AuthorityError> {
        self.with(claim, |_, mandate| Ok(*mandate))
    }
}
