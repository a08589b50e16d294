//! The eight sentences at the head of the README's code map: each has a test of its name.

use super::{files, root};

const SENTENCES: [(&str, &str); 8] = [
    ("A receipt means durable", "a_receipt_means_durable"),
    ("Once", "once"),
    ("State is a fold of the log", "state_is_a_fold_of_the_log"),
    ("Written before told", "written_before_told"),
    ("No value is invented", "no_value_is_invented"),
    ("Silence is not health", "silence_is_not_health"),
    ("Every queue has a bound", "every_queue_has_a_bound"),
    (
        "The collector measures and delivers",
        "the_collector_measures_and_delivers",
    ),
];

#[test]
fn each_sentence_has_a_test_of_its_name() {
    let sources: String = files(".rs")
        .iter()
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for (sentence, test) in SENTENCES {
        assert!(readme.contains(sentence), "the README lacks: {sentence}");
        assert!(
            sources.contains(&format!("fn {test}()")),
            "no test is named {test}"
        );
    }
}

/// Sentence 8: nothing in the collector can write to a PLC, and nothing there can judge.
#[test]
fn the_collector_measures_and_delivers() {
    const WRITES: [&str; 6] = [
        "WriteSingle",
        "WriteMultiple",
        "write_single",
        "write_multiple",
        "MaskWrite",
        "ReadWriteMultiple",
    ];
    let mut seen = 0;
    for path in files(".rs") {
        let short = super::short(&path);
        if short.starts_with("crates/collector/src") && !short.contains("tests") {
            seen += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for word in WRITES {
                assert!(!text.contains(word), "{short} has {word}");
            }
            assert!(!text.contains("fenghuo_engine"), "{short} knows the engine");
        }
    }
    assert!(seen > 10);
}
