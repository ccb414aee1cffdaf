//! On what was measured.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;

/// The machine in a few words: processor, cores, memory, kernel, file system, compiler.
pub(crate) fn describe(directory: &Path) -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let (cpu, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let gib = field(&memory, "MemTotal").split(' ').next().and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0);
    let virtual_machine = if cpu.contains(" hypervisor") { ", virtual" } else { "" };
    format!(
        "{} × {}{virtual_machine}, {:.0} GiB, Linux {}, {}, {}; load average at the start {}",
        cores(),
        field(&cpu, "model name"),
        gib / f64::from(1 << 20),
        read("/proc/sys/kernel/osrelease").trim(),
        said("stat", &["-f", "-c", "%T", &directory.display().to_string()]),
        said("rustc", &["--version"]),
        read("/proc/loadavg").split(' ').next().unwrap_or_default(),
    )
}

/// How many cores this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The number of the last core that is online.
pub(crate) fn last_core() -> Result<usize> {
    let cpu = fs::read_to_string("/proc/cpuinfo")?;
    Ok(cpu.lines().filter(|line| line.starts_with("processor")).count().saturating_sub(1))
}

/// The day, by `date`, since the standard library knows no calendar.
pub(crate) fn today() -> String {
    said("date", &["-u", "+%Y-%m-%d"])
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().ok().filter(|output| output.status.success());
    output.map_or_else(|| format!("({program}?)"), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
