use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hourglass_core::service::{
    AuthProof, Challenge, DeployRequest, Deployment, ManagementError, Origin, PerformerListing, PerformerManagement,
    SignedResult, TaskApi, TaskError,
};
use hourglass_core::task::RawSubmission;
use hourglass_grpc::api::{ApiOptions, ExecutorApi};
use hourglass_grpc::server::{ExecutorServer, ServerHandle, ServerOptions};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use super::within;

/// A task service that answers what it is told to.
pub(crate) struct Tasks {
    pub(crate) answer: Mutex<Result<SignedResult, TaskError>>,
    pub(crate) seen: Mutex<Vec<(RawSubmission, Origin)>>,
    /// Taken before each answer: with none, calls hang.
    pub(crate) gate: Semaphore,
    /// How many calls were dropped before they had their answer.
    pub(crate) dropped: Arc<Mutex<usize>>,
}

impl Tasks {
    pub(crate) fn new(answer: Result<SignedResult, TaskError>) -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(answer),
            seen: Mutex::default(),
            gate: Semaphore::new(1 << 20),
            dropped: Arc::default(),
        })
    }

    /// One that hangs until permits are added.
    pub(crate) fn hanging() -> Arc<Self> {
        let tasks = Self::new(Ok(result()));
        tasks.gate.forget_permits(1 << 20);
        tasks
    }

    pub(crate) fn calls(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

struct CountDrop(Option<Arc<Mutex<usize>>>);

impl Drop for CountDrop {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            *count.lock().unwrap() += 1;
        }
    }
}

#[async_trait]
impl TaskApi for Tasks {
    async fn submit(&self, submission: RawSubmission, origin: Origin) -> Result<SignedResult, TaskError> {
        self.seen.lock().unwrap().push((submission, origin));
        let mut count = CountDrop(Some(Arc::clone(&self.dropped)));
        self.gate.acquire().await.unwrap().forget();
        count.0 = None;
        self.answer.lock().unwrap().clone()
    }
}

/// A management service that fails as told, or succeeds, and remembers what it was asked.
#[derive(Default)]
pub(crate) struct Management {
    pub(crate) fails: Mutex<Option<ManagementError>>,
    pub(crate) deployed: Mutex<Vec<(DeployRequest, Option<AuthProof>)>>,
    pub(crate) upgraded: Mutex<Vec<(String, Option<AuthProof>)>>,
    pub(crate) listing: Vec<PerformerListing>,
    pub(crate) challenged: Mutex<Vec<(String, Option<IpAddr>)>>,
}

impl Management {
    fn outcome(&self) -> Result<(), ManagementError> {
        self.fails.lock().unwrap().clone().map_or(Ok(()), Err)
    }
}

#[async_trait]
impl PerformerManagement for Management {
    async fn deploy(&self, request: DeployRequest, proof: Option<AuthProof>) -> Result<Deployment, ManagementError> {
        self.deployed.lock().unwrap().push((request, proof));
        self.outcome().map(|()| Deployment { id: "deployment-1".into() })
    }

    async fn list(&self, _: &str, _: Option<AuthProof>) -> Result<Vec<PerformerListing>, ManagementError> {
        self.outcome().map(|()| self.listing.clone())
    }

    async fn remove(&self, _: &str, _: Option<AuthProof>) -> Result<(), ManagementError> {
        self.outcome()
    }

    async fn promote(&self, id: &str, proof: Option<AuthProof>) -> Result<(), ManagementError> {
        self.upgraded.lock().unwrap().push((format!("promote {id}"), proof));
        self.outcome()
    }

    async fn abort(&self, id: &str, proof: Option<AuthProof>) -> Result<(), ManagementError> {
        self.upgraded.lock().unwrap().push((format!("abort {id}"), proof));
        self.outcome()
    }

    async fn challenge(&self, operator: &str, peer: Option<IpAddr>) -> Result<Challenge, ManagementError> {
        self.challenged.lock().unwrap().push((operator.into(), peer));
        self.outcome().map(|()| Challenge { token: "ab".repeat(32), expires_at: 1_800_000_000 })
    }
}

pub(crate) fn result() -> SignedResult {
    SignedResult {
        task_id: format!("0x{}", "Ab".repeat(32)),
        operator_address: "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed".into(),
        output: vec![0, 1, 2, 255],
        result_signature: vec![3; 65],
        avs_address: "0xfb6916095ca1df60bb79ce92ce3ea74c37c5d359".into(),
        operator_set_id: 7,
        auth_signature: vec![4; 65],
        version: 1,
    }
}

pub(crate) fn submission() -> RawSubmission {
    RawSubmission {
        task_id: format!("0x{}", "Ab".repeat(32)),
        aggregator_address: "0xaaaa".into(),
        avs_address: "0xbbbb".into(),
        payload: b"0x04".to_vec(),
        signature: vec![9; 65],
        operator_set_id: 7,
        reference_timestamp: 1_700_000_000,
        executor_address: "0xcccc".into(),
        task_block_number: u64::MAX,
        version: 1,
    }
}

/// A server that serves.
pub(crate) struct Running {
    pub(crate) handle: ServerHandle,
    pub(crate) serving: JoinHandle<()>,
}

impl Running {
    pub(crate) fn addr(&self) -> SocketAddr {
        self.handle.local_addr()
    }

    pub(crate) async fn api(&self) -> ExecutorApi {
        within("connecting", ExecutorApi::connect(ApiOptions::new(self.addr().to_string()))).await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Starts a server on a free port, with a short drain.
pub(crate) async fn start(
    change: impl FnOnce(&mut ServerOptions),
    tasks: Option<Arc<Tasks>>,
    management: Option<Arc<Management>>,
) -> Running {
    let mut options = ServerOptions {
        listen: (Ipv4Addr::LOCALHOST, 0).into(),
        drain_delay: Duration::ZERO,
        drain_timeout: Duration::from_secs(5),
        ..ServerOptions::default()
    };
    change(&mut options);
    let mut builder = ExecutorServer::builder(options);
    if let Some(tasks) = tasks {
        builder = builder.tasks(tasks);
    }
    if let Some(management) = management {
        builder = builder.management(management);
    }
    let server = builder.bind().await.unwrap();
    let handle = server.handle();
    handle.set_ready(true);
    Running { handle, serving: tokio::spawn(server.serve()) }
}
