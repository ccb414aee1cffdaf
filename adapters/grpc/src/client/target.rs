use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hourglass_core::lifecycle::Health;
use hourglass_core::performer::{Endpoint, InstanceName, PerformerName};
use hourglass_core::ports::{Clock, Notices, Spawner, Target, TargetState};
use http::Uri;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::client::connection::{self, Connection};
use crate::client::{ClientOptions, ConnectionMetrics};

/// What every target needs.
pub(crate) struct Context {
    pub(crate) options: ClientOptions,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) spawner: Arc<dyn Spawner>,
    pub(crate) metrics: Arc<dyn ConnectionMetrics>,
    pub(crate) notices: Notices<PerformerName>,
    /// Wakes calls that wait for a target: health, routing or targets have changed.
    pub(crate) changed: watch::Sender<()>,
    /// How many targets were chosen so far.
    pub(crate) choices: AtomicU64,
}

/// An instance that is talked to. It lives until it is replaced *and* its last call has ended.
pub(crate) struct TargetConnections {
    pub(crate) context: Arc<Context>,
    pub(crate) performer: PerformerName,
    pub(crate) instance: InstanceName,
    pub(crate) endpoint: Endpoint,
    routed: AtomicBool,
    health: Mutex<Health>,
    in_flight: AtomicU32,
    /// When it was last chosen for a task, counted in choices of this client.
    chosen: AtomicU64,
    connections: Mutex<Vec<Arc<Connection>>>,
    /// Held while connecting, so that a burst of calls makes one connection.
    connecting: tokio::sync::Mutex<()>,
    /// Asks for a health check at once.
    pub(crate) kick: Notify,
    /// Ends the health checks.
    pub(crate) replaced: CancellationToken,
}

/// One call's share of a connection.
pub(crate) struct Lease(pub(crate) Arc<Connection>);

/// One task that a target has not answered yet.
pub(crate) struct InFlight(pub(crate) Arc<TargetConnections>);

impl TargetConnections {
    pub(crate) fn new(context: Arc<Context>, performer: PerformerName, target: Target) -> Self {
        Self {
            context,
            performer,
            instance: target.instance,
            endpoint: target.endpoint,
            routed: AtomicBool::new(target.routed),
            health: Mutex::default(),
            in_flight: AtomicU32::new(0),
            chosen: AtomicU64::new(0),
            connections: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
            kick: Notify::new(),
            replaced: CancellationToken::new(),
        }
    }

    pub(crate) fn state(&self) -> TargetState {
        TargetState {
            instance: self.instance.clone(),
            routed: self.routed(),
            health: self.health().clone(),
            in_flight: self.load(),
        }
    }

    pub(crate) fn load(&self) -> u32 {
        self.in_flight.load(Ordering::Acquire)
    }

    pub(crate) fn chosen(&self) -> u64 {
        self.chosen.load(Ordering::Acquire)
    }

    pub(crate) fn routed(&self) -> bool {
        self.routed.load(Ordering::Acquire)
    }

    /// Whether that is news.
    pub(crate) fn set_routed(&self, routed: bool) -> bool {
        self.routed.swap(routed, Ordering::AcqRel) != routed
    }

    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ready(&self) -> bool {
        matches!(*self.health(), Health::Ready { .. })
    }

    /// Takes note of what a check or an attempt to connect has shown, and tells whoever waits for it.
    pub(crate) fn observed(&self, outcome: Result<(), String>) {
        let now = self.context.clock.now();
        let changed = {
            let mut health = self.health();
            let new = match (outcome, &*health) {
                (Ok(()), Health::Ready { since }) => Health::Ready { since: *since },
                (Ok(()), _) => Health::Ready { since: now },
                (Err(reason), Health::NotReady { since, .. }) => Health::NotReady { since: *since, reason },
                (Err(reason), _) => Health::NotReady { since: now, reason },
            };
            let changed = *health != new;
            *health = new;
            changed
        };
        if changed {
            self.context.changed.send_replace(());
            self.context.notices.tell(&self.performer);
        }
    }

    pub(crate) fn begin(self: &Arc<Self>) -> InFlight {
        let before = self.in_flight.fetch_add(1, Ordering::AcqRel);
        self.chosen.store(self.context.choices.fetch_add(1, Ordering::AcqRel) + 1, Ordering::Release);
        self.load_changed(before == 0);
        InFlight(Arc::clone(self))
    }

    /// Planners wait for a target that drains to become idle; of one that serves only idle and busy are told apart, so
    /// that thousands of tasks are not thousands of notices.
    fn load_changed(&self, edge: bool) {
        if edge || !self.routed() {
            self.context.notices.tell(&self.performer);
        }
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A connection with room for one more call. `spare` allows one connection beyond the limit, for health checks: a
    /// check must not queue behind the calls that it is about.
    pub(crate) async fn lease(self: &Arc<Self>, spare: bool) -> Result<Lease, String> {
        let limit = self.context.options.connections_per_target.max(1) + usize::from(spare);
        if let Some(lease) = self.pooled(limit) {
            return Ok(lease);
        }
        let _one_at_a_time = self.connecting.lock().await;
        if let Some(lease) = self.pooled(limit) {
            return Ok(lease);
        }
        let target = Arc::downgrade(self);
        let ended = move || {
            // Of a target that is down already the retries find out; asking for more would only spin.
            if let Some(target) = target.upgrade().filter(|target| target.ready()) {
                target.kick.notify_one();
            }
        };
        let options = &self.context.options;
        match connection::connect(&self.endpoint, options.connect_timeout, &*self.context.spawner, ended).await {
            Ok(connection) => {
                let lease = Lease::new(&connection);
                self.connections().push(connection);
                Ok(lease)
            }
            Err(reason) => {
                self.context.metrics.connection_error(&self.performer);
                // A crowded connection is better than none: we may merely be out of descriptors.
                self.pooled(0).ok_or(reason)
            }
        }
    }

    fn pooled(&self, limit: usize) -> Option<Lease> {
        let mut connections = self.connections();
        connections.retain(|connection| connection.usable());
        let per_connection = self.context.options.calls_per_connection;
        let free = connections.iter().filter(|connection| connection.has_room(per_connection));
        let chosen = free.min_by_key(|connection| connection.load.load(Ordering::Acquire));
        let queued = || connections.iter().min_by_key(|connection| connection.load.load(Ordering::Acquire));
        match chosen {
            Some(connection) => Some(Lease::new(connection)),
            None if connections.len() >= limit => queued().map(Lease::new),
            None => None,
        }
    }

    /// The address of a method, if the endpoint makes one.
    pub(crate) fn uri(&self, path: &'static str) -> Result<Uri, String> {
        Uri::builder()
            .scheme("http")
            .authority(self.endpoint.to_string())
            .path_and_query(path)
            .build()
            .map_err(|error| format!("'{}' is not an address: {error}", self.endpoint))
    }
}

impl Lease {
    fn new(connection: &Arc<Connection>) -> Self {
        connection.load.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(connection))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.0.load.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let before = self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
        self.0.load_changed(before == 1);
    }
}
