//! The store of `store` in Redis: one server, one behind Sentinels, or a Cluster.
//!
//! | key | what |
//! |---|---|
//! | `P:{<id>}:board` | stream: the entries of a tournament, by [`At`] |
//! | `P:{<id>}:at` | the last of them by the writer's account; in the same slot of a Cluster |
//! | `P:wake` | stream: which tournaments have news |
//! | `P:core` | the core's sign of life; gone after 10 s |
//! | `P:list`, `P:docs` | the list of tournaments; a hash of their texts |
//!
//! Connections are in [`line`]. Waiting has one of its own: a call that blocks holds up everything
//! behind it.

mod line;

pub use line::{Kind, Login, Options, Tls};

use super::entry::{At, Entry};
use super::store::{Appended, Beat, List, Store, StoreError};
use async_trait::async_trait;
use line::{ANSWER_MAX, Line};
use palio_domain::{TenantId, TournamentId, UnixMs};
use redis::streams::StreamReadReply;
use redis::{RedisError, RedisResult};
use std::time::Duration;

/// How long one wait for news lasts.
const WAIT: Duration = Duration::from_millis(1_000);
/// After how long without its core a key is forgotten, seconds.
const KEPT_S: u64 = 24 * 60 * 60;
/// After how long a beat is forgotten, milliseconds.
const BEAT_MS: u64 = 10_000;
/// Hints kept.
const WAKES_MAX: usize = 1_024;
/// Texts in one call.
const DOCS_PER_CALL: usize = 64;

/// See the module.
pub struct Redis {
    calls: Line,
    waits: Line,
    prefix: String,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redis").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// Entries as Redis gives them.
type Raw = Vec<(String, Vec<(String, Vec<u8>)>)>;

fn read_entry(fields: Vec<(String, Vec<u8>)>) -> Option<Entry> {
    let (mut epoch, mut as_of, mut tenant, mut body) = (None, None, None, None);
    for (name, value) in fields {
        let text = || std::str::from_utf8(&value).ok();
        match name.as_str() {
            "e" => epoch = text().map(Into::into),
            "t" => as_of = text().and_then(|text| text.parse().ok()),
            "n" => tenant = text().and_then(|text| text.parse().ok()),
            "b" => body = Some(value),
            // A later version may say more.
            _ => {}
        }
    }
    Some(Entry { epoch: epoch?, as_of: UnixMs(as_of?), tenant: TenantId(tenant?), body: body? })
}

/// What is no entry is one that can't be read.
fn entry(fields: Vec<(String, Vec<u8>)>) -> Entry {
    let nothing =
        Entry { epoch: Box::default(), as_of: UnixMs(0), tenant: TenantId(0), body: Vec::new() };
    read_entry(fields).unwrap_or(nothing)
}

impl Redis {
    /// Says how Redis is reached; nothing is asked of it yet.
    ///
    /// # Errors
    /// What is wrong with the addresses.
    pub fn new(options: &Options) -> Result<Self, String> {
        let told = |error: RedisError| error.to_string();
        Ok(Self {
            calls: Line::new(options, ANSWER_MAX, true).map_err(told)?,
            waits: Line::new(options, WAIT + ANSWER_MAX, false).map_err(told)?,
            prefix: options.prefix.clone(),
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.prefix)
    }

    /// In a Cluster both of a tournament's keys are in the slot of its id.
    fn of(&self, id: &TournamentId, name: &str) -> String {
        format!("{}:{{{id}}}:{name}", self.prefix)
    }

    async fn newest(&self, key: &str, line: &Line) -> Result<Option<String>, StoreError> {
        let mut cmd = redis::cmd("XREVRANGE");
        let raw: Raw = line.ask(cmd.arg(key).arg("+").arg("-").arg("COUNT").arg(1)).await?;
        Ok(raw.into_iter().next().map(|(id, _)| id))
    }
}

#[async_trait]
impl Store for Redis {
    async fn append(
        &self,
        id: &TournamentId,
        entries: &[(At, Entry)],
        keep: u64,
    ) -> Result<Appended, StoreError> {
        let Some((last, _)) = entries.last() else { return Ok(Appended::After(None)) };
        let (board, at) = (self.of(id, "board"), self.of(id, "at"));
        let mut pipe = redis::pipe();
        pipe.atomic();
        for (at, entry) in entries {
            pipe.cmd("XADD").arg(&board).arg("MAXLEN").arg("~").arg(keep).arg(at.to_string());
            pipe.arg("e").arg(&*entry.epoch).arg("t").arg(entry.as_of.0);
            pipe.arg("n").arg(entry.tenant.0).arg("b").arg(&entry.body).ignore();
        }
        pipe.cmd("SET").arg(&at).arg(last.to_string()).arg("EX").arg(KEPT_S).arg("GET");
        pipe.cmd("EXPIRE").arg(&board).arg(KEPT_S).ignore();
        let (mut connection, serial) = self.calls.connection().await?;
        let answer: RedisResult<(Option<String>,)> = pipe.query_async(&mut connection).await;
        match answer {
            Ok((before,)) => Ok(Appended::After(before.and_then(|before| before.parse().ok()))),
            Err(error) if error.to_string().contains("equal or smaller") => Ok(Appended::Refused),
            Err(error) => Err(self.calls.lost(serial, &error).await),
        }
    }

