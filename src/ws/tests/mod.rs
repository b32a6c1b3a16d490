//! Over real sockets.

mod board;
mod doors;
mod players;
mod pressure;
mod support;
