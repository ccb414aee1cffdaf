//! The management service over the real manager: every refusal, and every way a deployment ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join;
use hourglass_core::performer::{EnvSource, EnvValue, EnvVar, PerformerSpec, UpgradeStrategy};
use hourglass_core::ports::{PublicKey, SignatureError, SignatureVerifier};
use hourglass_core::service::{
    AuthProof, ChallengeLimits, DeployRequest, ManagedAvs, ManagementAuth, ManagementError,
    ManagementErrorKind as Kind, ManagementOptions, ManagementService, PerformerListing, PerformerManagement,
};
use hourglass_core::task::challenge_message;
use hourglass_core::testing::Behaviour;
use hourglass_core::{Address, Digest, keccak256};

use crate::world::{Executor, SECOND, World, spec};

const OPERATOR: Address = Address::new([0xaa; 20]);

fn digest(of: u8) -> String {
    format!("sha256:{}", format!("{of:02x}").repeat(32))
}

pub(crate) fn request(of: u8) -> DeployRequest {
    DeployRequest {
        avs_address: Address::new([1; 20]).to_string(),
        digest: digest(of),
        registry_url: "https://ghcr.io/org/p".into(),
        ..DeployRequest::default()
    }
}

fn deployed(template: &PerformerSpec, of: u8) -> PerformerSpec {
    let image = format!("ghcr.io/org/p@{}", digest(of)).parse().unwrap();
    PerformerSpec { image, ..template.clone() }
}

pub(crate) struct Desk {
    pub(crate) world: World,
    pub(crate) executor: Executor,
    pub(crate) service: ManagementService,
    pub(crate) template: PerformerSpec,
}

impl Desk {
    fn new(auth: Option<ManagementAuth>) -> Self {
        Self::with(World::new(0), spec("configured"), auth)
    }

    pub(crate) fn with(world: World, template: PerformerSpec, auth: Option<ManagementAuth>) -> Self {
        let desk = Self::unready(world, template, auth);
        let (world, executor) = (&desk.world, &desk.executor);
        world.until("the configured one serves", SECOND, || executor.serves("p", &desk.template));
        desk
    }

    /// Before anything serves.
    pub(crate) fn unready(world: World, template: PerformerSpec, auth: Option<ManagementAuth>) -> Self {
        let executor = world.boot(&[("p", &template)]);
        let avss = vec![ManagedAvs {
            avs: Address::new([1; 20]),
            name: "p".parse().unwrap(),
            template: Some(template.clone()),
        }];
        let options = ManagementOptions { deploy_timeout: 90 * SECOND, ..ManagementOptions::new(OPERATOR) };
        let service = ManagementService::new(executor.manager.clone(), world.clock.clone(), auth, avss, options);
        Self { world, executor, service, template }
    }

    pub(crate) fn restart(self) -> Self {
        self.world.kill(self.executor);
        let (world, template) = (self.world, self.template);
        let executor = world.boot(&[("p", &template)]);
        let avss = vec![ManagedAvs { avs: template.avs, name: "p".parse().unwrap(), template: Some(template.clone()) }];
        let options = ManagementOptions::new(OPERATOR);
        let service = ManagementService::new(executor.manager.clone(), world.clock.clone(), None, avss, options);
        Self { world, executor, service, template }
    }

    pub(crate) fn deploy(&self, request: DeployRequest) -> Result<String, ManagementError> {
        self.world.sim.block_on(self.service.deploy(request, None)).map(|deployment| deployment.id)
    }

    pub(crate) fn list(&self) -> Vec<PerformerListing> {
        self.world.sim.block_on(self.service.list("", None)).unwrap()
    }

    pub(crate) fn remove(&self, id: &str) -> Result<(), ManagementError> {
        self.world.sim.block_on(self.service.remove(id, None))
    }
}

#[test]
fn a_deployment_serves_when_it_is_said_to() {
    let desk = Desk::new(None);
    let expected = deployed(&desk.template, 1);
    assert_eq!(desk.deploy(request(1)), Ok(format!("p-{}", expected.revision())));
    assert!(desk.executor.serves("p", &expected), "it serves at that very moment");
    let elapsed = desk.world.clock.elapsed();
    assert_eq!(desk.deploy(request(1)), Ok(format!("p-{}", expected.revision())));
    assert_eq!(desk.world.clock.elapsed(), elapsed, "what serves is deployed already");

    let desk = desk.restart();
    desk.world.until("it serves after a restart", SECOND, || desk.executor.serves("p", &expected));
    desk.world.sim.run_for(5 * SECOND);
    let [listing] = &desk.list()[..] else { panic!("{:?}", desk.list()) };
    assert_eq!(listing.performer_id, format!("p-{}", expected.revision()));
    assert_eq!(listing.status, "InService");
    assert_eq!((&*listing.artifact_registry, &*listing.artifact_digest), ("ghcr.io/org/p", &*digest(1)));
    assert!(listing.resource_healthy && listing.application_healthy && !listing.container_id.is_empty());
    assert!(listing.last_health_check.starts_with("2026-01-01T00:00:"), "{}", listing.last_health_check);
    assert_eq!(listing.avs_address, Address::new([1; 20]).to_string());
}

