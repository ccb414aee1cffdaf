use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use crate::address::Address;
use crate::ports::{AuthorityError, Mandate, PublicKey, TaskAuthority, TaskClaim};

/// A scripted [`TaskAuthority`]: knows the aggregators and the operator sets that a test told it, answers everything
/// else as the real ones do, and remembers what it was asked.
#[derive(Debug, Default)]
pub struct FakeAuthority(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    aggregators: HashMap<(Address, Address), PublicKey>,
    sets: HashMap<(Address, u32), Option<Mandate>>,
    key_failure: Option<AuthorityError>,
    mandate_failure: Option<AuthorityError>,
    key_claims: Vec<TaskClaim>,
    mandate_claims: Vec<TaskClaim>,
}

impl FakeAuthority {
    /// Knows nobody.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets an aggregator submit tasks of an AVS, replacing its key where it had one.
    pub fn allow_aggregator(&self, avs: Address, aggregator: Address, key: PublicKey) {
        self.state().aggregators.insert((avs, aggregator), key);
    }

    /// Withdraws what [`Self::allow_aggregator`] allowed.
    pub fn forbid_aggregator(&self, avs: Address, aggregator: Address) {
        self.state().aggregators.remove(&(avs, aggregator));
    }

    /// Makes us a member of an operator set that executes tasks.
    pub fn join_set(&self, avs: Address, operator_set_id: u32, mandate: Mandate) {
        self.state().sets.insert((avs, operator_set_id), Some(mandate));
    }

    /// Takes us out of a set, which goes on to exist.
    pub fn leave_set(&self, avs: Address, operator_set_id: u32) {
        self.state().sets.insert((avs, operator_set_id), None);
    }

    /// Answers every question about a key with this error, until told otherwise with `None`.
    pub fn fail_keys(&self, failure: Option<AuthorityError>) {
        self.state().key_failure = failure;
    }

    /// Answers every question about a mandate with this error, until told otherwise with `None`.
    pub fn fail_mandates(&self, failure: Option<AuthorityError>) {
        self.state().mandate_failure = failure;
    }

    /// Every claim for which a key was asked, in order.
    pub fn key_claims(&self) -> Vec<TaskClaim> {
        self.state().key_claims.clone()
    }

    /// Every claim for which a mandate was asked, in order.
    pub fn mandate_claims(&self) -> Vec<TaskClaim> {
        self.state().mandate_claims.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn mandate(&self, claim: &TaskClaim) -> Result<Option<Mandate>, AuthorityError> {
        if !self.sets.keys().any(|(avs, _)| *avs == claim.avs) {
            return Err(AuthorityError::UnknownAvs(claim.avs));
        }
        let unknown = AuthorityError::UnknownOperatorSet { avs: claim.avs, set: claim.operator_set_id };
        self.sets.get(&(claim.avs, claim.operator_set_id)).copied().ok_or(unknown)
    }
}

#[async_trait]
impl TaskAuthority for FakeAuthority {
    async fn aggregator_key(&self, claim: &TaskClaim) -> Result<PublicKey, AuthorityError> {
        let mut state = self.state();
        state.key_claims.push(*claim);
        if let Some(failure) = state.key_failure.clone() {
            return Err(failure);
        }
        state.mandate(claim)?;
        let stranger = AuthorityError::NotAnAggregator { aggregator: claim.aggregator, avs: claim.avs };
        state.aggregators.get(&(claim.avs, claim.aggregator)).copied().ok_or(stranger)
    }

    async fn mandate(&self, claim: &TaskClaim) -> Result<Mandate, AuthorityError> {
        let mut state = self.state();
        state.mandate_claims.push(*claim);
        if let Some(failure) = state.mandate_failure.clone() {
            return Err(failure);
        }
        state.mandate(claim)?.ok_or(AuthorityError::NotAMember { avs: claim.avs, set: claim.operator_set_id })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn it_knows_what_it_was_told_and_refuses_the_rest() {
        let (avs, aggregator) = (Address::new([1; 20]), Address::new([2; 20]));
        let claim = TaskClaim { avs, operator_set_id: 3, aggregator, reference_timestamp: 4, task_block_number: 0 };
        let authority = FakeAuthority::new();
        let key = || authority.aggregator_key(&claim).now_or_never().unwrap();
        let mandate = || authority.mandate(&claim).now_or_never().unwrap();

        assert_eq!(key(), Err(AuthorityError::UnknownAvs(avs)));
        authority.join_set(avs, 9, Mandate::Bn254);
        assert_eq!(mandate(), Err(AuthorityError::UnknownOperatorSet { avs, set: 3 }));
        authority.join_set(avs, 3, Mandate::Bn254);
        assert_eq!(mandate(), Ok(Mandate::Bn254));
        assert_eq!(key(), Err(AuthorityError::NotAnAggregator { aggregator, avs }));
        authority.allow_aggregator(avs, aggregator, PublicKey::Ecdsa(aggregator));
        assert_eq!(key(), Ok(PublicKey::Ecdsa(aggregator)));
        authority.forbid_aggregator(avs, aggregator);
        assert_eq!(key(), Err(AuthorityError::NotAnAggregator { aggregator, avs }));
        authority.leave_set(avs, 3);
        assert_eq!(mandate(), Err(AuthorityError::NotAMember { avs, set: 3 }));

        let down = AuthorityError::Unavailable("down".into());
        authority.fail_keys(Some(down.clone()));
        authority.fail_mandates(Some(down.clone()));
        assert_eq!((key(), mandate()), (Err(down.clone()), Err(down)));
        assert_eq!((authority.key_claims().len(), authority.mandate_claims().len()), (5, 4));
    }
}
