//! Members of workspaces and projects. Nobody gives a role that holds more than they have.

use hanse_authz::{Scope, Scoped as _, authorize};
use hanse_store::{AuditEvent, Tx, bindings, page::Page};
use hanse_types::{
    List, ListParams, Name, UserId, UserName, WorkspaceId,
    access::ScopeKind,
    error::ErrorCode,
    tenancy::{Member, MemberPut},
};
use serde_json::json;

use super::workspace;
use crate::{
    Platform,
    context::OpContext,
    error::{Error, Result, denied},
};

fn body(row: bindings::MemberRow) -> Result<Member> {
    let roles: std::result::Result<Vec<Name>, _> = row.roles.into_iter().map(Name::parse).collect();
    Ok(Member {
        user: UserName::parse(row.user.name).map_err(Error::internal)?,
        display_name: row.user.display_name,
        roles: roles.map_err(Error::internal)?,
        since: row.since,
    })
}

async fn list(platform: &Platform, scope: Scope, params: &ListParams) -> Result<List<Member>> {
    let page = Page::read(params, &["name"])?;
    let revision = platform.store.revision();
    let search = params.search.as_deref().unwrap_or_default().to_lowercase();
    let members: Vec<bindings::MemberRow> = platform
        .store
        .members(scope)
        .await?
        .into_iter()
        .filter(|member| {
            let shown = member.user.display_name.as_deref().unwrap_or_default().to_lowercase();
            search.is_empty() || member.user.name.contains(&search) || shown.contains(&search)
        })
        .collect();
    let total = u64::try_from(members.len()).unwrap_or(u64::MAX);
    let (skip, take) =
        (usize::try_from(page.offset).unwrap_or(usize::MAX), usize::try_from(page.limit).unwrap_or(500));
    let items: Result<Vec<Member>> = members.into_iter().skip(skip).take(take).map(body).collect();
    Ok(List { items: items?, total, continue_: page.next(total), revision })
}

/// A page of a workspace's members.
///
/// # Errors
/// `not_found`, `forbidden`, or `invalid` for the query.
pub async fn of_workspace(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    params: &ListParams,
) -> Result<List<Member>> {
    let workspace = workspace::find(platform, op, name, "workspace.members.view").await?;
    list(platform, workspace.scope(), params).await
}

async fn project_scope(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    permission: &'static str,
) -> Result<Scope> {
    let located = platform.store.project(name).await?.ok_or_else(|| Error::not_found("project", name))?;
    let project =
        authorize(&platform.decisions, &op.actor, permission, located).map_err(denied("project", name))?;
    Ok(project.scope())
}

/// A page of a project's members.
///
/// # Errors
/// `not_found`, `forbidden`, or `invalid` for the query.
pub async fn of_project(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    params: &ListParams,
) -> Result<List<Member>> {
    let scope = project_scope(platform, op, name, "project.members.view").await?;
    list(platform, scope, params).await
}

/// Who is meant. Whoever may manage members may name any account; whether it exists is no secret to them.
async fn account(platform: &Platform, user: &str) -> Result<UserId> {
    let found = platform.store.user_row(user).await?.filter(|row| row.state != "disabled");
    found.map(|row| UserId(row.id)).ok_or_else(|| Error::not_found("user", user))
}

fn check_roles(platform: &Platform, op: &OpContext, scope: Scope, put: &MemberPut) -> Result<Vec<String>> {
    if put.roles.is_empty() {
        return Err(Error::invalid("roles", "give at least one role, or remove the member"));
    }
    for (index, role) in put.roles.iter().enumerate() {
        if platform.decisions.of_role(scope.kind(), role.as_str()).is_none() {
            let known: Vec<&str> = hanse_authz::BUILT_IN
                .iter()
                .filter(|known| known.scope == scope.kind())
                .map(|known| known.name)
                .collect();
            return Err(Error::invalid(
                format!("roles[{index}]"),
                format!("{role:?} is no role of a {}; there are {}", scope.kind(), known.join(", ")),
            ));
        }
        let lacking = platform.decisions.lacking(&op.actor, scope.kind(), role.as_str(), scope);
        if let Some(first) = lacking.first() {
            return Err(Error::new(
                ErrorCode::Forbidden,
                format!("you cannot give the role {role}: it holds {first}, which you do not have here"),
            ));
        }
    }
    Ok(put.roles.iter().map(ToString::to_string).collect())
}

/// Nobody takes away what they could not have given: demoting or removing needs all that the person holds there.
async fn may_act_on(platform: &Platform, op: &OpContext, scope: Scope, user: UserId) -> Result<()> {
    let held = platform.store.bindings_of(user).await?;
    for binding in held.iter().filter(|binding| binding.scope == scope) {
        if !platform.decisions.lacking(&op.actor, scope.kind(), &binding.role, scope).is_empty() {
            return Err(Error::new(
                ErrorCode::Forbidden,
                format!(
                    "they have the role {}, which holds more than you do here: ask an administrator",
                    binding.role
                ),
            ));
        }
    }
    Ok(())
}

