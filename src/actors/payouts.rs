//! Carries out what a tournament's payout orders (tournament-rules.md, L11).
//!
//! An order goes to the player's wallet, under a claim that is its own: asked twice, it is
//! answered with the first row. Where the tenant has a payment service, cash goes there instead:
//! each attempt is journalled before it is made. So a server that dies anywhere goes on from the
//! journal, and nothing is paid twice.

use super::handle::{Reply, Work};
use super::tournaments::{Entry, Tournaments};
use crate::payments::{Answer, Payment};
use futures_util::StreamExt as _;
use palio_domain::tournament::lifecycle::payout::ATTEMPTS_MAX;
use palio_domain::tournament::lifecycle::{Command, Order, Payout, Progress};
use palio_domain::tournament::prizes::What;
use palio_domain::wallet::contest::{Act, Award};
use palio_domain::wallet::{Command as WalletCommand, Prepared};
use palio_domain::{ProviderId, TenantId, UnixMs};
use std::sync::PoisonError;

/// Orders under way at a time, of one tournament.
const AT_ONCE: usize = 16;
/// How long free rounds that were won can be played.
const ROUNDS_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// How an order stands, for the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stands {
    /// Nothing has happened yet.
    Waiting,
    /// Two people have to agree, and have not.
    NeedsApproval,
    /// A wallet has carried it out.
    CarriedOut,
    /// Outside wallets.
    Outside(Progress),
}

impl Stands {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::NeedsApproval => "needs_approval",
            Self::CarriedOut => "paid",
            Self::Outside(progress) => progress.as_str(),
        }
    }
}

impl Entry {
    /// How a line stands.
    pub fn stands(&self, at: (u32, u32), order: &Order) -> Stands {
        let facts = self.facts();
        let payout = &facts.life.payout;
        if let Some(progress) = payout.progress.get(&at) {
            return Stands::Outside(progress.clone());
        }
        let done = self.carried_out.lock().unwrap_or_else(PoisonError::into_inner).contains(&at);
        if done || facts.life.is_paid() {
            return Stands::CarriedOut;
        }
        if needs_approval(payout, &facts.life.definition, at, order) {
            Stands::NeedsApproval
        } else {
            Stands::Waiting
        }
    }
}

fn needs_approval(
    payout: &Payout,
    definition: &palio_domain::tournament::Definition,
    at: (u32, u32),
    order: &Order,
) -> bool {
    let above = definition.review.confirm_above.is_some_and(|limit| order.value > limit);
    above && payout.approved.get(&at).is_none_or(|people| people.len() < 2)
}

/// The name of a line, to people and payment services.
#[must_use]
pub fn payout_id(entry: &Entry, (version, line): (u32, u32)) -> String {
    format!("{}-{}-v{version}-{line}", entry.tenant.0, entry.definition.id)
}

impl Tournaments {
    /// Carries out what is not done yet; whether everything is done now.
    pub(super) async fn pay(&self, entry: &Entry) -> bool {
        let facts = entry.facts();
        let payout = &facts.life.payout;
        let open: Vec<_> = payout
            .orders()
            .filter(|(at, _)| {
                let done = entry.carried_out.lock().unwrap_or_else(PoisonError::into_inner);
                !done.contains(at) && payout.progress.get(at).is_none_or(|p| !p.is_over())
            })
            .collect();
        futures_util::stream::iter(open)
            .map(|(at, order)| self.carry_out(entry, payout, at, order))
            .buffer_unordered(AT_ONCE)
            .fold(true, |all, one| std::future::ready(all && one))
            .await
    }

    /// One order; whether it is done for good.
    async fn carry_out(
        &self,
        entry: &Entry,
        payout: &Payout,
        at: (u32, u32),
        order: &Order,
    ) -> bool {
        if needs_approval(payout, &entry.definition, at, order) {
            return false;
        }
        let by_service = matches!(order.what, What::Cash {}) && !order.back;
        let progress = payout.progress.get(&at);
        if by_service && self.payments.has(entry.tenant) {
            return self.by_service(entry, at, order, progress).await;
        }
        if progress.is_some_and(|progress| !matches!(progress, Progress::Retry { .. })) {
            // Until a person has said what to do.
            return false;
        }
        match self.by_wallet(entry, at, order).await {
            Reply::Done(_) | Reply::Replay(_) | Reply::Noop(_) => {
                if progress.is_some() && !self.moved(entry, at, Progress::CarriedOut {}).await {
                    return false;
                }
                let mut done = entry.carried_out.lock().unwrap_or_else(PoisonError::into_inner);
                done.insert(at);
                metrics::counter!("palio_prizes_paid_total").increment(1);
                true
            }
            Reply::Refused(refusal) => {
                let why = refusal.to_string().into_boxed_str();
                self.moved(entry, at, Progress::Manual { why }).await;
                false
            }
            // The next round asks again.
            _ => false,
        }
    }

