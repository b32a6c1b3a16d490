//! Recurring tournaments: announces the next ones ahead of their start.
//!
//! Ids are made from the start time, so announcing one twice changes nothing, whatever restarts.

use crate::actors::handle::Reply;
use crate::actors::tournaments::Tournaments;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Series};
use chrono::DateTime;
use palio_domain::tournament::lifecycle::Command;
use palio_domain::tournament::score::Points;
use palio_domain::tournament::{Admission, Definition, Metric, Review, Rules};
use palio_domain::{Amount, TenantId, TournamentId, UnixMs};
use palio_protocol::templates;
use std::sync::Arc;
use std::time::Duration;

/// The configured series of the first tenant.
pub struct Schedule {
    tenant: TenantId,
    series: Vec<(Series, Rules, Vec<Amount>)>,
}

impl Schedule {
    /// Reads the amounts of all series.
    ///
    /// # Errors
    /// What is wrong with which series.
    pub fn new(config: &Config) -> Result<Self, String> {
        let tenant = TenantId(config.tenant.first().map_or(1, |tenant| tenant.id));
        let mut series = Vec::new();
        for one in &config.series {
            let amount = |text: &str| {
                let bad = |error| format!("series {}: {text}: {error}", one.id);
                one.currency.amount_not_negative(text).map_err(bad)
            };
            let prizes = one.prizes.iter().map(|text| amount(text)).collect::<Result<_, _>>()?;
            let rules = rules(one).map_err(|what| format!("series {}: {what}", one.id))?;
            series.push((one.clone(), rules, prizes));
        }
        Ok(Self { tenant, series })
    }

    /// Of every series the running tournament and those whose announcement is due, oldest first.
    #[must_use]
    pub fn due(&self, now: UnixMs) -> Vec<Definition> {
        self.series.iter().flat_map(|one| due(one, now)).collect()
    }

    /// Announces until the process ends.
    pub async fn run(self, tournaments: Arc<Tournaments>) {
        loop {
            let now = SystemClock.now();
            for definition in self.due(now) {
                if tournaments.get(&definition.id).is_some() {
                    continue;
                }
                let id = definition.id.clone();
                let command = Command::Create(Box::new(definition));
                let trace = Some(crate::telemetry::new_trace());
                match tournaments.command(self.tenant, &id, command, trace).await {
                    Reply::Done(_) => tracing::info!(tournament = %id, "announced"),
                    Reply::TournamentUnchanged => {}
                    other => tracing::warn!(tournament = %id, ?other, "not announced"),
                }
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    }
}

/// What counts in a series, and how.
///
/// # Errors
/// What is wrong with it.
pub fn rules(series: &Series) -> Result<Rules, String> {
    let points = |text: &str| {
        let amount = series.currency.amount_not_negative(text).map_err(|e| e.to_string())?;
        Points::of(amount, series.currency)
            .ok_or_else(|| format!("{text} has more than six decimals"))
    };
    let rules = match (series.metric, &series.template) {
        (Metric::Custom, Some(name)) => {
            templates::find(name).ok_or_else(|| format!("there is no template {name}"))?
        }
        (metric, None) => {
            let usual = metric.rules(points(&series.points_per)?, series.currency);
            let mut usual = usual.ok_or("metric custom needs a template")?;
            usual.counts.stake_min = points(&series.min_stake)?;
            usual
        }
        (_, Some(_)) => return Err("a template needs metric = \"custom\"".to_owned()),
    };
    match rules.problems(series.currency).first() {
        Some(problem) => Err(format!("{} {}", problem.field, problem.message)),
        None => Ok(rules),
    }
}

/// The running one and those whose announcement is due, oldest first.
fn due((series, rules, prizes): &(Series, Rules, Vec<Amount>), now: UnixMs) -> Vec<Definition> {
    let every = i64::from(series.every_seconds) * 1000;
    let duration = i64::from(series.duration_seconds) * 1000;
    let ahead = i64::from(series.ahead_seconds) * 1000;
    let current = now.0.div_euclid(every) * every;
    [current, current + every]
        .into_iter()
        .filter(|start| start - ahead <= now.0 && start + duration > now.0 + 5_000)
        .filter_map(|start| {
            let at = DateTime::from_timestamp_millis(start)?.format("%Y%m%d-%H%M");
            let id = TournamentId::parse(&format!("{}-{at}", series.id)).ok()?;
            Some(definition(series, rules, prizes, id, start))
        })
        .collect()
}

/// What a series announces, for the configuration's check; `None` where it can't be read.
#[must_use]
pub fn example(series: &Series) -> Option<Definition> {
    let id = TournamentId::parse(&series.id).ok()?;
    Some(definition(series, &rules(series).ok()?, &[], id, 0))
}

fn definition(
    series: &Series,
    rules: &Rules,
    prizes: &[Amount],
    id: TournamentId,
    start: i64,
) -> Definition {
    Definition {
        id,
        name: series.name.clone(),
        metric: series.metric,
        currency: series.currency,
        starts: UnixMs(start),
        ends: UnixMs(start + i64::from(series.duration_seconds) * 1000),
        registration_opens: None,
        grace_ms: i64::from(series.grace_seconds) * 1000,
        rules: rules.clone(),
        tick_ms: series.tick_ms,
        top_n: 10,
        entry: series.entry,
        prizes: prizes.to_vec(),
        description: series.description.clone(),
        kind: series.kind,
        admission: Admission::default(),
        table: None,
        review: Review::default(),
        schedule: None,
    }
}
