use std::collections::BTreeMap;

use hourglass_tests::repository;

/// The instructions of each, continued lines joined.
fn all() -> BTreeMap<String, Vec<String>> {
    let folder = repository::root().join("deploy/images");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|file| file.extension().is_some_and(|extension| extension == "Dockerfile"));
    files
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap().replace("\\\n", " ");
            let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned);
            (file.file_stem().unwrap().to_str().unwrap().to_owned(), lines.collect())
        })
        .collect()
}

#[test]
fn they_begin_with_nothing_and_only_add_files() {
    let all = all();
    let names = ["executor", "executor-debug", "operator", "operator-debug", "performer", "performer-debug"];
    assert_eq!(all.keys().collect::<Vec<_>>(), names);
    for (name, lines) in all {
        let of = |instruction: &str| -> Vec<&str> {
            lines.iter().filter_map(|line| line.strip_prefix(instruction)?.strip_prefix(' ')).collect()
        };
        assert_eq!(of("FROM"), ["scratch"], "{name}");
        assert_eq!(of("ADD"), [format!("{name}.tar /")], "{name}");
        assert!(of("RUN").is_empty() && of("COPY").is_empty(), "{name}: there is no shell to run anything with");
        assert_eq!(of("USER"), ["65532:65532"], "{name}: there is no /etc/passwd");
        assert_eq!(of("STOPSIGNAL"), ["SIGTERM"], "{name}");
        assert!(
            lines.iter().all(|line| !line.contains("--mount") && !line.contains("<<")),
            "{name}: not for every builder"
        );
        let labels = of("LABEL").join(" ");
        for label in ["title", "description", "licenses", "source", "version", "revision", "created"] {
            assert!(labels.contains(&format!("org.opencontainers.image.{label}=")), "{name}: {label}");
        }
        if name.starts_with("executor") {
            assert_eq!(of("EXPOSE"), ["9095 8080 8090"], "{name}");
            assert_eq!(of("VOLUME"), ["/var/lib/hourglass"], "{name}");
            assert!(of("HEALTHCHECK")[0].ends_with(r#"CMD ["/hourglass-executor", "healthcheck"]"#), "{name}");
        } else if name.starts_with("operator") {
            assert_eq!(of("EXPOSE"), ["8080 8081"], "{name}");
            assert_eq!(of("ENTRYPOINT"), [r#"["/manager"]"#], "{name}: as the earlier operator was called");
        } else {
            assert_eq!(of("EXPOSE"), ["9090"], "{name}");
        }
    }
}

#[test]
fn a_debug_variant_is_the_same_with_a_shell() {
    let all = all();
    for name in ["executor", "operator", "performer"] {
        let program = all[&format!("{name}-debug")].iter().map(|line| {
            line.replace("-debug\"", "\"").replace("-debug.tar", ".tar").replace("PATH=/:/busybox", "PATH=/")
        });
        assert_eq!(program.collect::<Vec<_>>(), all[name]);
    }
}
