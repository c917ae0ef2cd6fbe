//! The type table against the documents of a real kube-apiserver. With `HANSE_UPDATE=1` it is written anew;
//! `scripts/machinery-schema` does that.

use hanse_harness::{ControlPlanes, Raw};
use hanse_machinery::{Descriptor, Schema, schema};

const DOCUMENTS: [&str; 11] = [
    "api/v1",
    "apis/apps/v1",
    "apis/batch/v1",
    "apis/autoscaling/v1",
    "apis/autoscaling/v2",
    "apis/policy/v1",
    "apis/networking.k8s.io/v1",
    "apis/rbac.authorization.k8s.io/v1",
    "apis/apiextensions.k8s.io/v1",
    "apis/coordination.k8s.io/v1",
    "apis/scheduling.k8s.io/v1",
];

#[tokio::test]
async fn the_table_is_what_the_apiserver_serves() {
    let raw = Raw::to(ControlPlanes::shared().await.cluster("bremen")).await;
    let mut documents = Vec::new();
    for path in DOCUMENTS {
        let accept = [("accept", "application/json")];
        let answer = raw.send("GET", &format!("/openapi/v3/{path}"), &accept, Vec::new()).await.unwrap();
        assert_eq!(answer.code, 200, "{path}");
        documents.push(answer.json());
    }
    let wanted: Vec<String> = Descriptor::all_built_in()
        .iter()
        .map(|kind| format!("{}/{}", kind.api_version(), kind.kind))
        .collect();
    let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
    let fresh = schema::from_openapi(&documents, &wanted);
    assert_eq!(fresh.kinds().count(), wanted.len());
    if std::env::var_os("HANSE_UPDATE").is_some() {
        std::fs::write("src/schema/builtin.txt", fresh.to_string()).unwrap();
        return;
    }
    assert_eq!(fresh.to_string(), Schema::built_in().to_string(), "run scripts/machinery-schema");
}
