//! The operator's keys, read from where the configuration says they are.

use std::sync::Arc;

use anyhow::Context as _;
use hourglass_core::config::{Config, KeyMaterial, KeySource as Configured, Password};
use hourglass_core::ports::{PublicKey, ResultSigner};
use hourglass_core::service::{AuthProof, Signers};
use hourglass_core::task::challenge_message;
use hourglass_core::{Address, Secret};
use hourglass_grpc::api::ExecutorApi;
use hourglass_keys::{Bn254Signer, EcdsaSigner, KeySource, load_bn254, load_ecdsa, load_password};
use tracing::warn;

/// Who the operator is and what it signs with.
#[derive(Clone)]
pub(crate) struct Keyring {
    /// Whom aggregators address.
    pub(crate) operator: Address,
    /// The keys.
    pub(crate) signers: Signers,
}

impl Keyring {
    /// Reads every configured key.
    ///
    /// # Errors
    /// Which key, and why it cannot be used. Never shows any of it.
    pub(crate) fn read(config: &Config) -> anyhow::Result<Self> {
        let (keyring, warnings) = Self::look(config)?;
        warnings.iter().for_each(|warning| warn!("{warning}"));
        Ok(keyring)
    }

    /// Reads every configured key, and returns beside them what should be better about how they are kept.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(crate) fn look(config: &Config) -> anyhow::Result<(Self, Vec<String>)> {
        let mut warnings = Vec::new();
        let keys = &config.operator_keys;
        let mut signers = Signers::default();
        let mut ecdsa_address = None;
        if let Some(source) = &keys.ecdsa {
            let context = "operator_keys: the ECDSA key cannot be used";
            let (place, password) = place(source, "ECDSA_PRIVATE_KEY", &mut warnings).context(context)?;
            let loaded = load_ecdsa(&place, password.as_ref()).context(context)?;
            warnings.extend(loaded.warnings.iter().map(ToString::to_string));
            ecdsa_address = Some(loaded.key.address());
            signers.ecdsa = Some(Arc::new(EcdsaSigner::new(loaded.key)));
        }
        if let Some(source) = &keys.bn254 {
            let context = "operator_keys: the BN254 key cannot be used";
            let (place, password) = place(source, "BLS_PRIVATE_KEY", &mut warnings).context(context)?;
            let loaded = load_bn254(&place, password.as_ref()).context(context)?;
            warnings.extend(loaded.warnings.iter().map(ToString::to_string));
            signers.bn254 = Some(Arc::new(Bn254Signer::new(loaded.key)));
        }
        let operator =
            config.operator.address.or(ecdsa_address).context(
                "operator.address is missing: without an ECDSA key nothing else says whom aggregators address",
            )?;
        Ok((Self { operator, signers }, warnings))
    }

    /// The public half of every key.
    pub(crate) fn public_keys(&self) -> Vec<PublicKey> {
        self.all().map(|signer| signer.public_key()).collect()
    }

    /// Asks an executor for a challenge and answers it, with the key on secp256k1 where there is one.
    ///
    /// # Errors
    /// Where the executor gives none, or the key cannot sign.
    pub(crate) async fn prove(&self, api: &ExecutorApi) -> anyhow::Result<AuthProof> {
        let challenge = api.challenge(self.operator.checksummed()).await?;
        let signer = self.all().next().context("operator_keys: no key is configured")?;
        let signature = signer.sign_message(challenge_message(&challenge.token).as_bytes()).await?;
        Ok(AuthProof { challenge_token: challenge.token, signature })
    }

    fn all(&self) -> impl Iterator<Item = &Arc<dyn ResultSigner>> {
        self.signers.ecdsa.iter().chain(&self.signers.bn254)
    }
}

fn place(
    source: &Configured,
    variable: &str,
    warnings: &mut Vec<String>,
) -> anyhow::Result<(KeySource, Option<Secret<String>>)> {
    let place = match &source.material {
        KeyMaterial::Path(path) | KeyMaterial::Keystore(path) => KeySource::File(path.clone()),
        KeyMaterial::Inline(text) => KeySource::Text { origin: variable.into(), text: text.clone() },
        KeyMaterial::Descriptor(number) => KeySource::Descriptor(u32::try_from(*number)?),
    };
    let password = match &source.password {
        None => None,
        Some(Password::Inline(text)) => Some(text.clone()),
        Some(Password::Path(path)) => {
            let (password, more) = load_password(&KeySource::File(path.clone()))?;
            warnings.extend(more.iter().map(ToString::to_string));
            Some(password)
        }
    };
    Ok((place, password))
}
