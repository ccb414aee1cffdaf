//! `deploy/docker-compose.yml` as it is, brought up by Compose on an engine of its own: an executor that is a container.
//!
//! Its variables say which ports of the host it has and where the engine's socket is: others on this machine may have the defaults.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::process::{Command, Stdio};

use anyhow::ensure;
use bollard::Docker;
use hourglass_environment::engine::{self, Engine, EngineOptions};
use hourglass_environment::packages::{self, Component};
use hourglass_grpc::api::{ApiOptions, ExecutorApi};
use hourglass_tests::repository;
use hourglass_tests::running::containers::{Containers, connect};
use hourglass_tests::running::site::{Avs, OnEngine, Site};
use hourglass_tests::running::web;
use hourglass_tests::waiting::until_async;

use super::{PATIENCE, inside};
use crate::deployment::images;

/// Whose group the socket is here: any but root's.
pub(super) const GROUP: u32 = 64_321;
const IMAGE: &str = "hourglass-tests/guest-performer:1";
pub(super) const EXECUTOR: &str = "hourglass-executor";

/// Who holds the engine's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    Executor,
    Proxy,
}

pub(super) struct Composed {
    pub(super) site: Site,
    holder: Holder,
    pub(super) docker: Docker,
    /// Last, so that it is dropped last: with it goes everything that ran on it.
    pub(super) engine: Engine,
}

impl Composed {
    /// An engine with the images, and everything that Compose reads.
    pub(super) async fn new(holder: Holder, avs: impl IntoIterator<Item = Avs>, docker_section: &str) -> Self {
        Self::on(&EngineOptions::default(), holder, avs, docker_section).await
    }

    pub(super) async fn on(
        options: &EngineOptions,
        holder: Holder,
        avs: impl IntoIterator<Item = Avs>,
        docker_section: &str,
    ) -> Self {
        packages::ensure(&[Component::Compose]).unwrap();
        images::build();
        let engine = Engine::with(options).unwrap();
        let built = format!("/images/{}/get", image());
        let archive =
            engine::shared().unwrap().api().unwrap().request("GET", &built, &[], &[]).unwrap().success().unwrap();
        let header = [("Content-Type", "application/x-tar")];
        engine.api().unwrap().request("POST", "/images/load?quiet=1", &header, &archive).unwrap().success().unwrap();
        inside::image(IMAGE).load(engine.host()).unwrap();
        chown(engine.socket(), Some(0), Some(GROUP)).unwrap();
        fs::set_permissions(engine.socket(), fs::Permissions::from_mode(0o660)).unwrap();

        let on_engine = OnEngine { host: engine.host().to_owned(), image: IMAGE.to_owned() };
        let site = Site::docker(on_engine, avs).unwrap();
        let docker = connect(engine.host()).await.unwrap();
        let composed = Self { site, holder, docker, engine };
        composed.write(docker_section);
        composed
    }

    /// The folder of the compose file, with `config` and `keys` beside it.
    pub(super) fn write(&self, docker_section: &str) {
        let site = &self.site;
        for name in ["docker-compose.yml", "socket-proxy.env"] {
            fs::copy(repository::root().join("deploy").join(name), site.path(name)).unwrap();
        }

        let (config, keys) = (site.path("config"), site.path("keys"));
        fs::create_dir_all(&config).unwrap();
        fs::create_dir_all(&keys).unwrap();
        // By the paths of the container; where the engine is says DOCKER_HOST.
        let directory = site.directory().display().to_string();
        let host = format!("docker: {{host: \"{}\"}}", self.engine.host());
        let text = site.yaml().unwrap();
        assert!(text.contains(&host), "{text}");
        let text = text
            .replace(&host, docker_section)
            .replace(&format!("{directory}/data"), "/var/lib/hourglass")
            .replace(&directory, "/keys")
            .replace(&format!("127.0.0.1:{}", site.ports.tasks), "0.0.0.0:9095")
            .replace("\nstorage:", "\nmanagement: {listen: \"0.0.0.0:9096\"}\nstorage:")
            .replace(&format!("address: 127.0.0.1, port: {}", site.ports.metrics), "port: 8080")
            .replace(&format!("address: 127.0.0.1, port: {}", site.ports.health), "port: 8090");
        fs::write(config.join("executor.yaml"), text).unwrap();
        for name in ["operator-ecdsa.key", "operator-bn254.key"] {
            let key = keys.join(name);
            fs::copy(site.path(name), &key).unwrap();
            chown(&key, Some(65_532), Some(65_532)).unwrap();
            fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
        }
    }

