//! The decision. Casbin decides which role gives which permission; it is asked once for every pair when roles are loaded,
//! because evaluating its matcher takes far longer than a request may spend on it (about 2 µs a line of policy), and the
//! answers are kept in a table. A decision is then a look at the caller's bindings: some tens of nanoseconds each. There is
//! one line for each role, not one for each permission of it: loading walks all lines for every pair, and a thousand pairs
//! over a thousand lines would take longer than everything else that the server does before it serves.

use std::collections::{BTreeSet, HashMap};

use casbin::{
    CoreApi as _, DefaultModel, Enforcer, MemoryAdapter, MgmtApi as _, function_map::OperatorFunction,
    rhai::Dynamic,
};
use hanse_types::access::ScopeKind;
use thiserror::Error;

use crate::{
    actor::{Actor, Binding, Scope},
    catalogue::CATALOGUE,
    role::BUILT_IN,
};

const MODEL: &str = "
[request_definition]
r = role, permission
[policy_definition]
p = role, permissions
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.role == p.role && holds(p.permissions, r.permission)
";

/// Whether a line's permissions, separated by spaces, hold one. Anything else than two texts holds nothing.
#[allow(clippy::needless_pass_by_value, reason = "casbin's type of functions")]
fn holds(permissions: Dynamic, permission: Dynamic) -> Dynamic {
    let held = match (permissions.into_immutable_string(), permission.into_immutable_string()) {
        (Ok(permissions), Ok(permission)) => permissions.split(' ').any(|one| one == permission.as_str()),
        _ => false,
    };
    held.into()
}

