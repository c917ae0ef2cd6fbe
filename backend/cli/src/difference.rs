//! Differences between two objects, as people know them from `diff`: what goes with a minus, what comes with a plus,
//! under the path of the field. Clusters with the same differences share one block.

use serde::Deserialize;
use serde_json::Value;

use crate::output::{Style, clean, paint};

/// One field that differs.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct Difference {
    /// JSON pointer; empty for the whole object.
    pub(crate) path: String,
    /// What is there now; absent = nothing.
    #[serde(default)]
    pub(crate) from: Option<Value>,
    /// What would be there; absent = nothing.
    #[serde(default)]
    pub(crate) to: Option<Value>,
}

/// Blocks for clusters; nothing for those without differences.
pub(crate) fn render(clusters: &[(&str, &[Difference])], colour: bool) -> String {
    let mut groups: Vec<(Vec<&str>, &[Difference])> = Vec::new();
    for (cluster, differences) in clusters.iter().filter(|(_, differences)| !differences.is_empty()) {
        match groups.iter_mut().find(|(_, known)| known == differences) {
            Some((names, _)) => names.push(cluster),
            None => groups.push((vec![cluster], differences)),
        }
    }
    let mut text = String::new();
    for (names, differences) in groups {
        let names = clean(&names.join(", "));
        text.push('\n');
        text.push_str(&paint(colour, Style::Strong, &format!("--- {names} (now)\n+++ {names} (planned)")));
        text.push('\n');
        for difference in differences {
            if !difference.path.is_empty() {
                text.push_str(&paint(colour, Style::Dim, &format!("@@ {} @@", clean(&difference.path))));
                text.push('\n');
            }
            for (mark, style, value) in
                [('-', Style::Bad, &difference.from), ('+', Style::Good, &difference.to)]
            {
                for line in value.iter().flat_map(lines) {
                    text.push_str(&paint(colour, style, &format!("{mark} {line}")));
                    text.push('\n');
                }
            }
        }
    }
    text
}

/// A value in as many lines as it needs: texts as they are, the rest as YAML.
fn lines(value: &Value) -> Vec<String> {
    let text = match value {
        Value::String(text) if text.contains('\n') => text.clone(),
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => value.to_string(),
        _ => serde_saphyr::to_string(value).unwrap_or_else(|_| value.to_string()),
    };
    text.trim_end().lines().map(clean).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn clusters_with_the_same_differences_share_a_block() {
        let differs =
            |path: &str, from: Option<Value>, to: Option<Value>| Difference { path: path.into(), from, to };
        let all = [
            differs("/a~1b", None, Some(Value::Null)),
            differs("/data/a", Some(json!("1\n2\n")), Some(json!("1\n3\n"))),
            differs("/spec/old", Some(json!(true)), None),
            differs("/spec/ports/1", None, Some(json!({"name": "x", "port": 81}))),
            differs("/spec/replicas", Some(json!(2)), Some(json!(3))),
        ];
        let some = [];
        let whole = [differs("", None, Some(json!({"kind": "ConfigMap", "data": {"a": "x"}})))];
        insta::assert_snapshot!(render(&[("eu", &all), ("same", &some), ("new", &whole), ("us", &all)], false), @r"
        --- eu, us (now)
        +++ eu, us (planned)
        @@ /a~1b @@
        + null
        @@ /data/a @@
        - 1
        - 2
        + 1
        + 3
        @@ /spec/old @@
        - true
        @@ /spec/ports/1 @@
        + name: x
        + port: 81
        @@ /spec/replicas @@
        - 2
        + 3

        --- new (now)
        +++ new (planned)
        + data:
        +   a: x
        + kind: ConfigMap
        ");
        assert_eq!(render(&[("same", &some)], false), "");
    }
}
