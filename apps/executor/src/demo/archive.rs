//! A file system with one program in it, as an engine imports it.

use anyhow::Context as _;

/// A tar archive (POSIX.1-1988 ustar) with this executable at its root.
///
/// # Errors
/// Where the name or the program is too long for the format.
pub(crate) fn of_program(name: &str, bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    const BLOCK: usize = 512;
    let mut header = [0_u8; BLOCK];
    let size = format!("{:011o}\0", bytes.len());
    let fields: [(usize, &[u8]); 9] = [
        (0, name.as_bytes()),
        (100, b"0000755\0"),
        (108, b"0000000\0"),
        (116, b"0000000\0"),
        (124, size.as_bytes()),
        (136, b"00000000000\0"),
        // The checksum counts as blanks while it is summed up.
        (148, b"        "),
        (156, b"0"),
        (257, b"ustar\x0000"),
    ];
    anyhow::ensure!(name.len() < 100 && size.len() == 12, "'{name}' does not fit into an archive");
    for (at, field) in fields {
        header.get_mut(at..at + field.len()).context("a field beyond its header")?.copy_from_slice(field);
    }
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = Vec::with_capacity(bytes.len() + 4 * BLOCK);
    archive.extend_from_slice(&header);
    archive.extend_from_slice(bytes);
    // The last block is filled up, and two empty ones are the end.
    archive.resize(archive.len().next_multiple_of(BLOCK) + 2 * BLOCK, 0);
    Ok(archive)
}

/// Whether a program of this platform asks for a loader and libraries (`PT_INTERP` in ELF's program headers).
pub(crate) fn needs_loader(program: &[u8]) -> bool {
    const INTERPRETER: u32 = 3;
    let number = |at: usize, len: usize| -> Option<usize> {
        let bytes = program.get(at..at.checked_add(len)?)?;
        bytes.iter().rev().try_fold(0_usize, |sum, byte| sum.checked_mul(256)?.checked_add(usize::from(*byte)))
    };
    // 64 bits, little endian: what Linux hosts of this project are.
    if !program.starts_with(b"\x7fELF\x02\x01") {
        return false;
    }
    let (Some(first), Some(size), Some(count)) = (number(32, 8), number(54, 2), number(56, 2)) else { return false };
    (0..count).any(|index| {
        let at = index.checked_mul(size).and_then(|offset| first.checked_add(offset));
        at.and_then(|at| number(at, 4)) == Some(INTERPRETER as usize)
    })
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn tar_reads_it() {
        let directory = tempfile::tempdir().unwrap();
        for bytes in [&b""[..], b"x", &[7; 512], &[9; 1300]] {
            let file = directory.path().join("a.tar");
            std::fs::write(&file, of_program("program", bytes).unwrap()).unwrap();
            let mut tar = Command::new("tar");
            tar.args(["--extract", "--preserve-permissions", "--file"])
                .arg(&file)
                .arg("--directory")
                .arg(directory.path());
            assert!(tar.stdin(Stdio::null()).status().unwrap().success());
            assert_eq!(std::fs::read(directory.path().join("program")).unwrap(), bytes);
            let mode = std::fs::metadata(directory.path().join("program")).unwrap().permissions();
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o755);
        }
        assert!(of_program(&"n".repeat(100), b"").is_err());
    }

    #[test]
    fn loaders() {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(needs_loader(&this), !cfg!(target_feature = "crt-static"));
        for end in [0, 10, 60, 64, 100] {
            // Whatever is cut off, it is no panic.
            needs_loader(&this[..end]);
        }
        assert!(!needs_loader(b"#!/bin/sh"));
    }
}
