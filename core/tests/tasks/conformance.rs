//! The fakes and the authority from the configuration keep the promises of their ports.

use futures_util::FutureExt as _;
use hourglass_core::ports::{Mandate, PublicKey, TaskClaim};
use hourglass_core::testing::conformance::{result_signer, task_authority};
use hourglass_core::testing::{FakeAuthority, FakeSigner, FakeVerifier};
use hourglass_core::trust::{AvsTrust, StaticAuthority};
use hourglass_core::{Address, CurveType};

use crate::world::{AGGREGATOR, AVS, SET};

const CLAIM: TaskClaim =
    TaskClaim { avs: AVS, operator_set_id: SET, aggregator: AGGREGATOR, reference_timestamp: 1, task_block_number: 0 };

#[test]
fn fake_signers() {
    for curve in [CurveType::Ecdsa, CurveType::Bn254] {
        result_signer(&FakeSigner::new(curve, 1), &FakeVerifier::new()).now_or_never().unwrap();
    }
}

#[test]
fn authorities() {
    let (key, mandate) = (PublicKey::Ecdsa(Address::new([1; 20])), Mandate::Bn254);
    let fake = FakeAuthority::new();
    fake.allow_aggregator(AVS, AGGREGATOR, key);
    fake.join_set(AVS, SET, mandate);
    task_authority(&fake, CLAIM, key, mandate).now_or_never().unwrap();

    let trust = AvsTrust { aggregators: [(AGGREGATOR, key)].into(), operator_sets: [(SET, mandate)].into() };
    let fixed = StaticAuthority::new([(AVS, trust)].into());
    task_authority(&fixed, CLAIM, key, mandate).now_or_never().unwrap();
}