    /// `docker-compose …`, which must succeed.
    pub(super) fn compose(&self, arguments: &[&str]) {
        let mut command = Command::new("docker-compose");
        command.args(["--project-name", "hourglass"]).current_dir(self.site.directory()).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", self.site.directory());
        command
            .env("DOCKER_HOST", self.engine.host())
            .env("EXECUTOR_IMAGE", image())
            .env("DOCKER_GID", GROUP.to_string())
            .env("DOCKER_SOCKET", self.engine.socket())
            .env("EXECUTOR_LISTEN", format!("0.0.0.0:{}", self.site.ports.tasks))
            .env("EXECUTOR_MANAGEMENT", self.management())
            .env("EXECUTOR_METRICS", format!("127.0.0.1:{}", self.site.ports.metrics))
            .env("EXECUTOR_HEALTH", format!("127.0.0.1:{}", self.site.ports.health));
        match self.holder {
            Holder::Proxy => command.args(["--env-file", "socket-proxy.env"]),
            Holder::Executor => {
                command.env("EXECUTOR_ENGINE", format!("{}:/run/hourglass/docker.sock", self.engine.socket().display()))
            }
        };
        let output = command.args(arguments).stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker-compose {arguments:?}: {said}\n{}", self.log());
    }

    fn management(&self) -> String {
        format!("127.0.0.1:{}", self.site.ports.spare)
    }

    /// A connection to where it is managed.
    pub(super) async fn manage(&self) -> ExecutorApi {
        ExecutorApi::connect(ApiOptions::new(self.management())).await.unwrap()
    }

    /// Waits until it is ready and every performer serves.
    pub(super) async fn serving(&self) {
        self.ready(r#""reason":"every performer serves""#).await;
    }

    pub(super) async fn ready(&self, says: &str) {
        let ready = until_async("ready", PATIENCE, async || {
            let page = web::get(self.site.ports.health, "/ready")?;
            ensure!(page.body.contains(says), "{}", page.body);
            Ok(())
        });
        if let Err(error) = ready.await {
            panic!("{error:#}\n{}", self.log());
        }
        // The volume's file, where the site has it.
        fs::create_dir_all(self.site.storage()).unwrap();
        let volume = self.engine.api().unwrap().get("/volumes/hourglass-journal").unwrap();
        let id = std::path::Path::new(volume["Mountpoint"].as_str().unwrap()).join("executor-id");
        fs::copy(id, self.site.storage().join("executor-id")).unwrap();
    }

    pub(super) async fn containers(&self) -> Containers {
        Containers::of(&self.site).await.unwrap()
    }

    /// The executor's container as the engine has it now.
    pub(super) async fn executor(&self) -> bollard::models::ContainerInspectResponse {
        inside::inspect(&self.docker, EXECUTOR).await
    }

    /// What the executor and the proxy logged last.
    pub(super) fn log(&self) -> String {
        let of = |name: &str| {
            let logs = ["logs", "--tail", "25", name];
            let output = Command::new("docker").env("DOCKER_HOST", self.engine.host()).args(logs).output().unwrap();
            format!("{name}:\n{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        };
        format!("{}{}", of(EXECUTOR), of("hourglass-socket-proxy"))
    }
}

impl Drop for Composed {
    fn drop(&mut self) {
        // It would start again what the site removes.
        let _gone = self.engine.api().and_then(|api| api.delete(&format!("/containers/{EXECUTOR}?force=true")));
    }
}

/// As `make images` built it.
fn image() -> String {
    format!("{EXECUTOR}:{}", images::TAG)
}
