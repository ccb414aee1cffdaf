//! Executors on an engine, and what they start.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use hourglass_core::Address;
use hourglass_core::lifecycle::{Instance, InstanceState, StartInstance};
use hourglass_core::performer::{Endpoint, InstanceName, PerformerName, PerformerSpec};
use hourglass_core::ports::{Changes, InstanceRuntime, RuntimeCapabilities, RuntimeError};
use hourglass_docker::{DockerRuntime, EngineState, ExecutorId, Options};
use hourglass_environment::api::Api;
use hourglass_environment::engine::{Shared, shared};
use hourglass_environment::image::Image;
use hourglass_environment::statics;
use serde_json::{Value, json};

/// Long enough for anything on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The engine of tests that leave it as it is.
pub(crate) fn engine() -> &'static Shared {
    shared().expect("a container engine")
}

/// The guest, compiled once.
fn guest() -> &'static [u8] {
    static GUEST: OnceLock<Vec<u8>> = OnceLock::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/guest.rs");
    GUEST.get_or_init(|| statics::compiled(&source).expect("the guest compiles"))
}

/// An image of the guest. As the first process of a container it ignores SIGTERM.
pub(crate) fn image(name: &str) -> Image {
    Image::new(name).file("/guest", guest(), 0o755).file("/data", "plain", 0o644).entrypoint(["/guest"]).cmd(["serve"])
}

pub(crate) const OBEYS: &str = "hourglass-test/obeys:1";
pub(crate) const STUBBORN: &str = "hourglass-test/stubborn:1";

/// The images that tests start, loaded into an engine.
pub(crate) fn load(host: &str) {
    image(OBEYS).stop_signal("SIGKILL").exposed(7070).load(host).expect("an image");
    image(STUBBORN).load(host).expect("an image");
}

/// The engine that tests share, with the images.
pub(crate) fn host() -> &'static str {
    static LOADED: OnceLock<()> = OnceLock::new();
    LOADED.get_or_init(|| load(engine().host()));
    engine().host()
}

/// A runtime that is connected, and what keeps it so: what an executor is to this crate.
pub(crate) struct Executor {
    pub(crate) runtime: DockerRuntime,
    follower: tokio::task::JoinHandle<()>,
}

impl Executor {
    /// Opens a runtime and lets it follow its engine, without waiting for it.
    pub(crate) async fn open(owner: &ExecutorId, options: Options) -> Self {
        let runtime = DockerRuntime::open(owner.clone(), options).await.unwrap();
        let follower = tokio::spawn(runtime.follow());
        Self { runtime, follower }
    }

    /// On the engine that tests share.
    pub(crate) async fn new(owner: &ExecutorId) -> Self {
        Self::at(owner, host()).await
    }

    pub(crate) async fn at(owner: &ExecutorId, host: &str) -> Self {
        let executor = Self::open(owner, options(host)).await;
        executor.until_connected().await;
        executor
    }

    pub(crate) async fn until_connected(&self) {
        self.until_engine("connected", |state| matches!(state, EngineState::Connected { .. })).await;
    }

    pub(crate) async fn until_engine(&self, what: &str, right: impl FnMut(&EngineState) -> bool) -> EngineState {
        let mut states = self.runtime.engine();
        let waited = tokio::time::timeout(PATIENCE, states.wait_for(right)).await;
        let last = self.runtime.engine().borrow().clone();
        waited.unwrap_or_else(|_| panic!("not {what}: {last:?}")).unwrap().clone()
    }

    pub(crate) async fn observe(&self, performer: &str) -> Vec<Instance> {
        self.runtime.observe(&performer.parse().unwrap()).await.unwrap()
    }

    /// Waits until an instance is seen so; looks again at every notice.
    pub(crate) async fn until(
        &self,
        name: &InstanceName,
        what: &str,
        right: impl Fn(Option<&Instance>) -> bool,
    ) -> Option<Instance> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let observed = self.runtime.observe(&name.performer).await;
            let found = observed.as_ref().ok().map(|all| all.iter().find(|instance| instance.name == *name));
            if let Some(found) = found
                && right(found)
            {
                return found.cloned();
            }
            assert!(Instant::now() < deadline, "{name} is not {what}: {observed:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn until_running(&self, name: &InstanceName) -> Instance {
        let runs = |instance: Option<&Instance>| {
            instance.is_some_and(|instance| {
                assert!(!matches!(instance.state, InstanceState::Exited { .. }), "{instance:?}");
                instance.state == InstanceState::Running && instance.endpoint.is_some()
            })
        };
        self.until(name, "running", runs).await.unwrap()
    }

