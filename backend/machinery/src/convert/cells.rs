//! The values of cells.

use serde_json::Value;

use super::{
    Row, age,
    columns::{Column, From, Special},
    duration,
};

fn at<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut value = object;
    for name in path.split('.') {
        value = value.get(name)?;
    }
    Some(value).filter(|value| !value.is_null())
}

fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    at(object, path).and_then(Value::as_str).unwrap_or_default()
}

/// The text at one path, or where there is none at the other: events say the same in two generations of words.
fn either<'a>(object: &'a Value, path: &str, other: &str) -> &'a str {
    match text(object, path) {
        "" => text(object, other),
        text => text,
    }
}

fn number(object: &Value, path: &str) -> i64 {
    at(object, path).and_then(Value::as_i64).unwrap_or_default()
}

fn list<'a>(object: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    at(object, path).and_then(Value::as_array).into_iter().flatten()
}

fn join<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> String {
    let parts: Vec<T> = parts.into_iter().collect();
    parts.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(",")
}

fn or(text: String, absent: &str) -> String {
    if text.is_empty() { absent.to_owned() } else { text }
}

/// A value as a word.
fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn cell(column: &Column, row: &Row<'_>, now: i64) -> Value {
    let object = row.object;
    match column.from {
        From::Field(path, absent) => at(object, path).map_or_else(|| absent.to_owned(), word).into(),
        From::Flag(path) => (at(object, path) == Some(&Value::Bool(true))).into(),
        From::Number(path) => number(object, path).into(),
        From::Ready(ready, wanted) => {
            let wanted = row.wanted.unwrap_or_else(|| number(object, wanted));
            format!("{}/{wanted}", number(object, ready)).into()
        }
        From::Age => age(text(object, "metadata.creationTimestamp"), now).into(),
        From::Since(path) => match text(object, path) {
            "" => "<none>".into(),
            time => age(time, now).into(),
        },
        From::Count(paths) => {
            let length = |path: &&str| match at(object, path) {
                Some(Value::Array(items)) => items.len(),
                Some(Value::Object(map)) => map.len(),
                _ => 0,
            };
            paths.iter().map(length).sum::<usize>().into()
        }
        From::Selector(path) => selector(at(object, path)).into(),
        From::Containers(pod) => {
            join(list(object, &format!("{pod}.containers")).map(|c| text(c, "name"))).into()
        }
        From::Images(pod) => {
            join(list(object, &format!("{pod}.containers")).map(|c| text(c, "image"))).into()
        }
        From::Condition(kind) => condition(object, kind).unwrap_or_default().into(),
        From::Special(special) => self::special(special, object, now),
    }
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a str> {
    list(object, "status.conditions").find(|one| text(one, "type") == kind).map(|one| text(one, "status"))
}

fn selector(value: Option<&Value>) -> String {
    let Some(value) = value else { return "<none>".to_owned() };
    let labels = if value.get("matchLabels").is_some() || value.get("matchExpressions").is_some() {
        return match crate::select::Selector::from_value(value, "") {
            Ok(selector) => or(selector.to_string(), "<none>"),
            Err(_) => "<error>".to_owned(),
        };
    } else {
        value.as_object()
    };
    or(join(labels.into_iter().flatten().map(|(name, value)| format!("{name}={}", word(value)))), "<none>")
}

fn special(special: Special, object: &Value, now: i64) -> Value {
    match special {
        Special::JobStatus => job_status(object).into(),
        Special::JobCompletions => {
            let done = number(object, "status.succeeded");
            match (at(object, "spec.completions"), number(object, "spec.parallelism")) {
                (Some(wanted), _) => format!("{done}/{wanted}"),
                (None, parallel) if parallel > 1 => format!("{done}/1 of {parallel}"),
                _ => format!("{done}/1"),
            }
            .into()
        }
        Special::JobDuration => {
            let time = |path: &str| {
                chrono::DateTime::parse_from_rfc3339(text(object, path)).ok().map(|t| t.timestamp())
            };
            let start = time("status.startTime");
            let end = time("status.completionTime").unwrap_or(now);
            start.map_or(String::new(), |start| duration(end - start)).into()
        }
        Special::ServiceExternal => service_external(object).into(),
        Special::ServicePorts => {
            let port = |port: &Value| {
                let (number_, protocol) = (number(port, "port"), text(port, "protocol"));
                match number(port, "nodePort") {
                    0 => format!("{number_}/{protocol}"),
                    node => format!("{number_}:{node}/{protocol}"),
                }
            };
            or(join(list(object, "spec.ports").map(port)), "<none>").into()
        }
        Special::IngressHosts => {
            let hosts: Vec<&str> = list(object, "spec.rules")
                .map(|rule| text(rule, "host"))
                .filter(|host| !host.is_empty())
                .collect();
            let shown = join(hosts.iter().take(3));
            match hosts.len() {
                0 => "*".into(),
                1..=3 => shown.into(),
                more => format!("{shown} + {} more...", more - 3).into(),
            }
        }
        Special::IngressAddress => addresses(object).into(),
        Special::IngressPorts => if at(object, "spec.tls").is_some() { "80, 443" } else { "80" }.into(),
        Special::HpaReference => {
            let (kind, name) =
                (text(object, "spec.scaleTargetRef.kind"), text(object, "spec.scaleTargetRef.name"));
            format!("{kind}/{name}").into()
        }
        Special::HpaTargets => hpa_targets(object).into(),
        Special::ClaimCapacity => at(object, "status.capacity")
            .and_then(|map| map.get("storage"))
            .map_or_else(String::new, word)
            .into(),
        Special::AccessModes => {
            let bound = !text(object, "spec.volumeName").is_empty();
            let modes = list(object, "status.accessModes").filter_map(Value::as_str).map(|mode| match mode {
                "ReadWriteOnce" => "RWO",
                "ReadOnlyMany" => "ROX",
                "ReadWriteMany" => "RWX",
                "ReadWriteOncePod" => "RWOP",
                other => other,
            });
            if bound { join(modes).into() } else { "".into() }
        }
        Special::RoleName => {
            format!("{}/{}", text(object, "roleRef.kind"), text(object, "roleRef.name")).into()
        }
        Special::Subjects(kind) => {
            let subjects = list(object, "subjects").filter(|subject| text(subject, "kind") == kind);
            let name = |subject: &Value| match text(subject, "namespace") {
                "" => text(subject, "name").to_owned(),
                namespace => format!("{namespace}/{}", text(subject, "name")),
            };
            subjects.map(name).collect::<Vec<_>>().join(", ").into()
        }
        Special::PodReady => {
            let ready = list(object, "status.containerStatuses")
                .filter(|c| at(c, "ready") == Some(&Value::Bool(true)));
            format!("{}/{}", ready.count(), list(object, "spec.containers").count()).into()
        }
        Special::PodStatus => pod_status(object).into(),
        Special::PodRestarts => {
            let restarts: i64 =
                list(object, "status.containerStatuses").map(|c| number(c, "restartCount")).sum();
            restarts.to_string().into()
        }
        Special::ReadinessGates => {
            let gates: Vec<&str> =
                list(object, "spec.readinessGates").map(|gate| text(gate, "conditionType")).collect();
            let met = gates.iter().filter(|gate| condition(object, gate) == Some("True")).count();
            if gates.is_empty() { "<none>".into() } else { format!("{met}/{}", gates.len()).into() }
        }
        Special::EventSource => {
            let component = either(object, "source.component", "reportingComponent");
            match either(object, "source.host", "reportingInstance") {
                "" => component.into(),
                instance => format!("{component}, {instance}").into(),
            }
        }
        Special::EventCount => match at(object, "series") {
            Some(series) => number(series, "count").into(),
            // One that came once need not say so.
            None => number(object, "count").max(1).into(),
        },
        Special::EventFirst => age(either(object, "firstTimestamp", "eventTime"), now).into(),
        Special::EventLast => {
            let last = match at(object, "series") {
                Some(series) => text(series, "lastObservedTime"),
                None => match text(object, "lastTimestamp") {
                    "" => either(object, "firstTimestamp", "eventTime"),
                    last => last,
                },
            };
            age(last, now).into()
        }
        Special::EventMessage => text(object, "message").trim().into(),
        Special::IngressParameters => {
            let field = |name: &str| text(object, &format!("spec.parameters.{name}")).to_owned();
            if at(object, "spec.parameters").is_none() {
                return "<none>".into();
            }
            let kind = match field("apiGroup").as_str() {
                "" => field("kind"),
                group => format!("{}.{group}", field("kind")),
            };
            format!("{kind}/{}", field("name")).into()
        }
        Special::EventObject => {
            let kind = text(object, "involvedObject.kind").to_lowercase();
            match text(object, "involvedObject.name") {
                "" => kind.into(),
                name => format!("{kind}/{name}").into(),
            }
        }
    }
}

fn job_status(object: &Value) -> &'static str {
    let is = |kind: &str| condition(object, kind) == Some("True");
    if is("Complete") {
        "Complete"
    } else if is("Failed") {
        "Failed"
    } else if at(object, "metadata.deletionTimestamp").is_some() {
        "Terminating"
    } else if is("Suspended") {
        "Suspended"
    } else if is("FailureTarget") {
        "FailureTarget"
    } else if is("SuccessCriteriaMet") {
        "SuccessCriteriaMet"
    } else {
        "Running"
    }
}

