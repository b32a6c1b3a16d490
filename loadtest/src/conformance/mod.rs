//! The certification cases of a provider's integration (requirement G6): a table of calls and
//! answers (`money.cases`), played against any Palio address, and a report to be signed.
//!
//! **Invariants:** speaks only the wire; every case has players of its own, so that cases can be
//! played again and beside each other; what differs is told with the line and what came.

mod call;
mod report;
mod table;

pub use report::{CaseReport, Report};
pub use table::{Case, cases};

use crate::cli::ConformanceArgs;
use crate::{Client, Error};
use call::Table;
use std::fs;

/// What was agreed with a provider; chooses among the answers of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Profile {
    /// Replays are 409, late bets and wins without a bet are refused.
    Strict,
    /// Replays are 200, late bets are answered, wins without a bet are paid, results replace.
    Lenient,
}

/// Who plays the cases.
#[derive(Debug, Clone)]
pub struct Parties {
    /// The server.
    pub url: String,
    /// The provider's key id.
    pub key: String,
    /// The provider's secret.
    pub secret: Vec<u8>,
    /// The provider's name.
    pub provider: String,
    /// The operator's token.
    pub token: String,
    /// What was agreed.
    pub profile: Profile,
}

/// `loadtest conformance`.
///
/// # Errors
/// [`Error`] when the server can't be asked; a wrong answer is in the report.
pub async fn run(args: &ConformanceArgs) -> Result<Report, Error> {
    let read = |path: &std::path::Path| {
        fs::read(path).map_err(|source| Error::Io { what: "read a secret", source })
    };
    let trimmed = |bytes: Vec<u8>| {
        let end = bytes.iter().rposition(|byte| !byte.is_ascii_whitespace()).map_or(0, |at| at + 1);
        bytes.get(..end).unwrap_or_default().to_vec()
    };
    let token = String::from_utf8(trimmed(read(&args.operator_token_file)?))
        .map_err(|_| Error::Usage("the operator's token is not text".to_owned()))?;
    let parties = Parties {
        url: args.url.clone(),
        key: args.key.clone(),
        secret: trimmed(read(&args.secret_file)?),
        provider: args.provider.clone(),
        token,
        profile: args.profile,
    };
    play(&parties, args.case.as_deref()).await
}

/// Plays all cases, or the one with this number.
///
/// # Errors
/// As [`run`].
pub async fn play(parties: &Parties, only: Option<&str>) -> Result<Report, Error> {
    let provider = Client::new(&parties.url, &parties.key, &parties.secret)?;
    let operator = Client::bearer(&parties.url, &parties.token)?;
    let run = format!("{}-{:04x}", crate::clock::unix_seconds(), rand::random::<u16>());
    let mut report = Report::new(parties, &run);
    for case in cases()?.iter().filter(|case| only.is_none_or(|number| case.number == number)) {
        let mut table = Table::new(parties, &provider, &operator, &case.number, &run);
        let mut failed = None;
        for line in &case.lines {
            if let Err(difference) = table.play(line).await? {
                failed = Some(format!("line {}: {}\n    {difference}", line.at, line.text));
                break;
            }
        }
        report.add(case, failed);
    }
    Ok(report)
}
