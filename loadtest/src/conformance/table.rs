//! The table as text: cases, their lines, and what has to come.

use super::Profile;
use crate::Error;

/// The table.
const MONEY: &str = include_str!("money.cases");

/// One certification case.
#[derive(Debug, Clone)]
pub struct Case {
    /// Its number in the list of edge cases.
    pub number: String,
    /// What it is about.
    pub title: String,
    pub(super) lines: Vec<Line>,
}

/// One call and what has to come.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Its line in the table.
    pub(super) at: usize,
    pub(super) text: String,
    /// Only for this profile.
    pub(super) profile: Option<Profile>,
    /// Sent so many times at once.
    pub(super) times: Option<usize>,
    pub(super) verb: String,
    pub(super) words: Vec<String>,
    pub(super) options: Vec<(String, String)>,
    expected: Expected,
    lenient: Option<Expected>,
}

/// What has to come.
#[derive(Debug, Clone, Default)]
pub(super) struct Expected {
    /// Status and code; of a call that is sent many times: of the first, then of the others.
    pub(super) answers: Vec<(u16, String)>,
    /// Fields of the result; `*`: anything.
    pub(super) fields: Vec<(String, String)>,
    /// The result is kept under this name.
    pub(super) keep: Option<String>,
    /// The result has the bytes kept under this name.
    pub(super) same: Option<String>,
}

impl Line {
    pub(super) fn expected(&self, profile: Profile) -> &Expected {
        match (&self.lenient, profile) {
            (Some(lenient), Profile::Lenient) => lenient,
            _ => &self.expected,
        }
    }

    pub(super) fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn word(&self, at: usize) -> Result<&str, Error> {
        let missing = || Error::Usage(format!("line {}: a word is missing", self.at));
        self.words.get(at).map(String::as_str).ok_or_else(missing)
    }
}

/// All cases.
///
/// # Errors
/// [`Error::Usage`] when the table can't be read.
pub fn cases() -> Result<Vec<Case>, Error> {
    let mut cases: Vec<Case> = Vec::new();
    for (at, text) in (1..).zip(MONEY.lines()) {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        let wrong = |what: &str| Error::Usage(format!("line {at} of the cases: {what}"));
        if let Some(rest) = text.strip_prefix("case ") {
            let (number, title) = rest.split_once(' ').ok_or_else(|| wrong("no title"))?;
            let (number, title) = (number.to_owned(), title.trim().to_owned());
            cases.push(Case { number, title, lines: Vec::new() });
        } else {
            let line = line(at, text).map_err(wrong)?;
            cases.last_mut().ok_or_else(|| wrong("outside a case"))?.lines.push(line);
        }
    }
    Ok(cases)
}

fn line(at: usize, text: &str) -> Result<Line, &'static str> {
    let (left, lenient) = match text.split_once("| lenient") {
        Some((left, lenient)) => (left, Some(lenient)),
        None => (text, None),
    };
    let (call, wanted) = match left.split_once("->") {
        Some((call, wanted)) => (call, Some(wanted)),
        None => (left, None),
    };
    let mut tokens = call.split_whitespace().peekable();
    let profile = match tokens.peek() {
        Some(&"strict") => Some(Profile::Strict),
        Some(&"lenient") => Some(Profile::Lenient),
        _ => None,
    };
    if profile.is_some() {
        tokens.next();
    }
    let times = tokens.peek().and_then(|word| word.strip_suffix('x')?.parse().ok());
    if times.is_some() {
        tokens.next();
    }
    let verb = tokens.next().ok_or("no call")?.to_owned();
    let (mut words, mut options, mut name) = (Vec::new(), Vec::new(), None);
    while let Some(token) = tokens.next() {
        match token.split_once('=') {
            _ if token == "as" => name = tokens.next().map(str::to_owned),
            Some((option, value)) => options.push((option.to_owned(), value.to_owned())),
            None => words.push(token.to_owned()),
        }
    }
    let mut of = match wanted {
        Some(wanted) => expected(wanted)?,
        // A line about money says what there is.
        None => Expected { fields: fields(&mut options), ..Expected::default() },
    };
    of.keep = of.keep.or(name);
    let lenient = match (wanted, lenient) {
        (_, None) => None,
        (Some(_), Some(lenient)) => Some(Expected { keep: of.keep.clone(), ..expected(lenient)? }),
        (None, Some(lenient)) => {
            let pairs = lenient.split_whitespace().filter_map(|pair| pair.split_once('='));
            let fields = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            Some(Expected { fields, ..Expected::default() })
        }
    };
    let text = text.to_owned();
    Ok(Line { at, text, profile, times, verb, words, options, expected: of, lenient })
}

/// Of a line about money: everything but whose and which.
fn fields(options: &mut Vec<(String, String)>) -> Vec<(String, String)> {
    let whose = |name: &str| matches!(name, "player" | "currency");
    let fields = options.iter().filter(|(name, _)| !whose(name)).cloned().collect();
    options.retain(|(name, _)| whose(name));
    fields
}

fn expected(text: &str) -> Result<Expected, &'static str> {
    let mut of = Expected::default();
    let mut tokens = text.split_whitespace();
    while let Some(token) = tokens.next() {
        if let Ok(status) = token.parse::<u16>() {
            of.answers.push((status, String::new()));
        } else if let Some((name, value)) =
            token.split_once('=').filter(|(name, _)| !name.is_empty())
        {
            of.fields.push((name.to_owned(), value.to_owned()));
        } else if token == "as" {
            of.keep = tokens.next().map(str::to_owned);
        } else if token == "=" {
            of.same = tokens.next().map(str::to_owned);
        } else if token != "once" {
            let last = of.answers.last_mut().ok_or("a code without a status")?;
            token.clone_into(&mut last.1);
        }
    }
    if of.answers.is_empty() { Err("no status") } else { Ok(of) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_can_be_read_and_numbers_are_unique() {
        let cases = cases().unwrap();
        assert!(cases.len() > 30);
        for case in &cases {
            assert_eq!(cases.iter().filter(|other| other.number == case.number).count(), 1);
            assert!(case.lines.len() > 1, "{}", case.number);
        }
        let line =
            line(1, "3x bet b r 1.00 key=k as x -> 200 once 409 CODE = y | lenient 200").unwrap();
        assert_eq!((line.times, line.words.len(), line.option("key")), (Some(3), 3, Some("k")));
        let strict = line.expected(Profile::Strict);
        assert_eq!(strict.answers, [(200, String::new()), (409, "CODE".to_owned())]);
        assert_eq!((strict.same.as_deref(), strict.keep.as_deref()), (Some("y"), Some("x")));
        assert_eq!(line.expected(Profile::Lenient).answers.len(), 1);
    }
}
