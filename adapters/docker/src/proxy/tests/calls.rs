use super::*;
use crate::proxy::call::Call;
use crate::proxy::routes::ROUTES;

const OURS: &str =
    "%7B%22label%22%3A%5B%22hourglass.eigenlayer.io%2Fexecutor%3D0123456789abcdef0123456789abcdef%22%5D%7D";

const CONTAINERS: &str = "%7B%22event%22%3A%5B%22die%22%5D%2C%22type%22%3A%5B%22container%22%5D%7D";

#[test]
fn what_the_executor_calls_is_let_through_and_written_anew() {
    let filtered = |path: &str| format!("{path}?filters={OURS}");
    for (method, target, forwarded) in [
        ("GET", "/_ping", "/_ping"),
        ("HEAD", "/_ping", "/_ping"),
        ("GET", "/version", "/version"),
        ("GET", "/v1.41/version", "/v1.41/version"),
        ("GET", "/v1.53/info", "/v1.53/info"),
        ("GET", &format!("/events?since=1&filters={CONTAINERS}"), &format!("/events?since=1&filters={CONTAINERS}")),
        ("GET", &filtered("/v1.41/containers/json"), &filtered("/v1.41/containers/json")),
        ("GET", &filtered("/networks"), &filtered("/networks")),
        ("POST", "/v1.41/containers/abc/start", "/v1.41/containers/abc/start"),
        ("POST", "/containers/abc/stop?t=30&signal=SIGTERM", "/containers/abc/stop?t=30&signal=SIGTERM"),
        ("POST", "/containers/abc/kill?signal=SIGKILL", "/containers/abc/kill?signal=SIGKILL"),
        ("DELETE", "/containers/abc?v=true&force=true&link=false", "/containers/abc?v=true&force=true&link=false"),
        ("GET", "/containers/abc/json?size=false", "/containers/abc/json?size=false"),
        ("GET", "/containers/abc/logs?stdout=true&tail=10", "/containers/abc/logs?stdout=true&tail=10"),
        ("GET", "/containers/abc/stats?stream=false&one-shot=true", "/containers/abc/stats?stream=false&one-shot=true"),
        (
            "POST",
            "/images/create?fromImage=127.0.0.1%3A5000%2Fsquare&tag=v1&platform=",
            "/images/create?fromImage=127.0.0.1%3A5000%2Fsquare&tag=v1&platform=",
        ),
        ("GET", "/images/127.0.0.1:5000/a/b@sha256:00/json", "/images/127.0.0.1:5000/a/b@sha256:00/json"),
        ("GET", "/distribution/ghcr.io/my-org/x:v1/json", "/distribution/ghcr.io/my-org/x:v1/json"),
        ("GET", "/networks/hourglass-01234567", "/networks/hourglass-01234567"),
        ("DELETE", "/networks/hourglass-01234567", "/networks/hourglass-01234567"),
    ] {
        match judged(method, target, b"", &Permits::default()) {
            Ok((got, _)) => assert_eq!(got, forwarded),
            Err(refusal) => panic!("{method} {target}: {refusal}"),
        }
    }
}

#[test]
fn everything_else_of_the_engine_is_refused() {
    for (method, target) in [
        ("POST", "/containers/abc/exec"),
        ("POST", "/exec/abc/start"),
        ("POST", "/containers/abc/attach?stream=1"),
        ("GET", "/containers/abc/attach/ws"),
        ("GET", "/containers/abc/archive?path=/"),
        ("PUT", "/containers/abc/archive?path=/"),
        ("GET", "/containers/abc/export"),
        ("POST", "/containers/abc/update"),
        ("POST", "/containers/abc/rename?name=x"),
        ("POST", "/containers/abc/restart"),
        ("POST", "/containers/abc/pause"),
        ("POST", "/containers/prune"),
        ("GET", "/containers/abc/top"),
        ("POST", "/build"),
        ("POST", "/commit?container=abc"),
        ("POST", "/images/load"),
        ("GET", "/images/json"),
        ("GET", "/images/abc/get"),
        ("DELETE", "/images/abc"),
        ("POST", "/images/abc/push"),
        ("POST", "/images/prune"),
        ("GET", "/volumes"),
        ("POST", "/volumes/create"),
        ("POST", "/networks/prune"),
        ("POST", "/auth"),
        ("GET", "/secrets"),
        ("POST", "/swarm/init"),
        ("GET", "/swarm"),
        ("POST", "/plugins/pull?remote=x"),
        ("POST", "/session"),
        ("POST", "/grpc"),
        ("GET", "/system/df"),
        ("OPTIONS", "/_ping"),
        ("PUT", "/containers/abc/json"),
        ("POST", "/_ping"),
        ("HEAD", "/containers/abc/json"),
    ] {
        assert_eq!(rule_of(method, target, b""), "call", "{method} {target}");
    }
}

