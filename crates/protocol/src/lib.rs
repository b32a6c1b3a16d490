//! The wire of Palio: HTTP bodies, socket frames, events, error codes, signatures.
//!
//! The only place where messages to and from the outside are given their JSON shape. Bodies are
//! read leniently (unknown fields are left alone) and checked field by field, so that a refusal
//! always names the field; what comes out are the domain's own types.
//!
//! **Invariants:** [`result::render`] gives the same bytes for the same row for ever; no message
//! of an error repeats what the caller sent. **Never:** I/O, clocks.

pub mod error_code;
pub mod events;
pub mod field;
pub mod frames;
pub mod json;
pub mod problem;
pub mod result;
pub mod signature;
pub mod time;
pub mod tournament;
pub mod wallet;

pub use error_code::ErrorCode;
pub use field::FieldError;
pub use problem::Problem;
