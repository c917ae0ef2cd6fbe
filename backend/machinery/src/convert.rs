//! The shapes in which objects are answered: as they are, as rows of a table, or metadata alone; and which of them a
//! client asked for.

use serde_json::{Map, Value, json};

mod accept;
mod age;
mod cells;
mod columns;

pub use accept::{Encoding, Form, OpenApi, Wanted, negotiate, negotiate_openapi};
pub use age::{age, duration};
pub use columns::Column;

use crate::Descriptor;

/// Which part of an object a row carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Include {
    /// Metadata alone.
    #[default]
    Metadata,
    /// Everything.
    Object,
    /// Nothing.
    None,
}

impl Include {
    /// From the query's `includeObject`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "" | "Metadata" => Self::Metadata,
            "Object" => Self::Object,
            "None" => Self::None,
            _ => return None,
        })
    }
}

/// The metadata of an object alone. `version` is that of meta.k8s.io, `v1`.
#[must_use]
pub fn partial(object: &Value, version: &str) -> Value {
    json!({
        "kind": "PartialObjectMetadata",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": object.get("metadata").cloned().unwrap_or_else(|| json!({})),
    })
}

/// The same of a list, whose own metadata (revision, token) is kept.
#[must_use]
pub fn partial_list(list: &Value, version: &str) -> Value {
    let items = list.get("items").and_then(Value::as_array);
    json!({
        "kind": "PartialObjectMetadataList",
        "apiVersion": format!("meta.k8s.io/{version}"),
        "metadata": list.get("metadata").cloned().unwrap_or_else(|| json!({})),
        "items": items.into_iter().flatten().map(|item| partial(item, version)).collect::<Vec<_>>(),
    })
}

/// What a row of a table shows.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The object.
    pub object: &'a Value,
    /// How many replicas are wanted in all, where the object itself says something else: the number in each cluster.
    pub wanted: Option<i64>,
}

impl<'a> From<&'a Value> for Row<'a> {
    fn from(object: &'a Value) -> Self {
        Self { object, wanted: None }
    }
}

/// Objects as a table, in the columns that kubectl shows. `seconds` is now, since 1970. `metadata` is that of the
/// list, or of the object for a single one. Watches leave out `headers` after their first event.
#[must_use]
pub fn table(
    kind: &Descriptor,
    rows: &[Row<'_>],
    metadata: &Value,
    include: Include,
    seconds: i64,
    headers: bool,
) -> Value {
    let columns = columns::of(kind);
    let row = |shown: &Row<'_>| {
        let cells: Vec<Value> = columns.iter().map(|column| cells::cell(column, shown, seconds)).collect();
        let object = shown.object;
        let mut row = Map::new();
        row.insert("cells".into(), cells.into());
        match include {
            Include::Metadata => {
                row.insert("object".into(), partial(object, "v1"));
            }
            Include::Object => {
                row.insert("object".into(), object.clone());
            }
            Include::None => {}
        }
        Value::Object(row)
    };
    let kept = ["resourceVersion", "continue", "remainingItemCount"];
    let metadata: Map<String, Value> =
        kept.iter().filter_map(|name| Some(((*name).to_owned(), metadata.get(*name)?.clone()))).collect();
    let definitions = columns.iter().map(|column| {
        json!({
            "name": column.name, "type": column.kind, "format": column.format,
            "description": column.description, "priority": column.priority,
        })
    });
    let definitions: Vec<Value> = if headers { definitions.collect() } else { Vec::new() };
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": rows.iter().map(row).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_is_a_row_with_its_age() {
        let kind = Descriptor::built_in("apps/v1", "Deployment").unwrap();
        let object = json!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
                "template": {"spec": {"containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y"}]}}},
            "status": {"readyReplicas": 2, "updatedReplicas": 3, "availableReplicas": 2},
        });
        let now = 1_767_225_600 + 3 * 60;
        let list = json!({"resourceVersion": "9", "other": 1});
        let table = table(&kind, &[Row::from(&object)], &list, Include::Metadata, now, true);
        assert_eq!(table["rows"][0]["cells"], json!(["web", "2/3", 3, 2, "3m", "a,b", "x:1,y", "app=web"]));
        assert_eq!(table["metadata"], json!({"resourceVersion": "9"}));
        assert_eq!(table["columnDefinitions"][5]["priority"], json!(1));
        assert_eq!(table["rows"][0]["object"]["kind"], json!("PartialObjectMetadata"));
    }

    #[test]
    fn events_of_both_generations_say_when_how_often_and_who() {
        let kind = Descriptor::built_in("v1", "Event").unwrap();
        let now = 1_767_225_600 + 60;
        let cells = |event: &Value| {
            table(&kind, &[Row::from(event)], &json!({}), Include::None, now, true)["rows"][0]["cells"]
                .clone()
        };
        let old = json!({
            "metadata": {"name": "e"}, "type": "Normal", "reason": "Made", "message": "it is\n",
            "involvedObject": {"kind": "Pod", "name": "p"}, "source": {"component": "kubelet", "host": "n"},
            "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:30Z", "count": 4,
            "eventTime": null,
        });
        assert_eq!(
            cells(&old),
            json!(["30s", "Normal", "Made", "pod/p", "", "kubelet, n", "it is", "60s", 4, "e"])
        );
        let mut new = json!({
            "metadata": {"name": "e"}, "type": "Warning", "reason": "Lost", "message": "",
            "involvedObject": {"kind": "Node"}, "eventTime": "2026-01-01T00:00:00.123456Z",
            "reportingComponent": "scheduler", "reportingInstance": "s-1",
        });
        assert_eq!(
            cells(&new),
            json!(["60s", "Warning", "Lost", "node", "", "scheduler, s-1", "", "60s", 1, "e"])
        );
        new["series"] = json!({"count": 7, "lastObservedTime": "2026-01-01T00:00:50.5Z"});
        assert_eq!((&cells(&new)[0], &cells(&new)[8]), (&json!("10s"), &json!(7)));
    }

    #[test]
    fn any_kind_has_a_name_and_a_birthday() {
        let kind = Descriptor::custom("example.com/v1", "Thing", "things", true, true);
        let object = json!({"metadata": {"name": "x", "creationTimestamp": "2026-01-01T00:00:00Z"}});
        let table = table(&kind, &[Row::from(&object)], &json!({}), Include::None, 1_767_225_600, true);
        assert_eq!(table["rows"][0]["cells"], json!(["x", "0s"]));
    }
}
