//! kubefedctl, unmodified: everything that it does to a host, done to the hub.

use hanse_harness::{Access, Cluster, wait_for};
use kube::config::Kubeconfig;
use serde_json::Value;

use super::{
    super::{
        fixture::{SOON, absent, api, member, ready},
        joining::unmark,
        support::Hub,
    },
    *,
};

/// kubefedctl with a kubeconfig that has the hub and the members as its contexts.
struct Tool {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Tool {
    async fn new(app: &TestApp, members: &[&Cluster]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = kubeconfig(app, folder.path()).await;
        let mut all: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        for cluster in members {
            let own = Kubeconfig::from_yaml(&cluster.kubeconfig(Access::Admin)).unwrap();
            let mut own = serde_json::to_value(own).unwrap();
            for (list, field) in [("clusters", "cluster"), ("users", "user"), ("contexts", "context")] {
                let mut entry = own[list][0].take();
                entry["name"] = json!(cluster.name);
                if field == "context" {
                    entry["context"] = json!({"cluster": cluster.name, "user": cluster.name});
                }
                all[list].as_array_mut().unwrap().push(entry);
            }
        }
        std::fs::write(&path, all.to_string()).unwrap();
        Self { program: tokio::task::spawn_blocking(programs).await.unwrap().join("kubefedctl"), folder }
    }

    async fn try_run(&self, arguments: &str) -> (bool, String) {
        let mut command = Command::new(&self.program);
        command
            .args(arguments.split_whitespace())
            .args(["--host-cluster-context=hub", "--v=2", "--kubeconfig"])
            .arg(self.folder.path().join("kubeconfig"))
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let done = timeout(LONGEST, command.output()).await.expect("kubefedctl ends in time").unwrap();
        let text =
            [done.stdout, done.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (done.status.success(), text)
    }

    async fn run(&self, arguments: &str) -> String {
        let (succeeded, text) = self.try_run(arguments).await;
        assert!(succeeded, "kubefedctl {arguments}\n{text}");
        text
    }
}

fn widgets() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.kf.example.com"},
        "spec": {
            "group": "kf.example.com", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": {
                    "type": "object", "properties": {"size": {"type": "integer"}},
                }},
            }}}],
        },
    })
}

