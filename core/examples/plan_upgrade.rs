//! Drives an upgrade offline, step by step, and prints what the planner decides.
//!
//! ```text
//! cargo run -p hourglass-core --example plan_upgrade
//! ```
//!
//! Nothing runs here: the "platform" is a list of instances that this program edits by hand. That is all the planner
//! ever sees of a platform, so the same code decides for containers, pods and processes.

use std::error::Error;
use std::time::Duration;

use hourglass_core::Timestamp;
use hourglass_core::lifecycle::{Action, ExitCause, Health, History, Instance, InstanceState, Intent, Plan, plan};
use hourglass_core::performer::PerformerSpec;

fn main() -> Result<(), Box<dyn Error>> {
    let avs = "0x1111111111111111111111111111111111111111".parse()?;
    let mut intent = Intent::new("square".parse()?, PerformerSpec::new(avs, "my-org/square:v1".parse()?));
    // The planner has no clock: time is an argument, and here it passes when we say so.
    let mut now = Timestamp::from_secs(1_800_000_000);
    let mut history = History::default();
    let mut instances: Vec<Instance> = Vec::new();

    println!("# The first deployment");
    let mut step = |intent: &Intent, instances: &mut Vec<Instance>, seconds: u64| {
        now = now + Duration::from_secs(seconds);
        let plan = plan(intent, &history, instances, now);
        // A real actor makes the history durable here, before it does anything.
        history = plan.history.clone();
        for action in &plan.actions {
            pretend(action, instances, now);
        }
        print(&plan);
    };
    step(&intent, &mut instances, 0);
    become_ready(&mut instances);
    step(&intent, &mut instances, 2);

    println!("\n# An upgrade: the new one is ready before the old one gets no more tasks");
    intent.spec.image = "my-org/square:v2".parse()?;
    step(&intent, &mut instances, 60);
    become_ready(&mut instances);
    step(&intent, &mut instances, 2);
    step(&intent, &mut instances, 1);
    instances.retain(|instance| instance.state != InstanceState::Stopping);
    step(&intent, &mut instances, 1);

    println!("\n# A broken upgrade: after its ready deadline it is given up, and what served keeps serving");
    intent.spec.image = "my-org/square:broken".parse()?;
    step(&intent, &mut instances, 60);
    step(&intent, &mut instances, intent.spec.upgrade.ready_deadline.as_secs());
    instances.retain(|instance| instance.state != InstanceState::Stopping);
    step(&intent, &mut instances, 1);
    Ok(())
}

/// What a platform would make of an action, at its fastest.
fn pretend(action: &Action, instances: &mut Vec<Instance>, now: Timestamp) {
    match action {
        Action::Start(start) => {
            let mut instance = Instance::never_started(start.name.clone(), ExitCause::Unknown, now);
            instance.state = InstanceState::Starting { waiting_for: None };
            instances.push(instance);
        }
        Action::Route { instances: names, .. } => {
            for instance in instances {
                instance.routed = names.contains(&instance.name);
            }
        }
        Action::Drain { instance: name, .. } => {
            for instance in instances.iter_mut().filter(|instance| instance.name == *name) {
                instance.routed = false;
            }
        }
        Action::Stop { instance: name, .. } => {
            for instance in instances.iter_mut().filter(|instance| instance.name == *name) {
                instance.state = InstanceState::Stopping;
            }
        }
        Action::Forget => instances.clear(),
    }
}

fn become_ready(instances: &mut [Instance]) {
    for instance in instances {
        instance.state = InstanceState::Running;
        instance.health = Health::Ready { since: instance.started_at };
    }
}

fn print(plan: &Plan) {
    for event in &plan.events {
        println!("  event    {}: {}", event.reason, event.message);
    }
    for action in &plan.actions {
        match action {
            Action::Start(start) => println!("  action   start {} ({})", start.name, start.spec.image),
            Action::Route { revision, .. } => println!("  action   route to {revision}"),
            Action::Drain { instance, deadline } => println!("  action   drain {instance} until {deadline}"),
            Action::Stop { instance, .. } => println!("  action   stop {instance}"),
            Action::Forget => println!("  action   forget"),
        }
    }
    println!("  status   {:?}, {} ready", plan.status.phase, plan.status.ready_replicas);
    if let Some(waiting) = &plan.waiting {
        println!("  waiting  {}: {waiting}", waiting.reason());
    }
    if let Some(at) = plan.wake_at {
        println!("  wake at  {at}");
    }
    println!();
}
