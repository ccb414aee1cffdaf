use std::time::Duration;

/// How a store is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long a record is kept at least, by the wall clock. It is deleted some time later, together with a floor.
    pub retention: Duration,
    /// How often the journal is searched for records older than that.
    pub prune_interval: Duration,
    /// Memory for pages of the database, in bytes.
    pub cache_bytes: usize,
    /// Memory for recently written records, in bytes; they are found without reading the database.
    pub recent_bytes: usize,
    /// Records that wait for the writer, in bytes; who comes when they are more waits for room.
    pub queue_bytes: u32,
    /// A write that is not durable by then is reported as unavailable; it may still become durable.
    pub write_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: Duration::from_secs(30 * 24 * 3600),
            prune_interval: Duration::from_secs(60),
            cache_bytes: 64 << 20,
            recent_bytes: 8 << 20,
            queue_bytes: 64 << 20,
            write_timeout: Duration::from_secs(8),
        }
    }
}
