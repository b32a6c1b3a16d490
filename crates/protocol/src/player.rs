//! A player as the operator sees him, and the rounds that wait for the desk.

use crate::time;
use crate::wallet::AccountBalance;
use palio_domain::journal::{Row, transaction_id};
use palio_domain::wallet::protection::{ExclusionKind, LimitKind, Period};
use palio_domain::wallet::{OpenBet, Proposal, Verdict, Wallet};
use palio_domain::{BetId, ProviderId, Slot, UnixMs};
use serde::Serialize;
use utoipa::ToSchema;

/// A player as the operator sees him: `GET /api/players/{playerId}`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlayerResponse {
    /// The operator's own id.
    #[schema(example = "p_1")]
    pub player_id: String,
    /// One entry per currency that was ever used, by code.
    pub accounts: Vec<AccountBalance>,
    /// Why the player may not play now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "selfExclusion")]
    pub excluded: Option<ExclusionKind>,
    /// The player's own exclusion's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded_until: Option<String>,
    /// His limits.
    pub limits: Vec<LimitResponse>,
    /// Open sessions.
    pub sessions: Vec<SessionView>,
    /// Withdrawals under way.
    pub withdrawals: Vec<WithdrawalView>,
    /// Free rounds.
    pub free_rounds: Vec<FreeRoundsView>,
    /// Open rounds.
    pub rounds: Vec<OpenRoundView>,
}

/// What protects a player, as he sees it himself: `GET /api/me/limits`.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProtectionResponse {
    /// The operator's own id.
    #[schema(example = "p_1")]
    pub player_id: String,
    /// Why he may not play now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "selfExclusion")]
    pub excluded: Option<ExclusionKind>,
    /// His own exclusion's end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded_until: Option<String>,
    /// His limits.
    pub limits: Vec<LimitResponse>,
}

impl ProtectionResponse {
    /// From a wallet at `now`.
    #[must_use]
    pub fn new(player_id: String, wallet: &Wallet, now: UnixMs) -> Self {
        let own = wallet.protection.exclusion.filter(|exclusion| exclusion.holds(now));
        Self {
            player_id,
            excluded: wallet.protection.excluded(now),
            excluded_until: own.and_then(|own| own.until).map(time::format),
            limits: limits(wallet, now),
        }
    }
}

/// A player's wallet over his own socket.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WalletFrame {
    t: &'static str,
    seq: u64,
    accounts: Vec<AccountBalance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excluded: Option<ExclusionKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    excluded_until: Option<String>,
    limits: Vec<LimitResponse>,
    tournaments: Vec<String>,
}

impl WalletFrame {
    /// A wallet as committed.
    #[must_use]
    pub fn new(wallet: &Wallet, now: UnixMs) -> Self {
        let protection = ProtectionResponse::new(String::new(), wallet, now);
        Self {
            t: "wallet",
            seq: wallet.seq,
            accounts: wallet.accounts.iter().map(|(c, a)| AccountBalance::new(*c, a)).collect(),
            excluded: protection.excluded,
            excluded_until: protection.excluded_until,
            limits: protection.limits,
            tournaments: wallet.entries.keys().map(|id| id.as_str().to_owned()).collect(),
        }
    }

    /// The frame's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What happened to a player besides his bets, over his own socket.
#[derive(Debug, Clone, Serialize)]
pub struct NoticeFrame {
    t: &'static str,
    kind: &'static str,
    seq: u64,
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
}

impl NoticeFrame {
    /// Of a committed row.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        Self {
            t: "notice",
            kind: row.kind.name(),
            seq: row.seq,
            time: time::format(row.time),
            amount: row.leg.map(|leg| leg.currency.format(leg.amount)),
            currency: row.leg.map(|leg| leg.currency.code().to_owned()),
        }
    }

    /// The frame's text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Texts and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// One limit and what is used of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitResponse {
    /// What it bounds.
    #[schema(value_type = String, example = "loss")]
    pub kind: LimitKind,
    /// Over which window.
    #[schema(value_type = String, example = "day")]
    pub period: Period,
    /// Of which currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The value in force: money, or minutes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "100.00")]
    pub value: Option<String>,
    /// What is used of the present window.
    #[schema(example = "12.50")]
    pub used: String,
    /// The value that waits; absent when it is a removal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_value: Option<String>,
    /// From when it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_from: Option<String>,
}

/// An open session.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// The game.
    pub game_id: String,
    /// The currency.
    pub currency: String,
    /// When it ends.
    pub expires_at: String,
}

/// A withdrawal under way.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WithdrawalView {
    /// Its id.
    pub withdrawal_id: String,
    /// How much.
    pub amount: String,
    /// Of which currency.
    pub currency: String,
}

/// Free rounds of a campaign.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FreeRoundsView {
    /// The campaign.
    pub campaign_id: String,
    /// On whose games.
    pub provider: String,
    /// On which game.
    pub game_id: String,
    /// How many are left.
    pub left: u32,
    /// Stake of each.
    pub stake: String,
    /// Of which currency.
    pub currency: String,
    /// Until when.
    pub expires_at: String,
}

/// A round with open bets.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenRoundView {
    /// Whose round.
    pub provider: String,
    /// Which round.
    pub round_id: String,
    /// The bet.
    pub bet_id: String,
    /// The stake.
    pub stake: String,
    /// Of which currency.
    pub currency: String,
    /// When it was placed.
    pub placed_at: String,
    /// Whether its result is overdue.
    pub overdue: bool,
    /// How somebody proposed to end it; of overdue bets only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ProposalView>,
}

