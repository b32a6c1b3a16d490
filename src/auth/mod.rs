//! Who is who: tokens of players and operators, signatures of providers.

mod signatures;
mod tokens;

pub use signatures::{AuthError, ProviderKey, ProviderKeys, SignatureHeaders};
pub use tokens::{Claims, Issuer, Role, TokenError};
