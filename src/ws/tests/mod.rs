//! Over real sockets.

mod board;
mod complaints;
mod doors;
mod history;
mod players;
mod pressure;
mod purses;
mod rfc6455;
mod streams;
mod support;
