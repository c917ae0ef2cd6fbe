//! Second half of a plan: what is done in one cluster.
//!
//! The engine calls this for one (object, cluster) at a time, a plan for all of them; neither decides anything
//! else anywhere.

use hanse_types::federated::Phase;
use serde_json::{Value, json};

use super::{Action, Assignment, ClusterPlan, LiveCopy, Options, Refusals, Share, StatusWord};
use crate::{
    fleet::ClusterView,
    object::{Conflict, Deletion, DriftMode, FederatedObject},
    observed::{Managed, Observed},
    owned,
    render::{self, RenderError},
    retention, workload,
};

/// Decides what is done in one cluster.
#[must_use]
pub fn plan_cluster(
    object: &FederatedObject,
    cluster: &ClusterView,
    assignment: &Assignment,
    live: &LiveCopy<'_>,
    refusals: &Refusals,
    options: &Options<'_>,
) -> ClusterPlan {
    let unit = Unit { object, cluster, live, options };
    let mut plan = ClusterPlan {
        name: cluster.name.clone(),
        selected: assignment.selected,
        why: assignment.why.clone(),
        replicas: None,
        overflow: 0,
        action: Action::None,
        status: None,
        message: String::new(),
        manifest: None,
        healthy: None,
        phase: Phase::Ready,
        reflected: None,
    };
    if assignment.selected {
        unit.keep(&mut plan, assignment, refusals);
    } else {
        unit.leave(&mut plan);
    }
    plan
}

struct Unit<'a> {
    object: &'a FederatedObject,
    cluster: &'a ClusterView,
    live: &'a LiveCopy<'a>,
    options: &'a Options<'a>,
}

