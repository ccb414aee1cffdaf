use std::sync::LazyLock;

use hourglass_core::Address;
use hourglass_store::{Options, Store};

pub(crate) const EXPORTS: &[&str] = &[
    "{\"journal\":{\"format\":\"hourglass-journal\",\"version\":1,\"operator\":\"0x0000000000000000000000000000000000000001\",\
     \"exported_at\":0,\"floors\":[]}}\n{\"end\":{\"tasks\":0,\"sha256\":\
     \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}}\n",
    "{\"journal\":{\"format\":\"hourglass-journal\",\"version\":2,\"operator\":\"0x01\",\"exported_at\":0,\"floors\":[]}}\n",
];

/// An export of a journal: merged whole or not at all.
pub fn journal_import(data: &[u8]) {
    static STORE: LazyLock<(tempfile::TempDir, Store)> = LazyLock::new(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::open(folder.path(), Options::default()).expect("an empty store");
        (folder, store)
    });
    let mut operator = [0; 20];
    operator[19] = 1;
    let before = STORE.1.statistics().expect("a readable store");
    if STORE.1.import(&Address::new(operator), std::io::Cursor::new(data.to_vec())).is_err() {
        assert_eq!(
            STORE.1.statistics().expect("a readable store").tasks,
            before.tasks,
            "a refused import left something"
        );
    }
}
