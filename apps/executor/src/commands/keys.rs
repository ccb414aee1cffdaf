//! `keys new | show | convert`.

use std::path::Path;

use hourglass_core::{CurveType, Secret};
use hourglass_keys::{
    Bn254Key, EcdsaKey, KdfCost, KeyFormat, KeySource, load_bn254, load_ecdsa, load_password, save_key_file,
    write_bn254, write_ecdsa,
};
use serde::Serialize;

use crate::cli::{Curve, KeyFormat as Format, KeySourceArgs, KeyTarget, KeysCommand, Output};
use crate::output;

/// A key of either curve.
pub(crate) enum Key {
    Ecdsa(EcdsaKey),
    Bn254(Bn254Key),
}

pub(crate) fn run(command: &KeysCommand) -> anyhow::Result<()> {
    match command {
        KeysCommand::New { curve, target } => {
            let key = match curve {
                Curve::Ecdsa => Key::Ecdsa(EcdsaKey::generate()?),
                Curve::Bn254 => Key::Bn254(Bn254Key::generate()?),
            };
            save(&key, target)?;
            show(&key, Output::Table)
        }
        KeysCommand::Show { source, output } => show(&read(source)?, output.output),
        KeysCommand::Convert { source, target } => {
            let key = read(source)?;
            save(&key, target)?;
            show(&key, Output::Table)
        }
    }
}

fn read(source: &KeySourceArgs) -> anyhow::Result<Key> {
    load(&source.file, source.curve, source.password_file.as_deref())
}

/// Reads a key file, and warns where others may read it too.
pub(crate) fn load(file: &Path, curve: Curve, password_file: Option<&Path>) -> anyhow::Result<Key> {
    let password = password_file.map(password).transpose()?;
    let source = KeySource::File(file.to_owned());
    let (key, warnings) = match curve {
        Curve::Ecdsa => {
            let loaded = load_ecdsa(&source, password.as_ref())?;
            (Key::Ecdsa(loaded.key), loaded.warnings)
        }
        Curve::Bn254 => {
            let loaded = load_bn254(&source, password.as_ref())?;
            (Key::Bn254(loaded.key), loaded.warnings)
        }
    };
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    Ok(key)
}

fn password(file: &Path) -> anyhow::Result<Secret<String>> {
    let (password, warnings) = load_password(&KeySource::File(file.to_owned()))?;
    warnings.iter().for_each(|warning| eprintln!("warning: {warning}"));
    Ok(password)
}

fn save(key: &Key, target: &KeyTarget) -> anyhow::Result<()> {
    let password = target.out_password_file.as_deref().map(password).transpose()?;
    let format = match target.format {
        Format::Hex => KeyFormat::Hex,
        Format::Pem => KeyFormat::Pem,
        Format::Keystore => KeyFormat::Keystore,
    };
    let text = match key {
        Key::Ecdsa(key) => write_ecdsa(key, format, password.as_ref(), KdfCost::default())?,
        Key::Bn254(key) => write_bn254(key, format, password.as_ref(), KdfCost::default())?,
    };
    Ok(save_key_file(&target.out, &text)?)
}

#[derive(Serialize)]
struct PublicHalf {
    curve: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    public_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key_g1: Option<String>,
}

fn show(key: &Key, format: Output) -> anyhow::Result<()> {
    let half = match key {
        Key::Ecdsa(key) => PublicHalf {
            curve: CurveType::Ecdsa.as_str(),
            address: Some(key.address().checksummed()),
            public_key: const_hex::encode_prefixed(key.public_key()),
            public_key_g1: None,
        },
        Key::Bn254(key) => PublicHalf {
            curve: CurveType::Bn254.as_str(),
            address: None,
            public_key: const_hex::encode_prefixed(key.public_key().0),
            public_key_g1: Some(const_hex::encode_prefixed(key.public_key_g1())),
        },
    };
    let mut fields = vec![("curve", half.curve.to_owned())];
    fields.extend(half.address.clone().map(|address| ("address", address)));
    fields.push(("public key", half.public_key.clone()));
    fields.extend(half.public_key_g1.clone().map(|point| ("public key on G1", point)));
    output::fields(format, &half, &fields)
}
