//! A document as text: TOML or JSON, and where in it each field stands.

use super::{Problem, code};
use palio_protocol::json::{DEPTH_MAX, check_depth};
use serde_json::{Map, Value};
use std::collections::HashMap;
use toml_edit::{ImDocument, Item, TableLike, Value as TomlValue};

/// A line and a column, from 1; a column counts characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// How a document is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// TOML.
    Toml,
}

/// A document that was read.
#[derive(Debug)]
pub struct Source {
    /// What it says.
    pub document: Value,
    /// Fields that are there twice.
    pub twice: Vec<Problem>,
    starts: HashMap<String, Position>,
}

impl Source {
    /// Reads a text.
    ///
    /// # Errors
    /// The problem, and where it is, when it is no TOML or JSON.
    pub fn read(text: &str, format: Format) -> Result<Self, (Problem, Position)> {
        match format {
            Format::Json => json(text),
            Format::Toml => toml(text),
        }
    }

    /// Where a field stands; of one that is missing, where it would belong.
    #[must_use]
    pub fn at(&self, field: &str) -> Position {
        let mut field = field;
        loop {
            if let Some(at) = self.starts.get(field) {
                return *at;
            }
            match field.rfind(['.', '[']) {
                Some(end) => field = field.get(..end).unwrap_or_default(),
                None => return Position { line: 1, column: 1 },
            }
        }
    }
}

/// A text by lines, to find where a byte is.
struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// The position of a byte.
    fn position(&self, byte: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= byte).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self.text.get(start..byte).map_or(0, |before| before.chars().count()) + 1;
        Position { line, column }
    }
}

fn syntax(message: impl Into<String>) -> Problem {
    Problem::error(code::SYNTAX, "", message)
}

fn field(at: &str, name: &str) -> String {
    super::join(at, name)
}

// --- TOML ---------------------------------------------------------------------------------------

fn toml(text: &str) -> Result<Source, (Problem, Position)> {
    let lines = Lines::of(text);
    let parsed = ImDocument::parse(text).map_err(|error| {
        let at = lines.position(error.span().map_or(0, |span| span.start));
        let message = error.message().lines().collect::<Vec<_>>().join("; ");
        (syntax(message), at)
    })?;
    let mut walk = TomlWalk { lines, starts: HashMap::new() };
    let document = walk.table("", parsed.as_table());
    Ok(Source { document, twice: Vec::new(), starts: walk.starts })
}

struct TomlWalk<'a> {
    lines: Lines<'a>,
    starts: HashMap<String, Position>,
}

impl TomlWalk<'_> {
    fn mark(&mut self, at: &str, span: Option<std::ops::Range<usize>>) {
        if let Some(span) = span {
            self.starts.insert(at.to_owned(), self.lines.position(span.start));
        }
    }

    fn table(&mut self, at: &str, table: &dyn TableLike) -> Value {
        let mut fields = Map::new();
        for (name, item) in table.iter() {
            let at = field(at, name);
            let key = table.key(name).and_then(toml_edit::Key::span);
            self.mark(&at, key.or_else(|| item.span()));
            fields.insert(name.to_owned(), self.item(&at, item));
        }
        Value::Object(fields)
    }

    fn item(&mut self, at: &str, item: &Item) -> Value {
        match item {
            Item::None => Value::Null,
            Item::Value(value) => self.value(at, value),
            Item::Table(table) => self.table(at, table),
            Item::ArrayOfTables(tables) => {
                let mut items = Vec::new();
                for (index, table) in tables.iter().enumerate() {
                    let at = format!("{at}[{index}]");
                    self.mark(&at, table.span());
                    items.push(self.table(&at, table));
                }
                Value::Array(items)
            }
        }
    }

    fn value(&mut self, at: &str, value: &TomlValue) -> Value {
        match value {
            TomlValue::String(text) => Value::from(text.value().as_str()),
            TomlValue::Integer(number) => Value::from(*number.value()),
            TomlValue::Float(number) => Value::from(*number.value()),
            TomlValue::Boolean(flag) => Value::from(*flag.value()),
            TomlValue::Datetime(time) => Value::from(time.value().to_string()),
            TomlValue::InlineTable(table) => self.table(at, table),
            TomlValue::Array(list) => {
                let mut items = Vec::new();
                for (index, item) in list.iter().enumerate() {
                    let at = format!("{at}[{index}]");
                    self.mark(&at, item.span());
                    items.push(self.value(&at, item));
                }
                Value::Array(items)
            }
        }
    }
}

// --- JSON ---------------------------------------------------------------------------------------

fn json(text: &str) -> Result<Source, (Problem, Position)> {
    let start = Position { line: 1, column: 1 };
    if !check_depth(text.as_bytes(), DEPTH_MAX) {
        let message = format!("is nested deeper than {DEPTH_MAX} levels");
        return Err((syntax(message), start));
    }
    let document: Value = serde_json::from_str(text).map_err(|error| {
        let told = error.to_string();
        let message = told.split(" at line ").next().unwrap_or(&told).to_owned();
        (syntax(message), Position { line: error.line().max(1), column: error.column().max(1) })
    })?;
    let lines = Lines::of(text);
    let mut walk = JsonWalk { text, lines, next: 0, starts: HashMap::new(), twice: Vec::new() };
    walk.value("");
    Ok(Source { document, twice: walk.twice, starts: walk.starts })
}