#[test]
fn blue_green_deployments_promote_themselves() {
    let mut template = spec("configured");
    template.upgrade.strategy = UpgradeStrategy::BlueGreen;
    // The configured one is not promoted by anybody: it is the first, and is deployed here.
    let world = World::new(0);
    let executor = world.boot(&[]);
    let avss = vec![ManagedAvs { avs: template.avs, name: "p".parse().unwrap(), template: Some(template.clone()) }];
    let options = ManagementOptions::new(OPERATOR);
    let service = ManagementService::new(executor.manager.clone(), world.clock.clone(), None, avss, options);
    for of in [1, 2] {
        world.sim.block_on(service.deploy(request(of), None)).unwrap();
        assert!(executor.serves("p", &deployed(&template, of)));
    }
}

#[test]
fn a_deployment_that_fails_says_why_and_harms_nothing() {
    let mut template = spec("configured");
    template.upgrade.ready_deadline = 10 * SECOND;
    let desk = Desk::with(World::new(0), template, None);
    let broken = Behaviour { ready_after: None, ..Behaviour::default() };
    desk.world.platform.script(deployed(&desk.template, 2).image.as_str(), broken.clone());
    for _ in 0..2 {
        // The second one is another try, not the memory of the first.
        let began = desk.world.clock.elapsed();
        let failed = desk.deploy(request(2)).unwrap_err();
        assert_eq!(failed.kind, Kind::FailedPrecondition, "{failed}");
        assert!(failed.message.contains("was given up") && failed.message.contains("NOT_SERVING"), "{failed}");
        assert!(desk.world.clock.elapsed() - began >= 9 * SECOND);
        assert!(desk.executor.serves("p", &desk.template));
    }
    let slow = Behaviour { start_delay: 5 * SECOND, ready_after: Some(Duration::ZERO), ..Behaviour::default() };
    desk.world.platform.script(deployed(&desk.template, 2).image.as_str(), slow);
    assert!(desk.deploy(request(2)).is_ok(), "mended, it is tried again");
}

#[test]
fn a_deployment_that_dies_says_its_last_words() {
    let desk = Desk::new(None);
    let cause = hourglass_core::lifecycle::ExitCause::Code(1);
    let dies = Behaviour {
        ready_after: None,
        ends: Some((Duration::from_millis(10), cause)),
        output: Some("loading\n\u{1b}[31mno key at /keys/rpc\u{1b}[0m\n".into()),
        ..Behaviour::default()
    };
    desk.world.platform.script(deployed(&desk.template, 2).image.as_str(), dies);
    let failed = desk.deploy(request(2)).unwrap_err();
    assert_eq!(failed.kind, Kind::DeadlineExceeded, "{failed}");
    let words = "exited with code 1; its last words: \"loading | no key at /keys/rpc\"";
    assert!(failed.message.contains(words), "{failed}");
    let told = |event: &hourglass_core::ports::Event| event.reason == "InstanceFailed" && event.message.contains(words);
    assert!(desk.executor.events.all().iter().any(told));
    desk.world.until("it is given up", 400 * SECOND, || desk.executor.view("p").unwrap().status.withdrawn.is_some());
    let withdrawn = desk.executor.view("p").unwrap().status.withdrawn.unwrap();
    assert!(withdrawn.cause.message.contains(words), "{withdrawn:?}");
    assert!(desk.executor.serves("p", &desk.template));
}

