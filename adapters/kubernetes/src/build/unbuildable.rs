use hourglass_core::hardware::HardwareError;
use hourglass_core::lifecycle::ExitCause;
use thiserror::Error;

use crate::translate::ExtrasError;

/// Why no pod can be made of a specification. Nothing runs then: a requirement is never left out (`contract.md` §5).
#[derive(Debug, Error)]
pub enum Unbuildable {
    /// The hardware cannot be asked for.
    #[error("{0}: {remedy}", remedy = .0.remedy())]
    Hardware(#[from] HardwareError),
    /// A newer operator wrote it.
    #[error("{0}: a newer operator wrote it; use that one, or change the Performer's affinity or spread")]
    Extras(#[from] ExtrasError),
    /// A pod does not see the executor's environment.
    #[error(
        "the variable {name} is to come from the executor's environment, which a pod cannot read: give it a value, or \
         take it from a Secret or a ConfigMap"
    )]
    EnvUnsupported {
        /// Which variable.
        name: String,
    },
    /// No process can have such a variable. Its value is not shown.
    #[error("the variable {name:?} cannot be set: a name has no '=', and neither has a zero byte")]
    EnvMalformed {
        /// Which variable.
        name: String,
    },
}

impl Unbuildable {
    /// Stable, in CamelCase.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Hardware(error) => error.reason(),
            Self::Extras(_) => "SpecUnreadable",
            Self::EnvUnsupported { .. } => "EnvUnsupported",
            Self::EnvMalformed { .. } => "EnvMalformed",
        }
    }

    /// As the planner learns of it: trying again is pointless.
    pub fn cause(&self) -> ExitCause {
        ExitCause::Refused { reason: self.reason().into(), message: self.to_string() }
    }
}
