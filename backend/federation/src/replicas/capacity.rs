//! How many replicas fit in a cluster, as far as its pods tell.

use chrono::{DateTime, Duration, Utc};
use serde_json::Value;

/// Pods count as not fitting after this long.
const PATIENCE: Duration = Duration::seconds(60);

/// Capacity of a cluster for a workload: what it asks for minus the pods that could not be scheduled for more than
/// 60 seconds. Known only where there are such pods.
#[must_use]
pub fn capacity(spec_replicas: i64, pods: &[&Value], now: DateTime<Utc>) -> Option<i64> {
    let stuck = pods.iter().filter(|pod| is_stuck(pod, now)).count();
    let stuck = i64::try_from(stuck).unwrap_or(i64::MAX);
    (stuck > 0).then(|| spec_replicas.saturating_sub(stuck).max(0))
}

fn is_stuck(pod: &Value, now: DateTime<Utc>) -> bool {
    let text = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).map(str::to_owned);
    let pending = pod.pointer("/status/phase").and_then(Value::as_str) == Some("Pending");
    let conditions = pod.pointer("/status/conditions").and_then(Value::as_array);
    pending
        && conditions.into_iter().flatten().any(|condition| {
            text(condition, "type").as_deref() == Some("PodScheduled")
                && text(condition, "status").as_deref() == Some("False")
                && text(condition, "reason").as_deref() == Some("Unschedulable")
                && text(condition, "lastTransitionTime")
                    .and_then(|since| since.parse::<DateTime<Utc>>().ok())
                    .is_some_and(|since| now.signed_duration_since(since) > PATIENCE)
        })
}
