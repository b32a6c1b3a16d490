//! Game providers and the recurring tournaments of the configuration.

pub mod series;
