use std::time::Duration;

use bytes::Bytes;
use hourglass_kubernetes::connection::{ApiFailure, Call, Content, resources::PODS, send};
use http::Method;
use kube::Client;
use serde_json::{Value, json};

/// A node played by the test: what becomes of a pod is said by its image.
///
/// | image | the pod |
/// |---|---|
/// | `ready…` | runs and is ready at once |
/// | `unready…` | runs and never becomes ready |
/// | `missing…` | its image cannot be pulled |
/// | `crashing…` | ends again and again, and waits to be started once more |
///
/// Pods that are to go, go at once.
pub(super) struct Kubelet {
    playing: tokio::task::JoinHandle<()>,
}

/// What it is called.
const NODE: &str = "hourglass-played";

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.playing.abort();
    }
}

impl Kubelet {
    pub(super) fn start(client: Client, namespace: &str) -> Self {
        let namespace = namespace.to_owned();
        let playing = tokio::spawn(async move {
            while register(&client).await.is_err_and(|failure| failure.code() != Some(409)) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            loop {
                // What fails is tried again by the next round.
                drop(round(&client, &namespace).await);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        Self { playing }
    }
}

/// Pods on a node that nobody knows are removed after a while. One that says nothing of itself keeps its pods.
async fn register(client: &Client) -> Result<(), ApiFailure> {
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": NODE } });
    let call = Call {
        method: Method::POST,
        uri: "/api/v1/nodes".to_owned(),
        body: Some((Content::Json, Bytes::from(node.to_string()))),
        timeout: Duration::from_secs(10),
    };
    send(client, &call).await.map(|_| ())
}

async fn round(client: &Client, namespace: &str) -> Result<(), ApiFailure> {
    let timeout = Duration::from_secs(10);
    let list = send(client, &Call::get(PODS.collection(Some(namespace)), timeout)).await?;
    let list: Value = serde_json::from_slice(&list.body).unwrap();
    for pod in list["items"].as_array().unwrap() {
        let name = pod["metadata"]["name"].as_str().unwrap();
        let call = |method, subresource, content, body: Value| Call {
            method,
            uri: PODS.object(namespace, name, subresource),
            body: Some((content, Bytes::from(body.to_string()))),
            timeout,
        };
        if pod["metadata"]["deletionTimestamp"].is_string() {
            let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0 });
            send(client, &call(Method::DELETE, None, Content::Json, options)).await?;
            continue;
        }
        if !pod["spec"]["nodeName"].is_string() {
            let binding = json!({
                "apiVersion": "v1", "kind": "Binding", "metadata": { "name": name },
                "target": { "kind": "Node", "name": NODE },
            });
            send(client, &call(Method::POST, Some("binding"), Content::Json, binding)).await?;
        }
        let wanted = status(pod["spec"]["containers"][0]["image"].as_str().unwrap());
        let container =
            |status: &Value| status["containerStatuses"][0]["state"].as_object().map(|s| s.keys().next().cloned());
        if container(&pod["status"]) != container(&wanted) {
            let patch = json!({ "status": wanted });
            send(client, &call(Method::PATCH, Some("status"), Content::MergePatch, patch)).await?;
        }
    }
    Ok(())
}

fn status(image: &str) -> Value {
    let ready = image.starts_with("ready");
    let missing = image.starts_with("missing");
    let now = "2026-01-01T00:00:00Z";
    let crashing = image.starts_with("crashing");
    let last = if crashing {
        json!({ "terminated": { "exitCode": 3, "reason": "Error", "startedAt": now, "finishedAt": now } })
    } else {
        json!({})
    };
    let state = if crashing {
        json!({ "waiting": { "reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container" } })
    } else if missing {
        json!({ "waiting": { "reason": "ImagePullBackOff", "message": "Back-off pulling image: not found" } })
    } else {
        json!({ "running": { "startedAt": now } })
    };
    let word = |holds: bool| if holds { "True" } else { "False" };
    let condition = |kind: &str, holds| json!({ "type": kind, "status": word(holds), "lastTransitionTime": now });
    json!({
        "phase": if missing { "Pending" } else { "Running" },
        "podIP": "10.1.2.3",
        "startTime": now,
        "conditions": [
            condition("PodScheduled", true), condition("PodReadyToStartContainers", true),
            condition("Initialized", true), condition("ContainersReady", ready), condition("Ready", ready),
        ],
        "containerStatuses": [{
            "name": "performer", "image": image, "imageID": "x", "ready": ready, "started": ready,
            "restartCount": if crashing { 5 } else { 0 }, "state": state, "lastState": last,
        }],
    })
}
