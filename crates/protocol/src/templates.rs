//! Ready rules for tournaments: one file each under `config/tournaments/`.

use palio_domain::tournament::Rules;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A ready set of rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Template {
    /// For people.
    pub name: String,
    /// What it is, in a sentence for players.
    pub description: String,
    /// What counts, and how.
    #[schema(value_type = Object)]
    pub rules: Rules,
}

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        /// Their names and texts.
        const ALL: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../config/tournaments/", $name, ".toml")))),*
        ];
    };
}

templates!(
    "best-of-season",
    "capped-turnover",
    "exactly-hundred",
    "first-twenty",
    "live-streak",
    "max-multiplier",
    "multiplier-bands",
    "multiplier-sum",
    "net-profit",
    "revenue-challenge",
    "spin-race",
    "table-chips",
    "total-wins",
    "turnover-race",
    "two-currency-race",
    "win-streaks",
    "wins-and-rounds",
);

/// All templates with their names, by name.
pub fn all() -> impl Iterator<Item = (&'static str, Template)> {
    // A test reads every one of them.
    ALL.iter().filter_map(|(name, text)| Some((*name, toml::from_str(text).ok()?)))
}

/// The rules of a template.
#[must_use]
pub fn find(name: &str) -> Option<Rules> {
    all().find(|(found, _)| *found == name).map(|(_, template)| template.rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use palio_domain::Currency;

    #[test]
    fn every_file_is_a_template_that_could_be_announced() {
        let files =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../config/tournaments"));
        let mut names: Vec<_> = files
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .map(|name| name.strip_suffix(".toml").unwrap().to_owned())
            .collect();
        names.sort();
        assert_eq!(names, ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        for (name, text) in ALL {
            let template: Template =
                toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
            let problems = template.rules.problems(Currency::EUR);
            assert!(problems.is_empty(), "{name}: {problems:?}");
            assert!((1..=80).contains(&template.name.chars().count()), "{name}");
        }
        assert_eq!(all().count(), ALL.len());
    }
}