struct Place<'a> {
    scope: Scope,
    name: &'a str,
}

fn audit(tx: &mut Tx, place: &Place<'_>, verb: &'static str, user: &str, roles: Option<&[String]>) {
    let (workspace, project) = match place.scope.kind() {
        ScopeKind::Project => (None, Some(place.name.to_owned())),
        _ => (Some(place.name.to_owned()), None),
    };
    tx.audit(AuditEvent {
        verb,
        kind: "member",
        name: user.to_owned(),
        workspace,
        project,
        after: roles.map(|roles| json!({"roles": roles})),
        ..AuditEvent::default()
    });
}

async fn put(
    platform: &Platform,
    op: &OpContext,
    place: Place<'_>,
    user: &str,
    put: MemberPut,
) -> Result<Member> {
    let roles = check_roles(platform, op, place.scope, &put)?;
    let id = account(platform, user).await?;
    may_act_on(platform, op, place.scope, id).await?;
    let mut tx = platform.store.begin(&op.write()).await?;
    bindings::set_roles(&mut tx, place.scope, id, &roles).await?;
    audit(&mut tx, &place, "put", user, Some(&roles));
    let dry_run = op.request.dry_run;
    platform.commit(tx).await?;
    let members = platform.store.members(place.scope).await?;
    match members.into_iter().find(|member| member.user.id == id.0) {
        Some(mut member) => {
            member.roles = roles;
            body(member)
        }
        None if dry_run => Ok(Member {
            user: UserName::parse(user).map_err(Error::internal)?,
            display_name: None,
            roles: put.roles,
            since: op.now,
        }),
        None => Err(Error::not_found("member", user)),
    }
}

/// Adds a member to a workspace or replaces its roles there.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict` when it is the last administrator, or `invalid`.
pub async fn put_in_workspace(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    user: &str,
    request: MemberPut,
) -> Result<Member> {
    let scope = workspace::find(platform, op, name, "workspace.members.manage").await?.scope();
    put(platform, op, Place { scope, name }, user, request).await
}

/// Adds a member to a project or replaces its roles there.
///
/// # Errors
/// `forbidden`, `not_found`, or `invalid`.
pub async fn put_in_project(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    user: &str,
    request: MemberPut,
) -> Result<Member> {
    let scope = project_scope(platform, op, name, "project.members.manage").await?;
    put(platform, op, Place { scope, name }, user, request).await
}

async fn must_be_member(platform: &Platform, scope: Scope, id: UserId, user: &str) -> Result<()> {
    let held = platform.store.bindings_of(id).await?;
    let here = |at: Scope| match (scope, at) {
        (Scope::Workspace(own), Scope::Project(of, _)) => own == of,
        (own, at) => own == at,
    };
    if held.iter().any(|binding| here(binding.scope)) {
        Ok(())
    } else {
        Err(Error::not_found("member", user))
    }
}

/// Removes a member from a workspace and from all its projects, at once.
///
/// # Errors
/// `forbidden`, `not_found`, `conflict` when it is the last administrator.
pub async fn remove_from_workspace(
    platform: &Platform,
    op: &OpContext,
    name: &str,
    user: &str,
) -> Result<()> {
    let workspace = workspace::find(platform, op, name, "workspace.members.manage").await?;
    let scope = workspace.scope();
    let id = account(platform, user).await?;
    must_be_member(platform, scope, id, user).await?;
    may_act_on(platform, op, scope, id).await?;
    let mut tx = platform.store.begin(&op.write()).await?;
    bindings::remove_from_workspace(&mut tx, WorkspaceId(workspace.id), id).await?;
    audit(&mut tx, &Place { scope, name }, "remove", user, None);
    platform.commit(tx).await?;
    Ok(())
}

/// Removes a member from a project.
///
/// # Errors
/// `forbidden`, `not_found`.
pub async fn remove_from_project(platform: &Platform, op: &OpContext, name: &str, user: &str) -> Result<()> {
    let scope = project_scope(platform, op, name, "project.members.manage").await?;
    let id = account(platform, user).await?;
    must_be_member(platform, scope, id, user).await?;
    may_act_on(platform, op, scope, id).await?;
    let mut tx = platform.store.begin(&op.write()).await?;
    bindings::set_roles(&mut tx, scope, id, &[]).await?;
    audit(&mut tx, &Place { scope, name }, "remove", user, None);
    platform.commit(tx).await?;
    Ok(())
}
