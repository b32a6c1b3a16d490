//! One actor per awake wallet: waits for look-ups, lets the pure [`Cell`] decide, and hands the
//! answer to the committer. Its own mailbox keeps a player's commands in order while one of them
//! waits; other wallets go on.

use super::budget::Place;
use super::core::{SharedCore, send};
use super::handle::{Failure, Guarded, Reply, Work};
use actix::prelude::*;
use palio_domain::wallet::{Answer, Cell, Error, Found, Needs, Prepared, Refusal, Wallet as State};
use palio_domain::{Aggregate, PlayerId, TenantId, UnixMs};
use std::cell::RefCell;
use std::rc::Rc;
use tokio::sync::oneshot;

/// What the registry sees of an awake wallet.
pub(super) struct Shared {
    /// The state; `None` until it is loaded.
    pub(super) cell: Option<Cell>,
    /// The generation it was loaded in.
    pub(super) generation: u64,
    /// Set when a row contradicted the state: the wallet answers nothing more.
    pub(super) quarantined: bool,
    /// When it was last asked something.
    pub(super) used: UnixMs,
    /// Asked and not yet decided.
    pub(super) waiting: usize,
}

/// An awake wallet: what its actor and the registry share.
pub(super) struct Home {
    core: SharedCore,
    tenant: TenantId,
    player: PlayerId,
    pub(super) shared: RefCell<Shared>,
}

pub(super) type SharedWallet = Rc<Home>;

pub(super) struct Wallet(SharedWallet);

/// Something to do for this wallet.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Ask {
    pub(super) work: Work,
    pub(super) reply: oneshot::Sender<Reply>,
    pub(super) permit: Option<Place>,
}

impl Wallet {
    /// Starts the actor; the state is loaded at the first question.
    pub(super) fn start(
        core: SharedCore,
        tenant: TenantId,
        player: PlayerId,
        mailbox: usize,
    ) -> (Addr<Self>, SharedWallet) {
        let shared = RefCell::new(Shared {
            cell: None,
            generation: 0,
            quarantined: false,
            used: core.clock.now(),
            waiting: 0,
        });
        let home = Rc::new(Home { core, tenant, player, shared });
        let wallet = Self(Rc::clone(&home));
        let addr = Self::create(|ctx| {
            ctx.set_mailbox_capacity(mailbox);
            wallet
        });
        (addr, home)
    }

    fn run(&mut self, ask: Ask, ctx: &mut Context<Self>) {
        let home = &self.0;
        if let Some(failure) = home.core.closed() {
            return home.fail(ask, failure);
        }
        if home.shared.borrow().quarantined {
            return home.fail(ask, Failure::Quarantined);
        }
        if home.is_loaded() {
            return self.look_up(ask, Found::default(), ctx);
        }
        let core = Rc::clone(&home.core);
        let owner = Aggregate::Player(home.player);
        let tenant = home.tenant;
        let loading = async move { core.storage.snapshots.load(tenant, owner).await };
        ctx.wait(loading.into_actor(self).map(move |loaded, wallet, ctx| {
            let home = &wallet.0;
            let snapshot = match loaded {
                Ok(snapshot) => snapshot.map(|s| serde_json::from_slice::<State>(&s.state)),
                Err(error) => {
                    tracing::error!(%error, "a wallet's snapshot can't be read");
                    return home.fail(ask, Failure::StorageUnavailable);
                }
            };
            match snapshot.transpose() {
                Ok(snapshot) => home.install(snapshot),
                Err(error) => {
                    tracing::error!(%error, player = home.player.0, "damaged snapshot");
                    home.shared.borrow_mut().quarantined = true;
                }
            }
            wallet.run(ask, ctx);
        }));
    }

    /// Looks up what the wallet and the filter don't know, until nothing is missing.
    fn look_up(&mut self, ask: Ask, found: Found, ctx: &mut Context<Self>) {
        let home = &self.0;
        let needs = home.needs(&ask, &found);
        if needs.is_empty() {
            return home.decide(ask, &found);
        }
        let core = Rc::clone(&home.core);
        let (tenant, player) = (home.tenant, home.player);
        let looking = async move {
            let looked = core.look_up(tenant, player, &needs).await;
            (needs, looked)
        };
        ctx.wait(looking.into_actor(self).map(move |(needs, looked), wallet, ctx| match looked {
            // A commit failed meanwhile: what the wallet knows is void.
            Ok(_) if !wallet.0.is_loaded() => wallet.run(ask, ctx),
            Ok((rows, round)) => {
                let mut found = found;
                found.add(&needs, rows, round);
                wallet.look_up(ask, found, ctx);
            }
            Err(failure) => wallet.0.fail(ask, failure),
        }));
    }
}

impl Home {
    /// Decides at once what needs no waiting: the wallet is awake, nothing waits before it, and
    /// no key has to be looked up. Whatever has to wait is handed back, for the actor.
    pub(super) fn decide_now(&self, ask: Ask) -> Option<Ask> {
        let alone = self.shared.borrow().waiting == 1;
        if !alone || !self.is_loaded() || self.core.closed().is_some() {
            return Some(ask);
        }
        let found = Found::default();
        if self.shared.borrow().quarantined || !self.needs(&ask, &found).is_empty() {
            return Some(ask);
        }
        self.decide(ask, &found);
        None
    }

    fn is_loaded(&self) -> bool {
        let shared = self.shared.borrow();
        shared.cell.is_some() && shared.generation == self.core.generation()
    }