#[test]
fn paths_that_can_be_read_in_two_ways_are_refused() {
    for target in [
        "/",
        "/v1.41/../containers/abc/json",
        "/v1.41/./containers/abc/json",
        "//containers/abc/json",
        "/v1.41//containers/abc/json",
        "/containers/abc/json/",
        "/containers//json",
        "/containers/../images/abc/json",
        "/containers/%2e%2e/json",
        "/containers/abc%2Fexec/json",
        "/%63ontainers/abc/json",
        "/containers/abc;x/json",
        "/containers/abc\\x/json",
        "/images/../containers/json",
        "/images/a/../../exec/b/json",
        "/images/a//json",
        "/containers/~abc/json",
        "/containers/a+b/json",
    ] {
        let refused = target.parse::<Uri>().map_or("path", |_| rule_of("GET", target, b""));
        assert_eq!(refused, "path", "{target}");
    }
    assert_eq!(rule_of("GET", "/Containers/abc/json", b""), "call");
    assert_eq!(rule_of("GET", "/V1.41/containers/abc/json", b""), "call");
    assert_eq!(rule_of("GET", "/v1.41/v1.41/_ping", b""), "call");
    assert_eq!(rule_of("GET", "/containers/-abc/json", b""), "call");
    for target in ["http://docker/_ping", "http://docker/v1.41/containers/abc/json", "docker:80"] {
        assert_eq!(rule_of("GET", target, b""), "target", "{target}");
    }
    for target in ["/v1.40/_ping", "/v1.4/_ping", "/v1.411/_ping", "/v1.+41/_ping", "/v1./_ping", "/v1.1.41/_ping"] {
        assert_ne!(rule_of("GET", target, b""), "", "{target}");
    }
}

#[test]
fn parameters_are_known_unique_and_plain() {
    for target in [
        "/_ping?x=1",
        "/containers/abc/stop?t=2147483648",
        "/containers/abc/stop?t=-1",
        "/containers/abc/stop?t=1&t=2",
        "/containers/abc/stop?t=1&%74=2",
        "/containers/abc/stop?T=1",
        "/containers/abc/stop?t=1;signal=9",
        "/containers/abc/kill?signal=%00",
        "/containers/abc/kill?signal=a%0Ab",
        "/containers/abc/start?checkpoint=x",
        "/containers/abc/start?detachKeys=ctrl-a",
        "/images/create?fromSrc=-&fromImage=a",
        "/images/create?fromSrc=http%3A%2F%2Fx&fromImage=a",
        "/images/create?fromImage=",
        "/images/create",
        "/images/create?fromImage=a&changes=USER+root",
        "/images/create?fromImage=a%20b",
    ] {
        let method = if target.starts_with("/_ping") { "GET" } else { "POST" };
        assert_eq!(rule_of(method, target, b""), "query", "{target}");
    }
    assert_eq!(rule_of("DELETE", "/containers/abc?link=true", b""), "query");
    assert_eq!(rule_of("GET", "/containers/abc/json?size=1", b""), "query");
}

