//! One socket's life: connect, follow, and come back as docs/protocol.md tells a client to.

use super::sample::Sample;
use super::scan::{Seen, scan};
use super::tally::Tally;
use crate::board::{Error as BoardError, Frame};
use crate::follower::refused_status;
use crate::http::Base;
use crate::num::count;
use crate::ws::{self, Socket, Target};
use futures_util::StreamExt as _;
use palio_protocol::live::close::{self, Then};
use rand::Rng as _;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_tungstenite::tungstenite::protocol::Message;

const OPEN_TIMEOUT: Duration = Duration::from_secs(15);
const OPEN_TRIES: u32 = 5;
const RECONNECT: Duration = Duration::from_millis(500);
/// A stalled reader's kernel buffer, so that the server soon notices.
const STALLED_BUFFER: u32 = 4 * 1024;

/// What all sockets share.
#[derive(Debug)]
pub(super) struct Context {
    pub(super) base: Base,
    pub(super) tournament: String,
    pub(super) tally: Arc<Tally>,
}

/// What a socket does with its frames.
#[derive(Debug)]
pub(super) enum Role {
    /// Checks that none is missing.
    Counted,
    /// Keeps a whole board too.
    Sampled(Arc<Sample>),
    /// Reads one board, then nothing until it is woken.
    Stalled(watch::Receiver<bool>),
}

/// Whether and how to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    Never,
    /// Without a cursor.
    Fresh(Duration),
    /// From the cursor.
    Resume(Duration),
}

/// See the table of close codes in docs/protocol/live.md.
fn after_close(code: u16, reconnect: Option<Duration>) -> Again {
    let wait = reconnect.unwrap_or(RECONNECT);
    match close::then(code) {
        Then::Never => Again::Never,
        Then::Fresh => Again::Fresh(wait),
        Then::Resume => Again::Resume(wait),
    }
}

/// A frame that the socket cannot go on after.
enum Fault {
    Gap(String),
    Bad(String),
}

/// Where a socket is.
struct Follow<'a> {
    context: &'a Context,
    role: Role,
    cursor: Option<(String, u64)>,
    begin: Instant,
    seen_board: bool,
    reconnect: Option<Duration>,
}

/// Follows the board until the task is aborted or the server says not to come back.
pub(super) async fn follow(
    context: Arc<Context>,
    role: Role,
    mut opening: Option<OwnedSemaphorePermit>,
) {
    let receive_buffer = matches!(role, Role::Stalled(_)).then_some(STALLED_BUFFER);
    let mut follow = Follow {
        context: &context,
        role,
        cursor: None,
        begin: Instant::now(),
        seen_board: false,
        reconnect: None,
    };
    let (mut again, mut failed) = (false, 0);
    loop {
        let begin = Instant::now();
        let cursor = follow.cursor.as_ref().map(|(epoch, seq)| (epoch.as_str(), *seq));
        let Context { base, tournament, tally } = &*context;
        let open = ws::open(Target { base, tournament, cursor, receive_buffer });
        let outcome = tokio::time::timeout(OPEN_TIMEOUT, open).await;
        opening.take();
        let next = match outcome {
            Ok(Ok(socket)) => {
                tally.opened(begin.elapsed(), again);
                (again, failed) = (true, 0);
                follow.read(socket).await
            }
            Ok(Err(error)) => {
                failed += 1;
                let status = refused_status(&error).unwrap_or(0);
                tally.refused(status, error.code());
                if status == 404 { Again::Never } else { Again::Resume(RECONNECT * failed) }
            }
            Err(_) => {
                failed += 1;
                tally.refused(0, "TIMEOUT");
                Again::Resume(RECONNECT)
            }
        };
        let wait = match next {
            Again::Never => return,
            _ if failed == OPEN_TRIES => return,
            Again::Resume(wait) => wait,
            Again::Fresh(wait) => {
                follow.forget();
                wait
            }
        };
        // Not all at the same moment.
        let jitter = rand::rng().random_range(0.5..1.5);
        tokio::time::sleep(wait.mul_f64(jitter)).await;
    }
}

