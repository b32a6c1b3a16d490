//! What changed between two boards, and the recent changes that a client can catch up with.
//!
//! **Invariants:** a [`Delta`] applied to the board at `prev` gives the board at `seq`, exactly;
//! so does a merged one. A ring holds an unbroken chain of deltas that ends at its board.
//!
//! Pure: no sockets, no clock. Tests: below, against the client of the load generator.

use crate::actors::board::{BoardRow, BoardView, Status};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// A row that is new or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Row key.
    pub key: String,
    /// New position.
    pub rank: u64,
    /// Alias.
    pub name: String,
    /// New score.
    pub score: String,
    /// Whether the base lacks the row.
    pub fresh: bool,
    /// Whether the base may have it under another name.
    pub renamed: bool,
}

impl Change {
    /// Whether a client needs to be told the name.
    #[must_use]
    pub const fn names(&self) -> bool {
        self.fresh || self.renamed
    }
}

/// The way from the board at `prev` to the board at `seq`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// The base.
    pub prev: u64,
    /// The result.
    pub seq: u64,
    /// New and changed rows, by rank.
    pub set: Vec<Change>,
    /// Keys of rows that left the board.
    pub del: Vec<String>,
    /// If changed.
    pub participants: Option<u64>,
    /// If changed.
    pub status: Option<Status>,
}

/// The delta from `old` (at `prev`) to `new`, or `None` when a client would see no difference.
#[must_use]
pub fn diff(prev: u64, old: &BoardView, new: &BoardView) -> Option<Delta> {
    let before: HashMap<&str, &BoardRow> =
        old.rows.iter().map(|row| (row.key.as_str(), row)).collect();
    let mut kept = 0;
    let mut set = Vec::new();
    for row in &new.rows {
        let base = before.get(row.key.as_str());
        kept += usize::from(base.is_some());
        let renamed = base.is_some_and(|base| base.name != row.name);
        if base.is_some_and(|b| b.rank == row.rank && b.score == row.score) && !renamed {
            continue;
        }
        set.push(Change {
            key: row.key.clone(),
            rank: row.rank,
            name: row.name.clone(),
            score: row.score.clone(),
            fresh: base.is_none(),
            renamed,
        });
    }
    let mut del = Vec::new();
    if kept < old.rows.len() {
        let after: HashMap<&str, ()> = new.rows.iter().map(|row| (row.key.as_str(), ())).collect();
        let gone = old.rows.iter().filter(|row| !after.contains_key(row.key.as_str()));
        del.extend(gone.map(|row| row.key.clone()));
    }
    let participants = (old.participants != new.participants).then_some(new.participants);
    let status = (old.status != new.status).then_some(new.status);
    let same = set.is_empty() && del.is_empty() && participants.is_none() && status.is_none();
    (!same).then_some(Delta { prev, seq: prev.saturating_add(1), set, del, participants, status })
}

/// What became of a row between two boards.
enum Fate<'a> {
    Is { row: &'a Change, fresh: bool, renamed: bool },
    Gone,
}

/// One delta for a chain of them; `None` for an empty chain.
///
/// A row that came and went within the chain does not appear. One that went and came back is
/// sent with its name, which a client that has it may take again.
#[must_use]
pub fn merge<'a>(steps: impl IntoIterator<Item = &'a Delta>) -> Option<Delta> {
    let mut fates: BTreeMap<&str, Fate<'_>> = BTreeMap::new();
    let mut ends: Option<(u64, u64)> = None;
    let (mut participants, mut status) = (None, None);
    for step in steps {
        ends = Some((ends.map_or(step.prev, |(prev, _)| prev), step.seq));
        participants = step.participants.or(participants);
        status = step.status.or(status);
        for key in &step.del {
            let lacked = matches!(fates.get(key.as_str()), Some(Fate::Is { fresh: true, .. }));
            if lacked {
                fates.remove(key.as_str());
            } else {
                fates.insert(key, Fate::Gone);
            }
        }
        for row in &step.set {
            let (fresh, renamed) = match fates.get(row.key.as_str()) {
                None => (row.fresh, row.renamed),
                Some(Fate::Gone) => (false, true),
                Some(Fate::Is { fresh, renamed, .. }) => (*fresh, *renamed || row.renamed),
            };
            fates.insert(&row.key, Fate::Is { row, fresh, renamed });
        }
    }
    let (prev, seq) = ends?;
    let (mut set, mut del) = (Vec::new(), Vec::new());
    for (key, fate) in fates {
        match fate {
            Fate::Gone => del.push(key.to_owned()),
            Fate::Is { row, fresh, renamed } => set.push(Change { fresh, renamed, ..row.clone() }),
        }
    }
    set.sort_by_key(|change| change.rank);
    Some(Delta { prev, seq, set, del, participants, status })
}

