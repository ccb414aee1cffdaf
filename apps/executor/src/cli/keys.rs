//! `keys`: which key is read, and where and how one is written.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::OutputArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make a key.
    New {
        /// On which curve.
        #[arg(long, value_enum)]
        curve: Curve,
        #[command(flatten)]
        target: KeyTarget,
    },
    /// Show the public half of a key.
    Show {
        #[command(flatten)]
        source: KeySourceArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Write a key in another format.
    Convert {
        #[command(flatten)]
        source: KeySourceArgs,
        #[command(flatten)]
        target: KeyTarget,
    },
}

/// Which key to read.
#[derive(Debug, Args)]
pub(crate) struct KeySourceArgs {
    /// The key file: keystore, hexadecimal or PEM.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Its curve.
    #[arg(long, value_enum)]
    pub(crate) curve: Curve,
    /// File with the password of a keystore.
    #[arg(long, value_name = "FILE")]
    pub(crate) password_file: Option<PathBuf>,
}

/// Where a key is written and how.
#[derive(Debug, Args)]
pub(crate) struct KeyTarget {
    /// Write to this new file, readable by its owner only.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// In which format.
    #[arg(long, value_enum, default_value_t = KeyFormat::Hex)]
    pub(crate) format: KeyFormat,
    /// File with the password for a keystore.
    #[arg(long, value_name = "FILE", required_if_eq("format", "keystore"))]
    pub(crate) out_password_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyFormat {
    /// 0x and 64 hexadecimal digits, unprotected.
    Hex,
    /// PEM/SEC1, unprotected; ECDSA only.
    Pem,
    /// Protected by a password: keystore v3 for ECDSA, EIP-2335 for BN254.
    Keystore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Curve {
    /// secp256k1.
    Ecdsa,
    /// BLS on BN254.
    Bn254,
}
