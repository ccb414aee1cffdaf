//! The calls that are let through, as a table: everything that is not in it is refused.

use http::Method;

/// One call of the Engine API.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    /// Without the version. `{container}`, `{network}` and `{image}` stand for the subject.
    pub(super) path: &'static str,
    /// The parameters it may carry; any other is refused.
    pub(super) query: &'static [(&'static str, Value)],
    /// What must hold besides.
    pub(super) guard: Guard,
}

/// What a parameter may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// `true`, `false`, `1`, `0` or nothing.
    Flag,
    /// Only what means no.
    No,
    /// Nothing: clients write such a parameter although it is empty.
    Empty,
    /// Seconds, of at most an hour.
    Seconds,
    /// Letters, digits and `. _ : @ / + -`.
    Word,
    /// The engine's filters, as JSON.
    Filters,
}

/// What must hold before a call is forwarded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Guard {
    /// Nothing more.
    Free,
    /// The filters name our label, or what our containers are called: the answer is about what is ours.
    OwnListing,
    /// The filters name events of containers; those of others are left out of the answer.
    OwnEvents,
    /// The container carries our label; of any other one the caller learns only that it exists.
    InspectContainer,
    /// The container carries our label.
    OwnContainer,
    /// The body is a container as the executor makes them.
    CreateContainer,
    /// It names an image and no archive. Registry credentials are passed on.
    Pull,
    /// Registry credentials are passed on.
    Registry,
    /// The network carries our label, or is one that was permitted.
    UsableNetwork,
    /// The network carries our label.
    OwnNetwork,
    /// The body is a network as the executor makes them.
    CreateNetwork,
    /// The network carries our label or was permitted; the container carries it too, or is the executor's own.
    Connect,
    /// Likewise.
    Disconnect,
}

use Value::{Empty, Filters, Flag, No, Seconds, Word};

const fn route(method: Method, path: &'static str, query: &'static [(&'static str, Value)], guard: Guard) -> Route {
    Route { method, path, query, guard }
}

const LOGS: &[(&str, Value)] = &[
    ("stdout", Flag),
    ("stderr", Flag),
    ("follow", Flag),
    ("timestamps", Flag),
    ("since", Word),
    ("until", Word),
    ("tail", Word),
];
const PULL: &[(&str, Value)] = &[
    ("fromImage", Word),
    ("tag", Word),
    ("platform", Word),
    // These would make an image out of a file or an address.
    ("fromSrc", Empty),
    ("repo", Empty),
    ("message", Empty),
    ("changes", Empty),
];

/// What the adapter of containers calls, and nothing else.
pub(super) static ROUTES: &[Route] = &[
    route(Method::GET, "_ping", &[], Guard::Free),
    route(Method::HEAD, "_ping", &[], Guard::Free),
    route(Method::GET, "version", &[], Guard::Free),
    route(Method::GET, "info", &[], Guard::Free),
    route(Method::GET, "events", &[("since", Word), ("until", Word), ("filters", Filters)], Guard::OwnEvents),
    route(
        Method::GET,
        "containers/json",
        &[("all", Flag), ("size", No), ("limit", Word), ("filters", Filters)],
        Guard::OwnListing,
    ),
    route(Method::POST, "containers/create", &[("name", Word), ("platform", Word)], Guard::CreateContainer),
    route(Method::GET, "containers/{container}/json", &[("size", No)], Guard::InspectContainer),
    route(Method::POST, "containers/{container}/start", &[("detachKeys", Empty)], Guard::OwnContainer),
    route(Method::POST, "containers/{container}/stop", &[("t", Seconds), ("signal", Word)], Guard::OwnContainer),
    route(Method::POST, "containers/{container}/kill", &[("signal", Word)], Guard::OwnContainer),
    route(Method::DELETE, "containers/{container}", &[("v", Flag), ("force", Flag), ("link", No)], Guard::OwnContainer),
    route(Method::GET, "containers/{container}/logs", LOGS, Guard::OwnContainer),
    route(Method::GET, "containers/{container}/stats", &[("stream", Flag), ("one-shot", Flag)], Guard::OwnContainer),
    route(Method::POST, "images/create", PULL, Guard::Pull),
    route(Method::GET, "images/{image}/json", &[("manifests", No)], Guard::Free),
    route(Method::GET, "distribution/{image}/json", &[], Guard::Registry),
    route(Method::GET, "networks", &[("filters", Filters)], Guard::OwnListing),
    route(Method::POST, "networks/create", &[], Guard::CreateNetwork),
    route(Method::GET, "networks/{network}", &[("verbose", No), ("scope", Word)], Guard::UsableNetwork),
    route(Method::DELETE, "networks/{network}", &[], Guard::OwnNetwork),
    route(Method::POST, "networks/{network}/connect", &[], Guard::Connect),
    route(Method::POST, "networks/{network}/disconnect", &[], Guard::Disconnect),
];
