use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use hourglass_core::hardware::HardwareTables;
use hourglass_core::ports::Clock;
use kube::Client;

use super::lead::Lead;
use crate::cache::Key;
use crate::events::{EventRecorder, recorder};
use crate::lease::{ApiLease, Elector, Leadership, LeaseTimings};
use crate::names;
use crate::queue::{Queue, QueueOptions};
use crate::reconcile::performer::{PerformerController, PerformerParts};
use crate::reconcile::{ReconcileMetrics, Stores, WatchScope};
use crate::watch::WatchHealth;
use crate::writer::{WriteHook, WriteMetrics, Writer, WriterOptions};

/// How an operator runs.
#[derive(Debug, Clone)]
pub struct OperatorOptions {
    /// Its own namespace: where its lease is.
    pub namespace: String,
    /// Who this process is, among all operators: it must be its alone.
    pub identity: String,
    /// What it looks after.
    pub watch: WatchScope,
    /// How it comes to lead; `None` where it is the only one, as whoever starts it promises.
    pub lease: Option<LeaseTimings>,
    /// Performers looked after at once.
    pub workers: usize,
    /// How it waits.
    pub queue: QueueOptions,
    /// How it writes.
    pub writer: WriterOptions,
    /// What the words of hardware requirements mean here.
    pub tables: HardwareTables,
}

impl OperatorOptions {
    /// Every default, for all namespaces.
    pub fn new(namespace: &str, identity: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            identity: identity.to_owned(),
            watch: WatchScope::default(),
            lease: Some(LeaseTimings::default()),
            workers: 32,
            queue: QueueOptions::default(),
            writer: WriterOptions::default(),
            tables: HardwareTables::default(),
        }
    }
}

/// What an operator takes from around it.
pub struct OperatorPorts {
    /// Wall clock.
    pub clock: Arc<dyn Clock>,
    /// Takes measurements of writes.
    pub writes: Arc<dyn WriteMetrics>,
    /// Takes measurements of looks after resources.
    pub reconciles: Arc<dyn ReconcileMetrics>,
    /// Sees every write.
    pub hook: Arc<dyn WriteHook>,
}

/// Something that runs as long as the process, and its name.
pub type Service = (&'static str, BoxFuture<'static, ()>);

/// An operator, ready to be run.
pub struct Operator {
    /// What it knows.
    pub stores: Arc<Stores>,
    /// Which Performers wait to be looked after.
    pub queue: Queue<Key>,
    /// Whether it leads.
    pub leadership: Leadership,
    /// Tells people.
    pub events: EventRecorder,
    /// Its watches, by kind.
    pub watches: Vec<(&'static str, WatchHealth)>,
    /// To be run as long as the process, each as a task: none of them ends by itself.
    pub services: Vec<Service>,
    /// To be run beside them, and to be told when to stop.
    pub lead: Lead,
}

/// How long a call about the lease may take.
const LEASE_CALL: Duration = Duration::from_secs(4);

impl Operator {
    /// Puts one together. Nothing is sent before its parts are run.
    pub fn new(client: &Client, options: OperatorOptions, ports: OperatorPorts) -> Self {
        let queue = Queue::new(options.queue);
        let stores = Arc::new(Stores::new(&queue));
        let writer = Arc::new(Writer::new(client.clone(), options.writer, ports.writes, ports.hook));
        let elector = options.lease.map(|timings| {
            let lease = ApiLease::new(client.clone(), &options.namespace, names::LEASE, LEASE_CALL);
            Elector::new(lease, options.identity.clone(), timings, ports.clock.clone())
        });
        let leadership = elector.as_ref().map_or_else(Leadership::always, Elector::leadership);
        let (events, event_worker) = recorder(client.clone(), names::OPERATOR_MANAGER, &options.identity);
        let controller = PerformerController::new(PerformerParts {
            client: client.clone(),
            stores: stores.clone(),
            queue: queue.clone(),
            writer: writer.clone(),
            leadership: leadership.clone(),
            clock: ports.clock,
            events: events.clone(),
            tables: Arc::new(options.tables),
            metrics: ports.reconciles,
        });
        let mut services: Vec<Service> = Vec::new();
        let mut watches = Vec::new();
        for watch in stores.watches(client, &options.watch) {
            watches.push((watch.kind, watch.health));
            services.push(("watch", watch.run));
        }
        services.push(("events", Box::pin(event_worker.run())));
        services.push(("leadership", Box::pin(controller.clone().follow_leadership())));
        for _ in 0..options.workers.max(1) {
            services.push(("worker", Box::pin(controller.clone().work())));
        }
        Self { stores, queue, leadership, events, watches, services, lead: Lead { elector, writer } }
    }
}
