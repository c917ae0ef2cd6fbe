//! What a pod demands: of its containers together, of its init containers at most, and its overhead.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Amounts;
use crate::{FieldError, quantity::Quantity};

/// Limits on these demand that every container says what it wants; one on anything else does not.
const MUST_BE_SAID: [&str; 6] =
    ["cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"];

/// Resources of which a limit may be on requests under their plain name, too.
const ALIASED: [&str; 3] = ["cpu", "memory", "ephemeral-storage"];

fn containers<'a>(pod: &'a Value, list: &'static str) -> impl Iterator<Item = (String, &'a Value)> {
    let found = pod.pointer("/spec").and_then(|spec| spec.get(list)).and_then(Value::as_array);
    found.into_iter().flatten().enumerate().map(move |(at, one)| (format!("spec.{list}[{at}]"), one))
}

fn amounts(container: &Value, path: &str, side: &str) -> Result<Amounts, FieldError> {
    let value = container.pointer("/resources").and_then(|resources| resources.get(side));
    Amounts::read(value.unwrap_or(&Value::Null), &format!("{path}.resources.{side}"))
}

/// An apiserver takes a limit for the request where there is none.
fn requested(container: &Value, path: &str) -> Result<Amounts, FieldError> {
    let mut requests = amounts(container, path, "requests")?;
    for (name, limit) in amounts(container, path, "limits")?.iter() {
        if requests.get(name).is_none() {
            requests.set(name, limit);
        }
    }
    Ok(requests)
}

/// Init containers run one after the other, those that restart always stay beside all that follow.
fn together(
    pod: &Value,
    of: impl Fn(&Value, &str) -> Result<Amounts, FieldError>,
) -> Result<Amounts, FieldError> {
    let (mut beside, mut at_most) = (Amounts::default(), Amounts::default());
    for (path, container) in containers(pod, "initContainers") {
        let own = of(container, &path)?;
        let stays = container.get("restartPolicy").and_then(Value::as_str) == Some("Always");
        let now = if stays {
            beside = beside.plus(&own);
            beside.clone()
        } else {
            beside.clone().plus(&own)
        };
        at_most = at_most.or_more(&now);
    }
    let mut all = beside;
    for (path, container) in containers(pod, "containers") {
        all = all.plus(&of(container, &path)?);
    }
    let mut all = all.or_more(&at_most);
    // Of what is for the pod as a whole, that is said.
    if let Some(spec) = pod.get("spec") {
        for (name, amount) in of(spec, "spec")?.iter() {
            all.set(name, amount);
        }
    }
    let overhead = pod.pointer("/spec/overhead").unwrap_or(&Value::Null);
    let overhead = Amounts::read(overhead, "spec.overhead")?;
    Ok(all.plus(&overhead))
}

/// What a pod requests of its node.
///
/// # Errors
/// The path of an amount that is no quantity.
pub fn requests(pod: &Value) -> Result<Amounts, FieldError> {
    together(pod, requested)
}

/// The limits of a pod.
///
/// # Errors
/// The path of an amount that is no quantity.
pub fn limits(pod: &Value) -> Result<Amounts, FieldError> {
    let limited = |container: &Value, path: &str| amounts(container, path, "limits");
    let mut all = together(pod, limited)?;
    // Overhead only adds to a limit that there is.
    let said: BTreeSet<String> = ["initContainers", "containers"]
        .into_iter()
        .flat_map(|list| containers(pod, list))
        .chain(pod.pointer("/spec").map(|spec| ("spec".to_owned(), spec)))
        .filter_map(|(path, one)| limited(one, &path).ok())
        .flat_map(|amounts| amounts.names().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    all.0.retain(|name, _| said.contains(name));
    Ok(all)
}

/// What a pod uses of a quota. One that has ended counts as an object and uses nothing else.
///
/// # Errors
/// The path of an amount that is no quantity.
pub fn demands(pod: &Value) -> Result<Amounts, FieldError> {
    let mut used = Amounts::default();
    used.set("count/pods", Quantity::whole(1));
    let phase = pod.pointer("/status/phase").and_then(Value::as_str);
    if matches!(phase, Some("Succeeded" | "Failed")) {
        return Ok(used);
    }
    used.set("pods", Quantity::whole(1));
    for (name, amount) in requests(pod)?.iter() {
        if ALIASED.contains(&name) || name.starts_with("hugepages-") {
            used.set(name, amount);
        }
        used.set(format!("requests.{name}"), amount);
    }
    for (name, amount) in limits(pod)?.iter().filter(|(name, _)| ALIASED.contains(name)) {
        used.set(format!("limits.{name}"), amount);
    }
    Ok(used)
}

/// Containers that do not say what a quota limits, by resource.
///
/// # Errors
/// The path of an amount that is no quantity.
pub fn unspecified(hard: &Amounts, pod: &Value) -> Result<BTreeMap<String, Vec<String>>, FieldError> {
    let wanted: Vec<&str> = hard.names().filter(|name| MUST_BE_SAID.contains(name)).collect();
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let whole = pod.get("spec").unwrap_or(&Value::Null);
    let for_all = (requested(whole, "spec")?, amounts(whole, "spec", "limits")?);
    for list in ["containers", "initContainers"] {
        for (path, container) in containers(pod, list) {
            let own = (requested(container, &path)?, amounts(container, &path, "limits")?);
            for name in &wanted {
                let says = |(requests, limits): &(Amounts, Amounts)| match name.strip_prefix("limits.") {
                    Some(resource) => limits.get(resource).is_some(),
                    None => requests.get(name.strip_prefix("requests.").unwrap_or(name)).is_some(),
                };
                if !says(&own) && !says(&for_all) {
                    let name_of = container.get("name").and_then(Value::as_str).unwrap_or(&path);
                    missing.entry((*name).to_owned()).or_default().push(name_of.to_owned());
                }
            }
        }
    }
    Ok(missing)
}
