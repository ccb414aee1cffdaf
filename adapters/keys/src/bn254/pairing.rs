use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use ark_bn254::{Bn254, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::bn::G2Prepared;
use ark_ec::pairing::Pairing;
use ark_ff::One;
use hourglass_core::Digest;
use hourglass_core::ports::{Bn254PublicKey, SignatureError};

use super::point::{g1_from_bytes, g2_from_bytes};
use super::{hash_to_g1, solidity_hash_to_g1};

type Prepared = G2Prepared<ark_bn254::Config>;

static GENERATOR: LazyLock<Prepared> = LazyLock::new(|| Prepared::from(G2Affine::generator()));

/// Prepared public keys kept by default. One takes about 20 kB.
const DEFAULT_CAPACITY: usize = 128;

/// Verifies BLS signatures: `e(signature, G2) = e(H, key)`, as one product of two pairings.
///
/// Checking a public key and preparing it for pairings costs about as much as a pairing, so the most recently used keys
/// are kept prepared, in bounded number. Refusals are not kept.
pub struct Bn254Verifier {
    capacity: usize,
    cache: Mutex<Cache>,
}

#[derive(Default)]
struct Cache {
    keys: HashMap<Bn254PublicKey, (u64, Arc<Prepared>)>,
    clock: u64,
}

impl Bn254Verifier {
    /// A verifier that keeps 128 prepared keys.
    pub fn new() -> Self {
        Self::with_capacity(DEFAULT_CAPACITY)
    }

    /// A verifier that keeps this many prepared keys, at least one.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { capacity: capacity.max(1), cache: Mutex::default() }
    }

    /// Whether the signature is over the digest as RFC 9380 maps it to G1.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_digest(&self, key: &Bn254PublicKey, digest: &Digest, signature: &[u8]) -> Result<(), SignatureError> {
        // What costs nothing comes first: a malformed signature never causes a pairing.
        let signature = g1_from_bytes(signature)?;
        self.check(key, || hash_to_g1(digest.as_bytes()), signature)
    }

    /// Whether the signature is over the digest of a certificate as contracts map it to G1.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn verify_certificate_digest(
        &self,
        key: &Bn254PublicKey,
        digest: &Digest,
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        let signature = g1_from_bytes(signature)?;
        self.check(key, || solidity_hash_to_g1(digest), signature)
    }

    /// How many prepared keys it holds now.
    pub fn prepared_keys(&self) -> usize {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).keys.len()
    }

    fn check(
        &self,
        key: &Bn254PublicKey,
        hash: impl FnOnce() -> G1Affine,
        signature: G1Affine,
    ) -> Result<(), SignatureError> {
        let prepared = self.prepared(key)?;
        let pairs = Bn254::multi_miller_loop([signature, -hash()], [&*GENERATOR, &*prepared].map(Clone::clone));
        match Bn254::final_exponentiation(pairs) {
            Some(product) if product.0.is_one() => Ok(()),
            _ => Err(SignatureError::Mismatch),
        }
    }

    fn prepared(&self, key: &Bn254PublicKey) -> Result<Arc<Prepared>, SignatureError> {
        if let Some(prepared) = self.cache.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Ok(prepared);
        }
        // Prepared without the lock: a second thread may do the same work once, but none waits for it.
        let prepared = Arc::new(Prepared::from(g2_from_bytes(key)?));
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.insert(*key, Arc::clone(&prepared), self.capacity);
        Ok(prepared)
    }
}

impl Cache {
    fn get(&mut self, key: &Bn254PublicKey) -> Option<Arc<Prepared>> {
        self.clock += 1;
        let (used, prepared) = self.keys.get_mut(key)?;
        *used = self.clock;
        Some(Arc::clone(prepared))
    }

    fn insert(&mut self, key: Bn254PublicKey, prepared: Arc<Prepared>, capacity: usize) {
        if self.keys.len() >= capacity && !self.keys.contains_key(&key) {
            let oldest = self.keys.iter().min_by_key(|(_, (used, _))| *used).map(|(key, _)| *key);
            oldest.map(|key| self.keys.remove(&key));
        }
        self.clock += 1;
        self.keys.insert(key, (self.clock, prepared));
    }
}

impl Default for Bn254Verifier {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Bn254Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bn254Verifier").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}
