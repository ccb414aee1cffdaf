use serde_json::{Value, json};

use super::*;

const OWNER: [u8; 16] = [0xcd; 16];

/// What Engine 20.10 says of a container that runs, cut to what is looked at; `change` makes another of it.
fn seen(change: &dyn Fn(&mut Value)) -> Option<Container> {
    let owner = ExecutorId::new(OWNER);
    let mut inspect = json!({
        "Id": "0f".repeat(32),
        "Created": "2026-11-22T23:10:10.5Z",
        "Path": "/guest",
        "Name": "/hourglass-cdcdcdcd-square-0123456789-4",
        "State": {
            "Status": "running", "Running": true, "Paused": false, "Restarting": false, "OOMKilled": false, "Dead": false,
            "Pid": 4242, "ExitCode": 0, "Error": "",
            "StartedAt": "2026-11-22T23:10:11.123456789Z", "FinishedAt": "0001-01-01T00:00:00Z"
        },
        "Config": { "Labels": {
            "hourglass.eigenlayer.io/executor": owner.as_str(),
            "hourglass.eigenlayer.io/instance": "square-0123456789-4",
            "hourglass.eigenlayer.io/port": "9090",
            "hourglass.eigenlayer.io/image": "org/square:v1"
        } },
        "NetworkSettings": {
            "Ports": { "9090/tcp": [{ "HostIp": "127.0.0.1", "HostPort": "49153" }] },
            "Networks": { "hourglass-cdcdcdcd": { "IPAddress": "172.18.0.2", "GlobalIPv6Address": "" } }
        }
    });
    change(&mut inspect);
    container(&owner, &serde_json::from_value(inspect).unwrap(), &|network| network == "direct")
}

fn ended(change: &dyn Fn(&mut Value)) -> ExitCause {
    let container = seen(&|inspect| {
        let state = &mut inspect["State"];
        (state["Status"], state["Running"], state["Pid"]) = ("exited".into(), false.into(), 0.into());
        state["FinishedAt"] = "2026-11-22T23:11:00Z".into();
        inspect["NetworkSettings"]["Ports"] = json!({});
        change(&mut inspect["State"]);
    });
    let container = container.unwrap();
    assert_eq!((container.endpoint, container.pid), (None, None));
    let Phase::Ended { cause, at } = container.phase else { panic!("{:?}", container.phase) };
    assert_eq!(at.to_rfc3339(), "2026-11-22T23:11:00.000Z");
    cause
}

#[test]
fn one_that_runs() {
    let container = seen(&|_| {}).unwrap();
    assert_eq!(container.name.to_string(), "square-0123456789-4");
    assert_eq!((container.owner, container.phase, container.pid), (Owner::Ours, Phase::Running, Some(4242)));
    assert_eq!(container.endpoint, Some(Endpoint { host: "127.0.0.1".into(), port: 49153 }));
    assert_eq!(container.started_at.to_rfc3339(), "2026-11-22T23:10:11.123Z");
    assert_eq!(container.addresses, ["172.18.0.2".parse::<IpAddr>().unwrap()]);
    assert_eq!(container.networks, ["hourglass-cdcdcdcd"]);
    assert_eq!(container.image.map(|image| image.to_string()).as_deref(), Some("org/square:v1"));
    // Paused by somebody: it runs, and its health tells.
    let paused = seen(&|inspect| inspect["State"]["Status"] = "paused".into()).unwrap();
    assert_eq!(paused.phase, Phase::Running);
}

#[test]
fn where_it_is_dialled() {
    let endpoint = |change: &dyn Fn(&mut Value)| seen(change).unwrap().endpoint.unwrap().to_string();
    let name = "hourglass.eigenlayer.io/instance";
    assert_eq!(
        endpoint(&|inspect| inspect["NetworkSettings"]["Ports"] = json!({ "9090/tcp": null })),
        "square-0123456789-4:9090"
    );
    assert_eq!(
        endpoint(&|inspect| inspect["NetworkSettings"]["Ports"]["9090/tcp"][0]["HostIp"] = "0.0.0.0".into()),
        "127.0.0.1:49153"
    );
    let direct = endpoint(&|inspect| {
        inspect["NetworkSettings"]["Networks"] =
            json!({ "other": { "IPAddress": "172.19.0.2" }, "direct": { "IPAddress": "172.18.0.2" } });
    });
    assert_eq!(direct, "172.18.0.2:9090", "past the process that serves the published port");
    let long = format!("{}-0123456789-4", "x".repeat(53));
    let by_id = endpoint(&|inspect| {
        inspect["Config"]["Labels"][name] = long.clone().into();
        inspect["NetworkSettings"]["Ports"] = json!({});
    });
    assert_eq!(by_id, "0f0f0f0f0f0f:9090", "a name that is no label of DNS is not dialled");
}

#[test]
fn how_it_ended() {
    let code = |code: i64| ended(&move |state| state["ExitCode"] = code.into());
    assert_eq!(code(0), ExitCause::Code(0));
    assert_eq!(code(3), ExitCause::Code(3));
    assert_eq!(code(128), ExitCause::Code(128));
    assert_eq!(code(137), ExitCause::Signal(9));
    assert_eq!(code(139), ExitCause::Signal(11));
    assert_eq!(code(255), ExitCause::Code(255));
    let out_of_memory = ended(&|state| {
        state["ExitCode"] = 137.into();
        state["OOMKilled"] = true.into();
    });
    assert_eq!(out_of_memory, ExitCause::OutOfMemory);
    let failed = ended(&|state| {
        state["Status"] = "created".into();
        state["ExitCode"] = 127.into();
        state["Error"] = "exec: \"/nope\": stat /nope: no such file or directory: unknown".into();
    });
    assert!(matches!(failed, ExitCause::Refused { reason, .. } if reason == "CommandNotFound"));
}

#[test]
fn whose_it_is() {
    let labels = "hourglass.eigenlayer.io/executor";
    let unlabelled = seen(&|inspect| inspect["Config"]["Labels"] = json!(null)).unwrap();
    assert_eq!((unlabelled.owner, unlabelled.endpoint), (Owner::Foreign, None));
    // Another executor that begins with the same eight digits.
    let other = seen(&|inspect| inspect["Config"]["Labels"][labels] = format!("cdcdcdcd{}", "0".repeat(24)).into());
    assert_eq!(other.unwrap().owner, Owner::Foreign);
    let stranger = seen(&|inspect| {
        inspect["Config"]["Labels"] = json!({});
        inspect["Name"] = "/web".into();
    });
    assert_eq!(stranger, None);
    let renamed = seen(&|inspect| inspect["Name"] = "/web".into()).unwrap();
    assert_eq!((renamed.owner, renamed.name.to_string().as_str()), (Owner::Ours, "square-0123456789-4"));
    assert_eq!(seen(&|inspect| inspect["State"]["Status"] = "created".into()).unwrap().phase, Phase::Created);
    assert_eq!(seen(&|inspect| inspect["State"]["Status"] = "removing".into()).unwrap().phase, Phase::Removing);
}
