//! Game providers, their protocols and states, and the recurring tournaments of the configuration.

pub mod breaker;
pub mod dialects;
pub mod health;
pub mod profile;
pub mod sandbox;
pub mod series;
