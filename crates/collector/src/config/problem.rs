//! Problems of a configuration: each with file, line and key, all at once.

use std::cell::RefCell;
use std::fmt;

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// Line in the file, from 1; `None` when it is not about a place in it.
    pub line: Option<usize>,
    /// The key's path, such as `modbus[0].unit[1].id`.
    pub key: String,
    /// What is wrong.
    pub what: String,
}

/// As it follows the file's name.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if self.key.is_empty() {
            write!(f, ": {}", self.what)
        } else {
            write!(f, ": {}: {}", self.key, self.what)
        }
    }
}

/// Everything that is wrong with one file.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub struct Problems {
    /// The file, as it was named.
    pub file: String,
    /// At least one.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.list.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{}{problem}", self.file)?;
        }
        Ok(())
    }
}

/// Collects problems while a file is read.
#[derive(Debug)]
pub struct Collector<'t> {
    text: &'t str,
    list: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Problem>>,
}

impl<'t> Collector<'t> {
    /// For a file's text.
    #[must_use]
    pub const fn new(text: &'t str) -> Self {
        Self {
            text,
            list: RefCell::new(Vec::new()),
            warnings: RefCell::new(Vec::new()),
        }
    }

    /// Notes a problem at a byte offset of the text.
    pub fn note(&self, offset: Option<usize>, key: String, what: impl Into<String>) {
        let problem = self.problem(offset, key, what.into());
        self.list.borrow_mut().push(problem);
    }

    /// Notes what is allowed and likely a mistake.
    pub fn warn(&self, offset: Option<usize>, key: String, what: impl Into<String>) {
        let problem = self.problem(offset, key, what.into());
        self.warnings.borrow_mut().push(problem);
    }

    fn problem(&self, offset: Option<usize>, key: String, what: String) -> Problem {
        let before = offset.and_then(|at| self.text.get(..at));
        Problem {
            line: before.map(|before| before.matches('\n').count() + 1),
            key,
            what,
        }
    }

    /// Everything that is allowed and likely a mistake, in the order of the file.
    #[must_use]
    pub fn warnings(&self) -> Vec<Problem> {
        let mut list = self.warnings.borrow().clone();
        list.sort();
        list
    }

    /// Whether nothing was noted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.borrow().is_empty()
    }

    /// The problems in the order of the file.
    #[must_use]
    pub fn finish(self, file: &str) -> Problems {
        let mut list = self.list.into_inner();
        list.sort();
        list.dedup();
        Problems {
            file: file.to_owned(),
            list,
        }
    }
}