#[test]
fn a_deployment_that_takes_too_long_goes_on() {
    let desk = Desk::new(None);
    let slow = Behaviour { start_delay: 120 * SECOND, ..Behaviour::default() };
    desk.world.platform.script(deployed(&desk.template, 3).image.as_str(), slow);
    let (first, second) = desk
        .world
        .sim
        .block_on(async { join(desk.service.deploy(request(3), None), desk.service.deploy(request(1), None)).await });
    assert_eq!(
        second.unwrap_err(),
        ManagementError { kind: Kind::AlreadyExists, message: "deployment already in progress".into() }
    );
    let late = first.unwrap_err();
    assert_eq!(late.kind, Kind::DeadlineExceeded);
    assert!(late.message.contains("90s") && late.message.contains("goes on"), "{late}");
    let statuses: Vec<_> = desk.list().into_iter().map(|listing| listing.status).collect();
    assert_eq!(statuses, ["InService", "Staged"]);
    desk.world.until("it serves in the end", 60 * SECOND, || desk.executor.serves("p", &deployed(&desk.template, 3)));

    // A caller that hangs up leaves no lock behind.
    drop(desk.service.deploy(request(4), None).now_or_never());
    assert!(desk.deploy(request(5)).is_ok());
}

#[test]
fn removing_what_waits_calls_the_upgrade_off_and_removing_what_serves_removes_it() {
    let desk = Desk::new(None);
    let slow = Behaviour { start_delay: 600 * SECOND, ..Behaviour::default() };
    desk.world.platform.script(deployed(&desk.template, 3).image.as_str(), slow);
    assert_eq!(desk.deploy(request(3)).unwrap_err().kind, Kind::DeadlineExceeded);
    let staged = format!("p-{}", deployed(&desk.template, 3).revision());
    assert_eq!(desk.remove(&staged), Ok(()));
    desk.world.until("the staged one is gone", 30 * SECOND, || desk.world.platform.instances().len() == 1);
    desk.world.assert_stable();
    assert!(desk.executor.serves("p", &desk.template));
    let unknown = desk.remove(&staged).unwrap_err();
    assert_eq!(unknown.kind, Kind::NotFound);
    assert!(unknown.message.contains(&staged), "{unknown}");

    assert_eq!(desk.remove(&format!("p-{}", desk.template.revision())), Ok(()));
    desk.world.until("it is gone", 30 * SECOND, || desk.list().is_empty());
    assert_eq!(desk.remove("p").unwrap_err().kind, Kind::NotFound);
    assert!(desk.deploy(request(1)).is_ok());
    assert_eq!(desk.remove("p"), Ok(()));
    desk.world.until("it is gone again", 30 * SECOND, || desk.list().is_empty());
    let desk = desk.restart();
    desk.world.assert_stable();
    assert_eq!(desk.list(), [], "it stays removed");
}

#[test]
fn malformed_requests_are_refused_before_anything_happens() {
    let desk = Desk::new(None);
    let good = request(1);
    let variable = |name: &str, source| DeployRequest { env: vec![EnvVar { name: name.into(), source }], ..request(1) };
    let secret = EnvSource::SecretKey { secret: "s".into(), key: "k".into() };
    for (request, kind, message) in [
        (DeployRequest::default(), Kind::InvalidArgument, "AVS address is required"),
        (DeployRequest { digest: String::new(), ..good.clone() }, Kind::InvalidArgument, "Artifact digest is required"),
        (
            DeployRequest { registry_url: String::new(), ..good.clone() },
            Kind::InvalidArgument,
            "Registry URL is required",
        ),
        (DeployRequest { avs_address: "0x12".into(), ..good.clone() }, Kind::InvalidArgument, "AVS address '0x12'"),
        (DeployRequest { digest: "v1".into(), ..good.clone() }, Kind::InvalidArgument, "sha256:"),
        (
            DeployRequest { avs_address: Address::new([9; 20]).to_string(), ..good.clone() },
            Kind::FailedPrecondition,
            "avs_config.supported_avs",
        ),
        (DeployRequest { registry_url: "file:///bin/sh".into(), ..good }, Kind::FailedPrecondition, "development"),
        (variable("", EnvSource::Value(EnvValue("x".into()))), Kind::InvalidArgument, "cannot name a variable"),
        (variable("A=B", EnvSource::Value(EnvValue("x".into()))), Kind::InvalidArgument, "cannot name a variable"),
        (variable("A", EnvSource::FromExecutor("ECDSA_PRIVATE_KEY".into())), Kind::InvalidArgument, "is a secret"),
        (variable("A", EnvSource::FromExecutor(String::new())), Kind::InvalidArgument, "names no variable"),
        (variable("A", secret), Kind::FailedPrecondition, "Kubernetes"),
    ] {
        let error = desk.deploy(request).unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(message), "{error}");
    }
    let writes = desk.world.platform.writes().len();
    assert_eq!(writes, 1, "only the configured one was ever started");
    assert_eq!(
        desk.remove("").unwrap_err(),
        ManagementError { kind: Kind::InvalidArgument, message: "performer ID is required".into() }
    );
    let malformed = desk.world.sim.block_on(desk.service.list("0x", None)).unwrap_err();
    assert_eq!(malformed.kind, Kind::InvalidArgument);
    let other = Address::new([9; 20]).to_string();
    assert_eq!(desk.world.sim.block_on(desk.service.list(&other, None)), Ok(Vec::new()));
}

