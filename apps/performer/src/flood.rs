//! Too much: output and memory.

use std::io::{self, Write};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

/// Writes `bytes` bytes of lines to stdout and as many to stderr. Blocks as long as nobody reads them.
pub(crate) fn flood_output(bytes: u64) -> io::Result<()> {
    fill(&mut io::stdout().lock(), bytes)?;
    fill(&mut io::stderr().lock(), bytes)
}

fn fill(out: &mut impl Write, bytes: u64) -> io::Result<()> {
    let line = [[b'~'; 127].as_slice(), b"\n"].concat();
    let mut left = bytes;
    while left > 0 {
        let take = usize::try_from(left).unwrap_or(usize::MAX).min(line.len());
        out.write_all(&line[..take])?;
        left -= take as u64;
    }
    out.flush()
}

/// Keeps `mib_per_second` more MiB every second until there are `max_mib`; never returns.
pub(crate) async fn grow_memory(mib_per_second: usize, max_mib: usize) {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    let mut tick = tokio::time::interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let room = max_mib.saturating_sub(kept.len());
        // Not zeroes: pages that were never written cost nothing.
        kept.extend((0..mib_per_second.min(room)).map(|_| vec![0xa5; 1 << 20]));
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn fills_to_the_byte() {
        for bytes in [0, 1, 128, 300] {
            let mut out = Vec::new();
            super::fill(&mut out, bytes).unwrap();
            assert_eq!(out.len() as u64, bytes);
        }
    }
}
