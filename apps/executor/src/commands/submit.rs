//! `submit`: one task, signed as an aggregator does, sent, and its answer verified.

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hourglass_core::config::{AvsConfig, Config, OperatorSetConfig};
use hourglass_core::ports::{Clock as _, ResultSigner};
use hourglass_core::task::TaskId;
use hourglass_core::{Address, CurveType};
use hourglass_keys::{Bn254Signer, CurveVerifier, EcdsaSigner};
use hourglass_runtime::TokioClock;
use serde::Serialize;

use crate::aggregator::{Aggregator, Expected, send, verify};
use crate::cli::{Curve, SubmitArgs};
use crate::commands::keys::{Key, load};
use crate::commands::reach::{Listener, options};
use crate::keyring::Keyring;
use crate::{configuration, output};

/// As often as the known aggregator.
const ATTEMPTS: u32 = 6;

#[derive(Serialize)]
struct Answer {
    task_id: String,
    operator_address: String,
    avs_address: String,
    operator_set_id: u32,
    output: String,
    result_signature: String,
    auth_signature: String,
    verified: bool,
}

pub(crate) async fn submit(args: &SubmitArgs) -> anyhow::Result<()> {
    let config = configuration::load(&args.config)?.config;
    let keyring = Keyring::read(&config)?;
    let avs = choose_avs(&config, args.avs.as_deref())?;
    let set = choose_set(avs, args.operator_set)?;
    let curve = set.mandate.curve();
    let key = keyring.signers.get(curve).with_context(|| format!("operator_keys: there is no {curve} key"))?;
    let expected = Expected { operator: keyring.operator, key: key.public_key(), mandate: set.mandate };

    let (signer, own_address) = aggregator_key(args)?;
    let configured = avs.aggregators.first().map(|aggregator| aggregator.address);
    let address = match &args.aggregator {
        Some(text) => Address::parse_checked(text).context("--aggregator")?,
        None => own_address.or(configured).unwrap_or(keyring.operator),
    };
    let aggregator =
        Aggregator { address, signer, avs: avs.address, operator_set_id: set.id, operator: keyring.operator };
    let task_id: TaskId = match &args.task_id {
        Some(text) => text.parse().context("--task-id")?,
        None => random_id()?,
    };
    let now = u32::try_from(TokioClock.now().as_secs()).unwrap_or(u32::MAX);
    let timestamp = args.reference_timestamp.unwrap_or(now);
    let submission = aggregator.submission(task_id, payload(args)?, timestamp, args.block).await?;

    let executor = options(&args.endpoint, Some(&config), Listener::Tasks)?;
    let sent = tokio::time::timeout(Duration::from_secs(args.endpoint.timeout), send(&executor, &submission, ATTEMPTS));
    let result = sent.await.with_context(|| format!("no answer within {} s", args.endpoint.timeout))??;
    verify(&CurveVerifier::new(), &expected, &submission, &result).context("the answer does not verify")?;

    let answer = Answer {
        task_id: result.task_id,
        operator_address: result.operator_address,
        avs_address: result.avs_address,
        operator_set_id: result.operator_set_id,
        output: const_hex::encode_prefixed(&result.output),
        result_signature: const_hex::encode_prefixed(&result.result_signature),
        auth_signature: const_hex::encode_prefixed(&result.auth_signature),
        verified: true,
    };
    let text = String::from_utf8(result.output).ok().filter(|text| !text.chars().any(char::is_control));
    let fields = [
        ("task", answer.task_id.clone()),
        ("operator", answer.operator_address.clone()),
        ("avs", format!("{}, operator set {} ({curve})", answer.avs_address, answer.operator_set_id)),
        ("output", text.unwrap_or_else(|| answer.output.clone())),
        ("result signature", answer.result_signature.clone()),
        ("auth signature", answer.auth_signature.clone()),
        ("verified", "both signatures hold".to_owned()),
    ];
    output::fields(args.output.output, &answer, &fields)
}

fn choose_avs<'a>(config: &'a Config, wanted: Option<&str>) -> anyhow::Result<&'a AvsConfig> {
    let Some(wanted) = wanted else {
        anyhow::ensure!(config.avs.len() == 1, "--avs: the configuration has {} AVSs, name one", config.avs.len());
        return config.avs.first().context("the configuration has no AVS");
    };
    let address = wanted.parse::<Address>().ok();
    let found = config.avs.iter().find(|avs| Some(avs.address) == address || avs.name == wanted);
    let names = || config.avs.iter().map(|avs| avs.name.as_str()).collect::<Vec<_>>().join(", ");
    found.with_context(|| format!("--avs: '{wanted}' is not in the configuration, which has {}", names()))
}

fn choose_set(avs: &AvsConfig, wanted: Option<u32>) -> anyhow::Result<&OperatorSetConfig> {
    let found = match wanted {
        Some(id) => avs.operator_sets.iter().find(|set| set.id == id),
        None => avs.operator_sets.first(),
    };
    found.with_context(|| format!("--operator-set: the configuration of {} has no such operator set", avs.name))
}

type AggregatorKey = (Option<Arc<dyn ResultSigner>>, Option<Address>);

fn aggregator_key(args: &SubmitArgs) -> anyhow::Result<AggregatorKey> {
    let Some(file) = &args.aggregator_key else {
        eprintln!("warning: no --aggregator-key: the task is not signed, and only a development executor takes it");
        return Ok((None, None));
    };
    let curve = match args.aggregator_curve {
        Curve::Ecdsa => CurveType::Ecdsa,
        Curve::Bn254 => CurveType::Bn254,
    };
    let context = || format!("--aggregator-key: the {curve} key in {} cannot be used", file.display());
    let password = args.aggregator_key_password_file.as_deref();
    Ok(match load(file, args.aggregator_curve, password).with_context(context)? {
        Key::Ecdsa(key) => {
            let address = key.address();
            (Some(Arc::new(EcdsaSigner::new(key))), Some(address))
        }
        Key::Bn254(key) => (Some(Arc::new(Bn254Signer::new(key))), None),
    })
}

fn payload(args: &SubmitArgs) -> anyhow::Result<Vec<u8>> {
    if let Some(text) = &args.payload {
        return Ok(text.clone().into_bytes());
    }
    if let Some(hex) = &args.payload_hex {
        return const_hex::decode(hex).context("--payload-hex");
    }
    let mut bytes = Vec::new();
    match &args.payload_file {
        Some(path) if path == Path::new("-") => {
            std::io::stdin().read_to_end(&mut bytes).context("--payload-file: standard input")?;
        }
        Some(path) => {
            bytes = std::fs::read(path).with_context(|| format!("--payload-file: cannot read {}", path.display()))?;
        }
        None => {}
    }
    Ok(bytes)
}

fn random_id() -> anyhow::Result<TaskId> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
    Ok(TaskId::new(bytes))
}
