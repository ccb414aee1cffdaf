use std::sync::Arc;

use crate::digest::keccak256;
use crate::ports::{PublicKey, SignatureVerifier};
use crate::service::management::api::{AuthProof, ManagementError, ManagementErrorKind};
use crate::service::management::challenges::{ChallengeLimits, Challenges, RandomBytes};
use crate::task::challenge_message;
use crate::time::Timestamp;

/// How management calls are authenticated: with a signed challenge (`contract.md` §2).
pub struct ManagementAuth {
    verifier: Arc<dyn SignatureVerifier>,
    key: PublicKey,
    pub(super) challenges: Challenges,
}

impl std::fmt::Debug for ManagementAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ManagementAuth").field("key", &self.key).finish_non_exhaustive()
    }
}

impl ManagementAuth {
    /// Authenticates with the operator's key on secp256k1 if it has one, else with that on BN254; `None` where it has
    /// neither. `random` makes tokens and must be unpredictable.
    pub fn new(
        keys: &[PublicKey],
        verifier: Arc<dyn SignatureVerifier>,
        random: RandomBytes,
        limits: ChallengeLimits,
    ) -> Option<Self> {
        let ecdsa = keys.iter().find(|key| matches!(key, PublicKey::Ecdsa(_)));
        let key = *ecdsa.or_else(|| keys.first())?;
        Some(Self { verifier, key, challenges: Challenges::new(random, limits) })
    }

    /// Whether the proof holds. Its token is used up, whether it does or not.
    pub(super) fn check(&self, proof: Option<&AuthProof>, now: Timestamp) -> Result<(), ManagementError> {
        let refused = |message: &str| Err(ManagementError::new(ManagementErrorKind::Unauthenticated, message));
        let Some(proof) = proof else {
            return refused(
                "authentication is required: call GetChallengeToken, sign keccak256(keccak256(token)) with the \
                 operator's key, and send both in auth; for clients that cannot do so set authentication.enabled to \
                 false, and management is served on loopback only",
            );
        };
        // The cheap check first: a pairing is only spent on a token that was really issued.
        if !self.challenges.consume(&proof.challenge_token, now) {
            return refused(
                "the challenge token is unknown, used or expired: call GetChallengeToken again. A client that repeats a \
                 call by itself repeats its token, too: ListPerformers shows what the first attempt has done",
            );
        }
        let digest = keccak256(challenge_message(&proof.challenge_token).as_bytes());
        self.verifier.verify(&self.key, &digest, &proof.signature).or_else(|error| {
            refused(&format!("{error}: sign keccak256(keccak256(token)) with the operator's {} key", self.key.curve()))
        })
    }
}
