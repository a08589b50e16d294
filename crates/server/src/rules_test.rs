//! `fenghuo rules test FILE ..`: runs text scenarios and says which hold.
//!
//! A thin rim round [`fenghuo_engine::scenario`]: it reads files, prints, and with
//! `--update` writes the expected lines anew. Rule files stand relative to the scenario's.
//! What must stay true: a file that cannot be read or understood is a failure, and nothing
//! is written but the scenario files themselves, each whole or not at all.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use fenghuo_engine::scenario::{FILE_BYTES_MAX, Outcome, Scenario, Script};

/// Longest rule file that is read, in bytes.
const RULES_BYTES_MAX: u64 = 16 << 20;

/// How many scenarios ran.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
}

/// Runs every scenario of every file; the code is 1 when one of them fails.
///
/// # Errors
/// When a result cannot be printed or written.
pub fn run(files: &[PathBuf], update: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut tally = Tally::default();
    for path in files {
        file(path, update, &mut tally, out)?;
    }
    let Tally { passed, failed } = tally;
    writeln!(
        out,
        "通过 {passed}，失败 {failed} · {passed} passed, {failed} failed"
    )?;
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn file(path: &Path, update: bool, tally: &mut Tally, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "{}", path.display())?;
    let script = match read(path) {
        Ok(script) => script,
        Err(problems) => {
            tally.failed += 1;
            for problem in problems {
                writeln!(out, "  {}", problem.replace('\n', "\n  "))?;
            }
            return Ok(());
        }
    };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut outcomes = Vec::new();
    for scenario in script.scenarios() {
        let outcome = script.run(scenario, &|rules| {
            text(&folder.join(rules), RULES_BYTES_MAX)
        });
        let holds = outcome.problems.is_empty() && (update || outcome.diff.is_empty());
        *(if holds {
            &mut tally.passed
        } else {
            &mut tally.failed
        }) += 1;
        tell(scenario, &outcome, holds, update, out)?;
        outcomes.push(outcome);
    }
    let can_run = outcomes.iter().all(|outcome| outcome.problems.is_empty());
    if update && can_run {
        replace(path, &script.updated(&outcomes))
            .with_context(|| format!("cannot write {}", path.display()))?;
    } else if update {
        writeln!(out, "  没有改写 · not rewritten: {}", path.display())?;
    }
    Ok(())
}

fn tell(
    scenario: &Scenario,
    outcome: &Outcome,
    holds: bool,
    update: bool,
    out: &mut impl Write,
) -> std::io::Result<()> {
    let word = match (holds, update && !outcome.diff.is_empty()) {
        (false, _) => "FAIL   ",
        (true, true) => "updated",
        (true, false) => "ok     ",
    };
    writeln!(out, "  {word} {}", scenario.name())?;
    if !holds {
        writeln!(out, "    line {}", scenario.line())?;
    }
    let lines = outcome.problems.iter().flat_map(|problem| problem.lines());
    for line in lines.chain(outcome.diff.iter().map(String::as_str)) {
        writeln!(out, "    {line}")?;
    }
    for line in &outcome.idle {
        writeln!(out, "    {line}")?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<Script, Vec<String>> {
    let text = text(path, FILE_BYTES_MAX as u64).map_err(|problem| vec![problem])?;
    let name = path.display().to_string();
    Script::parse(&name, &text).map_err(|faults| faults.iter().map(ToString::to_string).collect())
}

fn text(path: &Path, bytes_max: u64) -> Result<String, String> {
    let named = |what: String| format!("{}: {what}", path.display());
    let length = std::fs::metadata(path)
        .map_err(|error| named(error.to_string()))?
        .len();
    if length > bytes_max {
        return Err(named(format!("{length} bytes; at most {bytes_max}")));
    }
    std::fs::read_to_string(path).map_err(|error| named(error.to_string()))
}

/// Through a file beside it, so that a stop in between leaves the old one.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("txt.new");
    std::fs::write(&beside, text)?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "[[rule]]\nid = \"r\"\nselect = { kind = \"level\" }\n[[rule.level]]\n\
                         name = \"H\"\nabove = 9\nseverity = \"red\"\n";

    fn folder(expected: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tests")).unwrap();
        std::fs::write(folder.path().join("pack.toml"), RULES).unwrap();
        let path = folder.path().join("tests/pack.txt");
        let head = "rules ../pack.toml\npoint T level m\n== 液位 / level\n0s T 9\n--\n";
        std::fs::write(&path, format!("{head}{expected}")).unwrap();
        (folder, path)
    }

    fn told(path: &Path, update: bool) -> (ExitCode, String) {
        let mut out = Vec::new();
        let code = run(&[path.to_owned()], update, &mut out).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_scenario_that_holds_is_ok() {
        let (_folder, path) = folder("0s raise r/H@T red 9 >= 9 m\n");
        let (code, told) = told(&path, false);
        assert_eq!(code, ExitCode::SUCCESS);
        assert!(told.contains("  ok      液位 / level\n"), "{told}");
        assert!(told.ends_with("1 passed, 0 failed\n"), "{told}");
    }

    #[test]
    fn a_rule_that_is_bound_to_nothing_says_why() {
        let (folder, path) = folder("0s raise r/H@T red 9 >= 9 m\n");
        let unit = RULES
            .replace("\"r\"", "\"p\"")
            .replace("select", "unit = \"kPa\"\nselect");
        let pack = folder.path().join("pack.toml");
        std::fs::write(&pack, format!("{RULES}{unit}")).unwrap();
        let (code, shown) = told(&path, false);
        assert_eq!(code, ExitCode::SUCCESS);
        let why = "规则未监视任何测点 rule `p` watches nothing: ";
        assert!(shown.contains(why), "{shown}");
        assert!(
            shown.contains("规则单位 `kPa` 不能换算为测点单位 `m`"),
            "{shown}"
        );
        // Where nothing at all is watched, a rule that selects nothing is named too.
        std::fs::write(&pack, RULES.replace("level\"", "flow\"")).unwrap();
        let (code, shown) = told(&path, false);
        assert_eq!(code, ExitCode::FAILURE);
        assert!(
            shown.contains("rule `r` watches nothing: 没有测点符合 select"),
            "{shown}"
        );
    }

    #[test]
    fn a_scenario_that_fails_shows_its_lines_and_an_update_mends_it() {
        let (_folder, path) = folder("1s raise r/H@T red 9 >= 9 m\n");
        let (code, shown) = told(&path, false);
        assert_eq!(code, ExitCode::FAILURE);
        assert!(
            shown.contains("- 1s raise r/H@T red 9 >= 9 m\n    + 0s raise r/H@T red 9 >= 9 m\n"),
            "{shown}"
        );
        assert_eq!(told(&path, true).0, ExitCode::SUCCESS);
        assert_eq!(told(&path, false).0, ExitCode::SUCCESS);
    }

    #[test]
    fn what_cannot_be_read_fails_and_is_never_rewritten() {
        let (folder, path) = folder("");
        std::fs::write(folder.path().join("pack.toml"), "[[rule]]\n").unwrap();
        let before = std::fs::read_to_string(&path).unwrap();
        let (code, shown) = told(&path, true);
        assert_eq!(code, ExitCode::FAILURE);
        assert!(shown.contains("`id` is missing"), "{shown}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
        let nowhere = folder.path().join("nowhere.txt");
        assert_eq!(told(&nowhere, false).0, ExitCode::FAILURE);
    }
}
