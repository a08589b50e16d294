//! Lines of columns: each line is one sample of each point. Pure and total.
//!
//! A cell may stand in double quotes, which it needs when it holds the separator; a quote
//! within is doubled. A line ends at its line break, also within quotes.

use super::flag::Marks;
use super::{Arrival, ROWS_MAX, Slotted, When};
use crate::source::mqtt::point::Point;
use crate::source::mqtt::time::TimeFormat;

/// What the lines hold.
#[derive(Clone, PartialEq, Debug)]
pub struct Csv {
    /// What stands between two columns.
    pub separator: char,
    /// Whether the first line names the columns.
    pub has_header: bool,
    /// Where the time stands, and how; the time of arrival without.
    pub time: Option<(Column, TimeFormat)>,
    /// The mark that every point of the line stands under.
    pub flag: Option<(Column, Marks)>,
    /// What is taken out.
    pub cells: Vec<Cell>,
}

/// One point in its column.
#[derive(Clone, PartialEq, Debug)]
pub struct Cell {
    /// What it is.
    pub point: Point,
    /// Where it stands.
    pub column: Column,
}

/// A column by its place or by the name in the header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Column {
    /// Counted from 0.
    At(usize),
    /// As the header has it.
    Named(String),
}

impl Column {
    /// Its place under this header; `None` when it is not there, or there twice.
    fn place(&self, header: &[String]) -> Option<usize> {
        match self {
            Self::At(at) => Some(*at),
            Self::Named(name) => {
                let mut found = header.iter().enumerate().filter(|(_, it)| *it == name);
                let (at, _) = found.next()?;
                found.next().is_none().then_some(at)
            }
        }
    }
}

impl Csv {
    /// `None` when it is no text, or has no line, or too many, or a quote that does not end.
    #[must_use]
    pub fn read(&self, payload: &[u8], arrival: Arrival) -> Option<Vec<Slotted>> {
        let text = std::str::from_utf8(payload).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut lines = text.lines().filter(|line| !line.trim().is_empty());
        let header = match self.has_header {
            true => split(lines.next()?, self.separator)?,
            false => Vec::new(),
        };
        let places: Vec<Option<usize>> = self
            .cells
            .iter()
            .map(|cell| cell.column.place(&header))
            .collect();
        let mut samples = Vec::new();
        let mut rows = 0;
        for line in lines {
            rows += 1;
            let cells = split(line, self.separator).filter(|_| rows <= ROWS_MAX)?;
            let when = self.when(&cells, &header, arrival);
            let mark = self
                .flag
                .as_ref()
                .map(|(at, marks)| (cell(&cells, at.place(&header)), marks));
            for (slot, (it, place)) in self.cells.iter().zip(&places).enumerate() {
                let text = cell(&cells, *place).unwrap_or_default();
                let reading = it.point.read(it.point.of_text(text));
                let reading = match &mark {
                    Some((mark, marks)) => marks.judge(*mark, reading),
                    None => reading,
                };
                samples.push((slot, when.sample(reading)));
            }
        }
        (rows > 0).then_some(samples)
    }

    fn when(&self, cells: &[String], header: &[String], arrival: Arrival) -> When {
        let time = self.time.as_ref();
        arrival.when(time.map(|(at, format)| format.of_text(cell(cells, at.place(header))?)))
    }
}

fn cell(cells: &[String], place: Option<usize>) -> Option<&str> {
    let cell = cells.get(place?)?;
    Some(cell.as_str()).filter(|cell| !cell.is_empty())
}

/// The cells of a line, without the space around them; `None` when a quote does not end where
/// a cell does.
fn split(line: &str, separator: char) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (cell, after) = match text.trim_start_matches(' ').strip_prefix('"') {
            Some(quoted) => unquote(quoted, separator)?,
            None => match text.split_once(separator) {
                Some((cell, after)) => (cell.trim().to_owned(), Some(after)),
                None => (text.trim().to_owned(), None),
            },
        };
        cells.push(cell);
        rest = after;
    }
    Some(cells)
}

/// What stands up to the closing quote, and what follows the next separator.
fn unquote(text: &str, separator: char) -> Option<(String, Option<&str>)> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        cell.push_str(before);
        match after.strip_prefix('"') {
            Some(after) => {
                cell.push('"');
                rest = after;
            }
            None => {
                let after = after.trim_start_matches(' ').trim_end_matches('\r');
                return match after.strip_prefix(separator) {
                    Some(after) => Some((cell, Some(after))),
                    None => after.is_empty().then_some((cell, None)),
                };
            }
        }
    }
}
