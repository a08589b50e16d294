//! What a person can ask the program to do.

mod call;
pub mod check;
mod near;
pub mod probe;
pub mod read;
pub mod run;
mod writable;

/// An error and its causes on one line. Some errors quote their cause themselves; it is not
/// said twice.
#[must_use]
pub fn words(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.ends_with(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
    }
    text
}
