//! What the parser sees: one segment of the text, flat.
//!
//! The parser recurses through a dozen rules for each bracket (200 KB of stack in a debug
//! build), so it never sees one: a segment, what stands in one pair of brackets, is given to
//! it with `_` for a group and the bare name for a call, and blanks so that places stay.

use std::ops::Range;

use cel::parser::ParseError;

use super::scan::{self, Token};

/// The first grammatical error of a segment: those after it are mostly its echo.
pub fn first(errors: &[ParseError]) -> (&str, (isize, isize)) {
    let mut errors = errors.iter();
    let syntax = |error: &&ParseError| error.msg.starts_with("Syntax error");
    let found = errors.clone().find(syntax).or(errors.next());
    found.map_or(("", (1, 1)), |error| (error.msg.as_str(), error.pos))
}

/// A segment as the parser sees it.
pub struct Flat {
    pub text: String,
    /// Where it begins in the whole text.
    pub start: usize,
}

impl Flat {
    pub fn new(text: &str, tokens: &[Token], range: Range<usize>) -> Self {
        let start = tokens[range.start].span.start;
        let mut flat = String::new();
        let mut at = range.start;
        while at < range.end {
            let Token { span, kind } = &tokens[at];
            let word = match kind {
                scan::Kind::Open(_) => "_",
                _ => &text[span.clone()],
            };
            let blank = span.start - start - flat.len();
            flat.extend(std::iter::repeat_n(' ', blank));
            flat.push_str(word);
            at = after(tokens, at);
        }
        Self { text: flat, start }
    }

    /// A place in the whole text, from a column in characters (a segment has one line).
    pub fn byte_of(&self, (_, column): (isize, isize)) -> usize {
        let column = usize::try_from(column - 1).unwrap_or(0);
        let inside = self.text.char_indices().nth(column);
        self.start + inside.map_or(self.text.len(), |(at, _)| at)
    }
}

/// The token after this one, with the brackets that belong to it.
pub fn after(tokens: &[Token], at: usize) -> usize {
    match (tokens[at].kind, tokens.get(at + 1).map(|next| next.kind)) {
        (scan::Kind::Open(close), _) | (scan::Kind::Word, Some(scan::Kind::Open(close))) => {
            close + 1
        }
        _ => at + 1,
    }
}
