//! Line protocol, as InfluxDB 2 reads it: `measurement,tag=.. field=..,field=.. time`.
//!
//! Whatever a text holds, it can neither end its line nor become another field: control
//! characters become spaces; in tags a backslash, which has no escape at a value's end,
//! becomes a slash; empty tags are left out. A number that is not finite is no field.

use std::fmt::Write as _;

/// Longest text of a tag or a field in bytes.
pub const TEXT_BYTES_MAX: usize = 1_024;

/// Writes a tag after the measurement or another tag. Tags stand in the order of their keys.
pub fn tag(out: &mut String, key: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    out.push(',');
    out.push_str(key);
    out.push('=');
    for c in cut(value).chars() {
        match c {
            ',' | '=' | ' ' => {
                out.push('\\');
                out.push(c);
            }
            '\\' => out.push('/'),
            c if is_break(c) => out.push_str("\\ "),
            c => out.push(c),
        }
    }
}

/// The fields of a line under way.
#[derive(Debug)]
pub struct Fields<'a> {
    out: &'a mut String,
    any: bool,
}

impl<'a> Fields<'a> {
    /// After measurement and tags.
    pub fn new(out: &'a mut String) -> Self {
        Self { out, any: false }
    }

    fn key(&mut self, key: &str) {
        self.out.push(if self.any { ',' } else { ' ' });
        self.any = true;
        self.out.push_str(key);
        self.out.push('=');
    }

    /// A number, in the shortest form that reads back as the same; nothing when it is not
    /// finite.
    pub fn float(&mut self, key: &str, value: f64) {
        if value.is_finite() {
            self.key(key);
            self.put(format_args!("{value:?}"));
        }
    }

    /// A signed integer.
    pub fn int(&mut self, key: &str, value: i64) {
        self.key(key);
        self.put(format_args!("{value}i"));
    }

    /// An unsigned integer.
    pub fn uint(&mut self, key: &str, value: u64) {
        self.key(key);
        self.put(format_args!("{value}u"));
    }

    /// A state.
    pub fn state(&mut self, key: &str, value: bool) {
        self.key(key);
        self.put(format_args!("{value}"));
    }

    /// A text.
    pub fn text(&mut self, key: &str, value: &str) {
        self.key(key);
        self.out.push('"');
        for c in cut(value).chars() {
            match c {
                '"' | '\\' => {
                    self.out.push('\\');
                    self.out.push(c);
                }
                c if is_break(c) => self.out.push(' '),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    /// Ends the line with its time in milliseconds.
    pub fn end(self, time: i64) {
        debug_assert!(self.any, "a line has at least one field");
        if write!(self.out, " {time}").is_ok() {
            self.out.push('\n');
        }
    }

    fn put(&mut self, number: std::fmt::Arguments<'_>) {
        self.out
            .write_fmt(number)
            .expect("writing to a String cannot fail");
    }
}

fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_BYTES_MAX)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(tag_value: &str, text: &str) -> String {
        let mut out = String::from("m");
        tag(&mut out, "t", tag_value);
        let mut fields = Fields::new(&mut out);
        fields.text("s", text);
        fields.end(7);
        out
    }

    #[test]
    fn hostile_texts_stay_within_their_line() {
        assert_eq!(line("a b,c=d", "x"), "m,t=a\\ b\\,c\\=d s=\"x\" 7\n");
        assert_eq!(line("end\\", "x"), "m,t=end/ s=\"x\" 7\n");
        assert_eq!(line("", "say \"no\" \\"), "m s=\"say \\\"no\\\" \\\\\" 7\n");
        let injected = line("a\nm value=1 1", "b\"\r\nm value=1 1");
        assert_eq!(
            injected,
            "m,t=a\\ m\\ value\\=1\\ 1 s=\"b\\\"  m value=1 1\" 7\n"
        );
        assert_eq!(injected.lines().count(), 1);
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let long = "烽".repeat(TEXT_BYTES_MAX);
        let line = line("a", &long);
        assert_eq!(
            line.chars().filter(|c| *c == '烽').count(),
            TEXT_BYTES_MAX / 3
        );
    }

    #[test]
    fn numbers_keep_their_value_and_type() {
        let mut out = String::from("m");
        let mut fields = Fields::new(&mut out);
        fields.float("nan", f64::NAN);
        fields.float("inf", f64::INFINITY);
        fields.float("a", 0.1);
        fields.float("b", 1e300);
        fields.int("i", i64::MIN);
        fields.uint("u", u64::MAX);
        fields.state("s", true);
        fields.end(0);
        let line = "m a=0.1,b=1e300,i=-9223372036854775808i,u=18446744073709551615u,s=true 0\n";
        assert_eq!(out, line);
    }
}
