//! Who this executor is to a container engine: an id beside the journal, made at the first start.
//!
//! Containers carry it as a label. Whoever loses it finds none of them again, and whoever guesses another takes somebody
//! else's for its own: so it is made whole or not at all, and never made anew where one is there.

use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hourglass_docker::ExecutorId;

/// Its name in `storage.path`.
const FILE: &str = "executor-id";
/// Far more than an id: what is longer is something else.
const LONGEST: u64 = 256;

/// The id kept in this directory, made there where there is none yet.
///
/// # Errors
/// Where it cannot be read or written, or is damaged; what to do about it.
pub(super) fn executor_id(storage: &Path) -> anyhow::Result<ExecutorId> {
    let file = storage.join(FILE);
    if let Some(id) = read(&file)? {
        return Ok(id);
    }
    make(storage, &file).with_context(|| format!("storage.path: cannot make {}", file.display()))?;
    // Somebody else may have been faster: what is there now counts.
    read(&file)?.with_context(|| format!("storage.path: {} is gone again", file.display()))
}

fn read(file: &Path) -> anyhow::Result<Option<ExecutorId>> {
    let context = || format!("storage.path: cannot read {}", file.display());
    match fs::metadata(file) {
        Ok(found) if found.len() > LONGEST => bail!(damaged(file)),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(context),
    }
    let bytes = fs::read(file).with_context(context)?;
    let id = std::str::from_utf8(&bytes).ok().and_then(|text| text.trim_end().parse().ok());
    id.map(Some).with_context(|| damaged(file))
}

fn damaged(file: &Path) -> String {
    format!(
        "storage.path: {0} is damaged: it must hold 32 hexadecimal digits, by which this executor knows its containers. \
         Restore it from a copy, or write there what `docker ps --all --format '{{{{.Label \
         \"hourglass.eigenlayer.io/executor\"}}}}'` shows. Without it (remove {0}) the executor starts other containers \
         and leaves those alone",
        file.display()
    )
}

/// Written under another name, synced, and linked to its own only where nothing is: a crash leaves all of it or nothing.
fn make(storage: &Path, file: &PathBuf) -> anyhow::Result<()> {
    fs::create_dir_all(storage)?;
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("the system gives no random numbers")?;
    // Readable by its owner only, as temporary files are.
    let mut new = tempfile::Builder::new().prefix(".executor-id-").tempfile_in(storage)?;
    writeln!(new, "{}", ExecutorId::new(bytes))?;
    new.as_file().sync_all()?;
    match new.persist_noclobber(file) {
        Ok(_) => {}
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.error.into()),
    }
    Ok(fs::File::open(storage)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn made_once_and_readable_by_its_owner_only() {
        let directory = tempfile::tempdir().unwrap();
        let storage = directory.path().join("deeper/data");
        let made = executor_id(&storage).unwrap();
        assert_eq!(executor_id(&storage).unwrap(), made);
        let file = storage.join(FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{made}\n"));
        assert_eq!(fs::read_dir(&storage).unwrap().count(), 1, "nothing is left beside it");
        assert_ne!(executor_id(directory.path()).unwrap(), made);
    }

    #[test]
    fn several_at_once_agree() {
        let directory = tempfile::tempdir().unwrap();
        let ids: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| executor_id(directory.path()).unwrap())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    }

    #[test]
    fn what_is_damaged_is_never_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(FILE);
        let long = "a".repeat(10_000);
        for content in [&b""[..], b"0123", b"\xff\xfe", b"0123456789abcdef0123456789ABCDEF", long.as_bytes()] {
            fs::write(&file, content).unwrap();
            let error = executor_id(directory.path()).unwrap_err().to_string();
            assert!(error.contains("is damaged") && error.contains("Restore it"), "{error}");
            assert_eq!(fs::read(&file).unwrap(), content);
        }
    }
}
