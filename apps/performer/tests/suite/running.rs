//! A `square-performer` process that ends with its test.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use square_performer::proto::performer_service_client::PerformerServiceClient;
use square_performer::proto::{TaskRequest, TaskResponse};
use tonic::Status;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

pub(crate) struct Running {
    child: Child,
    address: String,
}

pub(crate) fn command(env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_square-performer"));
    command.args(["--listen", "127.0.0.1"]).env("GRPC_PORT", "0").envs(env.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl Running {
    /// Waits until it says where it serves.
    pub(crate) fn start(env: &[(&str, &str)]) -> Self {
        let mut child = command(env).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let address = loop {
            let line = lines.next().unwrap().unwrap();
            if let Some((_, address)) = line.split_once("address=") {
                break format!("http://{}", address.trim());
            }
        };
        // What nobody reads would block it.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    pub(crate) async fn channel(&self) -> Channel {
        Channel::from_shared(self.address.clone()).unwrap().connect().await.unwrap()
    }

    pub(crate) async fn task(&self, payload: &[u8]) -> Result<TaskResponse, Status> {
        let mut client = PerformerServiceClient::new(self.channel().await).max_decoding_message_size(64 << 20);
        let request = TaskRequest { task_id: b"0x01".to_vec(), payload: payload.to_vec() };
        Ok(client.execute_task(request).await?.into_inner())
    }

    pub(crate) async fn health(&self) -> Result<ServingStatus, Status> {
        let mut client = HealthClient::new(self.channel().await);
        Ok(client.check(HealthCheckRequest::default()).await?.into_inner().status())
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
