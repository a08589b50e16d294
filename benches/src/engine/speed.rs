//! How fast it judges: level rules with on-delay, a mixed set of five rules a point, and the
//! curve over the number of points.

use crate::engine::fold::{Fold, Times};
use crate::table::{Table, rate};

pub const LEVEL: &str = r#"
[[rule]]
id = "level"
select = { kind = "level" }
[[rule.level]]
name = "H"
above = 100.0
for = "5s"
severity = "yellow"
"#;

/// Level, rate, stale, a mean over 60 samples, interlock.
const MIXED: &str = r#"
[[rule]]
id = "level"
select = { kind = "level" }
[[rule.level]]
name = "H"
above = 100.0
for = "5s"
severity = "yellow"
[[rule]]
id = "rate"
detector = "rate"
over = "10s"
select = { kind = "level" }
[[rule.level]]
name = "fast"
above = 500.0
severity = "yellow"
[[rule]]
id = "stale"
detector = "stale"
within = "60s"
select = { kind = "level" }
[[rule.level]]
name = "silent"
severity = "yellow"
[[rule]]
id = "mean"
detector = "window"
stat = "mean"
last = 60
select = { kind = "level" }
[[rule.level]]
name = "H"
above = 100.0
severity = "yellow"
[[rule]]
id = "interlock"
detector = "interlock"
when = "off"
requires = { role = "guard" }
select = { kind = "level" }
[[rule.level]]
name = "alarm"
severity = "yellow"
"#;

/// Samples of a run.
const SAMPLES: usize = 4_000_000;
/// Seconds before counting: windows are full then.
const WARM: usize = 70;

pub fn level(table: &mut Table) -> anyhow::Result<()> {
    for points in [1_000, 10_000, 100_000, 1_000_000] {
        let mut fold = Fold::new(points, LEVEL)?;
        fold.quiet(2, Times::One)?;
        let figure = fold.quiet((SAMPLES / points).max(4), Times::One)?;
        let what = format!("engine, {points} points, a level rule with on-delay each");
        table.row(&what, rate(figure, 1.0), "samples judged; one core");
    }
    let mut fold = Fold::new(10_000, LEVEL)?;
    fold.quiet(2, Times::Spread)?;
    let figure = fold.quiet(SAMPLES / 10_000, Times::Spread)?;
    table.row(
        "engine, 10000 points, a level rule each, times in disorder within the frame",
        rate(figure, 1.0),
        "samples judged in the order of their times; one core",
    );
    Ok(())
}

pub fn mixed(table: &mut Table) -> anyhow::Result<()> {
    for points in [1_000, 10_000] {
        let mut fold = Fold::new(points, MIXED)?;
        fold.quiet(WARM, Times::One)?;
        let figure = fold.quiet((SAMPLES / 2 / points).max(4), Times::One)?;
        table.row(
            &format!("engine, {points} points, five mixed rules each"),
            rate(figure, 1.0),
            "samples judged; level, rate, stale, mean over 60 samples, interlock; one core",
        );
    }
    Ok(())
}