/// What a client at some position needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Since {
    /// Nothing: it is up to date.
    Same,
    /// This, and then it is up to date.
    Changed(Delta),
    /// The whole board: the way from there is no longer known.
    Lost,
}

/// The most recent deltas, oldest first, each starting where the one before ended.
#[derive(Debug, Clone, Default)]
pub struct Ring(VecDeque<Arc<Delta>>);

impl Ring {
    /// This ring with one more delta, at most `len_max` in all.
    #[must_use]
    pub fn with(&self, delta: Arc<Delta>, len_max: usize) -> Self {
        let surplus = (self.0.len() + 1).saturating_sub(len_max.max(1));
        let mut steps = VecDeque::with_capacity(self.0.len() + 1);
        steps.extend(self.0.iter().skip(surplus).cloned());
        steps.push_back(delta);
        Self(steps)
    }

    /// The newest delta.
    #[must_use]
    pub fn last(&self) -> Option<&Delta> {
        self.0.back().map(AsRef::as_ref)
    }

    /// What leads from `from` to `to`, the position of the board that this ring belongs to.
    #[must_use]
    pub fn since(&self, from: u64, to: u64) -> Since {
        if from == to {
            return Since::Same;
        }
        let Some(oldest) = self.0.front().map(|step| step.prev) else { return Since::Lost };
        if from < oldest || from > to {
            return Since::Lost;
        }
        let steps = self.0.iter().map(AsRef::as_ref).filter(|step| step.prev >= from);
        match merge(steps) {
            Some(delta) if delta.prev == from && delta.seq == to => Since::Changed(delta),
            Some(_) | None => Since::Lost,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ws::frames;
    use crate::ws::topic::Published;
    use loadtest::board::{Board, Frame};
    use palio_domain::{PlayerId, TenantId, TournamentId, UnixMs};
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// A board of these keys in this order; the score tells the round, the name may change too.
    fn view(rows: &[(u8, u8, bool)], participants: u64, status: Status) -> BoardView {
        let mut seen = Vec::new();
        let mut shown = Vec::new();
        for (key, score, other) in rows {
            if !seen.contains(key) {
                seen.push(*key);
                shown.push((key, score, other));
            }
        }
        let row = |(rank, (key, score, other)): (u64, (&u8, &u8, &bool))| BoardRow {
            player: PlayerId(u64::from(*key)),
            key: format!("k{key}"),
            rank,
            name: format!("Otter \"{key}\" {}", u8::from(*other)),
            score: score.to_string(),
        };
        BoardView {
            tenant: TenantId(1),
            tournament: TournamentId::parse("race").unwrap(),
            status,
            participants,
            ends_at: UnixMs(0),
            tick_ms: 1000,
            rows: (1..).zip(shown).map(row).collect(),
        }
    }

    type Shown<'a> = (Vec<(u64, &'a str, &'a str, &'a str)>, u64, &'a str);

    fn shown(board: &Board) -> Shown<'_> {
        let rows = board.rows().iter();
        let rows = rows.map(|r| (r.rank, &*r.key, &*r.name, &*r.score)).collect();
        (rows, board.participants(), board.status())
    }

