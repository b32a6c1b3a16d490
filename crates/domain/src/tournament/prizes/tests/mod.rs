//! Prizes: every published rule as a named case, properties, and a seeded run over all of it.

mod cancelled;
mod cases;
mod corrections;
mod documents;
mod notation;
mod pools;
mod properties;
mod simulation;
mod world;
