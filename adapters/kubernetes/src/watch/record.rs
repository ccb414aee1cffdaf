use serde::de::DeserializeOwned;

/// What is kept of an object: as little as is needed. Fields that it does not name are not kept.
pub trait Record: DeserializeOwned + Send + Sync + 'static {
    /// Its namespace; empty for what has none.
    fn namespace(&self) -> &str;
    /// Its name.
    fn name(&self) -> &str;
    /// Which object of that name it is.
    fn uid(&self) -> &str;
    /// Which state of the object.
    fn resource_version(&self) -> &str;
}

/// Whether a resourceVersion is newer than another of the same kind.
///
/// Since Kubernetes 1.35 that may be asked by contract, before it was true all the same: they are numbers that grow. One
/// that is no number counts as newer: then whoever came last is right.
pub fn newer(version: &str, than: &str) -> bool {
    match (version.parse::<u128>(), than.parse::<u128>()) {
        (Ok(version), Ok(than)) => version > than,
        _ => true,
    }
}

/// An object that is there no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gone {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which object of that name.
    pub uid: String,
    /// Its last state; newer than every other.
    pub resource_version: String,
}

/// An object that cannot be read as the record that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Which object of that name.
    pub uid: String,
    /// Why not, with the field.
    pub problem: String,
}

/// Which objects of a kind are followed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// Those of one namespace, or of all.
    pub namespace: Option<String>,
    /// Those with these labels, as `kubectl -l` takes them; empty for all.
    pub labels: String,
}

/// Who is told what there is. Calls come from one task, one after the other, and must not block.
pub trait Observer<R>: Send {
    /// A list begins: from here on, what is seen is marked. `reset` where the API server has gone back in time, most
    /// likely because its store was restored: what was known is not newer than what comes, whatever its
    /// resourceVersion says.
    fn list_began(&mut self, reset: bool);
    /// This is there, in this state.
    fn seen(&mut self, record: R);
    /// This is there, and cannot be read.
    fn invalid(&mut self, invalid: Invalid);
    /// The list is complete: what was not seen since it began is not there, as of this resourceVersion.
    fn list_complete(&mut self, resource_version: &str);
    /// This is not there any more.
    fn gone(&mut self, gone: Gone);
}
