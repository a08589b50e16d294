//! What a person can ask the program to do.

pub mod check;
pub mod read;
pub mod run;