#[test]
fn listings_are_of_what_is_ours() {
    let filters = |text: &str| {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("filters", text).finish();
        judged("GET", &format!("/containers/json?all=true&{query}"), b"", &Permits::default())
    };
    let ours = format!("hourglass.eigenlayer.io/executor={ID}");
    assert!(is_ready(&filters(&format!(r#"{{"label":["{ours}"]}}"#)).unwrap().1));
    assert!(filters(&format!(r#"{{"label":["x=y","{ours}"],"status":["exited"]}}"#)).is_ok());
    assert!(filters(r#"{"name":["^/hourglass-01234567-"]}"#).is_ok());
    assert!(filters(r#"{"name":["^/hourglass-01234567-a-1$"]}"#).is_ok());
    for name in [
        "hourglass-01234567-",
        "^/hourglass-01234567",
        "^/hourglass-76543210-",
        "^/hourglass-01234567-|x",
        "^/hourglass-01234567-*",
        "^/hourglass-01234567-$|^.*$",
        "^//hourglass-01234567-",
    ] {
        let refused = filters(&json!({ "name": [name] }).to_string()).unwrap_err();
        assert_eq!(refused.rule, "listing", "{name}");
        assert!(filters(&json!({ "name": ["^/hourglass-01234567-", name] }).to_string()).is_err(), "{name}");
    }
    for (text, rule) in [
        (String::new(), "query"),
        ("{}".into(), "listing"),
        (r#"{"label":[]}"#.into(), "listing"),
        (r#"{"label":["hourglass.eigenlayer.io/executor"]}"#.into(), "listing"),
        (format!(r#"{{"label":["{ours}0"]}}"#), "listing"),
        (format!(r#"{{"Label":["{ours}"]}}"#), "query"),
        (format!(r#"{{"label":{{"{ours}":true}}}}"#), "query"),
        // The last of two counts, and what is sent has only that one.
        (format!(r#"{{"label":["{ours}"],"label":["x"]}}"#), "listing"),
        (format!(r#"{{"name":["{ours}"]}}"#), "listing"),
        (format!(r#"{{"label":["{ours}"],"volume":["x"]}}"#), "query"),
    ] {
        assert_eq!(filters(&text).unwrap_err().rule, rule, "{text}");
    }
    for target in ["/containers/json?all=true", "/events", "/networks"] {
        assert_eq!(rule_of("GET", target, b""), "listing");
    }
}

#[test]
fn events_are_of_containers_and_of_ours() {
    for text in ["{}", r#"{"type":[]}"#, r#"{"type":["container","image"]}"#, r#"{"type":["network"]}"#] {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("filters", text).finish();
        assert_eq!(rule_of("GET", &format!("/events?{query}"), b""), "listing", "{text}");
    }
    let concerns = |attributes: Value| {
        let event = json!({ "Type": "container", "Action": "die", "Actor": { "ID": "x", "Attributes": attributes } });
        crate::proxy::events::concerns(event.to_string().as_bytes(), &identity())
    };
    assert!(concerns(json!({ "name": "x", "hourglass.eigenlayer.io/executor": ID })));
    assert!(concerns(json!({ "name": "hourglass-01234567-a" })), "a stranger under one of our names");
    assert!(concerns(json!({ "name": "x", "oldName": "/hourglass-01234567-a" })));
    for foreign in [
        json!({}),
        Value::Null,
        json!({ "name": "hourglass-76543210-a" }),
        json!({ "name": "x", "hourglass.eigenlayer.io/executor": "y" }),
    ] {
        assert!(!concerns(foreign.clone()), "{foreign}");
    }
    assert!(!crate::proxy::events::concerns(b"{\"hourglass-01234567-a\"", &identity()));
}

#[test]
fn a_call_without_a_body_has_none() {
    // The engine would read a form as parameters.
    assert_eq!(rule_of("POST", "/containers/abc/stop", b"t=0"), "body");
    assert_eq!(rule_of("POST", "/images/create?fromImage=a", b"fromSrc=-"), "body");
    assert_eq!(rule_of("GET", "/_ping", b"x"), "body");
}

#[test]
fn every_route_of_the_table_is_reached_by_its_own_path() {
    for route in ROUTES {
        let path = route.path.replace("{container}", "a").replace("{network}", "a").replace("{image}", "a/b:c");
        let uri: Uri = format!("/v1.41/{path}").parse().unwrap();
        let call = Call::parse(&route.method, &uri).unwrap();
        assert!(std::ptr::eq(call.route, route), "{} {path}", route.method);
        assert_eq!(call.target(None), format!("/v1.41/{path}"));
    }
}
