/// What can be chosen.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// How many bytes of an instance's output one file holds, at least 64 KiB; two are kept.
    pub log_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { log_bytes: 1 << 20 }
    }
}
