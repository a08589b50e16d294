//! The words of an expression, before the parser sees it.
//!
//! Only what the rule language has gets through: the parser behind it knows far more (lists,
//! members, macros, bytes), recurses with its input and counts places in its own way. What
//! must stay true: a text that passes has at most `NODES_MAX` values and operators and nests
//! at most `DEPTH_MAX` deep, its brackets match, and the tokens are the parser's.

use std::ops::Range;

use super::{DEPTH_MAX, FAULTS_MAX, Fault, NODES_MAX, TEXT_MAX};

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Number,
    Text,
    Word,
    Operator,
    Comma,
    /// With the index of its other half, once that is known.
    Open(usize),
    Close,
}

#[derive(Clone, PartialEq, Debug)]
pub struct Token {
    pub span: Range<usize>,
    pub kind: Kind,
}

/// Expanded by the parser when they are called, so they must not reach it.
const MACROS: [&str; 10] = [
    "has",
    "all",
    "exists",
    "exists_one",
    "existsOne",
    "map",
    "filter",
    "transformList",
    "transformMap",
    "transformMapEntry",
];

const OPERATORS: [&str; 17] = [
    "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "!", "?", ":", ",",
];

/// Splits a text into tokens.
///
/// # Errors
/// Whatever is not of the rule language, too long, too many or too deep.
pub fn scan(text: &str) -> Result<Vec<Token>, Vec<Fault>> {
    if text.len() > TEXT_MAX {
        let what = format!("longer than {TEXT_MAX} bytes");
        return Err(vec![Fault::new(TEXT_MAX..text.len(), what)]);
    }
    let mut scan = Scan {
        text,
        at: 0,
        tokens: Vec::new(),
        nodes: 0,
        faults: Vec::new(),
    };
    while scan.faults.len() < FAULTS_MAX && scan.nodes <= NODES_MAX && scan.skip_blank() {
        scan.token();
    }
    if scan.faults.is_empty() {
        scan.nesting();
    }
    if scan.faults.is_empty() {
        Ok(scan.tokens)
    } else {
        Err(scan.faults)
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
    nodes: usize,
    faults: Vec<Fault>,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn fault(&mut self, span: Range<usize>, what: impl Into<String>) {
        self.faults.push(Fault::new(span, what));
    }

    /// Whether there is more after blanks and comments.
    fn skip_blank(&mut self) -> bool {
        loop {
            let rest = self.rest();
            let after = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.at += rest.len() - after.len();
            if !after.starts_with("//") {
                return !after.is_empty();
            }
            self.at += after.find('\n').unwrap_or(after.len());
        }
    }

    fn push(&mut self, length: usize, kind: Kind) {
        let span = self.at..self.at + length;
        self.at = span.end;
        if matches!(
            kind,
            Kind::Number | Kind::Text | Kind::Word | Kind::Operator
        ) {
            self.nodes += 1;
            if self.nodes > NODES_MAX {
                let what = format!("more than {NODES_MAX} values and operators");
                self.fault(span.clone(), what);
            }
        }
        self.tokens.push(Token { span, kind });
    }

    fn token(&mut self) {
        let rest = self.rest();
        let mut chars = rest.chars();
        let (Some(first), second) = (chars.next(), chars.next()) else {
            return;
        };
        let digit_follows = second.is_some_and(|c| c.is_ascii_digit());
        match first {
            '0'..='9' => self.number(),
            '.' if digit_follows => self.number(),
            'a'..='z' | 'A'..='Z' | '_' => self.word(),
            '"' | '\'' => self.string(first),
            '(' => self.push(1, Kind::Open(usize::MAX)),
            ')' => self.push(1, Kind::Close),
            _ => match OPERATORS.iter().find(|word| rest.starts_with(**word)) {
                Some(&",") => self.push(1, Kind::Comma),
                Some(word) => self.push(word.len(), Kind::Operator),
                None => self.stranger(first),
            },
        }
    }

    fn number(&mut self) {
        let bytes = self.rest().as_bytes();
        let run = |from: usize, fits: fn(&u8) -> bool| {
            from + bytes[from..].iter().take_while(|byte| fits(byte)).count()
        };
        let is = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
        let mut end = if bytes.starts_with(b"0x") {
            run(2, u8::is_ascii_hexdigit)
        } else {
            let mut end = run(0, u8::is_ascii_digit);
            if is(end, b".") && bytes.get(end + 1).is_some_and(u8::is_ascii_digit) {
                end = run(end + 1, u8::is_ascii_digit);
            }
            if is(end, b"eE") {
                end += 1 + usize::from(is(end + 1, b"+-"));
                end = run(end, u8::is_ascii_digit);
            }
            end
        };
        let last_fits = bytes[end - 1].is_ascii_hexdigit() && !is(end - 1, b"eE")
            || bytes.starts_with(b"0x") && end > 2;
        let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte == b'.';
        let all = run(end, goes_on);
        if last_fits && all == end {
            self.push(end, Kind::Number);
            return;
        }
        end = all;
        let span = self.at..self.at + end;
        let what = format!("`{}` is not a number", &self.text[span.clone()]);
        self.at = span.end;
        self.fault(span, what);
    }

    fn word(&mut self) {
        let rest = self.rest();
        let length = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(length);
        let span = self.at..self.at + length;
        self.push(length, Kind::Word);
        if word == "null" {
            self.fault(span, "there is no `null`; `known(x)` asks for a value");
        } else if word == "in" {
            self.fault(span, "`in` is not part of the rule language");
        } else if MACROS.contains(&word) && after.trim_start().starts_with('(') {
            let what = format!("macros are not part of the rule language: `{word}`");
            self.fault(span, what);
        } else if after.starts_with(['"', '\'']) {
            self.fault(
                span,
                format!("a text has no prefix; leave out the `{word}`"),
            );
        }
    }

    fn string(&mut self, quote: char) {
        let mut chars = self.rest().char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            if c == quote {
                self.push(at + 1, Kind::Text);
                return;
            }
            if c == '\n' || c == '\r' {
                break;
            }
            if c == '\\' {
                match chars.next() {
                    Some((_, '"' | '\'' | '\\' | 'n' | 't')) => {}
                    Some((_, '\n' | '\r')) | None => break,
                    Some((after, c)) => {
                        let span = self.at + at..self.at + after + c.len_utf8();
                        self.fault(span, "only \\\" \\' \\\\ \\n \\t can stand after `\\`");
                    }
                }
            }
        }
        let rest = self.rest();
        let length = rest.find(['\n', '\r']).unwrap_or(rest.len());
        let span = self.at..self.at + length;
        // What follows may be inside or outside of it: nobody can tell.
        self.at = self.text.len();
        self.fault(span, "this text has no end");
    }

    /// A character that no token begins with.
    fn stranger(&mut self, c: char) {
        let span = self.at..self.at + c.len_utf8();
        self.at = span.end;
        let what = match c {
            '.' => "members and methods (`.`) are not part of the rule language".to_owned(),
            '[' | ']' | '{' | '}' => "lists and maps are not part of the rule language".to_owned(),
            '=' => "write `==` to compare".to_owned(),
            '&' | '|' => format!("write `{c}{c}`"),
            '“' | '”' | '‘' | '’' => "write a text in straight quotes: \"..\"".to_owned(),
            '\u{ff01}'..='\u{ff5e}' => {
                let narrow = char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c);
                format!("full-width `{c}`: write `{narrow}`")
            }
            c => format!(
                "`{}` is not part of the rule language",
                c.escape_debug().to_string().trim_end()
            ),
        };
        self.fault(span, what);
    }

    /// Matches brackets, and bounds how deep they and conditions nest.
    fn nesting(&mut self) {
        // For each open bracket: where it is, and how deep it was before it.
        let mut open: Vec<(usize, usize)> = Vec::new();
        let mut depth = 0;
        for at in 0..self.tokens.len() {
            let Token { span, kind } = self.tokens[at].clone();
            match kind {
                Kind::Open(_) => {
                    open.push((at, depth));
                    depth += 1;
                }
                // Each `? :` holds the next one in its last branch.
                Kind::Operator if &self.text[span.clone()] == "?" => depth += 1,
                Kind::Close => match open.pop() {
                    Some((mate, before)) => {
                        self.tokens[mate].kind = Kind::Open(at);
                        depth = before;
                    }
                    None => return self.fault(span, "this `)` closes nothing"),
                },
                _ => {}
            }
            if depth > DEPTH_MAX {
                return self.fault(span, format!("nested deeper than {DEPTH_MAX}"));
            }
        }
        for (at, _) in open {
            let span = self.tokens[at].span.clone();
            self.fault(span, "this `(` is never closed");
        }
    }
}
