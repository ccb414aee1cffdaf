//! Upgrades while tasks keep coming: nobody notices.

use std::sync::Arc;

use hourglass_tests::running::caller::{self, connect, deploy, submission};
use hourglass_tests::running::executor::Executor;
use hourglass_tests::running::load::Load;
use hourglass_tests::running::site::{Avs, Site};

/// `HOURGLASS_UPGRADES` and `HOURGLASS_UPGRADE_RATE` make it longer and harder, or easier for a slow machine.
pub(crate) fn variable(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}: not a number")))
}

/// Every answer is verified elsewhere; here it is counted that there is one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_in_a_row_and_no_task_fails() {
    let upgrades = variable("HOURGLASS_UPGRADES", 20);
    let rate = variable("HOURGLASS_UPGRADE_RATE", 500);
    let mut site = Site::new([Avs::ecdsa().env("TASK_DELAY_MS", 5)]).unwrap();
    // Challenges are rationed to twenty at once; each upgrade takes one.
    site.set.push("log_level=warn".into());
    let site = Arc::new(site);
    let executor = Executor::start(&site).await.unwrap();
    let load = Load::start(&site, &site.avs[0], rate, "upgrade").await.unwrap();
    let api = connect(&site).await.unwrap();
    let mut revisions = std::collections::BTreeSet::new();
    for upgrade in 0..upgrades {
        let deployed = deploy(&site, &api, &site.avs[0], &[("REVISION", &upgrade.to_string())]).await.unwrap();
        assert!(deployed.success, "{deployed:?}");
        revisions.insert(deployed.deployment_id);
    }
    let (all, took) = load.finish().await.unwrap();
    let per_second = all.answered as f64 / took.as_secs_f64();
    println!(
        "{upgrades} upgrades in {took:.1?}: {} tasks answered, {per_second:.0} a second of {rate} offered, longest {:.0?}, failed {}",
        all.answered,
        all.longest,
        all.failed.len()
    );
    assert_eq!(revisions.len(), upgrades as usize, "each upgrade is another revision");
    assert!(all.failed.is_empty(), "{} failed: {:?}", all.failed.len(), all.failed.first());
    // Otherwise hardly anything was offered while revisions changed.
    assert!(all.answered > upgrades as usize * 20, "{}", all.answered);
    let (api, task) =
        (connect(&site).await.unwrap(), submission(&site, &site.avs[0], "afterwards", b"7").await.unwrap());
    caller::verified(&site, &site.avs[0], &task, &api.submit(task.clone()).await.unwrap()).unwrap();
    executor.stop().await.unwrap();
}
