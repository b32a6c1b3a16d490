//! `palio check`: what is wrong with documents, line by line, before they are published.

use crate::document::source::{Format, Position, Source};
use crate::document::{Problem, Severity, problems};
use std::path::{Path, PathBuf};

/// What a run over some files came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// One for each problem: `FILE:LINE:COLUMN: severity CODE field: words`.
    pub lines: Vec<String>,
    /// Whether one of them is an error.
    pub has_errors: bool,
}

/// Checks files, each by its ending: `.json`, or TOML.
///
/// # Errors
/// The file that can't be read, and why.
pub fn files(paths: &[PathBuf]) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    for path in paths {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("{}: {error}", path.display()))?;
        text_of(path, &text, &mut outcome);
    }
    Ok(outcome)
}

fn text_of(path: &Path, text: &str, outcome: &mut Outcome) {
    let is_json = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"));
    let format = if is_json { Format::Json } else { Format::Toml };
    let mut found: Vec<(Position, Problem)> = match Source::read(text, format) {
        Ok(mut source) => {
            let mut told = std::mem::take(&mut source.twice);
            told.extend(problems(&source.document));
            told.into_iter().map(|problem| (source.at(&problem.field), problem)).collect()
        }
        Err((problem, at)) => vec![(at, problem)],
    };
    // Stable: problems of one place stay in the order in which they were found.
    found.sort_by_key(|(at, _)| *at);
    for (at, problem) in found {
        outcome.has_errors |= problem.is_error();
        outcome.lines.push(line(path, at, &problem));
    }
}

fn line(path: &Path, at: Position, problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let field = if problem.field.is_empty() { "document" } else { problem.field.as_str() };
    let (path, Position { line, column }) = (path.display(), at);
    let (code, message) = (problem.code, &problem.message);
    format!("{path}:{line}:{column}: {severity} {code} {field}: {message}")
}
