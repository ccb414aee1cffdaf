//! What the API server says when it does not take a pod, as the planner learns of it.

use hourglass_core::lifecycle::ExitCause;

use crate::connection::Refusal;

/// Signs in lower case, all of which must be there, the reason, and whether trying the same again is pointless: what
/// surrounds a pod may change without the Performer, so that most are tried again.
const ROWS: &[(&[&str], &str, bool)] = &[
    (&["exceeded quota"], "QuotaExceeded", false),
    (&["failed quota"], "QuotaExceeded", false),
    (&["violates podsecurity"], "PodSecurityRefused", true),
    (&["service account", "not found"], "ServiceAccountNotFound", false),
    (&["serviceaccount", "not found"], "ServiceAccountNotFound", false),
    (&["no priorityclass"], "PriorityClassNotFound", false),
    (&["runtimeclass", "not found"], "RuntimeClassNotFound", false),
    (&["denied the request"], "AdmissionDenied", true),
    (&["validatingadmissionpolicy"], "AdmissionDenied", true),
    (&["failed calling webhook"], "AdmissionUnavailable", false),
    (&["being terminated"], "NamespaceTerminating", false),
    (&["maximum", "usage per"], "LimitRangeRefused", true),
    (&["minimum", "usage per"], "LimitRangeRefused", true),
    (&["ratio per"], "LimitRangeRefused", true),
    (&["cannot create resource"], "ApiForbidden", false),
];

/// The cause with which an instance never started. The message is the API server's own.
pub(super) fn cause(refusal: &Refusal) -> ExitCause {
    let message = refusal.message.clone();
    let lower = message.to_lowercase();
    let row = ROWS.iter().find(|(signs, ..)| signs.iter().all(|sign| lower.contains(sign)));
    let (reason, final_) = match row {
        Some((_, reason, final_)) => (*reason, *final_),
        // What the API server finds wrong in the pod itself stays wrong.
        None if refusal.code == 422 || refusal.code == 400 => ("PodInvalid", true),
        None => ("PodRefused", false),
    };
    let reason = reason.to_owned();
    if final_ { ExitCause::Refused { reason, message } } else { ExitCause::StartFailed { reason, message } }
}

/// Whether a failure of the server's own is in truth somebody's word on the pod, which users should read.
pub(super) fn is_worth_telling(refusal: &Refusal) -> bool {
    refusal.message.contains("webhook")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_api_server() {
        for (code, message, reason, is_final) in [
            (
                403,
                "pods \"p\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=3, limited: pods=3",
                "QuotaExceeded",
                false,
            ),
            (
                403,
                "pods \"p\" is forbidden: violates PodSecurity \"restricted:latest\": runAsNonRoot != true",
                "PodSecurityRefused",
                true,
            ),
            (
                403,
                "pods \"p\" is forbidden: error looking up service account n/x: serviceaccount \"x\" not found",
                "ServiceAccountNotFound",
                false,
            ),
            (403, "pods \"p\" is forbidden: no PriorityClass with name x was found", "PriorityClassNotFound", false),
            (403, "pods \"p\" is forbidden: pod rejected: RuntimeClass \"x\" not found", "RuntimeClassNotFound", false),
            (
                403,
                "pods \"p\" is forbidden: maximum cpu usage per Container is 1, but limit is 4",
                "LimitRangeRefused",
                true,
            ),
            (400, "admission webhook \"x.y\" denied the request: no", "AdmissionDenied", true),
            (
                500,
                "Internal error occurred: failed calling webhook \"x.y\": connection refused",
                "AdmissionUnavailable",
                false,
            ),
            (422, "Pod \"p\" is invalid: spec.containers[0].image: Required value", "PodInvalid", true),
            (
                403,
                "pods is forbidden: User \"u\" cannot create resource \"pods\" in API group \"\"",
                "ApiForbidden",
                false,
            ),
            (403, "something new", "PodRefused", false),
        ] {
            let refusal =
                Refusal { code, reason: String::new(), message: message.into(), retry_after: None, causes: Vec::new() };
            let cause = cause(&refusal);
            assert_eq!(cause.reason(), reason, "{message}");
            assert_eq!(matches!(cause, ExitCause::Refused { .. }), is_final, "{message}");
        }
    }
}
