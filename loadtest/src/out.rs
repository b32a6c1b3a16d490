//! The tool's voice: results on standard output, progress and complaints on standard error.

use std::fmt::Display;

/// A line of the result.
#[expect(clippy::print_stdout, reason = "the result of the program")]
pub fn result(text: impl Display) {
    println!("{text}");
}

/// A line about how it goes.
pub fn progress(text: impl Display) {
    eprintln!("{text}");
}
