//! A process that hosts a [`ProcessRuntime`] and can be killed: what an executor is to its performers.
//!
//! `hourglass-process-host <state directory> <instance name> <image> [argument…]` starts the instance, prints `started`
//! and waits for ever.

use std::error::Error;
use std::path::Path;

use hourglass_core::Address;
use hourglass_core::lifecycle::StartInstance;
use hourglass_core::performer::PerformerSpec;
use hourglass_core::ports::InstanceRuntime;
use hourglass_process::{Options, ProcessRuntime, supervise_or_continue};

fn main() -> Result<(), Box<dyn Error>> {
    let supervisor = supervise_or_continue();
    let mut args = std::env::args().skip(1);
    let mut next = || args.next().ok_or("usage: hourglass-process-host STATE_DIR NAME IMAGE [ARGUMENT…]");
    let (state, name, image) = (next()?, next()?, next()?);
    let avs: Address = "0x1111111111111111111111111111111111111111".parse()?;
    let spec = PerformerSpec { args: args.collect(), ..PerformerSpec::new(avs, image.parse()?) };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let instances = ProcessRuntime::open(Path::new(&state), supervisor, Options::default()).await?;
        instances.start(&StartInstance { name: name.parse()?, spec }).await?;
        println!("started");
        std::future::pending::<Result<(), Box<dyn Error>>>().await
    })
}
