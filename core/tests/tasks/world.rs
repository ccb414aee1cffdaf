//! One AVS, one aggregator, one performer, all in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hourglass_core::performer::{Endpoint, PerformerName};
use hourglass_core::ports::{
    CallError, Mandate, PerformerClient as _, ResultSigner as _, Target, TaskMetrics, TaskOutcome,
};
use hourglass_core::service::{
    AvsTasks, Origin, SignedResult, Signers, TaskApi as _, TaskError, TaskPorts, TaskService, TaskSettings,
};
use hourglass_core::task::{EcdsaDomain, RawSubmission, TASK_VERSION, TaskSubmission, submission_message};
use hourglass_core::testing::{
    FakeAuthority, FakeClient, FakeSigner, FakeVerifier, MemoryJournal, Simulation, SimulationSpawner,
};
use hourglass_core::{Address, CurveType};

pub(crate) const AVS: Address = Address::new([0xa5; 20]);
pub(crate) const OPERATOR: Address = Address::new([0x0b; 20]);
pub(crate) const AGGREGATOR: Address = Address::new([0xa6; 20]);
pub(crate) const SET: u32 = 7;

/// Everything that outlives a killed executor, and the means to watch it.
pub(crate) struct World {
    pub(crate) sim: Simulation,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) authority: Arc<FakeAuthority>,
    pub(crate) verifier: Arc<FakeVerifier>,
    pub(crate) signer: Arc<FakeSigner>,
    pub(crate) aggregator: FakeSigner,
    /// How often the performer ran a task.
    pub(crate) runs: Arc<AtomicUsize>,
    pub(crate) settings: TaskSettings,
}

/// One life of an executor.
pub(crate) struct Life {
    pub(crate) service: TaskService,
    pub(crate) client: Arc<FakeClient>,
    pub(crate) spawner: SimulationSpawner,
}

pub(crate) struct NoMetrics;

impl TaskMetrics for NoMetrics {
    fn finished(&self, _: Option<&Address>, _: TaskOutcome, _: Duration) {}
    fn in_flight(&self, _: &Address, _: usize) {}
}

pub(crate) fn performer() -> PerformerName {
    "squares".parse().unwrap()
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let authority = Arc::new(FakeAuthority::new());
        let aggregator = FakeSigner::new(CurveType::Ecdsa, 1);
        authority.allow_aggregator(AVS, AGGREGATOR, aggregator.public_key());
        let domain = EcdsaDomain::new("1", &Address::new([0xec; 20]));
        authority.join_set(AVS, SET, Mandate::Ecdsa(domain));
        let mut settings = TaskSettings { failures_per_minute: 1000, ..TaskSettings::default() };
        settings.avs.insert(AVS, AvsTasks::new(performer()));
        Self {
            sim: Simulation::new(seed),
            journal: Arc::new(MemoryJournal::new()),
            authority,
            verifier: Arc::new(FakeVerifier::new()),
            signer: Arc::new(FakeSigner::new(CurveType::Ecdsa, 2)),
            aggregator,
            runs: Arc::default(),
            settings,
        }
    }

    /// Starts an executor whose performer answers differently each time it runs.
    pub(crate) fn start(&self) -> Life {
        let spawner = self.sim.spawner();
        let clock = Arc::new(self.sim.clock());
        let client = FakeClient::new(clock.clone(), &spawner, Duration::from_millis(5), |_| Ok(()));
        let target = Target {
            instance: "squares-0123456789-0".parse().unwrap(),
            endpoint: Endpoint { host: "127.0.0.1".into(), port: 1 },
            routed: true,
        };
        client.set_targets(&performer(), vec![target]);
        let (runs, pace) = (self.runs.clone(), self.sim.clock());
        client.answer_with(move |_, call| {
            let (run, pace) = (runs.fetch_add(1, Ordering::SeqCst), pace.clone());
            Box::pin(async move {
                use hourglass_core::ports::Clock as _;
                pace.sleep(Duration::from_millis(20)).await;
                Ok::<_, CallError>([call.payload, format!(" run {run}").into_bytes()].concat())
            })
        });
        let ports = TaskPorts {
            journal: self.journal.clone(),
            authority: self.authority.clone(),
            verifier: self.verifier.clone(),
            client: client.clone(),
            clock,
            spawner: Arc::new(spawner.clone()),
            metrics: Arc::new(NoMetrics),
        };
        let signers = Signers { ecdsa: Some(self.signer.clone()), bn254: None };
        let service = TaskService::new(OPERATOR, signers, ports, self.settings.clone());
        Life { service, client, spawner }
    }

    /// A genuine submission of task number `task`.
    pub(crate) fn submission(&self, task: u8, payload: &[u8]) -> RawSubmission {
        self.sign(RawSubmission {
            task_id: format!("0x{}", const_hex::encode([task; 32])),
            aggregator_address: AGGREGATOR.to_string(),
            avs_address: AVS.to_string(),
            payload: payload.to_vec(),
            signature: Vec::new(),
            operator_set_id: SET,
            reference_timestamp: 1000,
            executor_address: OPERATOR.to_string(),
            task_block_number: 5,
            version: TASK_VERSION,
        })
    }

    /// The same submission with a signature that holds.
    pub(crate) fn sign(&self, raw: RawSubmission) -> RawSubmission {
        let parsed = TaskSubmission::parse(raw.clone()).unwrap();
        let signature = self.aggregator.signature_over(&submission_message(&parsed, &OPERATOR));
        RawSubmission { signature, ..raw }
    }

    pub(crate) fn submit(&self, life: &Life, raw: RawSubmission) -> Result<SignedResult, TaskError> {
        let origin = Origin { peer: Some("192.0.2.1".parse().unwrap()), traceparent: None };
        self.sim.block_on(life.service.submit(raw, origin))
    }

    pub(crate) fn runs(&self) -> usize {
        self.runs.load(Ordering::SeqCst)
    }
}
