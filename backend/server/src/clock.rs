//! Time and randomness come from here and nowhere else, so that tests can hold them still.

use std::sync::Arc;

use base64::Engine as _;
use chrono::{DateTime, Utc};
use rand::{TryRng as _, rngs::SysRng};

/// Where the time comes from.
pub trait Clock: Send + Sync {
    /// The time, in UTC.
    fn now(&self) -> DateTime<Utc>;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place where the machine is asked")]
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }
}

/// A clock shared by everything.
pub type SharedClock = Arc<dyn Clock>;

/// A fresh secret of 256 bits from the operating system, as 43 characters of URL-safe base64.
///
/// # Errors
/// When the operating system gives no randomness.
pub fn secret() -> Result<String, RandomError> {
    let mut bytes = [0_u8; 32];
    SysRng.try_fill_bytes(&mut bytes).map_err(|error| RandomError(error.to_string()))?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}

/// The operating system gave no randomness.
#[derive(Debug, thiserror::Error)]
#[error("the operating system gave no randomness: {0}")]
pub struct RandomError(String);

/// SHA-256 of a secret, in hexadecimal: how tokens and session cookies are stored. They have 256 random bits, so
/// a slow hash would add nothing.
#[must_use]
pub fn hash(secret: &str) -> String {
    use sha2::{Digest as _, Sha256};
    hex::encode(Sha256::digest(secret.as_bytes()))
}
