//! The table that is printed.

use crate::machine;

/// Rows of (what, figure, how).
pub struct Table(Vec<[String; 3]>);

impl Table {
    /// An empty one.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds a row, and shows it at once.
    pub fn row(&mut self, what: &str, figure: impl Into<String>, how: &str) {
        let figure = figure.into();
        println!("{what}: {figure} ({how})");
        self.0.push([what.to_owned(), figure, how.to_owned()]);
    }

    /// The whole table as Markdown, with machine and date.
    pub fn print(&self) {
        println!("\n{}\n", machine::describe());
        println!("| what | figure | how |\n| --- | --- | --- |");
        for [what, figure, how] in &self.0 {
            println!("| {what} | {figure} | {how} |");
        }
    }
}

/// `12.3 M/s` and the like.
pub fn rate(count: f64, seconds: f64) -> String {
    let rate = count / seconds;
    if rate >= 1e6 {
        format!("{:.2} M/s", rate / 1e6)
    } else if rate >= 1e3 {
        format!("{:.1} k/s", rate / 1e3)
    } else {
        format!("{rate:.1} /s")
    }
}