/// Makes the kind known to a member.
async fn define(cluster: &Cluster) {
    let definitions: kube::Api<kube::api::DynamicObject> = kube::Api::all_with(
        cluster.admin_client().await,
        &kube::api::ApiResource::from_gvk(&kube::core::GroupVersionKind::gvk(
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
        )),
    );
    let params = kube::api::PatchParams::apply("test").force();
    definitions.patch("widgets.kf.example.com", &params, &kube::api::Patch::Apply(widgets())).await.unwrap();
    wait_for(SOON, "the definition established", || async {
        let found = definitions.get("widgets.kf.example.com").await.map_err(|error| error.to_string())?;
        let found = serde_json::to_value(found).map_err(|error| error.to_string())?;
        let established = found["status"]["conditions"].as_array().is_some_and(|conditions| {
            conditions.iter().any(|one| one["type"] == "Established" && one["status"] == "True")
        });
        if established { Ok(()) } else { Err(found["status"].to_string()) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kubefedctl_works_unmodified() {
    let _turn = turn().await;
    let planes = ControlPlanes::shared().await;
    let hamburg = planes.cluster("hamburg");
    let app = TestApp::start(Db::Sqlite).await;
    app.workspace("default").await;
    let (_, hub) = Hub::both(&app).await;
    let tool = Tool::new(&app, &[hamburg]).await;
    unmark(hamburg).await;
    define(hamburg).await;

    // A cluster joins with an account of its own, which kubefedctl makes there.
    let name = hanse_harness::unique("kf");
    tool.run(&format!("join {name} --cluster-context=hamburg")).await;
    ready(&app.admin, &name).await;
    let (again, text) = tool.try_run(&format!("join {name} --cluster-context=hamburg")).await;
    assert!(!again && text.contains("already exists"), "{text}");

    // What is there is federated, with its namespace.
    let namespace = hanse_harness::unique("kf");
    let plain = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}});
    hub.post("/api/v1/namespaces", &plain).await.is(201);
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "cfg"}, "data": {"a": "b"},
    });
    hub.post(&format!("/api/v1/namespaces/{namespace}/configmaps"), &map).await.is(201);
    tool.run(&format!("federate ns {namespace} --contents --skip-api-resources=pods")).await;
    let copies = api(hamburg, "", "ConfigMap", &namespace).await;
    member(&copies, "cfg", "the copy", |copy| copy["data"] == json!({"a": "b"})).await;

    // A kind that only the members and a definition at the hub know is enabled, federated, and disabled again.
    hub.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", &widgets()).await.is(201);
    let said = tool.run("enable widgets.kf.example.com").await;
    assert!(said.contains("federatedtypeconfig.core.kubefed.io/widgets.kf.example.com created"), "{said}");
    let federated = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federatedwidgets");
    let widget = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedWidget", "metadata": {"name": "big"},
        "spec": {"template": {"spec": {"size": 3}}, "placement": {"clusterSelector": {}}},
    });
    hub.post(&federated, &widget).await.is(201);
    let widgets = api(hamburg, "kf.example.com", "Widget", &namespace).await;
    member(&widgets, "big", "the widget", |copy| copy["spec"]["size"] == 3).await;
    let (disabled, text) = tool.try_run("disable widgets.kf.example.com --delete-crd").await;
    assert!(!disabled && text.contains("while resource instances exist"), "{text}");

    // Copies are left behind where that is wanted.
    tool.run(&format!("orphaning-deletion enable FederatedWidget big -n {namespace}")).await;
    let said = tool.run(&format!("orphaning-deletion status FederatedWidget big -n {namespace}")).await;
    assert!(said.contains("Enabled"), "{said}");
    hub.delete(&format!("{federated}/big")).await.is(200);
    wait_for(SOON, "the federated widget gone", || async {
        let found = hub.get(&format!("{federated}/big")).await;
        if found.code == 404 { Ok(()) } else { Err(found.text) }
    })
    .await;
    let left = serde_json::to_value(widgets.get("big").await.unwrap()).unwrap();
    assert!(left["metadata"]["labels"].get("kubefed.io/managed").is_none(), "{left}");
    let said = tool.run("disable widgets.kf.example.com --delete-crd").await;
    for what in [
        "Propagation controller for FederatedTypeConfig",
        "customresourcedefinition \"federatedwidgets.types.kubefed.io\" deleted",
        "federatedtypeconfig \"kube-federation-system/widgets.kf.example.com\" deleted",
    ] {
        assert!(said.contains(what), "{what}: {said}");
    }
    assert_eq!(hub.get(&federated).await.refused(404), "NotFound");

    // A kind that comes with the release is switched off and on; what was federated can be seen meanwhile.
    tool.run("disable configmaps").await;
    let maps = format!("/apis/types.kubefed.io/v1beta1/namespaces/{namespace}/federatedconfigmaps");
    hub.get(&format!("{maps}/cfg")).await.is(200);
    let another = json!({
        "apiVersion": "types.kubefed.io/v1beta1", "kind": "FederatedConfigMap", "metadata": {"name": "other"},
        "spec": {"template": {"data": {}}, "placement": {"clusterSelector": {}}},
    });
    assert_eq!(hub.post(&maps, &another).await.refused(422), "Invalid");
    tool.run("enable configmaps").await;
    hub.post(&maps, &another).await.is(201);
    member(&copies, "other", "the copy", |_| true).await;

    // The cluster leaves. Its account there is gone by then, so what was placed there keeps its label.
    tool.run(&format!("unjoin {name} --cluster-context=hamburg")).await;
    let clusters = "/apis/core.kubefed.io/v1beta1/namespaces/kube-federation-system/kubefedclusters";
    assert_eq!(hub.get(&format!("{clusters}/{name}")).await.refused(404), "NotFound");
    assert_eq!(app.admin.get(&format!("clusters/{name}")).await.status, 404);
    copies.get("cfg").await.unwrap();
    let namespaces: kube::Api<k8s_openapi::api::core::v1::Namespace> =
        kube::Api::all(hamburg.admin_client().await);
    namespaces.delete(&namespace, &kube::api::DeleteParams::default()).await.unwrap();
    absent(&copies, "cfg").await;
}
