use hourglass_core::config::StorageConfig;

/// How many replicas run where `asked` are asked for.
///
/// What must not happen is that two journals which do not know of each other sign one task. A journal in a directory is on
/// the volume of one replica, so there is one.
pub(super) fn replicas(asked: i32, storage: &StorageConfig) -> i32 {
    // Every field by name: a journal that replicas share cannot come without a decision here.
    let StorageConfig { path: _, retention: _ } = storage;
    asked.clamp(0, 1)
}
