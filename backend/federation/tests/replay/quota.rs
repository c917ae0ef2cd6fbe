//! Quota admission.

use std::collections::BTreeSet;

use hanse_federation::quota::{self, Amounts, Refusal};
use serde_json::{Value, json};

use super::support::cases;

/// A recorded pod as a manifest.
fn pod(case: &Value) -> Value {
    let containers = |list: &str| -> Value {
        let recorded = case[list].as_array().cloned().unwrap_or_default();
        recorded.iter().map(|one| json!({ "resources": one })).collect()
    };
    json!({
        "spec": { "containers": containers("containers"), "initContainers": containers("initContainers") },
        "status": { "phase": case["phase"] },
    })
}

#[test]
fn pods_are_admitted_as_recorded() {
    let file = cases("quota");
    let all = file["quota_admission"].as_array().unwrap();
    for case in all {
        let name = &case["name"];
        let (hard, used) =
            (Amounts::read(&case["hard"], "hard").unwrap(), Amounts::read(&case["used"], "used").unwrap());
        let (decision, named): (&str, Vec<String>) =
            match quota::admit_pod(&hard, &used, &pod(&case["pod"])).unwrap() {
                Ok(()) => ("allow", Vec::new()),
                Err(Refusal::MustSpecify { .. }) => ("deny:must-specify", Vec::new()),
                Err(Refusal::Exceeded { exceeded }) => {
                    ("deny:exceeded", exceeded.into_iter().map(|one| one.resource).collect())
                }
            };
        assert_eq!(decision, case["expected"], "{name}");
        if !case["exceeded"].is_null() {
            assert_eq!(json!(named), case["exceeded"], "{name}");
        }
    }
    assert_eq!(all.len(), 6);
}

#[test]
fn usage_of_pods_is_as_recorded() {
    let file = cases("quota");
    let all = file["quota_usage"].as_array().unwrap();
    for case in all {
        let used = quota::demands(&pod(&case["pod"])).unwrap();
        let names: BTreeSet<&str> = used.names().collect();
        assert_eq!(json!(names), case["usage_keys"]);
    }
    assert_eq!(all.len(), 2);
}