    fn install(&self, snapshot: Option<State>) {
        let owner = (self.tenant, Aggregate::Player(self.player));
        let mut state = self.core.state.borrow_mut();
        let tail = state.tails.remove(&owner).unwrap_or_default();
        let mut shared = self.shared.borrow_mut();
        shared.generation = state.generation;
        match Cell::load(self.tenant, self.player, snapshot, tail.iter().cloned()) {
            Ok(cell) => shared.cell = Some(cell),
            Err(error) => {
                // The rows stay uncovered, so that the slot's floor does not pass them.
                state.tails.insert(owner, tail);
                tracing::error!(%error, player = self.player.0, "wallet quarantined");
                shared.quarantined = true;
            }
        }
    }

    /// What the wallet and the filter don't know.
    fn needs(&self, ask: &Ask, found: &Found) -> Needs {
        match (&ask.work, self.shared.borrow().cell.as_ref()) {
            (Work::Execute(_, _, asked) | Work::Check(_, _, asked), Some(cell)) => {
                cell.needs(asked, found, &self.core.state.borrow().filter, &self.core.keys)
            }
            (Work::Guarded(_, _, guarded), Some(cell)) => {
                let filter = &self.core.state.borrow().filter;
                let needs = |asked| cell.needs(asked, found, filter, &self.core.keys);
                let (mut needs, more): (Needs, Needs) =
                    (needs(&guarded.asked), needs(&guarded.probe));
                needs.requests.extend(more.requests);
                needs.claims.extend(more.claims);
                needs
            }
            _ => Needs::default(),
        }
    }

    fn decide(&self, ask: Ask, found: &Found) {
        let mut shared = self.shared.borrow_mut();
        shared.waiting = shared.waiting.saturating_sub(1);
        let Some(cell) = shared.cell.as_mut() else {
            return send(ask.reply, Reply::Failed(Failure::Quarantined));
        };
        let now = self.core.clock.now();
        let committed = self.core.committed_seq(cell.slot());
        let answer = match &ask.work {
            Work::Execute(_, _, asked) => self.execute(cell, asked, found, now, committed),
            Work::Guarded(_, _, guarded) => self.guarded(cell, guarded, found, now, committed),
            Work::Check(_, _, asked) => {
                let state = self.core.state.borrow();
                cell.check(asked, found, now, &self.core.keys, &state.stage)
                    .map(|refusal| refusal.map_or(Reply::Passed, Reply::Refused))
            }
            Work::Wallet(..) => Ok(Reply::Wallet(Box::new(cell.wallet().clone()))),
            Work::Tournament(..)
            | Work::Provider(..)
            | Work::ProviderState(..)
            | Work::Schedule(..) => {
                return send(ask.reply, Reply::Failed(Failure::NotOwner));
            }
        };
        let staged = cell.is_staged(committed);
        match answer {
            Ok(answer) => {
                drop(shared);
                let Ask { work, reply, permit } = ask;
                self.core.answer(staged, reply, answer, Some(work), permit);
            }
            Err(Error::NotOwner(_)) => {
                drop(shared);
                send(ask.reply, Reply::Failed(Failure::NotOwner));
            }
            Err(Error::Broken(error)) => {
                // A rule and the state disagree: stop this wallet, not the slot.
                tracing::error!(%error, player = self.player.0, "wallet quarantined");
                shared.quarantined = true;
                send(ask.reply, Reply::Failed(Failure::Quarantined));
            }
        }
    }

    fn guarded(
        &self,
        cell: &mut Cell,
        guarded: &Guarded,
        found: &Found,
        now: UnixMs,
        committed: u64,
    ) -> Result<Reply, Error> {
        let probed = {
            let state = self.core.state.borrow();
            cell.check(&guarded.probe, found, now, &self.core.keys, &state.stage)?
        };
        match probed {
            Some(Refusal::BetCancelled) => Ok(Reply::Refused(Refusal::BetCancelled)),
            Some(Refusal::IdempotencyMismatch) => Ok(Reply::Refused(Refusal::BetAlreadySettled)),
            Some(_) | None => self.execute(cell, &guarded.asked, found, now, committed),
        }
    }

    fn execute(
        &self,
        cell: &mut Cell,
        asked: &Prepared,
        found: &Found,
        now: UnixMs,
        committed: u64,
    ) -> Result<Reply, Error> {
        let mut state = self.core.state.borrow_mut();
        let state = &mut *state;
        let before = state.stage.len();
        let answer =
            cell.execute(asked, found, now, committed, &self.core.keys, &mut state.stage)?;
        for row in state.stage.since(before) {
            if let Some(request) = &row.request {
                state.filter.insert(&request.key);
            }
            if let Some(claim) = &row.claim {
                state.filter.insert(claim);
            }
        }
        Ok(match answer {
            Answer::Done(row) => Reply::Done(row),
            Answer::Replay(row) => Reply::Replay(row),
            Answer::Refused(refusal) => Reply::Refused(refusal),
            Answer::Noop(noop) => Reply::Noop(noop),
        })
    }

    fn fail(&self, ask: Ask, failure: Failure) {
        let mut shared = self.shared.borrow_mut();
        shared.waiting = shared.waiting.saturating_sub(1);
        send(ask.reply, Reply::Failed(failure));
    }
}

impl Actor for Wallet {
    type Context = Context<Self>;
}

impl Handler<Ask> for Wallet {
    type Result = ();

    fn handle(&mut self, ask: Ask, ctx: &mut Context<Self>) {
        self.run(ask, ctx);
    }
}