fn addresses(object: &Value) -> String {
    let address = |ingress: &'_ Value| match text(ingress, "ip") {
        "" => text(ingress, "hostname").to_owned(),
        ip => ip.to_owned(),
    };
    join(list(object, "status.loadBalancer.ingress").map(address).filter(|address| !address.is_empty()))
}

fn service_external(object: &Value) -> String {
    let external = join(list(object, "spec.externalIPs").filter_map(Value::as_str));
    match text(object, "spec.type") {
        "LoadBalancer" => {
            let all = join([addresses(object), external].into_iter().filter(|part| !part.is_empty()));
            or(all, "<pending>")
        }
        "ExternalName" => text(object, "spec.externalName").to_owned(),
        _ => or(external, "<none>"),
    }
}

fn hpa_targets(object: &Value) -> String {
    let current: Vec<&Value> = list(object, "status.currentMetrics").collect();
    let show = |(index, metric): (usize, &Value)| {
        let kind = text(metric, "type");
        let field = format!(
            "{}{}",
            kind.get(..1).unwrap_or_default().to_lowercase(),
            kind.get(1..).unwrap_or_default()
        );
        let name = text(metric, &format!("{field}.name")).to_owned();
        let value = |metric: &Value, place: &str| {
            let average = at(metric, &format!("{field}.{place}.averageUtilization"));
            let other = || {
                let value = at(metric, &format!("{field}.{place}.averageValue"));
                value.or_else(|| at(metric, &format!("{field}.{place}.value"))).map(word)
            };
            average.map(|percent| format!("{percent}%")).or_else(other)
        };
        let have = current.get(index).and_then(|metric| value(metric, "current"));
        let prefix = if kind == "Resource" { format!("{name}: ") } else { String::new() };
        format!(
            "{prefix}{}/{}",
            have.unwrap_or_else(|| "<unknown>".into()),
            value(metric, "target").unwrap_or_else(|| "<auto>".into())
        )
    };
    let metrics: Vec<String> = list(object, "spec.metrics").enumerate().map(show).collect();
    match metrics.as_slice() {
        [] => "<none>".to_owned(),
        [a, b, rest @ ..] if !rest.is_empty() => format!("{a}, {b} + {} more...", rest.len()),
        all => all.join(", "),
    }
}

fn pod_status(object: &Value) -> String {
    let mut reason = match text(object, "status.reason") {
        "" => text(object, "status.phase").to_owned(),
        reason => reason.to_owned(),
    };
    for container in list(object, "status.containerStatuses") {
        for place in ["state.waiting.reason", "state.terminated.reason"] {
            if !text(container, place).is_empty() {
                text(container, place).clone_into(&mut reason);
            }
        }
    }
    if at(object, "metadata.deletionTimestamp").is_some() { "Terminating".to_owned() } else { reason }
}
