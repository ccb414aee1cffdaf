//! GPUs of NVIDIA, as the driver and the engine know them.

use std::path::Path;

use bollard::models::DeviceRequest;

use super::{EngineFacts, under};
use crate::failure::StartFailure;

const DRIVER: &str = "/proc/driver/nvidia/gpus";
/// Any of these lets the engine hand GPUs to containers.
const HOOKS: [&str; 2] = ["/usr/bin/nvidia-container-runtime-hook", "/usr/local/bin/nvidia-container-runtime-hook"];

/// One GPU, as the driver tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Gpu {
    model: String,
    uuid: String,
}

/// The request for `count` GPUs, each any of `products` where there are some.
pub(super) fn request(
    root: &Path,
    facts: &EngineFacts,
    driver: &str,
    count: u32,
    products: &[String],
) -> Result<DeviceRequest, StartFailure> {
    let missing = |message: String| StartFailure::refused("DeviceMissing", message);
    let mut all = gpus(root);
    if all.is_empty() {
        let remedy = "install the NVIDIA driver and see that `nvidia-smi` lists them";
        return Err(missing(format!("this host shows no NVIDIA GPU in {DRIVER}: {remedy}")));
    }
    // The engine hands them out in the order of their places.
    all.sort_by(|a, b| a.0.cmp(&b.0));
    let fitting: Vec<&Gpu> = all.iter().map(|(_, gpu)| gpu).filter(|gpu| is_one_of(&gpu.model, products)).collect();
    if (fitting.len() as u64) < u64::from(count) {
        let mut models: Vec<&str> = all.iter().map(|(_, gpu)| gpu.model.as_str()).collect();
        models.dedup();
        let kind = products.first().map_or_else(|| "GPUs".to_owned(), |_| format!("of {}", products.join(", ")));
        let (have, models) = (fitting.len(), models.join(", "));
        let message = format!(
            "{count} {kind} are required, and this host has {have} (it has {models}): correct the hardware requirements, or use another host"
        );
        return Err(missing(message));
    }
    if !facts.runtimes.iter().any(|name| name == "nvidia") && !HOOKS.iter().any(|hook| under(root, hook).exists()) {
        let message = "the engine cannot hand GPUs to containers: install nvidia-container-toolkit, run `nvidia-ctk \
                       runtime configure --runtime=docker`, and restart the engine";
        return Err(StartFailure::refused("DeviceDriverMissing", message));
    }
    let capabilities = Some(vec![vec!["gpu".to_owned()]]);
    let driver = Some(driver.to_owned());
    if fitting.len() == all.len() {
        return Ok(DeviceRequest { driver, count: Some(count.into()), capabilities, ..DeviceRequest::default() });
    }
    let wanted = fitting.iter().take(usize::try_from(count).unwrap_or(usize::MAX));
    let device_ids = Some(wanted.map(|gpu| gpu.uuid.clone()).collect());
    Ok(DeviceRequest { driver, device_ids, capabilities, ..DeviceRequest::default() })
}

/// Feature discovery, whose names the tables use, writes hyphens for blanks.
fn is_one_of(model: &str, products: &[String]) -> bool {
    let name = model.replace(' ', "-");
    products.is_empty() || products.iter().any(|product| product.eq_ignore_ascii_case(&name))
}

/// By their places on the bus.
fn gpus(root: &Path) -> Vec<(String, Gpu)> {
    let entries = std::fs::read_dir(under(root, DRIVER)).into_iter().flatten().flatten();
    let read = |entry: std::fs::DirEntry| {
        let text = std::fs::read_to_string(entry.path().join("information")).ok()?;
        Some((entry.file_name().to_string_lossy().into_owned(), parse(&text)?))
    };
    entries.filter_map(read).collect()
}

fn parse(text: &str) -> Option<Gpu> {
    let field = |name: &str| {
        let mut values = text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        values.next().map(|value| value.trim().to_owned())
    };
    let uuid = field("GPU UUID").filter(|uuid| uuid.starts_with("GPU-"))?;
    Some(Gpu { model: field("Model")?, uuid })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(models: &[&str], files: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (index, model) in models.iter().enumerate() {
            let place = under(root.path(), DRIVER).join(format!("0000:{index:02x}:00.0"));
            std::fs::create_dir_all(&place).unwrap();
            let text = format!("Model: \t\t {model}\nIRQ:   \t\t 35\nGPU UUID: \t GPU-{index}\nBus Type: \t PCIe\n");
            std::fs::write(place.join("information"), text).unwrap();
        }
        for file in files {
            let path = under(root.path(), file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        root
    }

    fn toolkit() -> EngineFacts {
        EngineFacts { runtimes: vec!["runc".into(), "nvidia".into()] }
    }

    const A100: &str = "NVIDIA A100-SXM4-40GB";

    #[test]
    fn enough_of_any_kind_are_counted() {
        let root = host(&[A100, "Tesla T4"], &[]);
        let found = request(root.path(), &toolkit(), "nvidia", 2, &[]).unwrap();
        assert_eq!((found.count, found.device_ids), (Some(2), None));
        assert_eq!(found.capabilities, Some(vec![vec!["gpu".into()]]));
        let failure = request(root.path(), &toolkit(), "nvidia", 3, &[]).unwrap_err();
        assert!(failure.refused && failure.reason == "DeviceMissing" && failure.message.contains("has 2"), "{failure}");
    }

    #[test]
    fn of_several_kinds_the_right_ones_are_named() {
        let root = host(&["Tesla T4", A100, A100], &[]);
        let products = ["NVIDIA-A100-SXM4-40GB".to_owned(), "A100-SXM4-40GB".to_owned()];
        let found = request(root.path(), &toolkit(), "nvidia", 1, &products).unwrap();
        assert_eq!((found.count, found.device_ids), (None, Some(vec!["GPU-1".into()])));
        let failure = request(root.path(), &toolkit(), "nvidia", 3, &products).unwrap_err();
        assert!(failure.message.contains("has 2") && failure.message.contains("Tesla T4"), "{failure}");
    }

    #[test]
    fn driver_and_toolkit_are_told_apart() {
        let bare = host(&[], &[]);
        let failure = request(bare.path(), &toolkit(), "nvidia", 1, &[]).unwrap_err();
        assert!(failure.refused && failure.message.contains("NVIDIA driver"), "{failure}");
        let root = host(&[A100], &[]);
        let failure = request(root.path(), &EngineFacts::default(), "nvidia", 1, &[]).unwrap_err();
        assert!(failure.reason == "DeviceDriverMissing" && failure.message.contains("nvidia-ctk"), "{failure}");
        let root = host(&[A100], &[HOOKS[0]]);
        assert!(request(root.path(), &EngineFacts::default(), "nvidia", 1, &[]).is_ok());
    }

    #[test]
    fn what_the_driver_cannot_tell_is_no_gpu() {
        assert_eq!(parse("Model: X\nGPU UUID: ????????\n"), None);
        assert_eq!(parse(""), None);
    }
}
