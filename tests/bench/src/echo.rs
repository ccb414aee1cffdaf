//! The baseline of a server: `SubmitTask` that answers at once, by tonic as it comes.

use std::net::Ipv4Addr;
use std::process::Command;

use anyhow::Result;
use hourglass_environment::ports::free_ports;
use hourglass_grpc::proto::v1::executor_service_server::{ExecutorService, ExecutorServiceServer};
use hourglass_grpc::proto::v1::{TaskResult, TaskSubmission};
use tokio::net::TcpListener;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::process::Process;
use crate::world::World;

struct Echo;

#[tonic::async_trait]
impl ExecutorService for Echo {
    /// A result of the size of a real one.
    async fn submit_task(&self, request: Request<TaskSubmission>) -> Result<Response<TaskResult>, Status> {
        let submission = request.into_inner();
        Ok(Response::new(TaskResult {
            task_id: submission.task_id,
            operator_address: submission.executor_address,
            output: submission.payload,
            result_signature: submission.signature.clone(),
            avs_address: submission.avs_address,
            operator_set_id: submission.operator_set_id,
            auth_signature: submission.signature,
            version: submission.version,
        }))
    }
}

/// Serves until the process is ended.
pub(crate) fn serve(port: u16) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        // As the executor does: else the trailers of each answer wait for an acknowledgement.
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = tonic::transport::Server::builder().add_service(ExecutorServiceServer::new(Echo));
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            served = server.serve_with_incoming(incoming) => served?,
            _ = terminate.recv() => {}
        }
        Ok(())
    })
}

/// Starts it as a process of its own, on one core if that is given; returns it with its port.
pub(crate) fn start(world: &World, core: Option<&str>) -> Result<(Process, u16)> {
    let [port] = free_ports()?;
    let own = std::env::current_exe()?;
    let mut command = match core {
        Some(core) => {
            let mut command = Command::new("taskset");
            command.args(["-c", core]).arg(own);
            command
        }
        None => Command::new(own),
    };
    command.args(["echo", &port.to_string()]);
    Ok((Process::start(&mut command, &world.log())?, port))
}
