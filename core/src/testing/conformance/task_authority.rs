use crate::address::Address;
use crate::ports::{AuthorityError, Mandate, PublicKey, TaskAuthority, TaskClaim};

/// What every authority promises, for one claim of which the truth is known: the aggregator signs with `key`, and the
/// operator set answers under `mandate`.
///
/// # Panics
/// At the first promise that does not hold.
pub async fn task_authority(authority: &dyn TaskAuthority, claim: TaskClaim, key: PublicKey, mandate: Mandate) {
    assert_eq!(authority.aggregator_key(&claim).await, Ok(key), "a known aggregator has its key");
    assert_eq!(authority.mandate(&claim).await, Ok(mandate), "a served operator set has its mandate");
    let stranger = Address::new([0xee; 20]);

    let foreign = TaskClaim { aggregator: stranger, ..claim };
    let refused = AuthorityError::NotAnAggregator { aggregator: stranger, avs: claim.avs };
    assert_eq!(authority.aggregator_key(&foreign).await, Err(refused), "nobody else may submit");

    let other = TaskClaim { avs: stranger, ..claim };
    let refused = Err(AuthorityError::UnknownAvs(stranger));
    assert_eq!(
        authority.aggregator_key(&other).await.map(|_| ()),
        refused,
        "an AVS that is not served has no aggregator"
    );
    assert_eq!(authority.mandate(&other).await.map(|_| ()), refused, "and no mandate");

    let set = claim.operator_set_id.wrapping_add(1);
    let unserved = TaskClaim { operator_set_id: set, ..claim };
    let refused = Err(AuthorityError::UnknownOperatorSet { avs: claim.avs, set });
    assert_eq!(authority.aggregator_key(&unserved).await.map(|_| ()), refused, "a set that is not served has no tasks");
    assert_eq!(authority.mandate(&unserved).await.map(|_| ()), refused, "and no mandate");
}
