//! The tool against a stub server: what is right passes, and every way to misbehave is noticed.
#![cfg(test)]

mod baseline;
mod bets;
mod fanout;
mod library;
mod program;
mod rfc6455;
mod stub;
mod watch;