    pub(crate) async fn until_ended(&self, name: &InstanceName) -> Instance {
        let ended = |instance: Option<&Instance>| {
            instance.is_some_and(|instance| matches!(instance.state, InstanceState::Exited { .. }))
        };
        self.until(name, "ended", ended).await.unwrap()
    }

    pub(crate) async fn until_gone(&self, name: &InstanceName) {
        self.until(name, "gone", |instance| instance.is_none()).await;
    }

    pub(crate) async fn start(&self, request: &StartInstance) {
        assert_eq!(self.runtime.start(request).await, Ok(()));
    }

    pub(crate) async fn run(&self, request: &StartInstance) -> Instance {
        self.start(request).await;
        self.until_running(&request.name).await
    }

    pub(crate) async fn remove(&self, name: &InstanceName) {
        self.runtime.stop(name, Duration::ZERO).await.unwrap();
        self.until_gone(name).await;
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

#[async_trait]
impl InstanceRuntime for Executor {
    async fn observe(&self, performer: &PerformerName) -> Result<Vec<Instance>, RuntimeError> {
        self.runtime.observe(performer).await
    }

    async fn performers(&self) -> Result<Vec<PerformerName>, RuntimeError> {
        self.runtime.performers().await
    }

    fn watch(&self) -> Changes<PerformerName> {
        self.runtime.watch()
    }

    async fn start(&self, request: &StartInstance) -> Result<(), RuntimeError> {
        self.runtime.start(request).await
    }

    async fn stop(&self, name: &InstanceName, grace: Duration) -> Result<(), RuntimeError> {
        self.runtime.stop(name, grace).await
    }

    fn capabilities(&self) -> RuntimeCapabilities {
        self.runtime.capabilities()
    }
}

/// Short limits, so that what fails does so soon.
pub(crate) fn options(host: &str) -> Options {
    Options { host: Some(host.to_owned()), call_timeout: Duration::from_secs(10), ..Options::default() }
}

/// An owner that no other test has.
pub(crate) fn owner() -> ExecutorId {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&(std::process::id() ^ (count << 20)).to_be_bytes());
    bytes[4..8].copy_from_slice(&count.to_be_bytes());
    ExecutorId::new(bytes)
}

pub(crate) fn spec(image: &str, args: &[&str]) -> PerformerSpec {
    let avs: Address = "0x1111111111111111111111111111111111111111".parse().unwrap();
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    PerformerSpec { args, ..PerformerSpec::new(avs, image.parse().unwrap()) }
}

pub(crate) fn request(performer: &str, suffix: u32, spec: PerformerSpec) -> StartInstance {
    let name = InstanceName { performer: performer.parse().unwrap(), revision: spec.revision(), suffix };
    StartInstance { name, spec }
}

/// What the guest behind an endpoint says.
pub(crate) async fn ask(endpoint: &Endpoint, what: &str) -> String {
    let (endpoint, what) = (endpoint.clone(), what.to_owned());
    let asked = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // A process of the engine takes connections before the guest does.
            if let Ok(answer) = exchange(&endpoint, &what)
                && !answer.is_empty()
            {
                return answer;
            }
            assert!(Instant::now() < deadline, "{endpoint} does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    asked.await.unwrap()
}

fn exchange(endpoint: &Endpoint, what: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((endpoint.host.as_str(), endpoint.port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(what.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// One call of the engine, beside the runtime.
pub(crate) async fn api(host: &str, method: &'static str, path: String, body: Value) -> Value {
    let host = host.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let api = Api::at(&host).unwrap();
        match method {
            "GET" => api.get(&path).unwrap(),
            "DELETE" => api.delete(&path).map(|()| Value::Null).unwrap(),
            _ => api.post(&path, &body).unwrap(),
        }
    });
    asked.await.unwrap()
}

pub(crate) async fn inspect(host: &str, container: &str) -> Value {
    api(host, "GET", format!("/containers/{container}/json"), Value::Null).await
}

/// A container of this name that no executor made.
pub(crate) async fn foreign(host: &str, name: &str) -> String {
    let body = json!({ "Image": OBEYS, "Env": ["GRPC_PORT=1"] });
    let made = api(host, "POST", format!("/containers/create?name={name}"), body).await;
    let id = made["Id"].as_str().unwrap().to_owned();
    api(host, "POST", format!("/containers/{id}/start"), Value::Null).await;
    id
}
