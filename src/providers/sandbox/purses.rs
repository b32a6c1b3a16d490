//! What the sandbox last heard of its players' money.

use super::plan::Purses;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

const UNKNOWN: i64 = i64::MIN;

#[derive(Debug)]
struct Wallet {
    /// In minor units.
    available: AtomicI64,
    /// What a deposit brings, in minor units.
    bankroll: i64,
    /// Whether somebody is filling it.
    taken: AtomicBool,
}

/// All players' wallets, by player.
#[derive(Debug)]
pub(super) struct Wallets(Vec<Wallet>);

/// The turn to fill a wallet; given back when dropped.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a AtomicBool);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl Wallets {
    pub(super) fn new(bankrolls: impl Iterator<Item = i64>) -> Self {
        let wallet = |bankroll| Wallet {
            available: AtomicI64::new(UNKNOWN),
            bankroll,
            taken: AtomicBool::new(false),
        };
        Self(bankrolls.map(wallet).collect())
    }

    pub(super) fn set(&self, at: usize, minor: i64) {
        if let Some(wallet) = self.0.get(at) {
            wallet.available.store(minor, Ordering::Relaxed);
        }
    }

    /// Nothing is known to be there any more.
    pub(super) fn spend(&self, at: usize) {
        self.set(at, 0);
    }

    /// Less than a fifth of a deposit.
    pub(super) fn is_low(&self, at: usize) -> bool {
        self.available(at).is_none_or(|minor| minor < self.bankroll(at) / 5)
    }

    pub(super) fn bankroll(&self, at: usize) -> i64 {
        self.0.get(at).map_or(0, |wallet| wallet.bankroll)
    }

    /// One at a time fills a wallet.
    pub(super) fn turn(&self, at: usize) -> Option<Turn<'_>> {
        let wallet = self.0.get(at)?;
        (!wallet.taken.swap(true, Ordering::Acquire)).then_some(Turn(&wallet.taken))
    }
}

impl Purses for Wallets {
    fn available(&self, player: usize) -> Option<i64> {
        let minor = self.0.get(player)?.available.load(Ordering::Relaxed);
        (minor != UNKNOWN).then_some(minor)
    }
}