    async fn by_wallet(&self, entry: &Entry, (version, line): (u32, u32), order: &Order) -> Reply {
        let tenant = entry.tenant;
        let tournament = entry.definition.id.clone();
        let (what, quantity) = (order.what.clone(), order.quantity);
        let currency = order.currency;
        let award = Box::new(Award { tournament, version, line, what, quantity, currency });
        let act = if order.back {
            Act::TakeBack { award }
        } else {
            Act::Pay { award, rounds: self.rounds(tenant, entry) }
        };
        let key = format!("payout/{}", payout_id(entry, (version, line)));
        let command = WalletCommand::Contest(Box::new(act));
        let trace = Some(crate::telemetry::new_trace());
        let player = order.player;
        let asked = Prepared::new(self.keys(), tenant, player, &key, command, trace);
        self.core().ask(Work::Execute(tenant, player, Box::new(asked))).await
    }

    /// Whose games free rounds are on, and until when.
    fn rounds(&self, tenant: TenantId, entry: &Entry) -> Option<(ProviderId, UnixMs)> {
        let named = entry.definition.rules.counts.providers.first();
        let provider = named.or_else(|| self.rounds_of.get(&tenant))?.clone();
        Some((provider, self.now().plus_ms(ROUNDS_MS)))
    }

    /// One attempt at the payment service, if it is time for one.
    async fn by_service(
        &self,
        entry: &Entry,
        at: (u32, u32),
        order: &Order,
        progress: Option<&Progress>,
    ) -> bool {
        let (tenant, now) = (entry.tenant, self.now());
        let attempt = match progress {
            None => 1,
            // It is not known whether this one went out.
            Some(Progress::Processing { attempt }) => *attempt,
            Some(Progress::Retry { attempt, at, .. }) if *at <= now => attempt.saturating_add(1),
            Some(other) => return other.is_over(),
        };
        if !self.payments.may_ask(tenant, now) {
            return false;
        }
        let player_id = match self.players.outside_id(tenant, order.player).await {
            Ok(Some(id)) => id,
            Ok(None) => {
                let why = "the player was erased".into();
                self.moved(entry, at, Progress::Manual { why }).await;
                return false;
            }
            Err(error) => {
                tracing::warn!(%error, "a player's id can't be read");
                return false;
            }
        };
        if !self.moved(entry, at, Progress::Processing { attempt }).await {
            return false;
        }
        let payment = Payment {
            kind: "payout",
            payout_id: payout_id(entry, at),
            tournament_id: entry.definition.id.as_str().to_owned(),
            player_id,
            amount: order.currency.format(palio_domain::Amount(order.quantity)),
            currency: order.currency.code().to_owned(),
            attempt,
        };
        let to = match self.payments.pay(tenant, &payment, now).await {
            Answer::Paid(reference) => Progress::Paid { reference: reference.into() },
            Answer::Again(why) if attempt < ATTEMPTS_MAX => {
                let at = self.now().plus_ms(self.payments.retry_ms(tenant));
                Progress::Retry { attempt, at, why: why.into() }
            }
            Answer::Again(why) | Answer::Refused(why) => Progress::Manual { why: why.into() },
        };
        let paid = matches!(to, Progress::Paid { .. });
        self.moved(entry, at, to).await && paid
    }

    /// Journals how far a line has come; whether that is so now.
    async fn moved(&self, entry: &Entry, (version, line): (u32, u32), to: Progress) -> bool {
        let command = Command::Move { version, line, to, author: None };
        let trace = Some(crate::telemetry::new_trace());
        match self.command(entry.tenant, &entry.definition.id, command, trace).await {
            Reply::Done(_) | Reply::TournamentUnchanged => true,
            other => {
                tracing::warn!(tournament = %entry.definition.id, ?other, "a payout stands still");
                false
            }
        }
    }
}
