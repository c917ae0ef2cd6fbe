//! What a real apiserver and its controllers do and a hub must do, too: finalizers, owners, kinds without a namespace,
//! labels of namespaces, and bounds.

use hanse_harness::{ControlPlanes, wait_for};
use hanse_it::{Db, TestApp};
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    fixture::{SOON, gone, import, turn},
    support::{Hub, config_map, namespace, version},
};

const HOLD: &str = "example.com/hold";

async fn absent(hub: &Hub, path: &str) {
    wait_for(SOON, &format!("{path} gone"), || async {
        let found = hub.get(path).await;
        if found.code == 404 { Ok(()) } else { Err(found.text) }
    })
    .await;
}

fn federated(name: &str, finalizers: &[&str]) -> Value {
    let mut object = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedConfigMap", "metadata": {"name": name},
        "spec": {"template": {"data": {"a": "b"}}, "placement": {"clusterSelector": {}}},
    });
    if !finalizers.is_empty() {
        object["metadata"]["finalizers"] = json!(finalizers);
    }
    object
}

async fn finalizers(db: Db) {
    let mut app = TestApp::start(db).await;
    let namespace = namespace(&app).await;
    let (kube, kubefed) = Hub::both(&app).await;
    let plain = format!("/api/v1/namespaces/{namespace}/configmaps");
    let typed = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federatedconfigmaps");
    let mut object = config_map("held", "1");
    object["metadata"]["finalizers"] = json!([HOLD]);
    kube.post(&plain, &object).await.is(201);
    kubefed.post(&typed, &federated("typed", &[HOLD])).await.is(201);
    // Preconditions are looked at first.
    for wrong in [json!({"uid": "00000000-0000-0000-0000-000000000001"}), json!({"resourceVersion": "1"})] {
        let request = kube
            .request(Method::DELETE, &format!("{plain}/held"))
            .body(json!({"preconditions": wrong}).to_string());
        assert_eq!(kube.send(request).await.refused(409), "Conflict");
    }
    let mut events = kube.watch(&plain, "").await;
    assert_eq!(events.told().await.0, "ADDED");
    assert_eq!(events.told().await.0, "ADDED");
    for (hub, one) in [(&kube, format!("{plain}/held")), (&kubefed, format!("{typed}/typed"))] {
        let going = hub.delete(&one).await.is(200);
        assert!(going["metadata"]["deletionTimestamp"].is_string(), "{going}");
        assert_eq!(
            going["metadata"]["finalizers"],
            json!([HOLD]),
            "nothing of ours where no copies are: {going}"
        );
        // Again changes nothing, and no other finalizer comes.
        let again = hub.delete(&one).await.is(200);
        for field in ["deletionTimestamp", "finalizers", "generation"] {
            assert_eq!(again["metadata"][field], going["metadata"][field], "{again}");
        }
        let more = json!({"metadata": {"finalizers": [HOLD, "example.com/more"]}});
        assert_eq!(hub.patch(&one, "merge", &more).await.refused(422), "Invalid");
        // What is wanted of it no longer counts.
        let change = if one.contains("types.kubefed.io") {
            json!({"spec": {"template": {"data": {"a": "c"}}}})
        } else {
            json!({"data": {"key": "2"}})
        };
        assert_eq!(hub.patch(&one, "merge", &change).await.refused(422), "Invalid");
    }
    let (kind, name, seen) = events.told().await;
    assert_eq!((kind.as_str(), name.as_str()), ("MODIFIED", "held"));
    assert_eq!(kube.post(&plain, &config_map("held", "1")).await.refused(409), "AlreadyExists");
    let rest = format!("projects/{namespace}/federated-objects/configmaps/held");
    let shown = app.admin.get(&rest).await.is(200);
    assert!(shown["deletedAt"].is_string(), "{shown}");
    assert_eq!(shown["heldBy"], json!([HOLD]), "{shown}");
    wait_for(SOON, "what holds it is said", || async {
        let found = app.admin.get(&rest).await.is(200);
        let message = found["status"]["message"].as_str().unwrap_or_default().to_owned();
        if message.contains(HOLD) { Ok(()) } else { Err(message) }
    })
    .await;
    // Through the other root it is the same record, and it is the same after a restart.
    let other = kubefed.get(&format!("{typed}/held")).await.is(200);
    assert!(other["metadata"]["deletionTimestamp"].is_string(), "{other}");
    app.restart().await;
    // A connection that was idle meanwhile is of no use.
    app.admin = app.sign_in("admin").await;
    assert_eq!(app.admin.get(&rest).await.is(200)["heldBy"], json!([HOLD]));
    let held = kube.get(&format!("{plain}/held")).await.is(200);
    assert_eq!(version(&held), seen);
    let mut events = kube.watch(&plain, &format!("&resourceVersion={}", version(&held))).await;
    // A label of Kubernetes' metadata may change on the way out; the last finalizer ends it.
    let free = json!({"metadata": {"finalizers": null}});
    kube.patch(&format!("{plain}/held"), "merge", &free).await.is(200);
    assert_eq!(kube.get(&format!("{plain}/held")).await.refused(404), "NotFound");
    assert_eq!(app.admin.get(&rest).await.status, 404);
    loop {
        let (kind, name, _) = events.told().await;
        if name == "held" {
            assert_eq!(kind, "DELETED");
            break;
        }
    }
    let remove = json!([{"op": "remove", "path": "/metadata/finalizers"}]);
    kubefed.patch(&format!("{typed}/typed"), "json", &remove).await.is(200);
    assert_eq!(kubefed.get(&format!("{typed}/typed")).await.refused(404), "NotFound");
    // A project waits for what is held in it.
    kubefed.post(&typed, &federated("last", &[HOLD])).await.is(201);
    app.admin.delete(&format!("projects/{namespace}")).await.is(202);
    let last = kubefed.get(&format!("{typed}/last")).await.is(200);
    assert!(last["metadata"]["deletionTimestamp"].is_string(), "{last}");
    kubefed.patch(&format!("{typed}/last"), "merge", &free).await.is(200);
    gone(&app.admin, &format!("projects/{namespace}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finalizers_hold_federated_objects_on_sqlite() {
    finalizers(Db::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn finalizers_hold_federated_objects_on_postgresql() {
    finalizers(Db::Postgres).await;
}

async fn owners(db: Db) {
    let app = TestApp::start(db).await;
    let namespace = namespace(&app).await;
    let (kube, kubefed) = Hub::both(&app).await;
    let plain = format!("/api/v1/namespaces/{namespace}/configmaps");
    let typed = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federatedconfigmaps");
    let reference = |object: &Value| {
        json!([{"apiVersion": object["apiVersion"], "kind": object["kind"], "name": object["metadata"]["name"],
            "uid": object["metadata"]["uid"], "blockOwnerDeletion": true}])
    };
    let owned = |mut object: Value, owner: &Value| {
        object["metadata"]["ownerReferences"] = reference(owner);
        object
    };
    // A federated object and a sealed Secret owned by an object of the hub, and what the federated one owns.
    let owner = kubefed.post(&plain, &config_map("owner", "1")).await.is(201);
    let middle = kubefed.post(&typed, &owned(federated("middle", &[]), &owner)).await.is(201);
    kubefed.post(&plain, &owned(config_map("leaf", "1"), &middle)).await.is(201);
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let secret = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "sealed"}});
    kubefed.post(&secrets, &owned(secret, &owner)).await.is(201);
    kubefed.delete(&format!("{plain}/owner")).await.is(200);
    for path in [format!("{typed}/middle"), format!("{plain}/leaf"), format!("{secrets}/sealed")] {
        absent(&kubefed, &path).await;
    }
    // Orphaned, they stay and say nothing of their owner.
    let owner = kubefed.post(&typed, &federated("owner", &[])).await.is(201);
    kubefed.post(&typed, &owned(federated("child", &[]), &owner)).await.is(201);
    kubefed.delete(&format!("{typed}/owner?propagationPolicy=Orphan")).await.is(200);
    absent(&kubefed, &format!("{typed}/owner")).await;
    let child = kubefed.get(&format!("{typed}/child")).await.is(200);
    assert_eq!(child["metadata"].get("ownerReferences"), None, "{child}");
    // Dependents first: the owner waits for one that is held.
    let owner = kube.post(&plain, &config_map("first", "1")).await.is(201);
    let mut held = owned(config_map("held", "1"), &owner);
    held["metadata"]["finalizers"] = json!([HOLD]);
    kube.post(&plain, &held).await.is(201);
    let going = kube.delete(&format!("{plain}/first?propagationPolicy=Foreground")).await.is(200);
    assert_eq!(going["metadata"]["finalizers"], json!(["foregroundDeletion"]), "{going}");
    wait_for(SOON, "the dependent going", || async {
        let found = kube.get(&format!("{plain}/held")).await;
        if found.body["metadata"]["deletionTimestamp"].is_string() { Ok(()) } else { Err(found.text) }
    })
    .await;
    kube.get(&format!("{plain}/first")).await.is(200);
    kube.patch(&format!("{plain}/held"), "merge", &json!({"metadata": {"finalizers": null}})).await.is(200);
    absent(&kube, &format!("{plain}/first")).await;
    absent(&kube, &format!("{plain}/held")).await;
    // An owner that never was is gone.
    let mut nobody = owner.clone();
    nobody["metadata"]["uid"] = "0198c0de-0000-7000-8000-000000000000".into();
    kube.post(&plain, &owned(config_map("lost", "1"), &nobody)).await.is(201);
    absent(&kube, &format!("{plain}/lost")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_take_federated_objects_along_on_sqlite() {
    owners(Db::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_take_federated_objects_along_on_postgresql() {
    owners(Db::Postgres).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watches_are_bounded_by_person_and_in_all() {
    let app = TestApp::start_with(Db::Sqlite, |config| {
        config.hub.watches = 3;
        config.hub.watches_per_user = 2;
    })
    .await;
    let namespace = namespace(&app).await;
    let (kube, _) = Hub::both(&app).await;
    let viewer = app.user("viewer", &["member"]).await;
    app.member(&format!("projects/{namespace}"), "viewer", &["viewer"]).await;
    let viewer = Hub::new(&app, "kube", &viewer.token("t", None).await);
    let path = format!("/api/v1/namespaces/{namespace}/configmaps");
    let first = kube.watch(&path, "").await;
    let _second = kube.watch(&path, "").await;
    let one_more = |hub: &Hub| {
        let request = hub.request(Method::GET, &format!("{path}?watch=true"));
        async move { request.send().await.unwrap() }
    };
    let refused = one_more(&kube).await;
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (429, "5"));
    let body: Value = refused.json().await.unwrap();
    assert_eq!((body["kind"].as_str(), body["reason"].as_str()), (Some("Status"), Some("TooManyRequests")));
    // One person's leave room for another's, up to the bound of all.
    let _third = viewer.watch(&path, "").await;
    assert_eq!(one_more(&viewer).await.status(), 429);
    // Lists go on, and a place that is given back is there for the next.
    kube.get(&path).await.is(200);
    drop(first);
    let _fourth = kube.watch(&path, "").await;
}

async fn roles(cluster: &hanse_harness::Cluster) -> kube::Api<k8s_openapi::api::rbac::v1::ClusterRole> {
    kube::Api::all(cluster.admin_client().await)
}

fn cluster_role(name: &str, verb: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": name},
        "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": [verb]}],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cluster_scoped_kinds_are_federated_without_a_project() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let clusters = [planes.cluster("hamburg"), planes.cluster("luebeck")];
    let app = TestApp::start(Db::Sqlite).await;
    import(&app.admin, &clusters[..1]).await;
    let (kube, kubefed) = Hub::both(&app).await;
    let name = hanse_harness::unique("role");
    let list = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
    let typed = "/apis/types.kubefed.io/v1beta1/federatedclusterroles";
    let one = format!("{list}/{name}");
    let resources = kubefed.get("/apis/types.kubefed.io/v1beta1").await.is(200);
    let served = resources["resources"].as_array().unwrap();
    let served = served.iter().find(|resource| resource["name"] == "federatedclusterroles").unwrap();
    assert_eq!(served["namespaced"], false, "{served}");
    kube.post(list, &cluster_role(&name, "get")).await.is(201);
    // The plain one of a KubeFed host is another object, and goes nowhere.
    kubefed.post(list, &cluster_role(&name, "watch")).await.is(201);
    let rest = format!("federated-objects/clusterroles.rbac.authorization.k8s.io/{name}");
    super::fixture::phase(&app.admin, &rest, "Ready").await;
    let verbs =
        |role: &k8s_openapi::api::rbac::v1::ClusterRole| role.rules.as_ref().unwrap()[0].verbs.clone();
    let hamburg = roles(clusters[0]).await;
    assert_eq!(verbs(&hamburg.get(&name).await.unwrap()), ["get"]);
    // A cluster that comes gets what belongs everywhere.
    import(&app.admin, &clusters[1..]).await;
    let luebeck = roles(clusters[1]).await;
    wait_for(SOON, "the role in luebeck", || async {
        luebeck.get(&name).await.map(drop).map_err(|error| error.to_string())
    })
    .await;
    // In the words of Federation v2, with what members hold beside it.
    let seen = kubefed.get(&format!("{typed}/{name}")).await.is(200);
    assert_eq!(seen["metadata"].get("namespace"), None, "{seen}");
    let mut narrowed = seen.clone();
    narrowed["spec"]["placement"] = json!({"clusters": [{"name": "hamburg"}]});
    narrowed["spec"]["overrides"] = json!([{"clusterName": "hamburg", "clusterOverrides": [
        {"path": "/rules/0/verbs", "value": ["list"]},
    ]}]);
    narrowed["metadata"]["finalizers"] = json!([HOLD]);
    wait_for(SOON, "written", || async {
        let mut next = narrowed.clone();
        let live = kubefed.get(&format!("{typed}/{name}")).await.is(200);
        next["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"].clone();
        let put = kubefed.put(&format!("{typed}/{name}"), &next).await;
        if put.code == 200 { Ok(()) } else { Err(put.text) }
    })
    .await;
    wait_for(SOON, "narrowed and overridden", || async {
        let there = luebeck.get_opt(&name).await.map_err(|error| error.to_string())?.is_some();
        let role = hamburg.get(&name).await.map_err(|error| error.to_string())?;
        if !there && verbs(&role) == ["list"] { Ok(()) } else { Err(format!("{there} {role:?}")) }
    })
    .await;
    let noted = format!("/apis/core.kubefed.io/v1alpha1/clusterpropagatedversions/clusterrole-{name}");
    wait_for(SOON, "the versions noted", || async {
        let found = kubefed.get(&noted).await;
        let held = found.body["status"]["clusterVersions"].as_array().map_or(0, Vec::len);
        if held == 1 { Ok(()) } else { Err(found.text) }
    })
    .await;
    // Held by a client and, as long as members have copies, by us.
    let going = kubefed.delete(&format!("{typed}/{name}")).await.is(200);
    assert!(going["metadata"]["deletionTimestamp"].is_string(), "{going}");
    wait_for(SOON, "only the client's finalizer", || async {
        let found = kubefed.get(&format!("{typed}/{name}")).await;
        if found.body["metadata"]["finalizers"] == json!([HOLD]) { Ok(()) } else { Err(found.text) }
    })
    .await;
    assert!(hamburg.get_opt(&name).await.unwrap().is_none(), "its copies are gone while it is held");
    let free = json!({"metadata": {"finalizers": null}});
    kubefed.patch(&format!("{typed}/{name}"), "merge", &free).await.is(200);
    absent(&kube, &one).await;
    kubefed.get(&one).await.is(200);
    // A project's administrator has no way in, at either root.
    let namespace = namespace(&app).await;
    let person = app.user("person", &["member"]).await;
    app.member(&format!("projects/{namespace}"), "person", &["administrator"]).await;
    let secret = person.token("t", None).await;
    for root in ["kube", "kubefed"] {
        let hub = Hub::new(&app, root, &secret);
        for path in [list, typed] {
            assert_eq!(hub.get(path).await.refused(403), "Forbidden");
            assert_eq!(hub.post(path, &cluster_role("mine", "*")).await.refused(403), "Forbidden");
        }
    }
    // A cluster that is let go keeps no mark of ours on what stays there.
    kube.post(list, &cluster_role(&name, "get")).await.is(201);
    super::fixture::phase(&app.admin, &rest, "Ready").await;
    app.admin.delete("clusters/luebeck").await.is(204);
    let left = luebeck.get(&name).await.unwrap();
    assert_eq!(left.metadata.labels.unwrap_or_default().get("kubefed.io/managed"), None);
    luebeck.delete(&name, &kube::api::DeleteParams::default()).await.unwrap();
    kube.delete(&one).await.is(200);
    absent(&kube, &one).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn labels_of_a_namespace_travel_and_guarded_ones_need_more() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let clusters = [planes.cluster("hamburg")];
    let app = TestApp::start(Db::Sqlite).await;
    import(&app.admin, &clusters).await;
    app.admin.post("workspaces", json!({"name": "default", "clusters": ["hamburg"]})).await.is(201);
    let (kube, _) = Hub::both(&app).await;
    let name = hanse_harness::unique("ns");
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {
        "name": name, "labels": {"team": "a", "hanse.io/mine": "x"}, "annotations": {"example.com/who": "b"},
    }});
    kube.post("/api/v1/namespaces", &object).await.is(201);
    let one = format!("/api/v1/namespaces/{name}");
    let namespaces =
        kube::Api::<k8s_openapi::api::core::v1::Namespace>::all(clusters[0].admin_client().await);
    let labels = |what: &'static str, wanted: Value| {
        let (namespaces, name) = (namespaces.clone(), name.clone());
        async move {
            wait_for(SOON, what, || async {
                let found = namespaces.get(&name).await.map_err(|error| error.to_string())?;
                let found = json!(found.metadata.labels);
                if found == wanted { Ok(()) } else { Err(found.to_string()) }
            })
            .await;
        }
    };
    let own = |more: Value| {
        let mut all = json!({"kubefed.io/managed": "true", "kubernetes.io/metadata.name": name});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    labels("the labels there", own(json!({"team": "a"}))).await;
    let there = namespaces.get(&name).await.unwrap();
    assert_eq!(there.metadata.annotations.unwrap_or_default().get("example.com/who").unwrap(), "b");
    let rest = app.admin.get(&format!("projects/{name}")).await.is(200);
    assert_eq!(
        (&rest["labels"], &rest["annotations"]),
        (&json!({"team": "a"}), &json!({"example.com/who": "b"}))
    );
    assert_eq!(kube.get(&one).await.is(200)["metadata"]["labels"]["hanse.io/mine"], "x");
    // What opens the way to a cluster's nodes is not for a tenant to set, to change or to remove.
    let tenant = app.user("tenant", &["member"]).await;
    app.member(&format!("projects/{name}"), "tenant", &["administrator"]).await;
    let tenant = Hub::new(&app, "kube", &tenant.token("t", None).await);
    let label = |value: Value| json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": value}}});
    let refused = tenant.patch(&one, "merge", &label("privileged".into())).await;
    assert!(refused.text.contains("pod-security.kubernetes.io/enforce"), "{}", refused.text);
    assert_eq!(refused.refused(403), "Forbidden");
    kube.patch(&one, "merge", &label("baseline".into())).await.is(200);
    let both = own(json!({"team": "b", "pod-security.kubernetes.io/enforce": "baseline"}));
    tenant.patch(&one, "merge", &json!({"metadata": {"labels": {"team": "b"}}})).await.is(200);
    labels("both labels", both).await;
    assert_eq!(tenant.patch(&one, "merge", &label(Value::Null)).await.refused(403), "Forbidden");
    kube.patch(&one, "merge", &label(Value::Null)).await.is(200);
    tenant.patch(&one, "merge", &json!({"metadata": {"labels": {"team": null}}})).await.is(200);
    labels("no labels", own(json!({}))).await;
    kube.delete(&one).await.is(200);
    gone(&app.admin, &format!("projects/{name}")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_gives_the_members_own_refusal() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let clusters = [planes.cluster("hamburg")];
    let app = TestApp::start(Db::Sqlite).await;
    import(&app.admin, &clusters).await;
    let namespace = super::fixture::project(&app, &clusters).await;
    let (kube, kubefed) = Hub::both(&app).await;
    let list = format!("/apis/apps/v1/namespaces/{namespace}/deployments");
    let rest = format!("projects/{namespace}/federated-objects");
    app.admin.post(&rest, super::fixture::everywhere(config_map("first", "1"))).await.is(201);
    // The namespace is there when the first object in it is.
    super::fixture::phase(&app.admin, &format!("{rest}/configmaps/first"), "Ready").await;
    let mut wrong = super::fixture::deployment("web", 1);
    wrong["spec"]["selector"]["matchLabels"]["app"] = "other".into();
    let refused = kube.post(&format!("{list}?dryRun=All"), &wrong).await;
    let body = refused.is(422);
    assert_eq!(body["details"]["causes"][0]["field"], "spec.template.metadata.labels", "{body}");
    assert!(body["message"].as_str().unwrap().starts_with("cluster hamburg: "), "{body}");
    let typed = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federateddeployments");
    let object = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedDeployment", "metadata": {"name": "web"},
        "spec": {"template": {"spec": wrong["spec"]}, "placement": {"clusterSelector": {}}},
    });
    let body = kubefed.post(&format!("{typed}?dryRun=All"), &object).await.is(422);
    assert_eq!(
        body["details"]["causes"][0]["field"], "spec.template.spec.template.metadata.labels",
        "{body}"
    );
    kube.post(&format!("{list}?dryRun=All"), &super::fixture::deployment("web", 1)).await.is(201);
    assert_eq!(kube.get(&format!("{list}/web")).await.refused(404), "NotFound");
    super::fixture::remove_project(&app, &namespace).await;
}
