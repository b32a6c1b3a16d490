//! Rules of the repository that a compiler does not check: who may import what, that the
//! documents list what exists, and that files stay small. See `STYLE.md`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines that a source file may have.
const FILE_LINES_MAX: usize = 700;
/// Characters that a line of Rust may have, unless it quotes the wire.
const LINE_CHARS_MAX: usize = 120;

/// Where code is, apart from third-party files.
const SOURCES: &[&str] = &["src", "crates", "loadtest/src", "fuzz/src", "fuzz/tests", "web"];

/// String literals that look like metrics and are schemas, crates or headers.
const NOT_METRICS: &[&str] =
    &["palio_derived", "palio_directory", "palio_domain", "palio_protocol", "palio_journal"];

/// Code in a folder must not name something, but in some of its places.
struct Import {
    inside: &'static str,
    needle: &'static str,
    but_in: &'static [&'static str],
    why: &'static str,
}

const PURE: &str = "the domain has no I/O, no async and no clock";
const IMPORTS: &[Import] = &[
    pure("tokio"),
    pure("actix"),
    pure("sqlx"),
    pure("SystemTime"),
    pure("Instant::now"),
    pure("std::fs"),
    pure("std::net"),
    pure("std::thread"),
    Import {
        inside: "crates/protocol/",
        needle: "actix",
        but_in: &[],
        why: "the wire does not know its server",
    },
    Import {
        inside: "crates/protocol/",
        needle: "sqlx",
        but_in: &[],
        why: "the wire does not know the store",
    },
    Import {
        inside: "src/",
        needle: "sqlx::",
        but_in: &["src/storage/"],
        why: "SQL belongs to the stores",
    },
    Import {
        inside: "src/",
        needle: "actix",
        but_in: &[
            "src/actors/",
            "src/ws/",
            "src/http/",
            "src/app.rs",
            "src/app/",
            "src/main.rs",
            "src/providers/",
        ],
        why: "actix is a thin shell",
    },
    Import {
        inside: "src/ws/",
        needle: "crate::http",
        but_in: &[],
        why: "sockets and HTTP do not know each other",
    },
    Import {
        inside: "src/storage/",
        needle: "crate::actors",
        but_in: &[],
        why: "a store does not know who asks it",
    },
    Import {
        inside: "src/storage/",
        needle: "crate::http",
        but_in: &[],
        why: "a store does not know who asks it",
    },
    Import {
        inside: "src/actors/",
        needle: "crate::http",
        but_in: &[],
        why: "actors do not know the wire's edge",
    },
    Import {
        inside: "loadtest/src/",
        needle: "palio_domain",
        but_in: &[],
        why: "the load generator speaks the wire and nothing else",
    },
    Import {
        inside: "loadtest/src/",
        needle: "sqlx::",
        but_in: &["loadtest/src/baseline/", "loadtest/src/error.rs"],
        why: "only the baseline has SQL",
    },
];

const fn pure(needle: &'static str) -> Import {
    // What measures it is not part of it.
    Import { inside: "crates/domain/", needle, but_in: &["crates/domain/examples/"], why: PURE }
}

/// A file of the repository: its path from the root, with `/`, and its text.
struct File {
    path: String,
    text: String,
}

impl File {
    fn has_ending(&self, ending: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == ending)
    }

    /// Lines with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(index, line)| (index + 1, line))
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The text of a file that must be there.
fn read(path: &str) -> String {
    match fs::read_to_string(root().join(path)) {
        Ok(text) => text,
        Err(error) => panic!("{path} can't be read: {error}"),
    }
}

fn is_third_party(name: &str) -> bool {
    matches!(name, "vendor" | "node_modules" | "target") || name.starts_with('.')
}