    async fn last(&self, id: &TournamentId) -> Result<Option<At>, StoreError> {
        let (board, at) = (self.of(id, "board"), self.of(id, "at"));
        let mut pipe = redis::pipe();
        pipe.atomic();
        pipe.cmd("GETEX").arg(&at).arg("EX").arg(KEPT_S);
        pipe.cmd("EXPIRE").arg(&board).arg(KEPT_S);
        let (mut connection, serial) = self.calls.connection().await?;
        let answer: RedisResult<(Option<String>, u8)> = pipe.query_async(&mut connection).await;
        match answer {
            // The account of a stream that is gone is not worth anything.
            Ok((_, 0)) => Ok(None),
            Ok((last, _)) => Ok(last.and_then(|last| last.parse().ok())),
            Err(error) => Err(self.calls.lost(serial, &error).await),
        }
    }

    async fn top(&self, id: &TournamentId) -> Result<Option<At>, StoreError> {
        let newest = self.newest(&self.of(id, "board"), &self.calls).await?;
        Ok(newest.and_then(|newest| newest.parse().ok()))
    }

    async fn read(
        &self,
        id: &TournamentId,
        after: At,
        limit: usize,
    ) -> Result<Vec<(At, Entry)>, StoreError> {
        let mut cmd = redis::cmd("XRANGE");
        cmd.arg(self.of(id, "board")).arg(format!("({after}")).arg("+").arg("COUNT").arg(limit);
        let raw: Raw = self.calls.ask(&cmd).await?;
        let entries =
            raw.into_iter().filter_map(|(at, fields)| Some((at.parse().ok()?, entry(fields))));
        Ok(entries.collect())
    }

    async fn wake(&self, ids: &[TournamentId]) -> Result<(), StoreError> {
        let ids: Vec<_> = ids.iter().map(TournamentId::as_str).collect();
        let mut cmd = redis::cmd("XADD");
        cmd.arg(self.key("wake")).arg("MAXLEN").arg("~").arg(WAKES_MAX).arg("*");
        self.calls.ask::<String>(cmd.arg("i").arg(ids.join(" "))).await.map(drop)
    }

    async fn woken(&self, mark: &mut String) -> Result<Vec<TournamentId>, StoreError> {
        let key = self.key("wake");
        if mark.is_empty() {
            let newest = self.newest(&key, &self.waits).await?;
            *mark = newest.unwrap_or_else(|| At::START.to_string());
        }
        let mut cmd = redis::cmd("XREAD");
        cmd.arg("COUNT").arg(256).arg("BLOCK").arg(u64::try_from(WAIT.as_millis()).unwrap_or(1));
        cmd.arg("STREAMS").arg(&key).arg(&*mark);
        let reply: Option<StreamReadReply> = self.waits.ask(&cmd).await?;
        let mut ids = Vec::new();
        for hint in reply.into_iter().flat_map(|reply| reply.keys).flat_map(|key| key.ids) {
            let text: String = hint.get("i").unwrap_or_default();
            ids.extend(text.split(' ').filter_map(|id| TournamentId::parse(id).ok()));
            *mark = hint.id;
        }
        Ok(ids)
    }

    async fn beat(&self) -> Result<Option<Beat>, StoreError> {
        let text: Option<String> = self.calls.ask(redis::cmd("GET").arg(self.key("core"))).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn give_beat(&self, beat: &Beat) -> Result<(), StoreError> {
        let text = serde_json::to_string(beat).unwrap_or_default();
        let mut cmd = redis::cmd("SET");
        self.calls.ask(cmd.arg(self.key("core")).arg(text).arg("PX").arg(BEAT_MS)).await
    }

    async fn list(&self) -> Result<Option<List>, StoreError> {
        let text: Option<String> = self.calls.ask(redis::cmd("GET").arg(self.key("list"))).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    async fn put_list(&self, list: &List) -> Result<(), StoreError> {
        let text = serde_json::to_string(list).unwrap_or_default();
        let mut cmd = redis::cmd("SET");
        self.calls.ask(cmd.arg(self.key("list")).arg(text).arg("EX").arg(KEPT_S)).await
    }

    async fn docs(&self, ids: &[TournamentId]) -> Result<Vec<Option<String>>, StoreError> {
        let mut docs = Vec::with_capacity(ids.len());
        for some in ids.chunks(DOCS_PER_CALL) {
            let mut cmd = redis::cmd("HMGET");
            cmd.arg(self.key("docs"));
            some.iter().for_each(|id| {
                cmd.arg(id.as_str());
            });
            docs.extend(self.calls.ask::<Vec<Option<String>>>(&cmd).await?);
        }
        Ok(docs)
    }

    async fn put_docs(
        &self,
        docs: &[(TournamentId, String)],
        whole: bool,
    ) -> Result<(), StoreError> {
        let key = self.key("docs");
        if whole {
            self.calls.ask::<u64>(redis::cmd("DEL").arg(&key)).await?;
        }
        for some in docs.chunks(DOCS_PER_CALL) {
            let mut cmd = redis::cmd("HSET");
            cmd.arg(&key);
            for (id, text) in some {
                cmd.arg(id.as_str()).arg(text);
            }
            self.calls.ask::<u64>(&cmd).await?;
        }
        self.calls.ask::<u64>(redis::cmd("EXPIRE").arg(&key).arg(KEPT_S)).await.map(drop)
    }
}
