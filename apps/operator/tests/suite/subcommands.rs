use std::io::Write;
use std::process::Stdio;

use crate::process::operator;

#[test]
fn the_crds_are_printed() {
    let output = operator().arg("crds").output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches("\nkind: CustomResourceDefinition").count(), 2, "{text}");
    assert_eq!(text.lines().filter(|line| *line == "---").count(), 2);
}

#[test]
fn a_file_is_checked() {
    let mut child =
        operator().args(["validate", "-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let file =
        "apiVersion: hourglass.eigenlayer.io/v1alpha1\nkind: Performer\nmetadata: {name: x}\nspec: {image: a:1}\n";
    child.stdin.take().unwrap().write_all(file.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().contains("avsAddress"));
}