/// Every text file below `folder`, in order, without what others wrote.
fn files(folder: &str) -> Vec<File> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) => panic!("{} can't be read: {error}", folder.display()),
        };
        for entry in entries.map(|entry| entry.expect("a readable directory")) {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if is_third_party(&name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                let path = path.strip_prefix(root()).expect("a path below the root");
                found.push(File { path: path.to_string_lossy().replace('\\', "/"), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(!found.is_empty(), "{folder} is empty");
    found
}

fn sources() -> impl Iterator<Item = File> {
    SOURCES.iter().flat_map(|folder| files(folder))
}

/// A line of Rust without its comment. (A `//` inside a string ends it early, which only makes
/// the checks milder.)
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

/// What is between the backticks of a text, and every name in it that begins with `palio_`.
fn metric_names(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let mut names = BTreeSet::new();
    let mut rest = text;
    let mut before = None;
    while let Some(at) = rest.find("palio_") {
        let (skipped, found) = rest.split_at(at);
        before = skipped.chars().next_back().or(before);
        let end = found.find(|c| !is_name(c)).unwrap_or(found.len());
        let (name, after) = found.split_at(end);
        if !before.is_some_and(is_name) && !name.ends_with('_') {
            names.insert(name.to_owned());
        }
        before = name.chars().next_back();
        rest = after;
    }
    names
}

/// Fails with all problems at once, not only the first.
fn check(problems: &[String]) {
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}

#[test]
fn everyone_imports_only_what_he_may() {
    let mut problems = Vec::new();
    for file in sources().filter(|file| file.has_ending("rs")) {
        for rule in IMPORTS {
            let excepted = rule.but_in.iter().any(|path| file.path.starts_with(path));
            if !file.path.starts_with(rule.inside) || excepted {
                continue;
            }
            for (number, line) in file.lines().filter(|(_, line)| code(line).contains(rule.needle))
            {
                let (path, needle, why) = (&file.path, rule.needle, rule.why);
                problems.push(format!("{path}:{number}: `{needle}`: {why}\n    {}", line.trim()));
            }
        }
    }
    check(&problems);
}

#[test]
fn http_knows_of_the_live_side_only_its_handle() {
    let mut problems = Vec::new();
    for file in files("src/http") {
        for (number, line) in file.lines() {
            let code = code(line)
                .replace("crate::ws::Live;", "")
                .replace("crate::ws::polling::{News, Poll};", "");
            if code.contains("crate::ws") {
                problems.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    check(&problems);
}

#[test]
fn every_metric_is_documented_and_every_documented_metric_exists() {
    let mut exist = BTreeSet::new();
    for file in files("src") {
        for literal in file.text.split('"').skip(1) {
            let whole = metric_names(literal);
            if whole.len() == 1 && whole.contains(literal) && !NOT_METRICS.contains(&literal) {
                exist.insert(literal.to_owned());
            }
        }
    }
    let documented = metric_names(&read("docs/metrics.md"));
    let mut problems: Vec<String> = exist
        .difference(&documented)
        .map(|name| format!("docs/metrics.md does not list {name}"))
        .collect();
    problems.extend(
        documented
            .difference(&exist)
            .filter(|name| !NOT_METRICS.contains(&name.as_str()))
            .map(|name| format!("docs/metrics.md lists {name}, which does not exist")),
    );
    check(&problems);
}

#[test]
fn dashboards_and_alerts_ask_only_for_metrics_that_exist() {
    let documented = metric_names(&read("docs/metrics.md"));
    let mut problems = Vec::new();
    for file in files("deploy/prometheus").iter().chain(&files("deploy/grafana")) {
        for name in metric_names(&file.text) {
            let base = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|ending| name.strip_suffix(ending))
                .unwrap_or(&name);
            if !documented.contains(&name) && !documented.contains(base) {
                problems.push(format!("{}: {name} is not in docs/metrics.md", file.path));
            }
        }
    }
    check(&problems);
}

#[test]
fn every_config_key_says_what_it_is() {
    let path = "config/default.toml";
    let (text, documented) = (read(path), read("docs/ops/config.md"));
    let mut problems = Vec::new();
    // Of tables that are there several times, the first one is commented.
    let mut known = BTreeSet::new();
    let (mut above, mut table) = ("", "");
    let mut open = 0_usize;
    for (index, line) in text.lines().map(str::trim).enumerate() {
        let is_table = open == 0 && line.starts_with('[');
        let value = line.split('#').next().unwrap_or_default();
        if is_table {
            table = line;
        } else {
            if let Some((key, _)) = value.split_once('=').filter(|_| open == 0) {
                let key = (table, key.trim());
                // Lists of tables have documents of their own.
                let section = table.strip_prefix('[').filter(|name| !name.starts_with('['));
                let name =
                    section.map(|name| format!("`{}.{}`", name.trim_end_matches(']'), key.1));
                if name.as_ref().is_some_and(|name| !documented.contains(name)) {
                    problems.push(format!("docs/ops/config.md does not list {}", name.unwrap()));
                }
                if line.contains('#') || above.starts_with('#') {
                    known.insert(key);
                } else if !known.contains(&key) {
                    problems.push(format!("{path}:{}: `{line}` has no comment", index + 1));
                }
            }
            open = (open + value.matches('[').count()).saturating_sub(value.matches(']').count());
        }
        above = line;
    }
    check(&problems);
}

#[test]
fn files_and_lines_stay_short() {
    let mut problems = Vec::new();
    for file in sources() {
        let lines = file.lines().count();
        if lines > FILE_LINES_MAX && !file.has_ending("svg") && !file.has_ending("csv") {
            problems.push(format!("{}: {lines} lines; at most {FILE_LINES_MAX}", file.path));
        }
    }
    for file in sources().chain(files("tests")).filter(|file| file.has_ending("rs")) {
        // What a test sends or expects on the wire stands on one line, as it does there.
        for (number, line) in file.lines().filter(|(_, line)| !line.contains("r#\"")) {
            let chars = line.chars().count();
            if chars > LINE_CHARS_MAX {
                problems.push(format!("{}:{number}: {chars} characters", file.path));
            }
        }
    }
    check(&problems);
}

#[test]
fn nothing_is_left_for_later() {
    // Written in two parts, so that this file does not find itself.
    let calls = [concat!("to", "do!("), concat!("unimpl", "emented!("), concat!("#[ig", "nore")];
    let marks = [concat!("FIX", "ME"), concat!("X", "XX"), concat!("TO", "DO")];
    let mut problems = Vec::new();
    for file in sources().chain(files("tests")).chain(files("loadtest/tests")) {
        for (number, line) in file.lines() {
            let comment = line.split_once("//").map_or("", |(_, comment)| comment);
            let is_call = file.has_ending("rs") && calls.iter().any(|call| line.contains(call));
            if is_call || marks.iter().any(|mark| comment.contains(mark)) {
                problems.push(format!("{}:{number}: {}", file.path, line.trim()));
            }
        }
    }
    check(&problems);
}

#[test]
fn every_decision_is_listed() {
    let list = read("docs/adr/README.md");
    let problems: Vec<String> = files("docs/adr")
        .iter()
        .filter_map(|file| file.path.rsplit('/').next())
        .filter(|name| *name != "README.md" && !list.contains(&format!("({name})")))
        .map(|name| format!("docs/adr/README.md does not link {name}"))
        .collect();
    check(&problems);
}

#[test]
fn the_changelog_has_room_for_what_comes() {
    let log = read("CHANGELOG.md");
    assert!(log.lines().any(|line| line.trim() == "## Unreleased"), "no `## Unreleased` section");
}

#[test]
fn the_readme_names_the_test_command_and_ci_runs_it() {
    assert!(read("README.md").contains("scripts/test"));
    assert!(read(".ci/run").contains("scripts/test"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = files("docs");
    for path in ["README.md", "ARCHITECTURE.md", "STYLE.md", "CHANGELOG.md"] {
        documents.push(File { path: path.to_owned(), text: read(path) });
    }
    let mut problems = Vec::new();
    for file in documents.iter().filter(|file| file.has_ending("md")) {
        let folder = root().join(&file.path);
        let folder = folder.parent().expect("a file has a folder");
        for (number, line) in file.lines() {
            let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
            for target in targets.map(|target| target.split('#').next().unwrap_or_default()) {
                let is_outside = target.contains("://") || target.is_empty();
                if !is_outside && !folder.join(target).exists() {
                    problems.push(format!("{}:{number}: {target} does not exist", file.path));
                }
            }
        }
    }
    check(&problems);
}

#[test]
fn names_of_metrics_are_found() {
    let text = "`palio_a_total{code}` and sum(rate(palio_b_seconds_bucket[5m])), palio_*, xpalio_c";
    let names: Vec<String> = metric_names(text).into_iter().collect();
    assert_eq!(names, ["palio_a_total", "palio_b_seconds_bucket"]);
}