    fn is(view: &BoardView) -> Shown<'_> {
        let rows = view.rows.iter().map(|r| (r.rank, &*r.key, &*r.name, &*r.score)).collect();
        (rows, view.participants, view.status.as_str())
    }

    fn read(board: &mut Board, text: &str) {
        board.apply(&Frame::parse(text).unwrap()).unwrap();
    }

    fn snapshot_text(published: &Published) -> String {
        let (head, tail) = frames::snapshot(&published.epoch, published.seq, &published.view);
        format!("{head}now{tail}")
    }

    fn views() -> impl Strategy<Value = Vec<BoardView>> {
        let rows = vec((0_u8..8, 0_u8..3, prop::bool::weighted(0.1)), 0..6);
        let status = prop_oneof![Just(Status::Active), Just(Status::Completed)];
        let one = (rows, 0_u64..3, status).prop_map(|(rows, n, status)| view(&rows, n, status));
        vec(one, 1..40)
    }

    proptest! {
        /// Whoever follows, however often he sleeps, resumes or starts again, has the server's
        /// board at his position.
        #[test]
        fn a_client_has_the_servers_board(
            views in views(),
            awake in vec(any::<bool>(), 40),
            ring_len in 1_usize..6,
        ) {
            let mut views = views.into_iter().map(Arc::new);
            let mut server = Published::first("e".into(), views.next().unwrap(), UnixMs(0));
            let mut steady = Board::default();
            read(&mut steady, &snapshot_text(&server));
            let mut sleepy = steady.clone();
            for (view, awake) in views.zip(awake) {
                if let Some(next) = server.next(Arc::clone(&view), UnixMs(0), ring_len) {
                    prop_assert_eq!(next.seq, server.seq + 1);
                    server = next;
                    match server.since("e", steady.seq()) {
                        Since::Changed(delta) => read(&mut steady, &frames::delta(&delta)),
                        other => prop_assert!(false, "{other:?}"),
                    }
                }
                prop_assert_eq!(shown(&steady), is(&view));
                prop_assert_eq!(steady.seq(), server.seq);
                if !awake {
                    continue;
                }
                let behind = server.seq - sleepy.seq();
                match server.since("e", sleepy.seq()) {
                    Since::Same => prop_assert_eq!(behind, 0),
                    Since::Changed(delta) => {
                        for row in delta.set.iter().filter(|row| row.fresh) {
                            prop_assert!(sleepy.rows().iter().all(|had| had.key != row.key));
                        }
                        for key in &delta.del {
                            prop_assert!(sleepy.rows().iter().any(|had| had.key == *key));
                        }
                        read(&mut sleepy, &frames::delta(&delta));
                    }
                    Since::Lost => {
                        prop_assert!(behind > u64::try_from(ring_len).unwrap());
                        read(&mut sleepy, &snapshot_text(&server));
                    }
                }
                prop_assert_eq!(shown(&sleepy), is(&view));
                prop_assert_eq!(sleepy.seq(), server.seq);
            }
        }
    }

    #[test]
    fn no_change_is_no_delta() {
        let board = view(&[(1, 1, false)], 1, Status::Active);
        assert_eq!(diff(4, &board, &board.clone()), None);
        let tick = BoardView { tick_ms: 100, ..board.clone() };
        assert_eq!(diff(4, &board, &tick), None);
    }

    #[test]
    fn positions_of_other_histories_are_lost() {
        let board = Arc::new(view(&[(1, 1, false)], 1, Status::Active));
        let first = Published::first("e".into(), board, UnixMs(0));
        assert_eq!(first.since("e", 1), Since::Same);
        for (epoch, seq) in [("e", 0), ("e", 2), ("f", 1)] {
            assert_eq!(first.since(epoch, seq), Since::Lost, "{epoch} {seq}");
        }
    }
}