/// "Signs" by repeating key and digest: what a verifier is given is what is looked at here.
struct Echo;

fn signature(key: &PublicKey, digest: &Digest) -> Vec<u8> {
    format!("{key:?}{digest}").into_bytes()
}

impl SignatureVerifier for Echo {
    fn verify(&self, key: &PublicKey, digest: &Digest, given: &[u8]) -> Result<(), SignatureError> {
        if given == signature(key, digest) { Ok(()) } else { Err(SignatureError::Mismatch) }
    }
}

const KEY: PublicKey = PublicKey::Ecdsa(OPERATOR);

pub(crate) fn auth() -> ManagementAuth {
    let count = AtomicU8::new(0);
    let random = Box::new(move || [count.fetch_add(1, Ordering::Relaxed); 32]);
    let bn254 = PublicKey::Bn254(hourglass_core::ports::Bn254PublicKey([1; 128]));
    ManagementAuth::new(&[bn254, KEY], Arc::new(Echo), random, ChallengeLimits::default()).unwrap()
}

fn prove(token: &str) -> AuthProof {
    let digest = keccak256(challenge_message(token).as_bytes());
    AuthProof { challenge_token: token.into(), signature: signature(&KEY, &digest) }
}

#[test]
fn every_call_needs_a_fresh_proof() {
    let desk = Desk::new(Some(auth()));
    let us = OPERATOR.checksummed();
    let challenge = || desk.world.sim.block_on(desk.service.challenge(&us, None)).unwrap();

    let issued = challenge();
    assert_eq!(issued.token.len(), 64);
    assert!(issued.token.bytes().all(|b| b.is_ascii_hexdigit()));
    let list = |proof| desk.world.sim.block_on(desk.service.list("", proof));
    assert_eq!(list(Some(prove(&issued.token))).unwrap().len(), 1);
    let again = list(Some(prove(&issued.token))).unwrap_err();
    assert_eq!(again.kind, Kind::Unauthenticated, "a token is used once");

    let missing = list(None).unwrap_err();
    assert_eq!(missing.kind, Kind::Unauthenticated);
    assert!(missing.message.contains("GetChallengeToken") && missing.message.contains("authentication.enabled"));

    let token = challenge().token;
    let wrong = AuthProof { signature: vec![0; 65], ..prove(&token) };
    assert_eq!(list(Some(wrong)).unwrap_err().kind, Kind::Unauthenticated);
    assert_eq!(list(Some(prove(&token))).unwrap_err().kind, Kind::Unauthenticated, "used up by the wrong signature");

    let token = challenge().token;
    desk.world.sim.run_for(300 * SECOND);
    assert_eq!(list(Some(prove(&token))).unwrap_err().kind, Kind::Unauthenticated, "after five minutes");

    // Nothing in a request is looked at before the proof.
    let deploy = desk.world.sim.block_on(desk.service.deploy(DeployRequest::default(), None)).unwrap_err();
    let remove = desk.world.sim.block_on(desk.service.remove("", None)).unwrap_err();
    assert_eq!((deploy.kind, remove.kind), (Kind::Unauthenticated, Kind::Unauthenticated));
    let token = challenge().token;
    let deployed = desk.world.sim.block_on(desk.service.deploy(request(1), Some(prove(&token))));
    assert!(deployed.is_ok(), "{deployed:?}");
}

#[test]
fn challenges_are_refused_in_the_order_of_the_contract() {
    let with = Desk::new(Some(auth()));
    let without = Desk::new(None);
    let kind = |desk: &Desk, address: &str| {
        desk.world.sim.block_on(desk.service.challenge(address, None)).map_err(|error| error.kind)
    };
    let other = Address::new([2; 20]).to_string();
    for desk in [&with, &without] {
        assert_eq!(kind(desk, ""), Err(Kind::InvalidArgument));
        assert_eq!(kind(desk, "0xzz"), Err(Kind::InvalidArgument));
        assert_eq!(kind(desk, &other), Err(Kind::PermissionDenied));
    }
    assert_eq!(kind(&without, &OPERATOR.to_string()), Err(Kind::Unimplemented));
    assert!(kind(&with, &OPERATOR.to_string()).is_ok());
}
