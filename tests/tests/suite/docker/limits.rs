//! What a container may, read from the kernel and not from what the engine was asked for.

use hourglass_tests::running::containers::Containers;
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::site::Avs;

use super::inside::{Inside, inspect};
use super::{PATIENCE, answer, site};

const MIB: u64 = 1 << 20;

/// Nothing of the capabilities, in the kernel's digits.
const NONE: &str = "0000000000000000";
/// `CAP_NET_BIND_SERVICE` is the tenth bit.
const BIND: &str = "0000000000000400";

const MEMORY: ((&str, &str), &str) = (("memory", "memory.limit_in_bytes"), "memory.max");
const PROCESSES: ((&str, &str), &str) = (("pids", "pids.max"), "pids.max");

/// The quota and the period of the processor's time, in microseconds; `max` or `-1` for none.
fn quota(inside: &Inside) -> (String, String) {
    let quota = inside.group(("cpu", "cpu.cfs_quota_us"), "cpu.max");
    match quota.split_once(' ') {
        Some((quota, period)) => (quota.to_owned(), period.to_owned()),
        None => (quota, inside.group(("cpu", "cpu.cfs_period_us"), "cpu.max")),
    }
}

/// Whether it gets nothing of the swap: by version 1 both together are what the memory alone is, by version 2 it has none.
fn swaps(inside: &Inside, memory: u64) -> bool {
    let swap = inside.group(("memory", "memory.memsw.limit_in_bytes"), "memory.swap.max");
    ![memory.to_string(), "0".to_owned()].contains(&swap)
}

/// What nobody asked for is as narrow as it can be; what an AVS overrides, and nothing besides, is as it says.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn are_the_kernels() {
    let limited = Avs::ecdsa()
        .numbered(1)
        .line("default_resources: {requests: {cpu: 250m, memory: 64Mi}, limits: {cpu: 1500m, memory: 192Mi}}");
    let overridden = Avs::ecdsa().numbered(2).line(
        "security: {run_as_user: 1234, read_only_root: false, add_capabilities: [NET_BIND_SERVICE], \
         allow_privilege_escalation: true, pids_limit: 77, tmpfs_size: 3Mi, log_max_size: 1Mi, log_max_files: 7}",
    );
    // Each override alone changes what it says and nothing else.
    let rooted = Avs::ecdsa().numbered(3).line("security: {run_as_user: 0, pids_limit: 55}");
    let site =
        site([Avs::bn254(), limited, overridden, rooted]).set("docker.pids_limit=333").set("docker.tmpfs_size=9Mi");
    let executor = Executor::start(&site).await.unwrap();
    let containers = Containers::of(&site).await.unwrap();
    let all = containers.settled(site.avs.len(), PATIENCE).await.unwrap();
    let docker = containers.docker();
    let of = async |avs: &Avs| {
        let container = all.iter().find(|container| container.performer == avs.name).unwrap();
        (Inside::of(docker, &container.id).await, inspect(docker, &container.id).await)
    };
    let [plain, limited, overridden, rooted] = &site.avs[..] else { panic!("four") };

    let (inside, inspected) = of(plain).await;
    for set in ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"] {
        assert_eq!(inside.status(set), NONE, "{set}");
    }
    assert_eq!(inside.status("NoNewPrivs"), "1");
    assert_eq!(inside.status("Seccomp"), "2", "the engine's filter of system calls");
    assert_eq!(inside.status("Uid"), "65532 65532 65532 65532");
    assert_eq!(inside.status("Gid"), "65532 65532 65532 65532");
    assert!(!inside.status("Groups").split(' ').any(|group| group == "0"), "in the group of root");
    assert!(inside.mount("/").contains(&"ro".to_owned()), "{:?}", inside.mount("/"));
    let tmp = inside.mount("/tmp");
    for option in ["rw", "noexec", "nosuid", "nodev", &format!("size={}k", 9 * 1024)] {
        assert!(tmp.contains(&option.to_owned()), "no {option}: {tmp:?}");
    }
    assert_eq!(inside.group(PROCESSES.0, PROCESSES.1), "333");
    assert_eq!(inside.limit("Max core file size"), "0");
    assert_eq!(inside.limit("Max open files"), "16384");
    assert!(["-1", "max"].contains(&quota(&inside).0.as_str()), "nobody limited it");
    let log = |inspected: &bollard::models::ContainerInspectResponse| {
        let config = inspected.host_config.clone().unwrap().log_config.unwrap();
        let options = config.config.unwrap();
        (config.typ.unwrap(), options["max-size"].clone(), options["max-file"].clone())
    };
    assert_eq!(log(&inspected), ("json-file".to_owned(), (10 * MIB).to_string(), "3".to_owned()));
    let host = inspected.host_config.unwrap();
    assert_eq!((host.privileged, host.binds.unwrap_or_default().len()), (Some(false), 0));
    assert_eq!(host.restart_policy.unwrap().name.unwrap().to_string(), "no");

    let (inside, _) = of(limited).await;
    assert_eq!(inside.group(MEMORY.0, MEMORY.1), (192 * MIB).to_string());
    assert!(!swaps(&inside, 192 * MIB), "it may swap");
    let reserved = inside.group(("memory", "memory.soft_limit_in_bytes"), "memory.low");
    assert_eq!(reserved, (64 * MIB).to_string());
    let (quota, period) = quota(&inside);
    let (quota, period): (u64, u64) = (quota.parse().unwrap(), period.parse().unwrap());
    assert_eq!(quota * 2, period * 3, "one and a half processors");
    let shares = inside.group(("cpu", "cpu.shares"), "cpu.weight");
    // Of 1024 for a processor in version 1, of 10 000 in the other by the runtime's formula.
    assert!(["256", "10"].contains(&shares.as_str()), "{shares}");
    assert_eq!(inside.status("CapEff"), NONE, "limits are no capabilities");

    let (inside, inspected) = of(overridden).await;
    assert_eq!(inside.status("CapBnd"), BIND, "what was added, and no other");
    assert_eq!(inside.status("NoNewPrivs"), "0");
    assert!(inside.status("Uid").starts_with("1234 "), "{}", inside.status("Uid"));
    assert!(inside.mount("/").contains(&"rw".to_owned()), "{:?}", inside.mount("/"));
    assert!(inside.mount("/tmp").contains(&"size=3072k".to_owned()), "{:?}", inside.mount("/tmp"));
    assert!(inside.mount("/tmp").contains(&"noexec".to_owned()), "{:?}", inside.mount("/tmp"));
    assert_eq!(inside.group(PROCESSES.0, PROCESSES.1), "77");
    assert_eq!(log(&inspected), ("json-file".to_owned(), MIB.to_string(), "7".to_owned()));

    let (inside, _) = of(rooted).await;
    assert!(inside.status("Uid").starts_with("0 "), "{}", inside.status("Uid"));
    assert_eq!(inside.group(PROCESSES.0, PROCESSES.1), "55");
    assert_eq!((inside.status("CapEff").as_str(), inside.status("NoNewPrivs").as_str()), (NONE, "1"));
    assert!(inside.mount("/").contains(&"ro".to_owned()), "{:?}", inside.mount("/"));

    for avs in &site.avs {
        assert_eq!(answer(&site, avs, "within its limits").await, "9");
    }
    executor.stop().await.unwrap();
}