impl Unit<'_> {
    /// No copy belongs here. Only what is labelled as ours is ever removed.
    fn leave(&self, plan: &mut ClusterPlan) {
        let Some(copy) = self.live.observed().filter(|copy| copy.managed == Managed::Yes) else { return };
        plan.phase = Phase::Progressing;
        plan.healthy = Some(copy.health.healthy);
        if !self.cluster.ready {
            self.not_ready(plan);
            "the copy is removed when the cluster is back".clone_into(&mut plan.message);
        } else if copy.terminating {
            plan.action = Action::Wait;
            plan.status = Some(StatusWord::WaitingForRemoval);
            "the copy is being deleted; its finalizers have the last word".clone_into(&mut plan.message);
        } else if self.object.deleting && self.object.spec.policy.deletion == Deletion::Orphan {
            plan.action = Action::Release;
        } else {
            plan.action = Action::Delete;
        }
    }

    /// A copy belongs here.
    fn keep(&self, plan: &mut ClusterPlan, assignment: &Assignment, refusals: &Refusals) {
        let copy = self.live.observed();
        self.numbers(plan, assignment.share);
        if let Some(copy) = copy.filter(|copy| self.is_settled(copy)) {
            if plan.replicas.is_none() && self.pods_of_template().is_some() {
                plan.replicas = Some(copy.replicas);
            }
        } else {
            self.render(plan, assignment, refusals, copy);
        }
        // What is not ours says nothing about the object.
        if let Some(copy) = copy.filter(|copy| self.is_ours_to_keep(copy)) {
            self.reflect(plan, copy);
        }
        if !self.cluster.ready {
            self.not_ready(plan);
        }
        self.phase(plan, copy);
    }

    /// Whether rendering would only find that nothing is to be done.
    fn is_settled(&self, copy: &Observed) -> bool {
        self.live.settled
            && copy.managed == Managed::Yes
            && !copy.terminating
            // Whether it has a number of pods is then known without what overrides make of it.
            && (self.object.spec.overrides.is_empty() || self.pods_of_template().is_some())
    }

    fn pods_of_template(&self) -> Option<i64> {
        workload::pods(&self.object.resource, &self.object.spec.template)
    }

    fn render(
        &self,
        plan: &mut ClusterPlan,
        assignment: &Assignment,
        refusals: &Refusals,
        copy: Option<&Observed>,
    ) {
        let manifest = match refusals.overrides.get(&self.cluster.name) {
            Some(refusal) => Err((StatusWord::ApplyOverridesFailed, refusal.clone())),
            None => render::render(self.object, self.cluster, assignment.share).map_err(|error| {
                let word = match &error {
                    RenderError::Override(_) => StatusWord::ApplyOverridesFailed,
                    RenderError::Template(_) => StatusWord::ComputeResourceFailed,
                };
                (word, error.to_string())
            }),
        };
        match manifest {
            Err((word, message)) => self.fail(plan, word, message),
            Ok(manifest) => self.compare(plan, manifest, copy),
        }
    }

    fn is_ours_to_keep(&self, copy: &Observed) -> bool {
        match copy.managed {
            Managed::Yes => true,
            Managed::No => self.object.spec.policy.conflict == Conflict::Adopt,
            Managed::Refused => false,
        }
    }

    fn fail(&self, plan: &mut ClusterPlan, word: StatusWord, message: String) {
        plan.action = Action::Skip;
        plan.status = Some(word);
        plan.message = message;
    }

    fn not_ready(&self, plan: &mut ClusterPlan) {
        plan.action = Action::Wait;
        plan.status = Some(StatusWord::ClusterNotReady);
        plan.message = match self.cluster.not_ready_reason.as_str() {
            "" => "the cluster is not ready; it is compared afresh when it is back".to_owned(),
            reason => reason.to_owned(),
        };
    }

    fn numbers(&self, plan: &mut ClusterPlan, share: Option<Share>) {
        match share {
            Some(Share::Replicas(share)) => {
                plan.replicas = Some(share.replicas);
                plan.overflow = share.overflow;
            }
            Some(Share::Job { parallelism, .. }) => plan.replicas = Some(parallelism),
            Some(Share::Limits(_)) | None => {}
        }
    }

    fn compare(&self, plan: &mut ClusterPlan, mut manifest: Value, copy: Option<&Observed>) {
        let resource = &self.object.resource;
        let Some(copy) = copy else {
            self.default_replicas(plan, &manifest);
            plan.manifest = Some(manifest);
            if self.live.kind_missing {
                let message = format!("the cluster does not know {}", resource.type_name());
                plan.action = Action::Wait;
                plan.status = Some(StatusWord::CachedRetrievalFailed);
                plan.message = message;
            } else {
                plan.action = Action::Create;
            }
            return;
        };
        if copy.managed == Managed::Refused {
            let message =
                "the object there is labelled kubefed.io/managed=false; remove the label to have it managed";
            self.fail(plan, StatusWord::ManagedLabelFalse, message.to_owned());
        } else if !self.is_ours_to_keep(copy) {
            let message =
                "an object of this name was there before; policy.conflict is Fail, so it is left alone";
            self.fail(plan, StatusWord::AlreadyExists, message.to_owned());
        } else {
            let keeps = self.object.spec.retain_replicas
                || (self.live.autoscaled && workload::has_replicas(resource, &self.object.spec.template));
            let kept = retention::retain(resource, &mut manifest, &copy.retained, keeps, self.options.form);
            match kept {
                Err(error) => self.fail(plan, StatusWord::FieldRetentionFailed, error.to_string()),
                Ok(()) if copy.terminating => {
                    plan.action = Action::Wait;
                    plan.status = Some(StatusWord::WaitingForRemoval);
                    "the object there is being deleted; it is made anew when it is gone"
                        .clone_into(&mut plan.message);
                }
                Ok(()) => self.update(plan, &manifest, copy),
            }
        }
        self.default_replicas(plan, &manifest);
        plan.manifest = Some(manifest);
    }

    fn update(&self, plan: &mut ClusterPlan, manifest: &Value, copy: &Observed) {
        if copy.managed != Managed::Yes {
            plan.action = Action::Update;
            "the object there is adopted".clone_into(&mut plan.message);
            return;
        }
        if self.is_in_force(manifest, copy) {
            return;
        }
        let tolerates = self.object.spec.policy.drift.mode != DriftMode::Revert;
        let was_sent = self.live.sent.is_some_and(|sent| sent.manifest == owned::manifest_hash(manifest));
        if tolerates && was_sent {
            "fields were changed in the member, and policy.drift leaves them".clone_into(&mut plan.message);
            return;
        }
        plan.action = Action::Update;
    }

    /// Whether sending the manifest would change nothing, by the best knowledge there is.
    fn is_in_force(&self, manifest: &Value, copy: &Observed) -> bool {
        let hash = owned::manifest_hash(manifest);
        if copy.owned == Some(hash) {
            return true;
        }
        if let Some(sent) = self.live.sent.filter(|sent| sent.manifest == hash) {
            return copy.owned == Some(sent.owned);
        }
        self.live.object().is_some_and(|live| owned::is_in_force(manifest, live, self.options.manager))
    }

    /// Whether the copy holds what the present generation wants of it. Labels and annotations do not count: no
    /// controller has to observe them.
    fn holds_template(&self, plan: &ClusterPlan) -> bool {
        if plan.status.is_some() {
            return false;
        }
        let (Some(manifest), Some(live)) = (&plan.manifest, self.live.object()) else {
            return plan.action == Action::None;
        };
        plan.action == Action::None
            || owned::drifted_fields(manifest, live)
                .into_iter()
                .chain(owned::forgotten_fields(manifest, live, self.options.manager))
                .all(|field| field.path.starts_with("/metadata/"))
    }

    fn reflect(&self, plan: &mut ClusterPlan, copy: &Observed) {
        plan.healthy = Some(copy.health.healthy);
        plan.reflected = copy.reflected.as_ref().map(super::Compact::unpack);
        let counts = matches!(
            (self.object.resource.group.as_str(), self.object.resource.kind.as_str()),
            ("apps", "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet")
                | ("", "ReplicationController")
        );
        if counts
            && self.cluster.ready
            && self.object.generation != 0
            && self.holds_template(plan)
            && let Some(reflected) = plan.reflected.as_mut().and_then(Value::as_object_mut)
        {
            let known = reflected.entry("resourceTemplateGeneration");
            known.or_insert_with(|| json!(self.object.generation));
        }
        if let Some(fault) = &copy.status_fault {
            if !plan.message.is_empty() {
                plan.message.push_str("; ");
            }
            plan.message.push_str(&format!("the copy's status cannot be read: {fault}"));
        }
    }

    fn default_replicas(&self, plan: &mut ClusterPlan, manifest: &Value) {
        if plan.replicas.is_none() {
            plan.replicas = workload::pods(&self.object.resource, manifest);
        }
    }

    fn phase(&self, plan: &mut ClusterPlan, copy: Option<&Observed>) {
        plan.phase = if !self.cluster.ready {
            Phase::Unknown
        } else if plan.status.is_some_and(StatusWord::needs_a_change) {
            Phase::Failed
        } else if plan.action != Action::None {
            Phase::Progressing
        } else {
            copy.map_or(Phase::Progressing, |copy| {
                if plan.message.is_empty() {
                    plan.message.clone_from(&copy.health.message);
                }
                copy.health.phase
            })
        };
    }
}
