//! The processes of one cluster, in the hands of its supervisor.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hourglass_environment::log::last_lines;
use hourglass_environment::{processes, waiting};
use rustix::process::Signal;

use crate::api::Api;
use crate::component::Component;
use crate::launch::Launch;
use crate::network::Network;
use crate::site::Site;
use crate::supervisor::reap;

/// How long a component may take until it is ready, also on a busy machine.
const START: Duration = Duration::from_secs(120);
/// How long it may take to end when it is asked to.
const STOP: Duration = Duration::from_secs(60);

pub(crate) struct Processes {
    network: Network,
    running: BTreeMap<Component, i32>,
}

impl Processes {
    pub(crate) fn new(network: Network) -> Self {
        Self { network, running: BTreeMap::new() }
    }

    pub(crate) fn running(&self) -> &BTreeMap<Component, i32> {
        &self.running
    }

    /// Takes note of what ended.
    pub(crate) fn notice(&mut self) {
        for ended in reap() {
            self.running.retain(|_, pid| *pid != ended);
        }
    }

    /// Starts a component unless it runs.
    pub(crate) fn spawn(&mut self, site: &Site, component: Component, launch: &Launch) -> Result<()> {
        self.notice();
        if self.running.contains_key(&component) {
            return Ok(());
        }
        let mut command = launch.command(&site.log(component), &site.file("home"))?;
        let spawned = self.network.inside(|| command.spawn())?;
        let child = spawned.with_context(|| format!("starting {component} ({})", launch.program.display()))?;
        self.running.insert(component, child.id().cast_signed());
        Ok(())
    }

    pub(crate) fn wait_until_ready(
        &mut self,
        site: &Site,
        component: Component,
        launch: &Launch,
        admin: &Api,
    ) -> Result<()> {
        let began = Instant::now();
        for ready in &launch.ready {
            while let Err(error) = self.network.inside(|| ready.look(admin))? {
                self.notice();
                let said = || last_lines(&site.log(component));
                if !self.running.contains_key(&component) {
                    bail!("{component} ended at once:\n{}", said());
                }
                if began.elapsed() > START {
                    bail!("{component} is not ready within {START:?} ({error:#}):\n{}", said());
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(())
    }

    pub(crate) fn stop(&mut self, component: Component) -> Result<()> {
        self.end(component, Signal::TERM)
    }

    pub(crate) fn kill(&mut self, component: Component) -> Result<()> {
        self.end(component, Signal::KILL)
    }

    fn end(&mut self, component: Component, signal: Signal) -> Result<()> {
        self.notice();
        let Some(pid) = self.running.get(&component).copied() else { return Ok(()) };
        processes::signal(pid, signal);
        // One that is frozen would take note of nothing else.
        processes::signal(pid, Signal::CONT);
        let began = Instant::now();
        while self.running.contains_key(&component) {
            ensure!(began.elapsed() < STOP, "{component} does not end within {STOP:?}");
            std::thread::sleep(Duration::from_millis(5));
            self.notice();
        }
        Ok(())
    }

    /// Returns when none of its threads runs.
    pub(crate) fn freeze(&mut self, component: Component) -> Result<()> {
        let pid = self.pid(component)?;
        processes::signal(pid, Signal::STOP);
        waiting::until("the component stops", Duration::from_secs(30), || {
            ensure!(processes::is_stopped(pid), "a thread of process {pid} runs");
            Ok(())
        })
    }

    pub(crate) fn thaw(&mut self, component: Component) -> Result<()> {
        processes::signal(self.pid(component)?, Signal::CONT);
        Ok(())
    }

    fn pid(&mut self, component: Component) -> Result<i32> {
        self.notice();
        self.running.get(&component).copied().with_context(|| format!("{component} does not run"))
    }
}
