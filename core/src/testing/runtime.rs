use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::lifecycle::{Instance, StartInstance};
use crate::performer::{InstanceName, PerformerName};
use crate::ports::{Changes, InstanceRuntime, RuntimeCapabilities, RuntimeError};
use crate::testing::platform::{Call, FakePlatform, Fault};

/// An [`InstanceRuntime`] over a [`FakePlatform`], for one executor. Dropping it loses nothing: what runs belongs to the
/// platform, as containers belong to a daemon.
#[derive(Debug, Clone)]
pub struct FakeRuntime {
    platform: Arc<FakePlatform>,
    executor: String,
}

impl FakeRuntime {
    /// As the executor of this name, which owns what it starts.
    pub fn new(platform: Arc<FakePlatform>, executor: &str) -> Self {
        Self { platform, executor: executor.to_owned() }
    }

    async fn call<T>(&self, call: Call, effect: impl FnOnce() -> Result<T, RuntimeError>) -> Result<T, RuntimeError> {
        match self.platform.begin(call) {
            Fault::None => effect(),
            Fault::Before(error) => Err(error),
            Fault::After(error) => effect().and(Err(error)),
            Fault::Hang => std::future::pending().await,
            Fault::Slow(duration) => {
                self.platform.sleep(duration).await;
                effect()
            }
        }
    }
}

#[async_trait]
impl InstanceRuntime for FakeRuntime {
    async fn observe(&self, performer: &PerformerName) -> Result<Vec<Instance>, RuntimeError> {
        let effect = || Ok(self.platform.observe(&self.executor, performer));
        self.call(Call::Observe(performer.clone()), effect).await
    }

    async fn performers(&self) -> Result<Vec<PerformerName>, RuntimeError> {
        self.call(Call::Performers, || Ok(self.platform.performers(&self.executor))).await
    }

    fn watch(&self) -> Changes<PerformerName> {
        self.platform.watch()
    }

    async fn start(&self, request: &StartInstance) -> Result<(), RuntimeError> {
        let effect = || self.platform.start(&self.executor, request);
        self.call(Call::Start(request.name.clone()), effect).await
    }

    async fn stop(&self, name: &InstanceName, grace: Duration) -> Result<(), RuntimeError> {
        let effect = || {
            self.platform.stop(&self.executor, name, grace);
            Ok(())
        };
        self.call(Call::Stop(name.clone()), effect).await
    }

    fn capabilities(&self) -> RuntimeCapabilities {
        RuntimeCapabilities::default()
    }
}
