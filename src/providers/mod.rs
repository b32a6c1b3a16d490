//! Game providers that come with the server.

pub mod sandbox;
