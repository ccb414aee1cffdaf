//! Whatever the text: an answer, soon, and no panic.

use hourglass_core::config::{self, Sources, format_duration, parse_duration};
use hourglass_core::resources::Quantity;
use proptest::prelude::*;

use crate::{load, sources};

#[test]
fn bombs_are_refused() {
    let deep_alias = (0..40).fold(String::from("a0: &a0 [x]\n"), |text, i| {
        format!("{text}a{}: &a{} [{}]\n", i + 1, i + 1, vec![format!("*a{i}"); 10].join(", "))
    });
    let chained = (0..2000).fold(String::from("a0: &a0 [x]\n"), |t, i| format!("{t}a{}: &a{} [*a{i}]\n", i + 1, i + 1));
    for (name, text) in [
        ("alias bomb", deep_alias),
        ("alias chain", chained),
        ("flow depth", "[".repeat(100_000)),
        ("flow maps", "{a: ".repeat(100_000)),
        ("block depth", (0..2000).map(|i| format!("{}a:\n", " ".repeat(i))).collect()),
        ("dashes", "- ".repeat(100_000)),
        ("question marks", "? ".repeat(100_000)),
        ("anchors", "&a ".repeat(100_000)),
        ("many keys", (0..60_000).map(|i| format!("k{i}: 1\n")).collect()),
        ("as many keys as fit", (0..24_000).map(|i| format!("k{i}: 1\n")).collect()),
        (
            "as many AVSs as fit",
            (0..6_000).fold(String::from("avs_config:\n  supported_avs:\n"), |text, i| {
                format!("{text}    - {{name: a, address: '0x{:040x}', performer_image: p}}\n", i)
            }),
        ),
        ("unclosed", format!("a: \"{}", "x".repeat(500_000))),
        ("too long", "#".repeat(2 << 20)),
        ("self alias", "a: &a [*a]\n".into()),
        ("unknown alias", "a: *nothing\n".into()),
        ("second document", "log_level: info\n---\nlog_level: debug\n".into()),
        ("list", "- a\n".into()),
        ("tag", "log_level: !secret x\n".into()),
        ("complex key", "? [a, b]\n: c\n".into()),
    ] {
        let problems = load(&text).err().unwrap_or_else(|| panic!("{name} was accepted"));
        assert!(!problems.is_empty() && problems.to_string().len() < 50 << 20, "{name}");
    }
}

#[test]
fn anchors_and_merge_keys_work_within_bounds() {
    let text = "x: &limits {cpu: 2}\n";
    assert!(load(text).is_err(), "an anchor needs a place that is a key");
    let loaded = crate::valid(
        "avs_config:\n  supported_avs:\n    - &one\n      address: '0x1111111111111111111111111111111111111111'\n      performer_image: org/p:v1\n      task: {deadline: 5s}\n    - <<: *one\n      address: '0x2222222222222222222222222222222222222222'\n",
    );
    assert_eq!(loaded.config.avs[1].image.as_str(), "org/p:v1");
    assert_eq!(loaded.config.avs[1].address.to_string(), format!("0x{}", "2".repeat(40)));
}

fn yamlish() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "avs_config",
        "supported_avs",
        "address",
        "server",
        "listen",
        "kubernetes",
        "hardware",
        "gpu",
        "scheduling",
        "tolerations",
        "node_affinity",
        "task",
        "deadline",
        "- ",
        ": ",
        "\n",
        "\n  ",
        "\n    ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "'",
        "\"",
        "&a ",
        "*a",
        "<<: ",
        "? ",
        "| \n",
        "> \n",
        "!x ",
        "#",
        "~",
        "30s",
        "0x12",
        "1e9",
        "-1",
        "\t",
        "%",
        "---",
        "...",
        "é",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_text(text in any::<String>()) {
        let _ = load(&text);
    }

    #[test]
    fn anything_like_yaml(text in yamlish()) {
        if let Err(problems) = load(&text) {
            prop_assert!(!problems.is_empty());
        }
    }

    #[test]
    fn any_value_of_any_key(index in any::<prop::sample::Index>(), value in "\\PC{0,20}") {
        let sources_of_defaults = Sources { env: sources("").env, ..Sources::default() };
        let paths: Vec<String> =
            config::load(&sources_of_defaults).unwrap().effective().into_iter().map(|value| value.path).collect();
        let path = index.get(&paths).clone();
        let _ = config::load(&Sources { flags: vec![(path, value)], ..sources_of_defaults });
    }

    #[test]
    fn any_flag_path(path in "[a-z_\\.\\[\\]0-9]{0,30}", value in any::<String>()) {
        let _ = config::load(&Sources { flags: vec![(path, value)], ..sources("") });
    }

    #[test]
    fn durations_round_trip(millis in 0u64..100_000_000_000) {
        let duration = std::time::Duration::from_millis(millis);
        prop_assert_eq!(parse_duration(&format_duration(duration)), Some(duration));
    }

    #[test]
    fn quantities_keep_their_text_and_their_order(a in 0u64..1 << 40, b in 0u64..1 << 40) {
        let (x, y): (Quantity, Quantity) = (format!("{a}m").parse().unwrap(), format!("{b}m").parse().unwrap());
        prop_assert_eq!(x.cmp(&y), a.cmp(&b));
        prop_assert_eq!(&x, &x.as_str().parse().unwrap());
        prop_assert_eq!(Quantity::of_whole(a), a.to_string().parse().unwrap());
        prop_assert_eq!(format!("{a}Ki").parse::<Quantity>().unwrap().whole(), u128::from(a) * 1024);
    }
}
