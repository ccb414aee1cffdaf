use std::io::{BufWriter, Write};

use hourglass_core::task::TaskId;
use hourglass_core::{Address, Timestamp};
use redb::{ReadTransaction, ReadableDatabase, ReadableTable};
use sha2::{Digest as _, Sha256};

use crate::codec;
use crate::error::StoreError;
use crate::shared::{Shared, guarded};
use crate::statistics;
use crate::tables::RECORDS;
use crate::transfer::TransferError;
use crate::transfer::line::{End, FORMAT, Header, Line, VERSION, hex};

/// What an export wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ExportSummary {
    /// Records.
    pub tasks: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Floors and records come from one snapshot: a floor that rises meanwhile belongs to records that are in the file.
pub(crate) fn export(
    shared: &Shared,
    operator: &Address,
    now: Timestamp,
    out: impl Write,
) -> Result<ExportSummary, TransferError> {
    let database = shared.database()?;
    let mut result = Ok(ExportSummary { tasks: 0, bytes: 0 });
    guarded(|| {
        let snapshot = database.begin_read()?;
        let floors = statistics::floors(&snapshot)?;
        let header = Header { format: FORMAT.into(), version: VERSION, operator: *operator, exported_at: now, floors };
        let mut out = Hashing { out: BufWriter::new(out), hash: Sha256::new(), bytes: 0 };
        result = lines(&snapshot, header, &mut out);
        Ok(())
    })?;
    result
}

fn lines<W: Write>(
    snapshot: &ReadTransaction,
    header: Header,
    out: &mut Hashing<W>,
) -> Result<ExportSummary, TransferError> {
    out.line(&Line::Journal(header))?;
    let mut tasks = 0;
    for entry in snapshot.open_table(RECORDS).map_err(redb::Error::from)?.iter().map_err(redb::Error::from)? {
        let (key, bytes) = entry.map_err(redb::Error::from)?;
        let record = codec::decode(&TaskId::new(key.value()), bytes.value())
            .map_err(|problem| StoreError::unusable(format!("{problem}: restore the journal from a copy")))?;
        out.line(&Line::Task(Box::new(record)))?;
        tasks += 1;
    }
    let sha256 = hex(&out.hash.clone().finalize());
    out.line(&Line::End(End { tasks, sha256 }))?;
    out.out.flush()?;
    Ok(ExportSummary { tasks, bytes: out.bytes })
}

struct Hashing<W: Write> {
    out: BufWriter<W>,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Hashing<W> {
    fn line(&mut self, line: &Line) -> Result<(), TransferError> {
        let mut text = serde_json::to_vec(line).map_err(std::io::Error::from)?;
        text.push(b'\n');
        self.hash.update(&text);
        self.bytes += text.len() as u64;
        self.out.write_all(&text)?;
        Ok(())
    }
}
