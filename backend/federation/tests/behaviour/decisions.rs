//! What is done in a cluster, and what is never done.

use std::collections::BTreeMap;

use hanse_federation::{
    Action, ClusterView, StatusWord,
    object::{Conflict, Deletion, DriftMode, Placement},
    observed::Observed,
    owned::{Sent, manifest_hash, owned_hash},
    placement::Bounds,
    plan::{LiveCopy, Options, Refusals, assign, overall_phase, plan_cluster},
};
use hanse_types::federated::Phase;
use serde_json::{Value, json};

use super::support::{cluster, copy_of, deployment, object, plan_all, plan_in, plan_one};

fn labelled(mut live: Value, value: Option<&str>) -> Value {
    live["metadata"]["labels"] =
        value.map_or_else(|| json!({}), |value| json!({ "kubefed.io/managed": value }));
    live
}

#[test]
fn a_missing_copy_is_created_and_an_equal_one_left_alone() {
    let object = deployment();
    assert_eq!(plan_one(&object, None).action, Action::Create);
    let copy = copy_of(&object);
    let plan = plan_one(&object, Some(&copy));
    assert_eq!((plan.action, plan.status), (Action::None, None));
    assert_eq!(plan.replicas, Some(2));
}

#[test]
fn an_edited_field_is_put_back_and_foreign_fields_survive() {
    let object = deployment();
    let mut copy = copy_of(&object);
    copy["metadata"]["annotations"] = json!({ "somebody.example.com/note": "x" });
    copy["metadata"]["finalizers"] = json!(["somebody.example.com/keep"]);
    copy["spec"]["revisionHistoryLimit"] = json!(10);
    assert_eq!(plan_one(&object, Some(&copy)).action, Action::None);
    copy["spec"]["replicas"] = json!(9);
    let plan = plan_one(&object, Some(&copy));
    assert_eq!(plan.action, Action::Update);
    assert_eq!(plan.manifest.unwrap()["spec"]["replicas"], 2);
}

#[test]
fn an_unlabelled_object_is_adopted_unless_the_policy_says_fail() {
    let mut object = deployment();
    let stranger = labelled(copy_of(&object), None);
    assert_eq!(plan_one(&object, Some(&stranger)).action, Action::Update);
    object.spec.policy.conflict = Conflict::Fail;
    let plan = plan_one(&object, Some(&stranger));
    assert_eq!((plan.action, plan.status), (Action::Skip, Some(StatusWord::AlreadyExists)));
    assert_eq!(plan.phase, Phase::Failed);
    assert_eq!(plan.reflected, None, "what is not ours says nothing about the object");
}

#[test]
fn an_object_labelled_false_is_never_touched() {
    let mut object = deployment();
    let copy = labelled(copy_of(&object), Some("false"));
    let plan = plan_one(&object, Some(&copy));
    assert_eq!((plan.action, plan.status), (Action::Skip, Some(StatusWord::ManagedLabelFalse)));
    object.spec.placement = Placement::named::<String>([]);
    assert_eq!(plan_one(&object, Some(&copy)).action, Action::None);
    object.deleting = true;
    assert_eq!(plan_one(&object, Some(&copy)).action, Action::None);
}

#[test]
fn leaving_the_placement_deletes_only_what_is_labelled() {
    let mut object = deployment();
    let copy = copy_of(&object);
    object.spec.placement = Placement::named(["other"]);
    assert_eq!(plan_one(&object, Some(&copy)).action, Action::Delete);
    assert_eq!(plan_one(&object, Some(&labelled(copy.clone(), None))).action, Action::None);
    assert_eq!(plan_one(&object, None).action, Action::None);
    // Orphaning is about the deletion of the federated object.
    object.spec.policy.deletion = Deletion::Orphan;
    assert_eq!(plan_one(&object, Some(&copy)).action, Action::Delete);
}

#[test]
fn deletion_removes_or_releases_every_copy() {
    let mut object = deployment();
    let copy = copy_of(&object);
    object.deleting = true;
    assert_eq!(plan_one(&object, Some(&copy)).action, Action::Delete);
    object.spec.policy.deletion = Deletion::Orphan;
    assert_eq!(plan_one(&object, Some(&copy)).action, Action::Release);
    let mut going = copy;
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let plan = plan_one(&object, Some(&going));
    assert_eq!((plan.action, plan.status), (Action::Wait, Some(StatusWord::WaitingForRemoval)));
}