/// Walks over text that is known to be JSON, nested a bounded number of levels.
struct JsonWalk<'a> {
    text: &'a str,
    lines: Lines<'a>,
    next: usize,
    starts: HashMap<String, Position>,
    twice: Vec<Problem>,
}

impl JsonWalk<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.next).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.next += 1;
        }
    }

    /// Goes past a byte that must be next, or ends the walk.
    fn take(&mut self, byte: u8) -> bool {
        self.skip_space();
        let is_next = self.peek() == Some(byte);
        self.next += usize::from(is_next);
        is_next
    }

    fn mark(&mut self, at: &str, byte: usize) -> bool {
        self.starts.insert(at.to_owned(), self.lines.position(byte)).is_none()
    }

    fn value(&mut self, at: &str) {
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(at),
            Some(b'[') => self.list(at),
            Some(b'"') => {
                self.string();
            }
            _ => {
                let ends =
                    |byte: u8| matches!(byte, b',' | b']' | b'}') || byte.is_ascii_whitespace();
                while self.peek().is_some_and(|byte| !ends(byte)) {
                    self.next += 1;
                }
            }
        }
    }

    fn object(&mut self, at: &str) {
        self.next += 1;
        if self.take(b'}') {
            return;
        }
        loop {
            self.skip_space();
            let begin = self.next;
            let name = self.string();
            let at = field(at, &name);
            if !self.mark(&at, begin) {
                self.twice.push(Problem::error(code::FIELD_TWICE, &at, "is there twice"));
            }
            self.take(b':');
            self.value(&at);
            if !self.take(b',') {
                break;
            }
        }
        self.take(b'}');
    }

    fn list(&mut self, at: &str) {
        self.next += 1;
        if self.take(b']') {
            return;
        }
        for index in 0_usize.. {
            let at = format!("{at}[{index}]");
            self.skip_space();
            self.mark(&at, self.next);
            self.value(&at);
            if !self.take(b',') {
                break;
            }
        }
        self.take(b']');
    }

    /// A text, quotes and all, as it reads.
    fn string(&mut self) -> String {
        let begin = self.next;
        self.next += 1;
        let mut escaped = false;
        while let Some(byte) = self.peek() {
            self.next += 1;
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => break,
                _ => {}
            }
        }
        let quoted = self.text.get(begin..self.next).unwrap_or_default();
        serde_json::from_str(quoted).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests may panic")]

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fields_are_found_where_they_stand() {
        let json =
            "{\n  \"é\": 1, \"a\": {\"b\\n\": [10,\n 20, {\"c\": \"]}\\\"\"}]},\r\n \"d\": []}";
        let toml = "# é\n\"é\" = 1\n[a]\n\"x.y\" = [1, { c = \"]\" }]\n[[d]]\ne.f = 1\n[[d]]\n";
        for (format, text, field, line, column) in [
            (Format::Json, json, "é", 2, 3),
            (Format::Json, json, "a", 2, 11),
            (Format::Json, json, "a.b\n", 2, 17),
            (Format::Json, json, "a.b\n[1]", 3, 2),
            (Format::Json, json, "a.b\n[2].c", 3, 7),
            (Format::Json, json, "a.b\n[2].c.missing[3]", 3, 7),
            (Format::Json, json, "d", 4, 2),
            (Format::Json, json, "missing.too", 1, 1),
            (Format::Toml, toml, "é", 2, 1),
            (Format::Toml, toml, "a", 3, 2),
            (Format::Toml, toml, "a.x.y[1].c", 4, 15),
            (Format::Toml, toml, "d[0].e.f", 6, 3),
            (Format::Toml, toml, "d[1]", 7, 1),
            (Format::Toml, toml, "d[1].from", 7, 1),
        ] {
            let source = Source::read(text, format).unwrap();
            assert_eq!(source.at(field), Position { line, column }, "{field} in\n{text}");
        }
    }

    #[test]
    fn what_can_not_be_read_is_told_with_its_place() {
        let deep = "[".repeat(100);
        for (format, text, line) in [
            (Format::Json, "", 1),
            (Format::Json, "{\"a\":\n}", 2),
            (Format::Json, deep.as_str(), 1),
            (Format::Toml, "a = 1\na = 2", 2),
            (Format::Toml, "[[a]\n", 1),
        ] {
            let (problem, at) = Source::read(text, format).unwrap_err();
            assert_eq!((problem.code, at.line), (code::SYNTAX, line), "{text}");
        }
    }

    proptest! {
        /// Any text is read or refused, and what is read has all its fields within the text.
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\":,=.a-cé0-2 \\n\\\\#-]{0,60}") {
            for format in [Format::Json, Format::Toml] {
                if let Ok(source) = Source::read(&text, format) {
                    let lines = text.split('\n').count();
                    prop_assert!(source.starts.values().all(|at| (1..=lines).contains(&at.line)));
                    let told = super::super::problems(&source.document);
                    prop_assert!(told.iter().all(|problem| source.at(&problem.field).line <= lines));
                }
            }
        }
    }
}
