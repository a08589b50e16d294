//! Lines as words with their places, so that every problem is told with line and column.

use std::ops::Range;

/// A problem: where in the file, and what.
pub type Fault = (Range<usize>, String);

/// A word of a line. Quotes and parentheses hold blanks together: `"a b"`, `bad( timeout )`,
/// `by="Li Si"`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Word<'a> {
    /// As written.
    pub text: &'a str,
    /// Its place in the file, in bytes.
    pub span: Range<usize>,
}

impl<'a> Word<'a> {
    /// A problem with this word.
    pub fn fault(&self, what: impl Into<String>) -> Fault {
        (self.span.clone(), what.into())
    }

    /// The text without its quotes, if it has them.
    pub fn quoted(&self) -> Option<&'a str> {
        self.text.strip_prefix('"')?.strip_suffix('"')
    }

    /// `key=value`; a quoted value loses its quotes.
    pub fn pair(&self) -> Option<(&'a str, &'a str)> {
        if self.text.starts_with('"') {
            return None;
        }
        let (key, value) = self.text.split_once('=')?;
        let plain = value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'));
        Some((key, plain.unwrap_or(value)))
    }
}

/// The words of a line that begins at byte `at` of the file; a word that begins with `#`
/// and all after it are a comment.
pub fn words(line: &str, at: usize) -> Result<Vec<Word<'_>>, Fault> {
    let mut found = Vec::new();
    let mut begin = None;
    let (mut quoted, mut depth) = (false, 0_u32);
    for (here, c) in line.char_indices() {
        let Some(from) = begin else {
            if c == '#' {
                return Ok(found);
            }
            if !c.is_whitespace() {
                begin = Some(here);
                quoted = c == '"';
                depth = u32::from(c == '(');
            }
            continue;
        };
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            c if c.is_whitespace() && !quoted && depth == 0 => {
                found.push(word(line, at, from..here));
                begin = None;
            }
            _ => {}
        }
    }
    if let Some(from) = begin {
        let last = word(line, at, from..line.trim_end().len());
        if quoted || depth > 0 {
            return Err(last.fault("a quote or parenthesis is not closed"));
        }
        found.push(last);
    }
    Ok(found)
}

fn word(line: &str, at: usize, range: Range<usize>) -> Word<'_> {
    Word {
        text: &line[range.clone()],
        span: at + range.start..at + range.end,
    }
}

/// The words of a line, taken one by one.
#[derive(Debug)]
pub struct Words<'a> {
    rest: std::collections::VecDeque<Word<'a>>,
    /// The place just behind the last word.
    end: Range<usize>,
}

impl<'a> Words<'a> {
    /// Splits a line that begins at byte `at` of the file.
    pub fn of(line: &'a str, at: usize) -> Result<Self, Fault> {
        let words = words(line, at)?;
        let end = words.last().map_or(at, |word| word.span.end);
        Ok(Self {
            rest: words.into(),
            end: end..end,
        })
    }

    /// The next word without taking it.
    pub fn peek(&self) -> Option<&Word<'a>> {
        self.rest.front()
    }

    /// The next word.
    pub fn take(&mut self) -> Option<Word<'a>> {
        self.rest.pop_front()
    }

    /// The next word, which must be there.
    pub fn need(&mut self, what: &str) -> Result<Word<'a>, Fault> {
        let missing = || (self.end.clone(), format!("{what} is missing"));
        self.rest.pop_front().ok_or_else(missing)
    }

    /// Puts a word back in front.
    pub fn put_back(&mut self, word: Word<'a>) {
        self.rest.push_front(word);
    }

    /// Takes the next word if it is this one.
    pub fn take_if(&mut self, text: &str) -> bool {
        let is = self.peek().is_some_and(|word| word.text == text);
        if is {
            self.rest.pop_front();
        }
        is
    }

    /// Takes the value of `key=value`, wherever it stands.
    pub fn take_key(&mut self, key: &str) -> Option<(Word<'a>, &'a str)> {
        let has = |word: &Word<'a>| word.pair().is_some_and(|(found, _)| found == key);
        let at = self.rest.iter().position(has)?;
        let word = self.rest.remove(at)?;
        let value = word.pair()?.1;
        Some((word, value))
    }

    /// Ends the line: a word that nobody took is a fault.
    pub fn done(self) -> Result<(), Fault> {
        match self.rest.front() {
            Some(word) => Err(word.fault(format!("`{}` is not expected here", word.text))),
            None => Ok(()),
        }
    }
}
