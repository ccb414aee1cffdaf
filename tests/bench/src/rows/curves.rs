//! Signing, verifying, recovering, pairing: what criterion measured, as operations per second.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::Bench;
use crate::spread::{Spread, figure};
use crate::table::{Row, Table};

/// A criterion benchmark, its group first.
type Id = (&'static str, &'static str);

/// A row: what was measured, what to call it, and its baseline of the same run.
struct Measured {
    id: Id,
    what: &'static str,
    beside: Id,
    beside_what: &'static str,
}

const SIGN: Id = ("ecdsa", "sign");
const MCL_MULTIPLICATION: Id = ("G1 multiplication", "mcl");
const MCL_PAIRING: Id = ("pairing check", "mcl");

const ROWS: [Measured; 8] = [
    Measured {
        id: ("ecdsa", "recover"),
        what: "ECDSA: recover, which is how a submission is verified",
        beside: SIGN,
        beside_what: "ECDSA: sign",
    },
    Measured {
        id: ("bn254", "sign message"),
        what: "BN254: sign a message (hash to G1 by RFC 9380, masked multiplication)",
        beside: MCL_MULTIPLICATION,
        beside_what: "mcl's multiplication alone",
    },
    Measured {
        id: ("bn254", "sign certificate"),
        what: "BN254: sign a certificate (hash to G1 as Solidity does, masked multiplication)",
        beside: MCL_MULTIPLICATION,
        beside_what: "mcl's multiplication alone",
    },
    Measured {
        id: ("bn254", "verify, known key"),
        what: "BN254: verify, key seen before",
        beside: MCL_PAIRING,
        beside_what: "mcl's pairing check alone",
    },
    Measured {
        id: ("bn254", "verify, new key"),
        what: "BN254: verify, new key",
        beside: MCL_PAIRING,
        beside_what: "mcl's pairing check alone",
    },
    Measured {
        id: ("bn254", "refuse a point off the curve"),
        what: "BN254: refuse a point off the curve",
        beside: ("bn254", "verify, known key"),
        beside_what: "verify, key seen before",
    },
    Measured {
        id: ("pairing check", "arkworks, prepared"),
        what: "BN254: pairing check, arkworks, prepared",
        beside: MCL_PAIRING,
        beside_what: "mcl",
    },
    Measured {
        id: ("G1 multiplication", "arkworks, masked"),
        what: "BN254: multiplication in G1, arkworks, masked",
        beside: MCL_MULTIPLICATION,
        beside_what: "mcl, whose time depends on the key",
    },
];

/// `sample.json` of criterion 0.8: so many iterations took so many nanoseconds, for each sample.
#[derive(Deserialize)]
struct Sample {
    iters: Vec<f64>,
    times: Vec<f64>,
}

pub(crate) fn measure(bench: &Bench) -> Result<Table> {
    let title = "Curves";
    let Some(directory) = &bench.criterion else {
        let note = "Not measured: `cargo bench -p hourglass-keys --bench curves` first, then give --criterion.".into();
        return Ok(Table { title, note, rows: Vec::new() });
    };
    let rows = ROWS.iter().map(|row| {
        let (own, samples) = per_second(directory, row.id)?;
        let (other, _) = per_second(directory, row.beside)?;
        let times = figure(other.median / own.median);
        Ok(Row {
            what: row.what.into(),
            measured: format!("{own} /s"),
            baseline: format!("{}: {other} /s, {times} times as many", row.beside_what),
            aim: String::new(),
            sample: format!("{samples} samples"),
        })
    });
    Ok(Table {
        title,
        note:
            "By criterion, one thread, `cargo bench -p hourglass-keys --bench curves`; the spread is over its samples."
                .into(),
        rows: rows.collect::<Result<_>>()?,
    })
}

fn per_second(directory: &Path, (group, name): Id) -> Result<(Spread, usize)> {
    // criterion keeps names, but for what a file cannot be called.
    let folder = |name: &str| name.replace(['?', '"', '/', '\\', '*', '<', '>', ':', '|', '^'], "_");
    let file = directory.join(folder(group)).join(folder(name)).join("new/sample.json");
    let text = fs::read_to_string(&file).with_context(|| format!("criterion left no {}", file.display()))?;
    let sample: Sample = serde_json::from_str(&text).with_context(|| format!("{}", file.display()))?;
    let rates = sample.iters.iter().zip(&sample.times).map(|(iterations, nanos)| iterations / nanos * 1e9);
    Ok((Spread::of(rates), sample.iters.len()))
}
