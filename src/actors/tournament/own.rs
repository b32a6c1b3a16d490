//! Players' own positions.

use super::Tournament;
use crate::actors::board::{OwnRow, OwnText};
use actix::prelude::*;
use palio_domain::PlayerId;
use palio_domain::tournament::{Position, alias, write_alias};
use palio_protocol::live::json::{Ahead, Frame, Me, RowText};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::ops::Range;

/// A player's own position.
#[derive(Message)]
#[rtype(result = "Option<OwnRow>")]
pub(in crate::actors) struct Own {
    pub(in crate::actors) player: PlayerId,
}

/// Own rows of these players as they are sent, in their order; `None` where the row is the one
/// with the hash that is known, and where there is none.
#[derive(Message)]
#[rtype(result = "Vec<Option<OwnText>>")]
pub(in crate::actors) struct OwnTexts {
    pub(in crate::actors) asked: Vec<(PlayerId, Option<u64>)>,
}

/// Short texts in one, so that a row takes no memory for each of its two dozen.
#[derive(Default)]
struct Texts(String);

impl Texts {
    fn add(&mut self, write: impl FnOnce(&mut String)) -> Range<usize> {
        let start = self.0.len();
        write(&mut self.0);
        start..self.0.len()
    }

    fn get(&self, range: &Range<usize>) -> &str {
        self.0.get(range.clone()).unwrap_or_default()
    }
}

impl Tournament {
    fn own_row(&self, player: PlayerId) -> Option<OwnRow> {
        let position = self.standings.of(player)?;
        let definition = self.standings.definition();
        Some(OwnRow {
            key: self.key(player),
            rank: position.rank,
            score: definition.show(position.score),
            participants: self.standings.ranked(),
            ahead: position.ahead.map(|(gap, who)| (definition.show(gap), alias(who))),
            prize_gap: position.prize_gap.map(|gap| definition.show(gap)),
            around: position.around.iter().map(|standing| self.row(standing)).collect(),
        })
    }

    fn own_text(
        &self,
        (player, known): (PlayerId, Option<u64>),
        texts: &mut Texts,
    ) -> Option<OwnText> {
        let position = self.standings.of(player)?;
        let mut hasher = DefaultHasher::new();
        (&position, self.standings.ranked()).hash(&mut hasher);
        let hash = hasher.finish();
        (known != Some(hash))
            .then(|| OwnText { hash, text: self.text_of(player, &position, texts) })
    }

    /// What [`OwnRow::to_text`] of [`Self::own_row`] is, in a fraction of its time: thousands of
    /// players ask every second.
    fn text_of(&self, player: PlayerId, position: &Position, texts: &mut Texts) -> String {
        texts.0.clear();
        let definition = self.standings.definition();
        let score = |of: i64| move |to: &mut String| definition.write_score(of, to);
        let name = |of: PlayerId| move |to: &mut String| write_alias(of, to);
        let key =
            |of: PlayerId| move |to: &mut String| self.keys.write_board_row(self.number, of, to);
        let own_score = texts.add(score(position.score));
        let own_key = texts.add(key(player));
        let ahead = position.ahead.map(|(gap, who)| (texts.add(score(gap)), texts.add(name(who))));
        let prize_gap = position.prize_gap.map(|gap| texts.add(score(gap)));
        let mut rows = Vec::with_capacity(position.around.len());
        for at in &position.around {
            let (k, n) = (texts.add(key(at.player)), texts.add(name(at.player)));
            rows.push((k, at.rank, n, texts.add(score(at.score))));
        }
        let row = |(k, r, n, s): &(_, u64, _, _)| RowText {
            k: texts.get(k),
            r: *r,
            n: texts.get(n),
            s: texts.get(s),
        };
        Frame::Me(Me {
            rank: position.rank,
            score: texts.get(&own_score),
            key: texts.get(&own_key),
            participants: self.standings.ranked(),
            ahead: ahead
                .as_ref()
                .map(|(gap, name)| Ahead { gap: texts.get(gap), name: texts.get(name) }),
            prize_gap: prize_gap.as_ref().map(|gap| texts.get(gap)),
            around: rows.iter().map(row).collect(),
        })
        .to_text()
    }
}

impl Handler<Own> for Tournament {
    type Result = Option<OwnRow>;

    fn handle(&mut self, message: Own, _: &mut Context<Self>) -> Option<OwnRow> {
        self.own_row(message.player)
    }
}

impl Handler<OwnTexts> for Tournament {
    type Result = Vec<Option<OwnText>>;

    fn handle(&mut self, message: OwnTexts, _: &mut Context<Self>) -> Self::Result {
        let mut texts = Texts::default();
        message.asked.into_iter().map(|asked| self.own_text(asked, &mut texts)).collect()
    }
}
