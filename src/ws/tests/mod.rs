//! Over real sockets.

mod board;
mod complaints;
mod doors;
mod history;
mod players;
mod pressure;
mod rfc6455;
mod streams;
mod support;
