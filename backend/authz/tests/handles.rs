//! From found to authorized: who gets a handle, and what the others are told.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

use std::{collections::BTreeSet, sync::Arc};

use hanse_authz::{
    Actor, Binding, CATALOGUE, Credential, Decisions, Denied, Located, Scope, Scoped, authorize,
    authorize_platform,
};
use hanse_types::{ProjectId, SessionId, TokenId, UserId, UserName, WorkspaceId, access::ScopeKind};

struct Project(WorkspaceId, ProjectId);

impl Scoped for Project {
    fn scope(&self) -> Scope {
        Scope::Project(self.0, self.1)
    }
    fn known_by(&self) -> &'static str {
        "project.settings.view"
    }
}

async fn decisions() -> Decisions {
    Decisions::load().await.unwrap()
}

fn actor(bindings: Vec<Binding>) -> Arc<Actor> {
    Arc::new(Actor {
        user: UserId::new(),
        name: UserName::parse("ada").unwrap(),
        credential: Credential::Session(SessionId::new()),
        limited_to: None,
        bindings: bindings.into(),
        address: None,
    })
}

fn bound(scope: Scope, role: &str) -> Arc<Actor> {
    actor(vec![Binding { scope, role: role.to_owned() }])
}

#[tokio::test]
async fn strangers_do_not_learn_that_it_exists_and_viewers_learn_what_they_lack() {
    let decisions = decisions().await;
    let (workspace, project) = (WorkspaceId::new(), ProjectId::new());
    let (other, sibling) = (WorkspaceId::new(), ProjectId::new());
    let ask = |who: &Arc<Actor>, permission| {
        authorize(&decisions, who, permission, Located::new(Project(workspace, project)))
            .map(|handle| handle.permission())
    };
    let edit = "project.federated-objects.edit";
    for stranger in [
        actor(vec![]),
        bound(Scope::Platform, "member"),
        bound(Scope::Platform, "user-manager"),
        bound(Scope::Workspace(other), "administrator"),
        bound(Scope::Workspace(workspace), "member"),
        bound(Scope::Project(workspace, sibling), "administrator"),
        // The same project under another workspace is another place.
        bound(Scope::Project(other, sibling), "administrator"),
    ] {
        assert_eq!(ask(&stranger, edit), Err(Denied::NotFound), "{:?}", stranger.bindings);
        assert_eq!(ask(&stranger, "project.settings.view"), Err(Denied::NotFound));
    }
    for viewer in [
        bound(Scope::Project(workspace, project), "viewer"),
        bound(Scope::Workspace(workspace), "viewer"),
        bound(Scope::Platform, "auditor"),
    ] {
        assert_eq!(ask(&viewer, edit), Err(Denied::Forbidden(edit)), "{:?}", viewer.bindings);
        assert_eq!(ask(&viewer, "project.secrets.view"), Err(Denied::Forbidden("project.secrets.view")));
        assert_eq!(ask(&viewer, "project.settings.view"), Ok("project.settings.view"));
    }
    for able in [
        bound(Scope::Project(workspace, project), "operator"),
        bound(Scope::Workspace(workspace), "administrator"),
        bound(Scope::Platform, "administrator"),
    ] {
        assert_eq!(ask(&able, edit), Ok(edit), "{:?}", able.bindings);
    }
}

#[tokio::test]
async fn the_platform_is_no_secret_so_its_refusals_are_never_not_found() {
    let decisions = decisions().await;
    for permission in CATALOGUE.iter().filter(|permission| permission.scope() == ScopeKind::Platform) {
        let refused = authorize_platform(&decisions, &actor(vec![]), permission.name).map(|_| ());
        assert_eq!(refused, Err(Denied::Forbidden(permission.name)));
    }
}

#[tokio::test]
async fn a_limited_token_is_refused_what_its_owner_may() {
    let decisions = decisions().await;
    let (workspace, project) = (WorkspaceId::new(), ProjectId::new());
    let mut token = (*bound(Scope::Platform, "administrator")).clone();
    token.credential = Credential::Token(TokenId::new());
    token.limited_to = Some(Arc::new(BTreeSet::from(["project.settings.view".to_owned()])));
    let token = Arc::new(token);
    let ask = |permission| {
        authorize(&decisions, &token, permission, Located::new(Project(workspace, project)))
            .map(|handle| handle.permission())
    };
    assert_eq!(ask("project.settings.view"), Ok("project.settings.view"));
    assert_eq!(ask("project.settings.manage"), Err(Denied::Forbidden("project.settings.manage")));
}

#[tokio::test]
async fn nobody_may_give_a_role_that_does_not_exist_or_is_of_another_scope() {
    let decisions = decisions().await;
    let workspace = Scope::Workspace(WorkspaceId::new());
    let owner = bound(workspace, "administrator");
    assert!(decisions.lacking(&owner, ScopeKind::Workspace, "administrator", workspace).is_empty());
    assert!(!decisions.lacking(&owner, ScopeKind::Workspace, "no-such-role", workspace).is_empty());
    assert!(!decisions.lacking(&owner, ScopeKind::Platform, "auditor", workspace).is_empty());
}
