use std::sync::Arc;

use super::key::Key;
use super::store::Store;
use crate::watch::{Gone, Invalid, Observer, Record};

/// Feeds a [`Store`] from a watch.
pub struct StoreObserver<R> {
    store: Arc<Store<R>>,
}

impl<R> StoreObserver<R> {
    pub(super) const fn new(store: Arc<Store<R>>) -> Self {
        Self { store }
    }
}

impl<R: Record> Observer<R> for StoreObserver<R> {
    fn list_began(&mut self, reset: bool) {
        self.store.begin_list(reset);
    }

    fn seen(&mut self, record: R) {
        self.store.put(record);
    }

    fn invalid(&mut self, invalid: Invalid) {
        self.store.mark(&Key::new(&invalid.namespace, &invalid.name));
    }

    fn list_complete(&mut self, resource_version: &str) {
        self.store.end_list(resource_version);
    }

    fn gone(&mut self, gone: Gone) {
        self.store.remove(&Key::new(&gone.namespace, &gone.name), &gone.uid);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use proptest::prelude::*;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
    struct Thing {
        name: String,
        uid: String,
        version: String,
        owner: String,
    }

    impl Record for Thing {
        fn namespace(&self) -> &str {
            "n"
        }

        fn name(&self) -> &str {
            &self.name
        }

        fn uid(&self) -> &str {
            &self.uid
        }

        fn resource_version(&self) -> &str {
            &self.version
        }
    }

    fn thing(name: &str, uid: &str, version: u64, owner: &str) -> Thing {
        Thing { name: name.into(), uid: uid.into(), version: version.to_string(), owner: owner.into() }
    }

    fn key(name: &str) -> Key {
        Key::new("n", name)
    }

    fn gone(name: &str, uid: &str) -> Gone {
        Gone { namespace: "n".into(), name: name.into(), uid: uid.into(), resource_version: String::new() }
    }

    fn store() -> Arc<Store<Thing>> {
        Store::new(|thing| vec![key(&thing.owner)], Box::new(|_, _| {}))
    }

    #[test]
    fn older_news_and_the_dead_change_nothing() {
        let (store, at) = (store(), |store: &Store<Thing>| store.get(&key("a")).map(|thing| thing.version.clone()));
        let mut news = store.observer();
        news.seen(thing("a", "1", 10, "x"));
        news.seen(thing("a", "1", 9, "x"));
        assert_eq!(at(&store).as_deref(), Some("10"));
        // Of its predecessor, from a server that lags.
        news.gone(gone("a", "0"));
        assert_eq!(at(&store).as_deref(), Some("10"));
        news.gone(gone("a", "1"));
        news.seen(thing("a", "1", 11, "x"));
        assert_eq!(at(&store), None, "what is gone does not come back");
        news.seen(thing("a", "2", 12, "x"));
        assert_eq!(at(&store).as_deref(), Some("12"), "another of the same name");
    }

    #[test]
    fn what_vanished_while_nobody_watched_is_swept() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = told.clone();
        let listener: super::super::Listener<Thing> = Box::new(move |before, after| {
            let name = |thing: Option<&Thing>| thing.map(|thing| thing.name.clone());
            tell.lock().unwrap().push((name(before), name(after)));
        });
        let store = Store::new(|thing: &Thing| vec![key(&thing.owner)], listener);
        let mut news = store.observer();
        assert!(!store.is_synced());
        news.list_began(false);
        for name in ["a", "b", "c"] {
            news.seen(thing(name, name, 5, "x"));
        }
        news.list_complete("6");
        assert!(store.is_synced());
        told.lock().unwrap().clear();

        news.list_began(false);
        news.seen(thing("a", "a", 5, "x"));
        news.invalid(Invalid { namespace: "n".into(), name: "c".into(), uid: "c".into(), problem: "bad".into() });
        // We wrote this after the list was made.
        store.put(thing("d", "d", 21, "x"));
        news.list_complete("20");
        let mut names: Vec<_> = store.indexed(&key("x")).iter().map(|thing| thing.name.clone()).collect();
        names.sort();
        assert_eq!(names, ["a", "c", "d"]);
        assert_eq!(*told.lock().unwrap(), [(None, Some("d".to_owned())), (Some("b".to_owned()), None)]);
    }

    #[test]
    fn a_restored_store_overrules_what_is_known() {
        let store = store();
        let mut news = store.observer();
        news.list_began(false);
        news.seen(thing("a", "a", 100, "x"));
        news.seen(thing("b", "b", 101, "x"));
        news.list_complete("102");
        news.gone(gone("b", "b"));
        news.list_began(true);
        news.seen(thing("a", "a", 50, "y"));
        news.seen(thing("b", "b", 51, "x"));
        news.list_complete("60");
        assert_eq!(store.get(&key("a")).unwrap().version, "50");
        assert!(store.get(&key("b")).is_some());
        assert_eq!(store.indexed(&key("y")).len(), 1);
        news.seen(thing("a", "a", 49, "x"));
        assert_eq!(store.get(&key("a")).unwrap().version, "50", "from here on as ever");
    }

    proptest! {
        /// Whatever the order in which the events of one object come, twice or not, the end is the same.
        #[test]
        fn order_and_repetition_do_not_matter(
            order in Just((0_usize..6).collect::<Vec<_>>()).prop_shuffle(),
            again in proptest::collection::vec(0_usize..6, 0..6),
        ) {
            // Created, changed twice, deleted; created again under another uid and changed.
            let history = [
                Ok(thing("a", "1", 1, "x")), Ok(thing("a", "1", 2, "x")), Ok(thing("a", "1", 3, "y")), Err("1"),
                Ok(thing("a", "2", 5, "x")), Ok(thing("a", "2", 6, "z")),
            ];
            let store = store();
            let mut news = store.observer();
            for event in order.into_iter().chain(again) {
                match &history[event] {
                    Ok(thing) => news.seen(thing.clone()),
                    Err(uid) => news.gone(gone("a", uid)),
                }
            }
            prop_assert_eq!(store.get(&key("a")).unwrap().version.clone(), "6");
            prop_assert_eq!(store.indexed(&key("z")).len(), 1);
            prop_assert!(store.indexed(&key("x")).is_empty() && store.indexed(&key("y")).is_empty());
        }
    }
}
