//! Game providers and the recurring tournaments of the configuration.

pub mod profile;
pub mod sandbox;
pub mod series;
