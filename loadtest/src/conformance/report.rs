//! What came of the cases, as a text that a provider can sign.

use super::{Case, Parties};
use crate::Error;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// One case.
#[derive(Debug, Clone, Serialize)]
pub struct CaseReport {
    /// Its number.
    pub number: String,
    /// What it is about.
    pub title: String,
    /// What differed, if anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<String>,
}

/// All cases.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Which server.
    pub url: String,
    /// Which provider.
    pub provider: String,
    /// Which profile.
    pub profile: String,
    /// The run: seconds since 1970 and a random number; part of its players' ids.
    pub run: String,
    /// What came of each case.
    pub cases: Vec<CaseReport>,
}

impl Report {
    pub(super) fn new(parties: &Parties, run: &str) -> Self {
        let profile = parties.profile.name();
        Self {
            url: parties.url.clone(),
            provider: parties.provider.clone(),
            profile: profile.to_owned(),
            run: run.to_owned(),
            cases: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, case: &Case, difference: Option<String>) {
        let (number, title) = (case.number.clone(), case.title.clone());
        self.cases.push(CaseReport { number, title, difference });
    }

    /// What differed.
    #[must_use]
    pub fn failures(&self) -> Vec<String> {
        let told = |case: &CaseReport| {
            let difference = case.difference.as_ref()?;
            Some(format!("case {} ({}), {difference}", case.number, case.title))
        };
        self.cases.iter().filter_map(told).collect()
    }

    /// As JSON.
    ///
    /// # Errors
    /// [`Error::Malformed`], which does not happen.
    pub fn json(&self) -> Result<String, Error> {
        serde_json::to_string_pretty(self).map_err(|e| Error::Malformed(e.to_string()))
    }

    /// As text, with the hash of everything above it: what is signed.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = format!(
            "Palio conformance\nserver   {}\nprovider {}\nprofile  {}\nrun      {}\n\n",
            self.url, self.provider, self.profile, self.run
        );
        for case in &self.cases {
            let word = if case.difference.is_some() { "FAIL" } else { "pass" };
            // Writing to a String can't fail.
            let _ok = writeln!(text, "{word}  {:>3}  {}", case.number, case.title);
            if let Some(difference) = &case.difference {
                let _ok = writeln!(text, "           {difference}");
            }
        }
        let passed = self.cases.iter().filter(|case| case.difference.is_none()).count();
        let _ok = writeln!(text, "\n{passed} of {} cases passed", self.cases.len());
        let hash = Sha256::digest(text.as_bytes());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let _ok = writeln!(text, "sha256   {hash}");
        text
    }
}
