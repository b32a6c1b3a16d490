//! A small keep-alive HTTP/1.1 client on raw TCP: one connection, one request at a time.
//!
//! **Never does:** TLS, redirects, pipelining, compression. It shares its cores with the server
//! it measures, so a request costs two system calls and no allocation once the buffers have grown.

mod answer;
mod connection;
mod link;
mod url;

pub(crate) use answer::header_pairs;
pub use connection::Connection;
pub(crate) use link::Link;
pub use url::Base;
