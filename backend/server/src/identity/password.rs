//! Passwords: rules, hashing, checking. Hashing runs on blocking threads and at most as many at a time as there
//! are cores, so that a burst of sign-ins cannot starve everything else or take all memory.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::phc::PasswordHash,
};
use tokio::sync::Semaphore;

/// Passwords that are tried first everywhere; refused whatever their length.
const COMMON: &str = include_str!("common_passwords.txt");

/// Why a password was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too short.
    #[error("has {has} characters; at least {min} are needed")]
    Short {
        /// Characters it has.
        has: usize,
        /// Characters needed.
        min: usize,
    },
    /// Too long.
    #[error("has more than 128 characters")]
    Long,
    /// In the list of common ones.
    #[error("is one of the passwords that are tried first; choose another")]
    Common,
    /// Contains the user name.
    #[error("contains the user name; choose another")]
    ContainsName,
}

/// Checks the rules of TENANCY.md §2: length, not common, not containing the name.
///
/// # Errors
/// The rule that is not met.
pub fn check(password: &str, user_name: &str, min: usize) -> Result<(), Refused> {
    let has = password.chars().count();
    if has < min {
        return Err(Refused::Short { has, min });
    }
    if has > 128 {
        return Err(Refused::Long);
    }
    let lower = password.to_lowercase();
    if COMMON.lines().any(|line| line == lower) {
        return Err(Refused::Common);
    }
    if user_name.len() >= 3 && lower.contains(&user_name.to_lowercase()) {
        return Err(Refused::ContainsName);
    }
    Ok(())
}

/// Hashing failed, which only happens when memory or threads run out.
#[derive(Debug, thiserror::Error)]
#[error("a password could not be hashed: {0}")]
pub struct HashError(String);

/// Hashes and checks passwords with argon2id.
#[derive(Clone)]
pub struct Hasher {
    argon: Argon2<'static>,
    permits: Arc<Semaphore>,
    /// Checked when the user does not exist, so that both answers take the same time.
    decoy: Arc<str>,
}

impl Hasher {
    /// The parameters recommended by OWASP for argon2id: 19 MiB, 2 passes, 1 lane.
    ///
    /// # Errors
    /// When hashing does not work at all.
    pub fn new() -> Result<Self, HashError> {
        let params = Params::new(19 * 1024, 2, 1, None).map_err(|e| HashError(e.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let decoy = argon.hash_password(b"decoy").map_err(|e| HashError(e.to_string()))?.to_string();
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Ok(Self { argon, permits: Arc::new(Semaphore::new(cores)), decoy: decoy.into() })
    }

    /// Hashes a password into a PHC string with its parameters and a random salt.
    ///
    /// # Errors
    /// When the work cannot be done.
    pub async fn hash(&self, password: String) -> Result<String, HashError> {
        let argon = self.argon.clone();
        self.blocking(move || {
            argon
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|e| HashError(e.to_string()))
        })
        .await?
    }

    /// Whether the password matches; with no stored hash, takes as long and says no. The second value is true
    /// when the stored parameters are older than today's and the hash should be made anew.
    ///
    /// # Errors
    /// When the work cannot be done.
    pub async fn verify(&self, password: String, stored: Option<String>) -> Result<(bool, bool), HashError> {
        let argon = self.argon.clone();
        let decoy = Arc::clone(&self.decoy);
        self.blocking(move || {
            let known = stored.is_some();
            let text = stored.unwrap_or_else(|| decoy.to_string());
            let Ok(hash) = PasswordHash::new(&text) else { return (false, false) };
            let matches = argon.verify_password(password.as_bytes(), &hash).is_ok() && known;
            let outdated = Params::try_from(&hash).map_or(true, |params| {
                params.m_cost() != argon.params().m_cost() || params.t_cost() != argon.params().t_cost()
            });
            (matches, matches && outdated)
        })
        .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|e| HashError(e.to_string()))?;
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        })
        .await
        .map_err(|e| HashError(e.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_length_commonness_and_name() {
        assert_eq!(check("short", "anna", 8), Err(Refused::Short { has: 5, min: 8 }));
        assert_eq!(check("Password1", "anna", 8), Err(Refused::Common));
        assert_eq!(check("xxANNAxx99", "anna", 8), Err(Refused::ContainsName));
        assert_eq!(check(&"ü".repeat(129), "anna", 8), Err(Refused::Long));
        assert_eq!(check("quite a good one", "anna", 8), Ok(()));
    }

    #[tokio::test]
    async fn a_password_verifies_against_its_own_hash_only() {
        let hasher = Hasher::new().unwrap();
        let stored = hasher.hash("quite a good one".to_owned()).await.unwrap();
        assert!(stored.starts_with("$argon2id$"));
        assert_eq!(
            hasher.verify("quite a good one".into(), Some(stored.clone())).await.unwrap(),
            (true, false)
        );
        assert_eq!(hasher.verify("another".into(), Some(stored)).await.unwrap(), (false, false));
        assert_eq!(hasher.verify("decoy".into(), None).await.unwrap(), (false, false));
    }

    #[tokio::test]
    async fn a_hash_with_older_parameters_asks_to_be_renewed() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8, 1, 1, None).unwrap());
        let stored = weak.hash_password(b"quite a good one").unwrap().to_string();
        let hasher = Hasher::new().unwrap();
        assert_eq!(hasher.verify("quite a good one".into(), Some(stored)).await.unwrap(), (true, true));
    }
}
