use hourglass_kubernetes::connection::{NEEDED, RightsError, missing};
use serde_json::{Value, json};

use super::peer::{Answer, Peer};

#[tokio::test]
async fn what_is_not_allowed_is_named_with_what_it_is_for() {
    let peer = Peer::start(|seen, _| {
        let review: Value = serde_json::from_str(&seen.body).unwrap();
        let asked = &review["spec"]["resourceAttributes"];
        let denied = (asked["resource"] == "pods" && asked["verb"] == "delete") || asked["subresource"] == "status";
        Answer::Whole(201, None, json!({ "status": { "allowed": !denied } }))
    })
    .await;
    let denied = missing(&peer.client, NEEDED, Some("watched"), "own").await.unwrap();
    let text = RightsError(denied).to_string();
    assert_eq!(
        text,
        "the operator's service account is not allowed to patch performers/status.hourglass.eigenlayer.io (to report); \
         delete pods (to run performers): apply config/rbac"
    );
    let seen = peer.seen();
    assert_eq!(seen.len(), NEEDED.iter().map(|right| right.verbs.len()).sum::<usize>());
    for call in seen {
        assert_eq!((&*call.method, &*call.path), ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"));
        let review: Value = serde_json::from_str(&call.body).unwrap();
        let asked = &review["spec"]["resourceAttributes"];
        let expected = if asked["resource"] == "leases" { "own" } else { "watched" };
        assert_eq!(asked["namespace"], expected);
    }
}
