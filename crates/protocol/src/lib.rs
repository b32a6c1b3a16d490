//! The wire of Palio: HTTP bodies, socket frames, events, error codes, signatures.
//!
//! The only place where messages to and from the outside are given their JSON shape.

pub mod signature;
