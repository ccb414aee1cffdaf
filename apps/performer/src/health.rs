//! `grpc.health.v1`, with the ways to refuse it.

use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::Health;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

/// What health checks are answered; `Closing` also ends the streams of those who watch, so that a shutdown ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Serving {
    Yes,
    No,
    Closing,
}

#[derive(Debug)]
pub(crate) struct HealthService {
    state: watch::Receiver<Serving>,
    hang: bool,
}

impl HealthService {
    pub(crate) const fn new(state: watch::Receiver<Serving>, hang: bool) -> Self {
        Self { state, hang }
    }

    /// Checks the name of the service, and hangs where that is asked for.
    async fn admit(&self, service: &str) -> Result<(), Status> {
        if self.hang {
            std::future::pending::<()>().await;
        }
        match service {
            "" | "eigenlayer.hourglass.v1.performer.PerformerService" => Ok(()),
            other => Err(Status::not_found(format!("no service '{other}' here"))),
        }
    }
}

fn response(state: Serving) -> HealthCheckResponse {
    let status = match state {
        Serving::Yes => ServingStatus::Serving,
        Serving::No | Serving::Closing => ServingStatus::NotServing,
    };
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for HealthService {
    type WatchStream = ReceiverStream<Result<HealthCheckResponse, Status>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        self.admit(&request.get_ref().service).await?;
        Ok(Response::new(response(*self.state.borrow())))
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        self.admit(&request.get_ref().service).await?;
        let mut state = self.state.clone();
        let (answers, stream) = mpsc::channel(1);
        tokio::spawn(async move {
            loop {
                let now = *state.borrow_and_update();
                let heard = answers.send(Ok(response(now))).await.is_ok();
                if !heard || now == Serving::Closing || state.changed().await.is_err() {
                    break;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}
