//! Who calls: providers prove it by a signature, players and operators by a token.
//!
//! Nothing here looks at a clock: the time is passed in.

mod signatures;
mod tokens;

pub use signatures::{AuthError, ProviderKey, ProviderKeys, SignatureHeaders};
pub use tokens::{Claims, Issuer, Role, SessionClaims, TokenError};
