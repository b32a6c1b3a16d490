//! Wallets that somebody watches over his own socket.
//!
//! The follower tells which wallets changed; nothing is kept of those that nobody watches.
//! **Bounded:** [`NOTICES_MAX`] notices per watched player.

use super::handle::{CoreHandle, Reply, Work};
use super::purse::{Purse, Purses};
use crate::clock::Clock;
use async_trait::async_trait;
use dashmap::DashMap;
use palio_domain::journal::{Row, RowKind};
use palio_domain::{Aggregate, PlayerId, TenantId};
use palio_protocol::player::{NoticeFrame, WalletFrame};
use std::collections::VecDeque;
use std::sync::Arc;

/// Notices kept for sockets that have not sent them yet.
const NOTICES_MAX: usize = 32;

type Whose = (TenantId, PlayerId);

#[derive(Default)]
struct Watched {
    watchers: usize,
    /// Seq of the newest row.
    newest: u64,
    notices: VecDeque<(u64, Arc<str>)>,
}

/// See the module.
pub struct Watches {
    core: CoreHandle,
    clock: Arc<dyn Clock>,
    watched: Arc<DashMap<Whose, Watched>>,
}

/// What a player is told of besides his balance: nothing that is part of every round.
const fn is_told(kind: RowKind) -> bool {
    matches!(
        kind,
        RowKind::Deposited
            | RowKind::Adjusted
            | RowKind::BetAmended
            | RowKind::WithdrawalAuthorised
            | RowKind::WithdrawalCaptured
            | RowKind::WithdrawalCancelled
            | RowKind::LimitSet
            | RowKind::Excluded
            | RowKind::Readmitted
            | RowKind::FreeRoundsGranted
            | RowKind::BuyInHeld
            | RowKind::BuyInReleased
            | RowKind::PrizePaid
            | RowKind::PrizeTakenBack
            | RowKind::TournamentEntered
            | RowKind::TournamentLeft
    )
}

impl Watches {
    /// Nobody watches yet.
    #[must_use]
    pub fn new(core: CoreHandle, clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { core, clock, watched: Arc::default() })
    }

    /// Takes committed rows.
    pub fn take(&self, rows: &[Arc<Row>]) {
        if self.watched.is_empty() {
            return;
        }
        for row in rows {
            let Aggregate::Player(player) = row.aggregate else { continue };
            let Some(mut watched) = self.watched.get_mut(&(row.tenant, player)) else { continue };
            watched.newest = row.seq;
            if is_told(row.kind) {
                if watched.notices.len() >= NOTICES_MAX {
                    watched.notices.pop_front();
                }
                watched.notices.push_back((row.seq, NoticeFrame::of(row).to_json().into()));
            }
        }
    }
}

impl Purses for Watches {
    fn watch(&self, tenant: TenantId, player: PlayerId) -> Arc<dyn Purse> {
        let whose = (tenant, player);
        self.watched.entry(whose).or_default().watchers += 1;
        Arc::new(Watch {
            whose,
            core: self.core.clone(),
            clock: Arc::clone(&self.clock),
            watched: Arc::clone(&self.watched),
        })
    }
}

struct Watch {
    whose: Whose,
    core: CoreHandle,
    clock: Arc<dyn Clock>,
    watched: Arc<DashMap<Whose, Watched>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.watched.remove_if_mut(&self.whose, |_, watched| {
            watched.watchers = watched.watchers.saturating_sub(1);
            watched.watchers == 0
        });
    }
}

#[async_trait]
impl Purse for Watch {
    fn news(&self) -> u64 {
        self.watched.view(&self.whose, |_, watched| watched.newest).unwrap_or_default()
    }

    fn notices(&self, after: u64) -> Vec<(u64, Arc<str>)> {
        let new = |_: &Whose, watched: &Watched| {
            watched.notices.iter().filter(|(seq, _)| *seq > after).cloned().collect()
        };
        self.watched.view(&self.whose, new).unwrap_or_default()
    }

    async fn text(&self) -> Option<(u64, String)> {
        let (tenant, player) = self.whose;
        let Reply::Wallet(wallet) = self.core.ask(Work::Wallet(tenant, player)).await else {
            return None;
        };
        Some((wallet.seq, WalletFrame::new(&wallet, self.clock.now()).to_json()))
    }
}
