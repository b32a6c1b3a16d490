//! Over real sockets.

mod board;
mod doors;
mod history;
mod players;
mod pressure;
mod purses;
mod streams;
mod support;
