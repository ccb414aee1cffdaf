//! Real components for tests and the demo: a Docker engine, an image registry, a Go toolchain.
//!
//! ```text
//!  test process ── Engine ──pipe──► hourglass-environment engine ── dockerd ── containerd ── containers
//!                     │                    └─ pipe closed: everything that the engine made is removed
//!                     ├─ Image ──(docker save)──► POST /images/load
//!                     └─ Registry ── keep ── docker-registry        Proxy: slow, cut, 401, 429, 500, silent
//! ```
//!
//! Everything here is real and of our own: a data root, a socket, a bridge, firewall chains and a cgroup for each engine, so that
//! several run side by side and none touches what the machine had before. What is missing is installed from Debian's packages
//! where we are root, and else named in the error.
//!
//! It knows no crate of ours, so that each of them may test with it.
//!
//! ```no_run
//! use hourglass_environment::engine::Engine;
//! use hourglass_environment::image::Image;
//!
//! # fn main() -> anyhow::Result<()> {
//! let engine = Engine::start()?;
//! let program = std::fs::read("/bin/busybox")?;
//! let image = Image::new("example/box:1").file("/box", program, 0o755).entrypoint(["/box", "sleep", "60"]);
//! let id = image.load(engine.host())?;
//! println!("{id} is at {}", engine.host());
//! engine.freeze()?;
//! engine.thaw()?;
//! # Ok(())
//! # }
//! ```

pub mod api;
mod archive;
pub mod cgroups;
pub mod commands;
pub mod engine;
pub mod go;
pub mod image;
pub mod keep;
pub mod log;
pub mod mounts;
pub mod packages;
pub mod ports;
pub mod processes;
pub mod program;
pub mod registry;
pub mod statics;
pub mod waiting;
