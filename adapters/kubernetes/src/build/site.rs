use hourglass_core::hardware::HardwareTables;
use hourglass_core::performer::PerformerName;

/// Where a performer's objects are made, and for whom.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    /// The Performer's namespace, which everything of it is in.
    pub namespace: &'a str,
    /// The Performer's name.
    pub performer: &'a PerformerName,
    /// The Performer's uid: a Performer of the same name that came before owns nothing of this one.
    pub uid: &'a str,
    /// The executor that the Performer refers to.
    pub executor: Option<&'a str>,
    /// What the words of hardware requirements mean in this cluster.
    pub tables: &'a HardwareTables,
    /// Whether its Service has no address of its own, so that its name resolves to the pods.
    pub headless: bool,
}
