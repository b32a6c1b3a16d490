//! Game providers and the recurring tournaments of the configuration.

pub mod sandbox;
pub mod series;
