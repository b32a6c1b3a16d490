//! The targets, a module each.

use crate::Target;

macro_rules! targets {
    ($($name:ident: $len_max:expr,)*) => {
        $(mod $name;)*

        /// Every target.
        pub const TARGETS: &[Target] = &[
            $(Target {
                name: stringify!($name),
                run: $name::target,
                words: $name::WORDS,
                len_max: $len_max,
            },)*
        ];
    };
}

targets! {
    json: 262_144,
    texts: 300,
    bodies: 262_144,
    commands: 65_536,
    events: 262_144,
    tournaments: 262_144,
    signature: 16_384,
    tokens: 16_384,
    dialects: 262_144,
    requests: 8_192,
    sockets: 16_384,
    boards: 65_536,
    config: 32_768,
    rows: 32_768,
    snapshots: 32_768,
    zones: 8_192,
}
