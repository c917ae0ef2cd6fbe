//! What every operation carries: who acts, when, under which request. It is made once, at the way in, and handed down;
//! nothing further in asks a global for any of it.

use std::{net::IpAddr, sync::Arc, time::Instant};

use chrono::{DateTime, Utc};
use hanse_authz::{Actor, Credential};
use hanse_store::WriteContext;
use hanse_types::{UserId, error::ErrorCode};

use crate::error::{Error, Result};

/// Facts about the request that an operation serves.
#[derive(Clone, Debug, Default)]
pub struct RequestInfo {
    /// Id for logs, answers and the audit trail.
    pub id: String,
    /// Address that it came from.
    pub address: Option<IpAddr>,
    /// Do everything but store.
    pub dry_run: bool,
    /// Version that the caller believes to be current.
    pub if_match: Option<i64>,
}

/// An authenticated operation.
#[derive(Clone)]
pub struct OpContext {
    /// Who acts.
    pub actor: Arc<Actor>,
    /// When it started.
    pub now: DateTime<Utc>,
    /// The request.
    pub request: RequestInfo,
}

/// An operation before anyone has signed in: setup and sign-in.
#[derive(Clone, Debug)]
pub struct AnonymousContext {
    /// When it started.
    pub now: DateTime<Utc>,
    /// The request.
    pub request: RequestInfo,
    /// What the browser says it is.
    pub user_agent: Option<String>,
}

impl OpContext {
    /// Who writes, for the store.
    #[must_use]
    pub fn write(&self) -> WriteContext {
        WriteContext {
            actor: Some(self.actor.user),
            actor_name: self.actor.name.to_string(),
            token: match self.actor.credential {
                Credential::Token(id) => Some(id),
                Credential::Session(_) => None,
            },
            address: self.request.address,
            request_id: self.request.id.clone(),
            now: self.now,
            dry_run: self.request.dry_run,
            started: Instant::now(),
        }
    }

    /// Refuses when the caller believes another version to be current.
    ///
    /// # Errors
    /// `precondition_failed` with both versions.
    pub fn check_version(&self, current: i64) -> Result<()> {
        match self.request.if_match {
            Some(expected) if expected != current => Err(Error::new(
                ErrorCode::PreconditionFailed,
                format!(
                    "it was changed since you read it (version {current}, not {expected}): read it again"
                ),
            )),
            _ => Ok(()),
        }
    }
}

impl AnonymousContext {
    /// Who writes, for the store: somebody who is just signing in.
    #[must_use]
    pub fn write(&self, user: Option<UserId>, name: &str) -> WriteContext {
        WriteContext {
            actor: user,
            actor_name: name.to_owned(),
            token: None,
            address: self.request.address,
            request_id: self.request.id.clone(),
            now: self.now,
            dry_run: self.request.dry_run,
            started: Instant::now(),
        }
    }
}