/// What a second person has to confirm.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProposalView {
    /// The proposal's name.
    #[schema(example = "tx_1f_2a")]
    pub proposal_id: String,
    /// Who proposes it; somebody else has to confirm it.
    #[schema(example = "anna")]
    pub proposed_by: String,
    /// `void` or `settle`.
    #[schema(example = "settle")]
    pub verdict: &'static str,
    /// Of `settle`: payouts − stakes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "5.00")]
    pub delta: Option<String>,
    /// Of `settle`: the currency.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "EUR")]
    pub currency: Option<String>,
    /// Why.
    #[schema(example = "the provider's word")]
    pub reason: String,
}

impl ProposalView {
    /// A proposal of a wallet in this slot.
    #[must_use]
    pub fn new(proposal: &Proposal, slot: Slot) -> Self {
        let (verdict, delta, currency) = match proposal.verdict {
            Verdict::Void => ("void", None, None),
            Verdict::Settle { delta, currency } => {
                ("settle", Some(currency.format(delta)), Some(currency.code().to_owned()))
            }
        };
        Self {
            proposal_id: transaction_id(slot, proposal.seq),
            proposed_by: proposal.author.as_ref().to_owned(),
            verdict,
            delta,
            currency,
            reason: proposal.reason.as_ref().to_owned(),
        }
    }
}

impl PlayerResponse {
    /// The operator's view of a wallet in `slot` at `now`; at most 200 open rounds are listed.
    #[must_use]
    pub fn new(player_id: String, wallet: &Wallet, slot: Slot, now: UnixMs) -> Self {
        let protection = ProtectionResponse::new(player_id, wallet, now);
        let open = wallet.open.iter().flat_map(|(provider, bets)| {
            bets.iter().map(move |(id, bet)| open_round((wallet, slot), provider, id, bet))
        });
        Self {
            player_id: protection.player_id,
            accounts: wallet.accounts.iter().map(|(c, a)| AccountBalance::new(*c, a)).collect(),
            excluded: protection.excluded,
            excluded_until: protection.excluded_until,
            limits: protection.limits,
            sessions: wallet
                .sessions
                .iter()
                .filter(|(_, session)| session.expires > now)
                .map(|(game, session)| SessionView {
                    game_id: game.as_str().to_owned(),
                    currency: session.currency.code().to_owned(),
                    expires_at: time::format(session.expires),
                })
                .collect(),
            withdrawals: wallet
                .withdrawals
                .iter()
                .map(|(id, open)| WithdrawalView {
                    withdrawal_id: id.as_str().to_owned(),
                    amount: open.currency.format(open.amount),
                    currency: open.currency.code().to_owned(),
                })
                .collect(),
            free_rounds: wallet
                .free_rounds
                .iter()
                .filter(|(_, free)| free.left > 0 && free.expires > now)
                .map(|(id, free)| FreeRoundsView {
                    campaign_id: id.as_str().to_owned(),
                    provider: free.provider.as_str().to_owned(),
                    game_id: free.game.as_str().to_owned(),
                    left: free.left,
                    stake: free.currency.format(free.value),
                    currency: free.currency.code().to_owned(),
                    expires_at: time::format(free.expires),
                })
                .collect(),
            rounds: open.take(200).collect(),
        }
    }
}

fn limits(wallet: &Wallet, now: UnixMs) -> Vec<LimitResponse> {
    let shown = wallet.protection.limits.iter().map(|limit| {
        let show = |value: i64| match limit.currency {
            Some(currency) => currency.format(palio_domain::Amount(value)),
            None => value.to_string(),
        };
        let used = match limit.currency {
            None => wallet.protection.play_time.minutes(limit.period, now),
            Some(currency) => {
                let used = wallet.usage.get(&currency).copied().unwrap_or_default();
                let used = used.of(limit.period, now);
                match limit.kind {
                    LimitKind::Deposit => used.deposited.0,
                    LimitKind::Wager => used.staked.0,
                    LimitKind::Loss | LimitKind::SessionTime => used.lost.0,
                }
            }
        };
        let waits = limit.next.filter(|(_, from)| *from > now);
        LimitResponse {
            kind: limit.kind,
            period: limit.period,
            currency: limit.currency.map(|currency| currency.code().to_owned()),
            value: limit.at(now).map(show),
            used: show(used),
            next_value: waits.and_then(|(value, _)| value).map(show),
            next_from: waits.map(|(_, from)| time::format(from)),
        }
    });
    shown.collect()
}

fn open_round(
    (wallet, slot): (&Wallet, Slot),
    provider: &ProviderId,
    id: &BetId,
    bet: &OpenBet,
) -> OpenRoundView {
    let proposal = wallet.proposal(provider, &bet.round).filter(|_| bet.overdue);
    OpenRoundView {
        provider: provider.as_str().to_owned(),
        round_id: bet.round.as_str().to_owned(),
        bet_id: id.as_str().to_owned(),
        stake: bet.currency.format(bet.stake.amount),
        currency: bet.currency.code().to_owned(),
        placed_at: time::format(bet.placed),
        overdue: bet.overdue,
        proposal: proposal.map(|proposal| ProposalView::new(proposal, slot)),
    }
}

/// A round whose result is overdue, for the desk.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OverdueRound {
    /// Whose bet.
    #[schema(example = "p_1")]
    pub player_id: String,
    /// Whose round.
    pub provider: String,
    /// Which round.
    pub round_id: String,
    /// When its oldest overdue bet was placed.
    pub placed_at: String,
    /// How somebody proposed to end it; providers are not told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<ProposalView>,
}

/// Answer of `GET /api/rounds/overdue`, the oldest first.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OverdueResponse {
    /// At most 500.
    pub rounds: Vec<OverdueRound>,
    /// All there are.
    pub count: usize,
}
