//! The rules of the house that clippy cannot say; see `tests/it`. This library is empty.
