//! The baseline: containers through the Engine API, with nobody who looks after them.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use hourglass_environment::api::Api;
use serde_json::{Value, json};
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Between two questions for health.
const PAUSE: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(60);
const PORT: u16 = 9090;

/// How to make containers like another one.
#[derive(Debug, Clone)]
pub(crate) struct Recipe {
    api: Api,
    body: Value,
    network: String,
}

/// One that was made so.
#[derive(Debug, Clone)]
pub(crate) struct Bare {
    pub(crate) id: String,
}

impl Recipe {
    /// With the very body of this container, except that nobody takes it for his own.
    pub(crate) fn like(api: &Api, container: &str) -> Result<Self> {
        let found = api.get(&format!("/containers/{container}/json"))?;
        let part = |pointer: &str| found.pointer(pointer).cloned().context(format!("no {pointer}"));
        let mut body = part("/Config")?;
        let network = part("/HostConfig/NetworkMode")?.as_str().context("NetworkMode")?.to_owned();
        let fields = body.as_object_mut().context("Config")?;
        fields.remove("Labels");
        fields.remove("Hostname");
        fields.insert("HostConfig".into(), part("/HostConfig")?);
        fields.insert("NetworkingConfig".into(), json!({ "EndpointsConfig": { network.clone(): {} } }));
        Ok(Self { api: api.clone(), body, network })
    }

    /// Create, start, look up, and ask for health until it is answered.
    pub(crate) async fn serve(&self) -> Result<Bare> {
        let recipe = self.clone();
        let (bare, address) = tokio::task::spawn_blocking(move || recipe.start()).await??;
        until_healthy(address).await?;
        Ok(bare)
    }

    fn start(&self) -> Result<(Bare, IpAddr)> {
        let created = self.api.post("/containers/create", &self.body)?;
        let id = created.get("Id").and_then(Value::as_str).context("no id")?.to_owned();
        self.api.post(&format!("/containers/{id}/start"), &Value::Null)?;
        let found = self.api.get(&format!("/containers/{id}/json"))?;
        let networks = found.pointer("/NetworkSettings/Networks").and_then(|all| all.get(&self.network));
        let address = networks.and_then(|network| network.get("IPAddress")).and_then(Value::as_str);
        Ok((Bare { id }, address.context("no address")?.parse()?))
    }

    /// SIGKILL, and waits until the engine has noticed.
    pub(crate) async fn kill(&self, bare: &Bare) -> Result<()> {
        let (api, id) = (self.api.clone(), bare.id.clone());
        tokio::task::spawn_blocking(move || {
            api.post(&format!("/containers/{id}/kill"), &Value::Null)?;
            api.post(&format!("/containers/{id}/wait"), &Value::Null)?;
            anyhow::Ok(())
        })
        .await?
    }

    /// Removes it, whatever it does.
    pub(crate) async fn remove(&self, bare: Bare) -> Result<()> {
        let api = self.api.clone();
        tokio::task::spawn_blocking(move || api.delete(&format!("/containers/{}?force=1&v=1", bare.id))).await?
    }
}

async fn until_healthy(address: IpAddr) -> Result<()> {
    let endpoint = Endpoint::from_shared(format!("http://{address}:{PORT}"))?.connect_timeout(Duration::from_secs(1));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = async {
            let mut client = HealthClient::new(endpoint.connect().await?);
            let answer = client.check(HealthCheckRequest { service: String::new() }).await?;
            anyhow::Ok(answer.into_inner().status == i32::from(ServingStatus::Serving))
        };
        match asked.await {
            Ok(true) => return Ok(()),
            answer if Instant::now() > deadline => bail!("{address} is not healthy within {PATIENCE:?}: {answer:?}"),
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}
