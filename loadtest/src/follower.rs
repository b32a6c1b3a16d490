//! A live board for tests: connects, applies every frame, shows rows, seq and epoch.

use crate::Error;
use crate::board::{Board, Frame, Me, Row};
use crate::http::Base;
use crate::ws::{self, Socket, Target};
use futures_util::{SinkExt as _, StreamExt as _};
use std::time::Duration;
use tokio_tungstenite::tungstenite::protocol::Message;

/// Follows one tournament over one socket. It never reconnects by itself.
#[derive(Debug)]
pub struct Follower {
    socket: Socket,
    board: Board,
    me: Option<Me>,
}

/// What [`Follower::next`] received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A frame, already applied.
    Frame(Frame),
    /// The end, with the close code (1005 if there was none, 1006 if the connection broke).
    Closed {
        /// See docs/protocol.md.
        code: u16,
        /// As sent.
        reason: String,
    },
}

impl Follower {
    /// Connects to `url` (`http://host:port`). With a board, asks to resume from it; an empty
    /// board at a position is [`Board::at`].
    ///
    /// # Errors
    /// [`Error::Usage`], [`Error::Io`], [`Error::Socket`] (with the HTTP answer if the server
    /// does not upgrade; see [`refused_status`]).
    pub async fn connect(url: &str, tournament: &str, from: Option<Board>) -> Result<Self, Error> {
        let base = Base::parse(url)?;
        let board = from.unwrap_or_default();
        let cursor = board.cursor();
        let target = Target { base: &base, tournament, cursor, receive_buffer: None };
        let socket = ws::open(target).await?;
        Ok(Self { socket, board, me: None })
    }

    /// Waits for the next frame and applies it. Pings are answered on the way.
    ///
    /// # Errors
    /// [`Error::Board`] for a frame that does not fit, a gap among them.
    pub async fn next(&mut self) -> Result<Event, Error> {
        loop {
            let text = match self.socket.next().await {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Close(frame))) => {
                    let (code, reason) = frame
                        .map_or((1005, String::new()), |f| (f.code.into(), f.reason.to_string()));
                    return Ok(Event::Closed { code, reason });
                }
                Some(Ok(_)) => continue,
                Some(Err(error)) => {
                    return Ok(Event::Closed { code: 1006, reason: error.to_string() });
                }
                None => return Ok(Event::Closed { code: 1006, reason: String::new() }),
            };
            let frame = Frame::parse(&text)?;
            self.board.apply(&frame)?;
            if let Frame::Me(me) = &frame {
                self.me = Some(Me::clone(me));
            }
            return Ok(Event::Frame(frame));
        }
    }

    /// Follows until `wanted` is true of this follower; it is asked before the first frame too.
    ///
    /// # Errors
    /// As [`next`](Self::next), [`Error::Timeout`], and [`Error::Refused`] with the close code if
    /// the socket is closed first.
    pub async fn until(
        &mut self,
        within: Duration,
        mut wanted: impl FnMut(&Self) -> bool,
    ) -> Result<(), Error> {
        let follow = async {
            while !wanted(self) {
                if let Event::Closed { code, reason } = self.next().await? {
                    let what = "the socket".to_owned();
                    return Err(Error::Refused { what, status: code, code: reason });
                }
            }
            Ok(())
        };
        let timeout = Error::Timeout(within.as_millis());
        tokio::time::timeout(within, follow).await.unwrap_or(Err(timeout))
    }

    /// Sends a text frame as it is.
    ///
    /// # Errors
    /// [`Error::Socket`].
    pub async fn send(&mut self, text: &str) -> Result<(), Error> {
        Ok(self.socket.send(Message::text(text)).await?)
    }

    /// Asks for the player's own row.
    ///
    /// # Errors
    /// [`Error::Socket`].
    pub async fn authenticate(&mut self, token: &str) -> Result<(), Error> {
        self.send(&format!(r#"{{"t":"auth","token":"{token}"}}"#)).await
    }

    /// Closes and hands the board back, to resume from.
    pub async fn close(mut self) -> Board {
        // The board is good whether or not the server hears of it.
        self.socket.close(None).await.ok();
        self.board
    }

    /// The whole board.
    #[must_use]
    pub const fn board(&self) -> &Board {
        &self.board
    }

    /// The rows by rank.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        self.board.rows()
    }

    /// The position within the epoch.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.board.seq()
    }

    /// The epoch; empty before the first frame.
    #[must_use]
    pub fn epoch(&self) -> &str {
        self.board.epoch()
    }

    /// The player's own row, as last sent.
    #[must_use]
    pub const fn me(&self) -> Option<&Me> {
        self.me.as_ref()
    }
}

/// The HTTP status with which a server refused to upgrade, if that is the error.
#[must_use]
pub fn refused_status(error: &Error) -> Option<u16> {
    use tokio_tungstenite::tungstenite::Error as Ws;
    match error {
        Error::Socket(error) => match error.as_ref() {
            Ws::Http(answer) => Some(answer.status().as_u16()),
            _ => None,
        },
        _ => None,
    }
}