impl Follow<'_> {
    fn forget(&mut self) {
        self.cursor = None;
        if let Role::Sampled(sample) = &self.role {
            sample.forget();
        }
    }

    async fn read(&mut self, mut socket: Socket) -> Again {
        let tally = &self.context.tally;
        self.reconnect = None;
        loop {
            let message = match socket.next().await {
                Some(Ok(message)) => message,
                Some(Err(_)) | None => {
                    tally.closed(1006, "broken");
                    return after_close(1006, self.reconnect);
                }
            };
            let text = match message {
                Message::Text(text) => text,
                Message::Close(frame) => {
                    let (code, reason) = frame
                        .map_or((1005, String::new()), |f| (f.code.into(), f.reason.to_string()));
                    tally.closed(code, &reason);
                    return after_close(code, self.reconnect);
                }
                _ => continue,
            };
            match self.take(&text) {
                Ok(()) => {}
                Err(Fault::Gap(text)) => {
                    tally.gap(text);
                    tally.closed(0, "gap");
                    return Again::Fresh(Duration::ZERO);
                }
                Err(Fault::Bad(text)) => {
                    tally.bad_frame(text);
                    tally.closed(0, "bad frame");
                    return Again::Fresh(RECONNECT);
                }
            }
            if let (Role::Stalled(wake), true) = (&mut self.role, self.seen_board) {
                // Ends early only when the run is over.
                wake.wait_for(|woken| *woken).await.ok();
            }
        }
    }

    /// Checks one frame.
    fn take(&mut self, text: &str) -> Result<(), Fault> {
        let tally = &self.context.tally;
        let seen = scan(text).ok_or_else(|| Fault::Bad(format!("not a frame: {text}")))?;
        let bytes = count(text.len());
        match seen {
            Seen::Snapshot { epoch, seq } => {
                tally.snapshot(bytes);
                self.cursor = Some((epoch.to_owned(), seq));
                if !self.seen_board {
                    self.seen_board = true;
                    tally.first_board(self.begin.elapsed());
                }
            }
            Seen::Resumed { epoch, seq } => {
                tally.resumed();
                let have = self.cursor.as_ref().map(|(epoch, seq)| (epoch.as_str(), *seq));
                if have != Some((epoch, seq)) {
                    return Err(Fault::Gap(format!("resumed at {epoch}-{seq}, was at {have:?}")));
                }
            }
            Seen::Delta { prev, seq } => {
                // Counted first: an arrival is an arrival.
                tally.delta(seq, bytes);
                match &mut self.cursor {
                    Some((_, have)) if *have == prev && seq > prev => *have = seq,
                    have => {
                        return Err(Fault::Gap(format!("delta {prev} to {seq}, was at {have:?}")));
                    }
                }
            }
            Seen::Bye => {
                if let Ok(Frame::Bye { reconnect_ms, .. }) = Frame::parse(text) {
                    self.reconnect = reconnect_ms.map(Duration::from_millis);
                }
            }
            Seen::Other => {}
        }
        if let Role::Sampled(sample) = &self.role {
            sample.apply(text).map_err(|error| match error {
                BoardError::Gap { .. } => Fault::Gap(error.to_string()),
                _ => Fault::Bad(error.to_string()),
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_as_the_code_says() {
        let wait = Duration::from_millis(70);
        let rows = [
            (1000, Again::Never),
            (1001, Again::Resume(wait)),
            (1006, Again::Resume(wait)),
            (4400, Again::Never),
            (4401, Again::Never),
            (4404, Again::Never),
            (4408, Again::Never),
            (4108, Again::Fresh(wait)),
            (4029, Again::Resume(wait)),
        ];
        for (code, again) in rows {
            assert_eq!(after_close(code, Some(wait)), again, "{code}");
        }
    }
}
