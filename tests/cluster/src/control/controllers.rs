//! kube-controller-manager and kube-scheduler.

use anyhow::Result;

use crate::launch::{Launch, Ready};
use crate::options::Node;
use crate::site::{Port, Site};
use crate::tools::{self, Tool};

pub(super) fn manager(site: &Site) -> Result<Launch> {
    let pki = |name: &str| site.pki(name).display().to_string();
    // A real node that is gone is noticed in seconds and not in a minute: tests wait for it. One that is simulated, or played by a
    // test, is only gone when the test says so: an API server that was down is no reason, and nothing would make its pods ready again.
    let patience = if site.options.node == Node::Real { "20s" } else { "24h" };
    let mut flags = shared(site, Port::ControllerManager, "system-kube-controller-manager");
    flags.extend([
        ("use-service-account-credentials", "true".to_owned()),
        ("service-account-private-key-file", pki("accounts.key")),
        ("root-ca-file", pki("ca.crt")),
        ("cluster-signing-cert-file", pki("ca.crt")),
        ("cluster-signing-key-file", pki("ca.key")),
        ("node-monitor-period", "1s".to_owned()),
        ("node-monitor-grace-period", patience.to_owned()),
        ("horizontal-pod-autoscaler-sync-period", "2s".to_owned()),
    ]);
    let accounts = "/api/v1/namespaces/default/serviceaccounts/default".to_owned();
    let ready = vec![
        Ready::Https(site.at(Port::ControllerManager), "/healthz"),
        // The first thing that clients miss.
        Ready::Api(site.at(Port::Apiserver), accounts),
    ];
    let mut launch = Launch::new(tools::path(Tool::KubeControllerManager)?, flags, ready);
    launch.arguments.extend(site.options.controller_arguments.iter().cloned());
    Ok(launch)
}

pub(super) fn scheduler(site: &Site) -> Result<Launch> {
    let flags = shared(site, Port::Scheduler, "system-kube-scheduler");
    let ready = vec![Ready::Https(site.at(Port::Scheduler), "/healthz")];
    Ok(Launch::new(tools::path(Tool::KubeScheduler)?, flags, ready))
}

fn shared(site: &Site, port: Port, user: &str) -> Vec<(&'static str, String)> {
    let pki = |name: &str| site.pki(name).display().to_string();
    vec![
        ("kubeconfig", site.kubeconfig(user).display().to_string()),
        ("leader-elect", "false".to_owned()),
        ("bind-address", "127.0.0.1".to_owned()),
        ("secure-port", site.port(port).to_string()),
        ("tls-cert-file", pki("apiserver.crt")),
        ("tls-private-key-file", pki("apiserver.key")),
        // The API server is what limits here, not a budget of its clients.
        ("kube-api-qps", "1000".to_owned()),
        ("kube-api-burst", "2000".to_owned()),
    ]
}