/// The policy could not be loaded.
#[derive(Debug, Error)]
#[error("the roles could not be loaded: {0}")]
pub struct DecisionError(#[from] casbin::Error);

/// Which role gives which permission.
#[derive(Clone, Debug)]
pub struct Decisions {
    given: HashMap<(ScopeKind, String), BTreeSet<&'static str>>,
}

impl Decisions {
    /// Loads the built-in roles.
    ///
    /// # Errors
    /// When casbin refuses the policy.
    pub async fn load() -> Result<Self, DecisionError> {
        let model = DefaultModel::from_str(MODEL).await?;
        let mut enforcer = Enforcer::new(model, MemoryAdapter::default()).await?;
        enforcer.add_function("holds", OperatorFunction::Arg2(holds));
        let key = |scope: ScopeKind, name: &str| format!("{scope}/{name}");
        let policies: Vec<Vec<String>> = BUILT_IN
            .iter()
            .map(|role| vec![key(role.scope, role.name), role.permissions().collect::<Vec<_>>().join(" ")])
            .collect();
        enforcer.add_policies(policies).await?;
        let mut given = HashMap::new();
        for role in BUILT_IN {
            let mut permissions = BTreeSet::new();
            for permission in CATALOGUE {
                if enforcer.enforce((key(role.scope, role.name), permission.name))? {
                    permissions.insert(permission.name);
                }
            }
            given.insert((role.scope, role.name.to_owned()), permissions);
        }
        Ok(Self { given })
    }

    /// What a role gives.
    #[must_use]
    pub fn of_role(&self, scope: ScopeKind, role: &str) -> Option<&BTreeSet<&'static str>> {
        self.given.get(&(scope, role.to_owned()))
    }

    /// Whether the actor has the permission at a place: the first binding there or at an ancestor that gives it. A token
    /// that is limited has it only when it is among its limits.
    #[must_use]
    pub fn allows(&self, actor: &Actor, permission: &str, at: Scope) -> bool {
        if actor.limited_to.as_ref().is_some_and(|limits| !limits.contains(permission)) {
            return false;
        }
        self.bindings_allow(&actor.bindings, permission, at)
    }

    /// The same for bindings alone.
    #[must_use]
    pub fn bindings_allow(&self, bindings: &[Binding], permission: &str, at: Scope) -> bool {
        bindings.iter().filter(|binding| binding.scope.covers(at)).any(|binding| {
            self.given
                .get(&(binding.scope.kind(), binding.role.clone()))
                .is_some_and(|given| given.contains(permission))
        })
    }

    /// Everything that the actor has at a place.
    #[must_use]
    pub fn effective(&self, actor: &Actor, at: Scope) -> BTreeSet<&'static str> {
        actor
            .bindings
            .iter()
            .filter(|binding| binding.scope.covers(at))
            .filter_map(|binding| self.given.get(&(binding.scope.kind(), binding.role.clone())))
            .flatten()
            .copied()
            .filter(|name| actor.limited_to.as_ref().is_none_or(|limits| limits.contains(*name)))
            .collect()
    }

    /// Permissions of a role that the actor lacks at a place and so may not give there. Empty = may give; a role that does
    /// not exist may be given by nobody.
    #[must_use]
    pub fn lacking(&self, actor: &Actor, scope: ScopeKind, role: &str, at: Scope) -> Vec<&'static str> {
        const ESCALATE: &str = "platform.roles.escalate";
        // A role that does not exist gives nothing today; what it will give is for nobody to promise.
        let Some(given) = self.of_role(scope, role) else { return vec![ESCALATE] };
        if self.allows(actor, ESCALATE, Scope::Platform) {
            return Vec::new();
        }
        given.iter().copied().filter(|permission| !self.allows(actor, permission, at)).collect()
    }

    /// Places where the actor has a permission by a binding right there or above: for filtering lists.
    #[must_use]
    pub fn places(&self, actor: &Actor, permission: &str) -> Vec<Scope> {
        if actor.limited_to.as_ref().is_some_and(|limits| !limits.contains(permission)) {
            return Vec::new();
        }
        actor
            .bindings
            .iter()
            .filter(|binding| {
                self.given
                    .get(&(binding.scope.kind(), binding.role.clone()))
                    .is_some_and(|given| given.contains(permission))
            })
            .map(|binding| binding.scope)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hanse_types::{ClusterId, ProjectId, SessionId, UserId, UserName, WorkspaceId};
    use proptest::prelude::*;

    use super::*;
    use crate::{actor::Credential, role::built_in};

    fn decisions() -> Decisions {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(Decisions::load()).unwrap()
    }

    fn actor(bindings: Vec<Binding>) -> Actor {
        Actor {
            user: UserId::new(),
            name: UserName::parse("anna").unwrap(),
            credential: Credential::Session(SessionId::new()),
            limited_to: None,
            bindings: bindings.into(),
            address: None,
        }
    }

    fn scopes() -> Vec<Scope> {
        let id = |n: u128| uuid::Uuid::from_u128(n);
        let (w1, w2) = (WorkspaceId(id(1)), WorkspaceId(id(2)));
        vec![
            Scope::Platform,
            Scope::Cluster(ClusterId(id(3))),
            Scope::Cluster(ClusterId(id(4))),
            Scope::Workspace(w1),
            Scope::Workspace(w2),
            Scope::Project(w1, ProjectId(id(5))),
            Scope::Project(w1, ProjectId(id(6))),
            Scope::Project(w2, ProjectId(id(7))),
        ]
    }

    #[test]
    fn a_limited_token_has_at_most_its_limits() {
        let decisions = decisions();
        let mut actor = actor(vec![Binding { scope: Scope::Platform, role: "administrator".into() }]);
        actor.limited_to = Some(Arc::new(BTreeSet::from(["platform.clusters.view".to_owned()])));
        assert!(decisions.allows(&actor, "platform.clusters.view", Scope::Platform));
        assert!(!decisions.allows(&actor, "platform.clusters.manage", Scope::Platform));
        assert_eq!(decisions.effective(&actor, Scope::Platform).len(), 1);
    }

    #[test]
    fn nobody_gives_what_they_lack() {
        let decisions = decisions();
        let [_, _, _, workspace, ..] = scopes()[..] else { unreachable!() };
        let creator = actor(vec![Binding { scope: workspace, role: "project-creator".into() }]);
        assert!(!decisions.lacking(&creator, ScopeKind::Workspace, "administrator", workspace).is_empty());
        assert!(decisions.lacking(&creator, ScopeKind::Workspace, "member", workspace).is_empty());
    }

    fn binding() -> impl Strategy<Value = Binding> {
        (0..scopes().len()).prop_flat_map(|n| {
            let scope = scopes()[n];
            let names: Vec<_> =
                BUILT_IN.iter().filter(|role| role.scope == scope.kind()).map(|role| role.name).collect();
            proptest::sample::select(names).prop_map(move |name| Binding { scope, role: name.to_owned() })
        })
    }

    proptest! {
        #[test]
        fn the_decision_equals_a_naive_reference(bindings in proptest::collection::vec(binding(), 0..5)) {
            static DECISIONS: std::sync::OnceLock<Decisions> = std::sync::OnceLock::new();
            let decisions = DECISIONS.get_or_init(decisions);
            let actor = actor(bindings.clone());
            for at in scopes() {
                for permission in CATALOGUE {
                    let mut naive = false;
                    for binding in &bindings {
                        let here = match (binding.scope, at) {
                            (Scope::Platform, _) => true,
                            (Scope::Workspace(w), Scope::Project(of, _)) => w == of,
                            (a, b) => a == b,
                        };
                        let role = built_in(binding.scope.kind(), &binding.role).unwrap();
                        naive |= here && role.permissions().any(|name| name == permission.name);
                    }
                    prop_assert_eq!(decisions.allows(&actor, permission.name, at), naive);
                    prop_assert_eq!(decisions.effective(&actor, at).contains(permission.name), naive);
                }
            }
        }
    }
}
