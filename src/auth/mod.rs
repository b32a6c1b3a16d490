//! Who calls: providers prove it by a signature, players and operators by a token.
//!
//! Nothing here looks at a clock: the time is passed in.

mod keys;
mod signatures;
mod tokens;

pub(crate) use keys::is_made;
pub use keys::{KeyError, PublicKey, SigningKey};
pub use signatures::{AuthError, ProviderKey, ProviderKeys, SignatureHeaders};
pub use tokens::{Claims, Issuer, Role, SessionClaims, TokenError, Verifier};
