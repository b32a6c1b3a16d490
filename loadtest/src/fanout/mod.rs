//! `loadtest fanout`: live boards beside their peers, as ratios of one run.

pub mod trace;
