//! Names on boards: made from the player's number, so that a board shows nobody's data.

use crate::ids::PlayerId;
use std::fmt::Write as _;

const ADJECTIVES: [&str; 64] = [
    "Amber", "Ample", "Arctic", "Autumn", "Bold", "Brave", "Breezy", "Bright", "Brisk", "Calm",
    "Candid", "Cheery", "Clever", "Copper", "Coral", "Cosmic", "Crimson", "Crisp", "Daring",
    "Dapper", "Eager", "Early", "Emerald", "Fabled", "Fearless", "Fleet", "Gallant", "Gentle",
    "Golden", "Grand", "Happy", "Hardy", "Honest", "Indigo", "Ivory", "Jade", "Jolly", "Keen",
    "Kind", "Lively", "Lucky", "Lunar", "Mellow", "Merry", "Mighty", "Misty", "Nimble", "Noble",
    "Opal", "Patient", "Proud", "Quick", "Quiet", "Rapid", "Royal", "Ruby", "Silver", "Solar",
    "Steady", "Sunny", "Swift", "Velvet", "Vivid", "Witty",
];

const ANIMALS: [&str; 64] = [
    "Badger", "Bear", "Beaver", "Bison", "Bobcat", "Buffalo", "Camel", "Caribou", "Cheetah",
    "Cobra", "Condor", "Cougar", "Coyote", "Crane", "Dolphin", "Eagle", "Egret", "Elk", "Falcon",
    "Ferret", "Finch", "Fox", "Gazelle", "Gecko", "Goose", "Hare", "Hawk", "Heron", "Horse",
    "Ibex", "Jackal", "Jaguar", "Kestrel", "Koala", "Lark", "Lemur", "Leopard", "Lion", "Llama",
    "Lynx", "Marten", "Moose", "Ocelot", "Orca", "Osprey", "Otter", "Owl", "Panda", "Panther",
    "Pelican", "Penguin", "Puma", "Raven", "Robin", "Salmon", "Seal", "Sparrow", "Stag", "Stork",
    "Swan", "Tiger", "Turtle", "Walrus", "Wolf",
];

/// A player's public name, such as `Swift Otter 17`; the same on every board.
#[must_use]
pub fn alias(player: PlayerId) -> String {
    let mut name = String::new();
    write_alias(player, &mut name);
    name
}

/// Appends [`alias`].
pub fn write_alias(player: PlayerId, to: &mut String) {
    // Hashed, so that the name gives no bits of the number away in order.
    let hash = blake3::hash(&player.0.to_be_bytes());
    let [a, b, c, ..] = *hash.as_bytes();
    let adjective = ADJECTIVES.get(usize::from(a & 63)).unwrap_or(&"Quiet");
    let animal = ANIMALS.get(usize::from(b & 63)).unwrap_or(&"Fox");
    // Writing to a string does not fail.
    write!(to, "{adjective} {animal} {}", 10 + u32::from(c) % 90).ok();
}
