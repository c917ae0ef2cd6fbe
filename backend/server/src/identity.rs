//! People: who they are, how they sign in, what they hold.

pub mod access;
pub mod account;
pub mod password;
pub mod session;
pub mod setup;
pub mod throttle;
pub mod token;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use hanse_authz::Actor;
use hanse_store::Store;
use hanse_types::{SessionId, TokenId, UserId, UserName};

use self::{password::Hasher, session::Credential, throttle::Throttle};
use crate::{
    clock::hash,
    error::{Error, Result},
};

/// Callers remembered; beyond it all are looked up anew.
const REMEMBERED: usize = 10_000;
/// How exact the last use of a token is kept.
const USE_PRECISION: TimeDelta = TimeDelta::minutes(5);

#[derive(Clone)]
struct Known {
    actor: Arc<Actor>,
    expires_at: DateTime<Utc>,
    used_at: Option<DateTime<Utc>>,
}

/// Authentication: looks callers up once and remembers them until anything about people or roles changes.
pub struct Identity {
    /// Hashes and checks passwords.
    pub hasher: Hasher,
    /// Slows down guessing.
    pub throttle: Throttle,
    known: Mutex<HashMap<String, Known>>,
}

impl Identity {
    /// With nobody known yet.
    ///
    /// # Errors
    /// When hashing does not work at all.
    pub fn new() -> Result<Self> {
        Ok(Self { hasher: Hasher::new()?, throttle: Throttle::default(), known: Mutex::default() })
    }

    /// Forgets what is remembered: the next request of everybody is looked up.
    pub fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Who a credential belongs to, with all roles.
    ///
    /// # Errors
    /// `unauthenticated` when it is unknown, expired, or its account is not active.
    pub async fn authenticate(
        &self,
        store: &Store,
        credential: &Credential,
        address: Option<IpAddr>,
        now: DateTime<Utc>,
    ) -> Result<Arc<Actor>> {
        let key = match credential {
            Credential::Session(secret) => format!("s{}", hash(secret)),
            Credential::Token(secret) => format!("t{}", hash(secret)),
        };
        let remembered = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        let known = match remembered {
            Some(known) => known,
            None => {
                let known = look_up(store, credential, address).await?.ok_or_else(Error::unauthenticated)?;
                let mut all = self.known.lock().unwrap_or_else(PoisonError::into_inner);
                if all.len() >= REMEMBERED {
                    all.clear();
                }
                all.insert(key.clone(), known.clone());
                known
            }
        };
        if known.expires_at <= now {
            return Err(Error::unauthenticated());
        }
        if let hanse_authz::Credential::Token(id) = known.actor.credential
            && known.used_at.is_none_or(|used| now - used > USE_PRECISION)
        {
            store.touch_token(id, now).await?;
            if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get_mut(&key) {
                known.used_at = Some(now);
            }
        }
        Ok(known.actor)
    }
}

async fn look_up(store: &Store, credential: &Credential, address: Option<IpAddr>) -> Result<Option<Known>> {
    let (account, credential, limited_to, expires_at, used_at) = match credential {
        Credential::Session(secret) => {
            let Some((row, account)) = store.session(&hash(secret)).await? else { return Ok(None) };
            (account, hanse_authz::Credential::Session(SessionId(row.id)), None, row.expires_at, None)
        }
        Credential::Token(secret) => {
            let Some((row, account)) = store.token(&hash(secret)).await? else { return Ok(None) };
            let limits = match row.permissions {
                None => None,
                Some(names) => Some(Arc::new(serde_json::from_value(names).map_err(Error::internal)?)),
            };
            (
                account,
                hanse_authz::Credential::Token(TokenId(row.id)),
                limits,
                row.expires_at,
                row.last_used_at,
            )
        }
    };
    if account.state != "active" {
        return Ok(None);
    }
    let user = UserId(account.id);
    let bindings = store.bindings_of(user).await?.into();
    let name = UserName::parse(account.name).map_err(Error::internal)?;
    let actor = Arc::new(Actor { user, name, credential, limited_to, bindings, address });
    Ok(Some(Known { actor, expires_at, used_at }))
}
