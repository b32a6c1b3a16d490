//! Game providers, their protocols and states, and the recurring tournaments of the configuration.

pub mod dialects;
pub mod profile;
pub mod sandbox;
pub mod series;
