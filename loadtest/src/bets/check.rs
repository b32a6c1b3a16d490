//! The money, to the cent: what the server says each player has against what it must be.

use crate::Error;
use crate::http::{Base, Link};
use crate::money::Decimals;
use crate::players::{Player, Wallet, parse, patiently};
use crate::sign::{Proof, Request};
use serde::Serialize;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Mismatches that are listed; all are counted.
const LISTED_MAX: usize = 20;

/// The outcome of the check.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Players whose balance is exactly right.
    pub right: u64,
    /// Players whose balance is wrong.
    pub wrong: u64,
    /// Players of whom a request was never answered for certain.
    pub uncertain: u64,
    /// The first of those that are not right.
    pub mismatches: Vec<Mismatch>,
}

/// A player whose balance is not right, or not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mismatch {
    /// The player's id.
    pub player_id: String,
    /// What the player must have.
    pub expected: String,
    /// What the server says.
    pub got: String,
}

/// Compares all players, over as many connections as there are queues.
pub(super) async fn balances(
    base: &Arc<Base>,
    provider: &Proof,
    decimals: Decimals,
    currency: &str,
    queues: Vec<VecDeque<Player>>,
) -> Result<Check, Error> {
    let mut tasks = JoinSet::new();
    for players in queues {
        let link = Link::new(Arc::clone(base), provider.clone(), TIMEOUT);
        tasks.spawn(compare(link, decimals, currency.to_owned(), players));
    }
    let mut all = Check::default();
    for one in tasks.join_all().await {
        let one = one?;
        all.right += one.right;
        all.wrong += one.wrong;
        all.uncertain += one.uncertain;
        all.mismatches.extend(one.mismatches);
    }
    all.mismatches.truncate(LISTED_MAX);
    Ok(all)
}

async fn compare(
    mut link: Link,
    decimals: Decimals,
    currency: String,
    players: VecDeque<Player>,
) -> Result<Check, Error> {
    let mut check = Check::default();
    for player in players {
        patiently(&mut link, Request::get(&format!("/wallet/{}", player.id))).await?;
        let wallet: Wallet = parse(link.body())?;
        let (right, got) = match wallet.account(&currency) {
            None => (false, "no account".to_owned()),
            Some(account) => {
                let read = |text: &str| decimals.read(text);
                let cash = read(&account.cash) == Some(player.cash);
                let free = read(&account.available) == Some(player.cash);
                let held = read(&account.held) == Some(0);
                (cash && free && held, format!("cash {} held {}", account.cash, account.held))
            }
        };
        match player.uncertain {
            Some(_) => check.uncertain += 1,
            None if right => check.right += 1,
            None => check.wrong += 1,
        }
        if !right || player.uncertain.is_some() {
            let why = player.uncertain.map_or(String::new(), |why| format!(" ({why})"));
            let expected = format!("cash {} held {}", decimals.text(player.cash), decimals.text(0));
            let expected = format!("{expected}{why}");
            check.mismatches.push(Mismatch { player_id: player.id, expected, got });
        }
    }
    Ok(check)
}
