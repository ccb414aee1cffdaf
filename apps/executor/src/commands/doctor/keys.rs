//! Whether the operator's keys are there and unlock.

use hourglass_core::config::Config;
use hourglass_core::ports::PublicKey;
use hourglass_docker::Finding;

use crate::keyring::Keyring;

/// Blocks: a keystore takes a second to unlock.
pub(super) fn keys(config: &Config) -> Vec<Finding> {
    let (keyring, warnings) = match Keyring::look(config) {
        Ok(found) => found,
        Err(error) => {
            let remedy = "correct operator_keys: the file, its password, and that the executor's user may read both";
            return vec![Finding::bad("keys", format!("{error:#}"), remedy)];
        }
    };
    let operator = keyring.operator.checksummed();
    let mut found = vec![Finding::good("keys", format!("readable, for the operator {operator}"))];
    let curves = config.avs.iter().flat_map(|avs| &avs.operator_sets).map(|set| (set.id, set.mandate.curve()));
    for (set, curve) in curves {
        if keyring.public_keys().iter().all(|key| key.curve() != curve) {
            let message = format!("operator set {set} signs on {curve}, and no key is configured for that");
            let remedy = "add the key to operator_keys, or correct the curve of the set";
            found.push(Finding::bad("keys", message, remedy));
        }
    }
    for key in keyring.public_keys() {
        if let PublicKey::Ecdsa(address) = key
            && address != keyring.operator
        {
            let message = format!("the ECDSA key is that of {}, not of the operator", address.checksummed());
            let remedy = "right where the operator registered this key to sign for it; else correct operator.address";
            found.push(Finding::doubtful("keys", message, remedy));
        }
    }
    let remedy = "let only the executor's user read it";
    found.extend(warnings.into_iter().map(|warning| Finding::doubtful("keys", warning, remedy)));
    found
}
