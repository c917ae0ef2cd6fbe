//! Handles: the only way from "found" to "may".

use std::{ops::Deref, sync::Arc};

use thiserror::Error;

use crate::{
    actor::{Actor, Scope},
    decision::Decisions,
};

/// Something that is in a place.
pub trait Scoped {
    /// Where it is.
    fn scope(&self) -> Scope;
    /// Permission with which one may know that it exists.
    fn known_by(&self) -> &'static str;
}

/// What a lookup found. It can only be authorized.
#[derive(Debug)]
pub struct Located<T>(T);

impl<T> Located<T> {
    /// Wraps what a lookup found; for the store.
    pub const fn new(found: T) -> Self {
        Self(found)
    }
}

/// Something that the actor may use for what the permission says. Made by [`authorize`] only.
#[derive(Debug, Clone)]
pub struct Handle<T> {
    thing: T,
    actor: Arc<Actor>,
    permission: &'static str,
}

impl<T> Handle<T> {
    /// Who was authorized.
    #[must_use]
    pub fn actor(&self) -> &Arc<Actor> {
        &self.actor
    }

    /// For what.
    #[must_use]
    pub const fn permission(&self) -> &'static str {
        self.permission
    }

    /// The thing itself, with the authorization spent.
    pub fn into_inner(self) -> T {
        self.thing
    }
}

impl<T> Deref for Handle<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.thing
    }
}

/// The platform as a thing that one may be authorized for.
#[derive(Clone, Copy, Debug)]
pub struct Platform;

impl Scoped for Platform {
    fn scope(&self) -> Scope {
        Scope::Platform
    }
    fn known_by(&self) -> &'static str {
        "platform.settings.view"
    }
}

/// Why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Denied {
    /// The actor may not know that it exists.
    #[error("it does not exist")]
    NotFound,
    /// The actor may know it, but lacks this permission.
    #[error("it needs the permission {0}")]
    Forbidden(&'static str),
}

/// Decides; the one place where "not found" and "forbidden" part ways.
///
/// # Errors
/// [`Denied::NotFound`] when the actor may not know the thing, [`Denied::Forbidden`] when it may but lacks the permission.
pub fn authorize<T: Scoped>(
    decisions: &Decisions,
    actor: &Arc<Actor>,
    permission: &'static str,
    located: Located<T>,
) -> Result<Handle<T>, Denied> {
    let thing = located.0;
    let at = thing.scope();
    if decisions.allows(actor, permission, at) {
        return Ok(Handle { thing, actor: Arc::clone(actor), permission });
    }
    if decisions.allows(actor, thing.known_by(), at) {
        Err(Denied::Forbidden(permission))
    } else {
        Err(Denied::NotFound)
    }
}

/// Decides about the platform itself, which everyone knows to exist.
///
/// # Errors
/// [`Denied::Forbidden`].
pub fn authorize_platform(
    decisions: &Decisions,
    actor: &Arc<Actor>,
    permission: &'static str,
) -> Result<Handle<Platform>, Denied> {
    if decisions.allows(actor, permission, Scope::Platform) {
        Ok(Handle { thing: Platform, actor: Arc::clone(actor), permission })
    } else {
        Err(Denied::Forbidden(permission))
    }
}
