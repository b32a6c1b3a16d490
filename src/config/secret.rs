//! Bytes that are never shown.

use std::fmt;

const SHOWN: &str = "[redacted]";

/// A secret. `Debug` and `Display` show a placeholder; `==` does not exist on purpose.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// Takes bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves, for signing and connecting only.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SHOWN)
    }
}
