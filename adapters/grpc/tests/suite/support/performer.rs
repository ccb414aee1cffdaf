use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hourglass_core::performer::Endpoint;
use hourglass_core::ports::Target;
use hourglass_grpc::proto::performer::performer_service_server::{PerformerService, PerformerServiceServer};
use hourglass_grpc::proto::performer::{StartSyncRequest, StartSyncResponse, TaskRequest, TaskResponse};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// What a performer does with tasks, and says of its health.
#[derive(Debug, Clone)]
pub(crate) enum Behaviour {
    Echo,
    /// Holds tasks, answers health checks.
    Hold,
    /// Answers nothing at all.
    Hang,
    Fail(tonic::Code),
    OtherTask,
    NoTaskId,
    Large(usize),
    /// Takes tasks, and says that it does not serve.
    NotServing,
    /// Has no health service to speak of.
    NoHealth,
}

/// A task that arrived.
pub(crate) struct Seen {
    pub(crate) task_id: Vec<u8>,
    pub(crate) traceparent: Option<String>,
    pub(crate) timeout: Option<String>,
}

#[derive(Clone)]
struct Stub(Arc<Shared>);

pub(crate) struct Shared {
    pub(crate) behaviour: tokio::sync::watch::Sender<Behaviour>,
    pub(crate) seen: Mutex<Vec<Seen>>,
    pub(crate) checks: Mutex<usize>,
}

/// A performer in a runtime of its own, so that killing it leaves no connection behind.
pub(crate) struct Performer {
    pub(crate) addr: SocketAddr,
    pub(crate) shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

impl Performer {
    pub(crate) fn start(behaviour: Behaviour) -> Self {
        let shared = Arc::new(Shared {
            behaviour: tokio::sync::watch::Sender::new(behaviour),
            seen: Mutex::default(),
            checks: Mutex::default(),
        });
        let mut performer = Self { addr: (Ipv4Addr::LOCALHOST, 0).into(), shared, runtime: None };
        performer.revive();
        performer
    }

    /// Serves again, on the same port.
    pub(crate) fn revive(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        // Binding is quick and asynchronous in name only.
        let std = std::net::TcpListener::bind(self.addr).unwrap();
        std.set_nonblocking(true).unwrap();
        self.addr = std.local_addr().unwrap();
        let stub = Stub(Arc::clone(&self.shared));
        runtime.spawn(async move {
            let listener = TcpListener::from_std(std).unwrap();
            let server = tonic::transport::Server::builder()
                .add_service(HealthServer::new(stub.clone()))
                .add_service(PerformerServiceServer::new(stub).max_encoding_message_size(64 << 20))
                .serve_with_incoming(TcpListenerStream::new(listener));
            let _ = server.await;
        });
        self.runtime = Some(runtime);
    }

    /// Ends at once, as by SIGKILL.
    pub(crate) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    pub(crate) fn set(&self, behaviour: Behaviour) {
        self.shared.behaviour.send_replace(behaviour);
    }

    pub(crate) fn seen(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }

    pub(crate) fn target(&self, suffix: u32, routed: bool) -> Target {
        let instance = format!("p-0123456789-{suffix}").parse().unwrap();
        let endpoint = Endpoint { host: self.addr.ip().to_string(), port: self.addr.port() };
        Target { instance, endpoint, routed }
    }
}

impl Drop for Performer {
    fn drop(&mut self) {
        self.kill();
    }
}

#[tonic::async_trait]
impl PerformerService for Stub {
    async fn start_sync(&self, _: Request<StartSyncRequest>) -> Result<Response<StartSyncResponse>, Status> {
        Ok(Response::new(StartSyncResponse {}))
    }

    async fn execute_task(&self, request: Request<TaskRequest>) -> Result<Response<TaskResponse>, Status> {
        let text = |key: &str| request.metadata().get(key).map(|value| value.to_str().unwrap().to_owned());
        let (traceparent, timeout) = (text("traceparent"), text("grpc-timeout"));
        let TaskRequest { task_id, payload } = request.into_inner();
        self.0.seen.lock().unwrap().push(Seen { task_id: task_id.clone(), traceparent, timeout });
        let mut behaviour = self.0.behaviour.subscribe();
        // Held tasks go on when the behaviour changes.
        let now = behaviour.wait_for(|b| !matches!(b, Behaviour::Hold | Behaviour::Hang)).await.unwrap().clone();
        let answer = |task_id, result| Ok(Response::new(TaskResponse { task_id, result }));
        match now {
            Behaviour::Fail(code) => Err(Status::new(code, "it is what it is")),
            Behaviour::OtherTask => answer(b"0xother".to_vec(), payload),
            Behaviour::NoTaskId => answer(Vec::new(), payload),
            Behaviour::Large(size) => answer(task_id, vec![7; size]),
            _ => answer(task_id, payload),
        }
    }
}

#[tonic::async_trait]
impl Health for Stub {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        assert_eq!(request.into_inner().service, "");
        *self.0.checks.lock().unwrap() += 1;
        let mut behaviour = self.0.behaviour.subscribe();
        let now = behaviour.wait_for(|b| !matches!(b, Behaviour::Hang)).await.unwrap().clone();
        let status = match now {
            Behaviour::NoHealth => return Err(Status::unimplemented("")),
            Behaviour::NotServing => ServingStatus::NotServing,
            _ => ServingStatus::Serving,
        };
        Ok(Response::new(HealthCheckResponse { status: status.into() }))
    }

    type WatchStream = tokio_stream::Pending<Result<HealthCheckResponse, Status>>;

    async fn watch(&self, _: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(tokio_stream::pending()))
    }
}

/// How long a hung performer may stay in rotation under traffic.
pub(crate) const OUT_OF_ROTATION: Duration = Duration::from_secs(3);
