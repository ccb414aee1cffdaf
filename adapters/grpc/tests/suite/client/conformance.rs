use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hourglass_core::performer::Endpoint;
use hourglass_core::ports::{Clock, PerformerClient};
use hourglass_core::testing::conformance::{ClientHarness, Service, performer_client};

use super::client;
use crate::support::{Behaviour, Performer, SystemClock, eventually};

/// Real performers, kept until the suite ends.
#[derive(Default)]
struct Harness(Mutex<Vec<Performer>>);

#[async_trait]
impl ClientHarness for Harness {
    async fn client(&self) -> Arc<dyn PerformerClient> {
        client(|_| {}).client.clone()
    }

    async fn serve(&self, service: Service) -> Endpoint {
        let mut performer = Performer::start(match service {
            Service::Echoes | Service::Absent => Behaviour::Echo,
            Service::NotServing => Behaviour::NotServing,
            Service::Swallows => Behaviour::Hold,
            Service::Refuses => Behaviour::Fail(tonic::Code::FailedPrecondition),
        });
        if service == Service::Absent {
            performer.kill();
            eventually("the port is closed", || std::net::TcpStream::connect(performer.addr).is_err()).await;
        }
        let endpoint = performer.target(0, true).endpoint;
        self.0.lock().unwrap().push(performer);
        endpoint
    }

    fn clock(&self) -> &dyn Clock {
        &SystemClock
    }
}

#[tokio::test]
async fn keeps_every_promise_of_the_port() {
    performer_client(&Harness::default()).await;
}
