//! The check without a cluster.

use hourglass_core::hardware::HardwareTables;
use hourglass_kubernetes::crd::to_yaml;
use hourglass_kubernetes::validate::{Outcome, Severity, Validator, check, run};

use super::resources::cases;

fn validator() -> Validator {
    Validator::new(HardwareTables::default()).unwrap()
}

#[test]
fn every_resource_is_judged_as_expected() {
    let validator = validator();
    for case in cases() {
        let checked = check(&validator, "case.yaml", &to_yaml(&case.object));
        let refused: Vec<String> = checked
            .findings
            .iter()
            .filter(|finding| finding.severity == Severity::Refused)
            .map(ToString::to_string)
            .collect();
        match case.refused {
            None => assert!(refused.is_empty(), "{}: {refused:#?}", case.name),
            Some(words) => {
                assert!(refused.iter().any(|line| line.contains(words)), "{}: {refused:#?}", case.name);
            }
        }
    }
}

const WRONG: &str = "\
# Everything is wrong here.
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: hourglass.eigenlayer.io/v1alpha1
kind: Performer
metadata:
  name: a.b
  namespace: My-Namespace
spec:
  avs_address: 0x1234567890abcdef1234567890abcdef12345678
  image: 'my org/performer'
  version: 1.10
  replicas: many
  config:
    grpcPort: 99999
    environment:
      DEBUG: yes
      PORT: 9090
  resources:
    requests: {memory: 2Gi, cpu: 0.5}
    limits: {memory: 1Gi}
  hardwareRequirements:
    teeRequired: true
    gpuType: nvidia-a100
  scheduling:
    tolerations:
    - {key: gpu, operator: Exists, value: \"true\"}
---
apiVersion: hourglass.eigenlayer.io/v1
kind: Performer
metadata: {name: newer}
---
apiVersion: hourglass.eigenlayer.io/v1alpha1
kind: Performance
metadata: {name: unknown}
---
just: this
---
apiVersion: hourglass.eigenlayer.io/v1alpha1
kind: Performer
metadata: {name: unknown-gpu}
spec:
  avsAddress: \"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAEd\"
  image: my-org/performer:v1
  version: v2
  config: {environment: {GRPC_PORT: \"1\"}}
  hardwareRequirements: {gpuType: nvidia-z9000, gpuCount: 1}
---
apiVersion: hourglass.eigenlayer.io/v1alpha1
kind: Performer
metadata: {name: notes}
spec:
  avsAddress: \"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAEd\"
  image: my-org/performer:v1
  version: v2
  config: {environment: {GRPC_PORT: \"1\"}}
---
apiVersion: hourglass.eigenlayer.io/v1alpha1
kind: Performer
metadata: {name: twice}
spec:
  image: a
  image: b
  avsAddress: \"0x1111111111111111111111111111111111111111\"
";

#[test]
fn every_problem_has_its_line_its_field_and_what_to_write_instead() {
    let mut out = Vec::new();
    let outcome = run(&validator(), &["-".to_owned()], &mut WRONG.as_bytes(), &mut out).unwrap();
    assert_eq!(outcome, Outcome::Problems);
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn a_list_is_its_items() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: hourglass.eigenlayer.io/v1alpha1\n  kind: HourglassExecutor\n  metadata: {name: e}\n  spec:\n    image: x\n    replicas: 0\n";
    let checked = check(&validator(), "list.yaml", text);
    assert_eq!(checked.resources, 1);
    let [finding] = checked.findings.as_slice() else { panic!("{:?}", checked.findings) };
    assert_eq!((finding.line, finding.path.as_str()), (9, "spec.replicas"));
}

#[test]
fn exit_codes() {
    let run = |files: &[&str], stdin: &str| {
        let files: Vec<String> = files.iter().map(|file| (*file).to_owned()).collect();
        run(&validator(), &files, &mut stdin.as_bytes(), &mut Vec::new()).unwrap().exit_code()
    };
    let good = to_yaml(&cases()[0].object);
    assert_eq!(run(&["-"], &good), 0);
    assert_eq!(run(&["-"], &good.replace("my-org/p:v1", "\"\"")), 1);
    assert_eq!(run(&["/there/is/no/such/file.yaml"], ""), 2);
    assert_eq!(run(&["-"], "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"), 2, "nothing of ours");
    assert_eq!(run(&["-"], "a: [\n"), 1);
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "[ -~\n]{0,200}") {
        // Expensive to make, so that every text shares one.
        thread_local!(static VALIDATOR: Validator = validator());
        VALIDATOR.with(|validator| drop(check(validator, "x", &text)));
        let text = format!("apiVersion: hourglass.eigenlayer.io/v1alpha1\nkind: Performer\nspec:\n  {}", text.replace('\n', "\n  "));
        VALIDATOR.with(|validator| drop(check(validator, "x", &text)));
    }
}
