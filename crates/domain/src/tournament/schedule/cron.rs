//! Cron expressions as a list of wall-clock readings. What happens to a reading that does not
//! exist or exists twice is not decided here, nor by the library: see the module above.

use super::local::LocalTime;
use super::problem::Code;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

/// Longest accepted expression, in bytes.
const TEXT_LEN_MAX: usize = 120;

/// A parsed expression of five fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Expression {
    cron: Cron,
    is_rhythm: bool,
}

impl Expression {
    /// Reads `minute hour day month weekday`, or `@daily` and its like.
    pub(super) fn parse(text: &str) -> Result<Self, (Code, String)> {
        let text = text.trim();
        let invalid = |message: String| (Code::CronInvalid, message);
        if text.len() > TEXT_LEN_MAX {
            return Err(invalid(format!("must be at most {TEXT_LEN_MAX} bytes")));
        }
        let fields = text.split_whitespace().count();
        match fields {
            1 if text.starts_with('@') => {}
            5 => {}
            6 | 7 => {
                let message = "must have five fields: seconds and years are not supported, \
                               and nothing starts more often than once a minute";
                return Err((Code::CronTooOften, message.to_owned()));
            }
            _ => {
                let message = "must have five fields: minute, hour, day, month, weekday";
                return Err(invalid(message.to_owned()));
            }
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed);
        let cron = parser.build().parse(text).map_err(|error| invalid(error.to_string()))?;
        let is_rhythm = (0..24).all(|hour| cron.pattern.hour_match(hour).unwrap_or(false));
        Ok(Self { cron, is_rhythm })
    }

    /// Whether it names every hour, and so speaks of a rhythm and not of times of day.
    pub(super) const fn is_rhythm(&self) -> bool {
        self.is_rhythm
    }

    /// The first reading that matches, `from` included.
    pub(super) fn next(&self, from: LocalTime) -> Option<LocalTime> {
        // On civil times the library searches the calendar and nothing else.
        let found = self.cron.find_next_occurrence(&from.civil(), true).ok()?;
        LocalTime::within(found)
    }
}
