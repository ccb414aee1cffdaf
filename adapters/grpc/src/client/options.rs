use std::time::Duration;

/// How performers are talked to. The defaults suit performers on the same host or in the same cluster.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How long one attempt to connect may take. Default 5 s.
    pub connect_timeout: Duration,
    /// How often a task that could not be delivered is tried again, on this target or another; waiting for a healthy
    /// one is no try. Default 3.
    pub connect_retries: u32,
    /// Between health checks of a target that is healthy and gives no cause for one. Default 10 s.
    pub health_interval: Duration,
    /// How long a health check may take. Default 1 s: with [`Self::slow_threshold`] this bounds how long a hung performer
    /// stays in rotation.
    pub health_timeout: Duration,
    /// How long a check may take that a failed or slow call asked for, if that is shorter. Default 1 s.
    pub urgent_health_timeout: Duration,
    /// A call that runs longer asks for a health check. Default 1 s.
    pub slow_threshold: Duration,
    /// The first wait between checks of a target that has never been ready. Default 25 ms.
    pub first_retry: Duration,
    /// The longest wait between checks of a target that is not ready; waits double up to it. Default 2 s.
    pub longest_retry: Duration,
    /// The largest answer, in bytes; a larger one is not read. Default 4 MiB.
    pub max_answer_bytes: usize,
    /// Calls that one connection carries before another is opened, if the performer allows so many. Default 100.
    pub calls_per_connection: usize,
    /// Connections to one target. Default 4.
    pub connections_per_target: usize,
    /// How often an idempotent task is sent at most. Default 3.
    pub max_sends: u32,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            connect_retries: 3,
            health_interval: Duration::from_secs(10),
            health_timeout: Duration::from_secs(1),
            urgent_health_timeout: Duration::from_secs(1),
            slow_threshold: Duration::from_secs(1),
            first_retry: Duration::from_millis(25),
            longest_retry: Duration::from_secs(2),
            max_answer_bytes: 4 << 20,
            calls_per_connection: 100,
            connections_per_target: 4,
            max_sends: 3,
        }
    }
}
