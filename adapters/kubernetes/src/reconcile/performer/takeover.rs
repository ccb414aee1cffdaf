use hourglass_core::performer::PerformerSpec;

use super::failure::PassError;
use super::gather::Gathered;
use super::pass::Pass;
use crate::cache::Key;

impl Pass<'_> {
    /// Takes over the pods of the earlier operator, as they run. Whether there were any: then everything is looked at
    /// anew.
    pub(super) async fn take_over(
        &self,
        gathered: &Gathered,
        spec: &PerformerSpec,
        executor: Option<&str>,
    ) -> Result<bool, PassError> {
        let mut any = false;
        for pod in &gathered.pods {
            let Some(adoption) = pod.adoption(&self.memory.uid, spec) else { continue };
            let (name, current) = (&pod.name, adoption.is_current);
            tracing::info!(performer = %self.key, %name, current, "a pod of the earlier operator is taken over");
            self.patch_pod(&Key::new(&pod.namespace, name), adoption.patch(pod, executor)).await?;
            any = true;
        }
        Ok(any)
    }
}