#[test]
fn a_copy_on_its_way_out_is_waited_for_before_it_is_made_anew() {
    let object = deployment();
    let mut copy = copy_of(&object);
    copy["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let plan = plan_one(&object, Some(&copy));
    assert_eq!((plan.action, plan.status), (Action::Wait, Some(StatusWord::WaitingForRemoval)));
    assert_eq!(plan.phase, Phase::Progressing);
}

#[test]
fn a_cluster_that_is_not_ready_waits_and_the_others_proceed() {
    let object = deployment();
    let down = ClusterView {
        ready: false,
        not_ready_reason: "no answer since 12:00".to_owned(),
        ..cluster("down", &[])
    };
    let plan = plan_all(&object, &[down.clone(), cluster("up", &[])], &BTreeMap::new());
    let (first, second) = (&plan.clusters[0], &plan.clusters[1]);
    assert_eq!((first.action, first.status), (Action::Wait, Some(StatusWord::ClusterNotReady)));
    assert_eq!(first.message, "no answer since 12:00");
    assert_eq!(second.action, Action::Create);
    assert_eq!(plan.propagation.reason, "CheckClusters");
    assert_eq!(plan.aggregated.phase, Phase::Unknown);
    // What has to go there goes when the cluster is back.
    let mut leaving = object.clone();
    leaving.spec.placement = Placement::named(["up"]);
    let copy = copy_of(&object);
    let plan = plan_in(&leaving, &down, Some(&copy));
    assert_eq!((plan.action, plan.status), (Action::Wait, Some(StatusWord::ClusterNotReady)));
}

#[test]
fn a_member_that_lacks_the_kind_says_so_for_itself() {
    let object = deployment();
    let lacking = LiveCopy { kind_missing: true, ..LiveCopy::default() };
    let fleet = [cluster("old", &[]), cluster("new", &[])];
    let plan = plan_all(&object, &fleet, &BTreeMap::from([("old".to_owned(), lacking)]));
    assert_eq!(plan.clusters[0].action, Action::Wait);
    assert!(plan.clusters[0].message.contains("deployments.apps"));
    assert_eq!(plan.clusters[1].action, Action::Create);
}

#[test]
fn an_override_that_does_not_fit_fails_only_its_cluster() {
    let mut object = deployment();
    object.spec.overrides = serde_json::from_value(json!([
        { "clusters": ["a"], "patches": [{ "op": "remove", "path": "/spec/nothing" }] },
    ]))
    .unwrap();
    let plan = plan_all(&object, &[cluster("a", &[]), cluster("b", &[])], &BTreeMap::new());
    assert_eq!(plan.clusters[0].status, Some(StatusWord::ApplyOverridesFailed));
    assert_eq!(
        plan.clusters[0].message,
        "spec.overrides[0].patches[0].path cannot be applied in cluster \"a\": /spec/nothing: missing key, there is \
         nothing to remove"
    );
    assert_eq!(plan.clusters[1].action, Action::Create);
}

#[test]
fn drift_is_left_where_the_policy_reports_or_ignores_it_but_changes_of_ours_are_sent() {
    let mut object = deployment();
    let manifest = copy_of(&object);
    let fields = json!({ "f:spec": { "f:replicas": {} } });
    let mut live = manifest.clone();
    live["metadata"]["managedFields"] =
        json!([{ "manager": "hanse", "operation": "Apply", "fieldsV1": fields }]);
    let sent = Sent { manifest: manifest_hash(&manifest), owned: owned_hash(&live, "hanse").unwrap() };
    live["spec"]["replicas"] = json!(7);
    let decide = |object: &hanse_federation::FederatedObject| {
        let refusals = Refusals::default();
        let fleet = [cluster("c", &[])];
        let situation = hanse_federation::plan::Situation {
            fleet: &fleet,
            bounds: Bounds::Unbounded,
            tie_break_key: None,
            refusals: &refusals,
            now: chrono::DateTime::UNIX_EPOCH,
        };
        let observed = Observed::of(&object.resource, &live, "hanse", &[]);
        let copy = LiveCopy { sent: Some(sent), ..LiveCopy::trimmed(Some(&observed)) };
        let assignment = assign(object, &situation, &BTreeMap::new()).clusters.remove(0);
        plan_cluster(object, &fleet[0], &assignment, &copy, &refusals, &Options::default()).action
    };
    assert_eq!(decide(&object), Action::Update);
    for mode in [DriftMode::Report, DriftMode::Ignore] {
        object.spec.policy.drift.mode = mode;
        assert_eq!(decide(&object), Action::None);
    }
    object.spec.template["spec"]["paused"] = json!(true);
    assert_eq!(decide(&object), Action::Update);
}

#[test]
fn a_remembered_answer_counts_as_in_force_although_the_member_wrote_it_otherwise() {
    let object = object(
        "Deployment",
        &json!({ "template": { "spec": { "strategy": {} } }, "placement": { "clusterSelector": {} } }),
    );
    let manifest = copy_of(&object);
    let mut live = manifest.clone();
    live["spec"]["strategy"] = json!({ "type": "RollingUpdate" });
    live["metadata"]["managedFields"] = json!([{
        "manager": "hanse", "operation": "Apply",
        "fieldsV1": { "f:metadata": { "f:labels": { "f:kubefed.io/managed": {} } }, "f:spec": { "f:strategy": {} } },
    }]);
    let observed = Observed::of(&object.resource, &live, "hanse", &[]);
    let blind = LiveCopy::trimmed(Some(&observed));
    let fleet = [cluster("c", &[])];
    let decide = |copy: LiveCopy<'_>| {
        plan_all(&object, &fleet, &BTreeMap::from([("c".to_owned(), copy)])).clusters[0].action
    };
    assert_eq!(decide(blind.clone()), Action::Update, "a hash alone cannot tell defaults from changes");
    let sent = Sent { manifest: manifest_hash(&manifest), owned: owned_hash(&live, "hanse").unwrap() };
    assert_eq!(decide(LiveCopy { sent: Some(sent), ..blind }), Action::None);
    assert_eq!(decide(LiveCopy::whole(&object, &live, &Options::default())), Action::None);
}

#[test]
fn the_overall_phase_is_never_ready_with_a_doubt_left() {
    use Phase::{Degraded, Failed, Paused, Progressing, Ready, Unknown};
    let of = |phases: &[Phase]| overall_phase(phases.iter().copied());
    assert_eq!(of(&[]), Ready);
    assert_eq!(of(&[Ready, Ready]), Ready);
    assert_eq!(of(&[Ready, Unknown, Failed]), Unknown);
    assert_eq!(of(&[Ready, Failed]), Degraded);
    assert_eq!(of(&[Failed, Progressing]), Failed);
    assert_eq!(of(&[Ready, Degraded, Progressing]), Degraded);
    assert_eq!(of(&[Ready, Progressing, Paused]), Progressing);
    assert_eq!(of(&[Ready, Paused]), Paused);
}
