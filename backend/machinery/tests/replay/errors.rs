//! Requests that are refused, one by one: the whole status must be equal.

use hanse_harness::{ControlPlanes, Raw};
use hanse_machinery::{
    Descriptor, Schema, Status,
    convert::{self, Include},
    discovery::{self, Served},
    list::{self, Options},
    meta::{self, Birth, DeleteOptions},
    patch,
    select::{FieldSelector, Selector},
    ssa::{Fields, Writer},
    strict::{self, Validation},
};
use serde_json::{Value, json};

use super::play::namespace;

const JSON: (&str, &str) = ("content-type", "application/json");
const NOW: &str = "2026-01-01T00:00:00Z";

struct Check {
    raw: Raw,
    faults: Vec<String>,
}

impl Check {
    async fn send(&self, method: &str, path: &str, kind: &str, body: &str) -> (u16, Value) {
        let headers = [("content-type", kind), ("accept", "application/json")];
        let answer = self.raw.send(method, path, &headers, body.as_bytes().to_vec()).await.unwrap();
        (answer.code, answer.json())
    }

    fn same(&mut self, what: &str, real: &(u16, Value), ours: Result<Value, Status>) {
        let ours = match ours {
            Ok(value) => (200, value),
            Err(status) => (status.code, status.to_value()),
        };
        // Metadata is validated in several places, and each says what it found.
        let once = |(code, mut body): (u16, Value)| {
            if let Some(causes) = body.pointer_mut("/details/causes").and_then(Value::as_array_mut) {
                let mut seen: Vec<Value> = Vec::new();
                causes.retain(|cause| {
                    let is_new = !seen.contains(cause);
                    seen.push(cause.clone());
                    is_new
                });
            }
            (code, body)
        };
        let real = once(real.clone());
        if real != once(ours.clone()) {
            self.faults.push(format!("{what}:\n  real {} {}\n  ours {} {}", real.0, real.1, ours.0, ours.1));
        }
    }
}

fn config_map() -> Descriptor {
    Descriptor::built_in("v1", "ConfigMap").unwrap()
}

fn create(kind: &Descriptor, body: &Value, namespace: &str) -> Result<Value, Status> {
    let birth = Birth { namespace, uid: "u", time: NOW, entropy: 1 };
    meta::create(kind, body.clone(), birth)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_told_as_an_apiserver_tells_them() {
    let raw = Raw::to(ControlPlanes::shared().await.cluster("bremen")).await;
    let space = namespace(&raw).await;
    let mut check = Check { raw, faults: Vec::new() };
    creations(&mut check, &space).await;
    updates(&mut check, &space).await;
    patches(&mut check, &space).await;
    reads(&mut check, &space).await;
    assert!(check.faults.is_empty(), "{}", check.faults.join("\n"));
}

async fn creations(check: &mut Check, space: &str) {
    let cases = [
        json!({"metadata": {}}),
        json!({"metadata": {"name": "Upper"}}),
        json!({"metadata": {"name": "a..b"}}),
        json!({"metadata": {"name": "x".repeat(254)}}),
        json!({"metadata": {"name": "a", "namespace": "other"}}),
        json!({"metadata": {"name": "a", "resourceVersion": "5"}}),
        json!({"metadata": {"name": "a", "labels": {"/": ""}}}),
        json!({"metadata": {"name": "a", "labels": {"a/b/c": ""}}}),
        json!({"metadata": {"name": "a", "labels": {"Ä.io/c": ""}}}),
        json!({"metadata": {"name": "a", "labels": {"a": "-"}}}),
        json!({"metadata": {"name": "a", "labels": {"a": "x".repeat(64)}}}),
        json!({"metadata": {"name": "a", "annotations": {"A B": ""}}}),
        json!({"metadata": {"name": "a", "annotations": {"big": "x".repeat(262_145)}}}),
        json!({"metadata": {"name": "a", "finalizers": ["x y"]}}),
        json!({"metadata": {"name": "a", "finalizers": ["orphan", "foregroundDeletion"]}}),
        json!({"metadata": {"name": "a", "ownerReferences": [{"apiVersion": "", "kind": "", "name": "", "uid": ""}]}}),
        json!({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "a"}}),
        json!({"kind": "ConfigMap", "apiVersion": "v2", "metadata": {"name": "a"}}),
    ];
    let path = format!("/api/v1/namespaces/{space}/configmaps");
    for body in cases {
        let real = check.send("POST", &path, JSON.1, &body.to_string()).await;
        let shown: String = body.to_string().chars().take(160).collect();
        check.same(&format!("create {shown}"), &real, create(&config_map(), &body, space));
    }
    for (kind, name) in [("Namespace", "a.b"), ("Service", "1.a"), ("ServiceAccount", "A")] {
        let kind = Descriptor::built_in("v1", kind).unwrap();
        let mut body = json!({"metadata": {"name": name}});
        if kind.kind == "Service" {
            body["spec"] = json!({"ports": [{"port": 80}]});
        }
        let place = if kind.namespaced { format!("namespaces/{space}/") } else { String::new() };
        let path = format!("/api/v1/{place}{}", kind.plural);
        let real = check.send("POST", &path, JSON.1, &body.to_string()).await;
        check.same(&format!("create {} {name}", kind.kind), &real, create(&kind, &body, space));
    }
    let body = json!({"metadata": {"name": "twice"}}).to_string();
    check.send("POST", &path, JSON.1, &body).await;
    let real = check.send("POST", &path, JSON.1, &body).await;
    check.same("create twice", &real, Err(Status::already_exists(config_map().resource_in(), "twice")));
    let real = check.send("GET", &format!("{path}/missing"), JSON.1, "").await;
    check.same("get missing", &real, Err(Status::not_found(config_map().resource_in(), "missing")));
    let real = check
        .send(
            "PUT",
            &format!("{path}/missing"),
            JSON.1,
            r#"{"metadata": {"name": "missing", "resourceVersion": "1"}}"#,
        )
        .await;
    check.same("update missing", &real, Err(Status::not_found(config_map().resource_in(), "missing")));
    let real = check.send("GET", "/apis/nope.io/v1/things", JSON.1, "").await;
    assert_eq!(real.0, 404);
    let deployment = Descriptor::built_in("apps/v1", "Deployment").unwrap();
    let schema = Schema::built_in();
    let of = schema.kind("apps/v1", "Deployment").unwrap();
    let path = format!("/apis/apps/v1/namespaces/{space}/deployments?fieldValidation=Strict");
    for text in [
        r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"spec":{"foo":1,"replicas":1}}"#,
        r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a"},"spec":{"replicas":1,"replicas":2}}"#,
        r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"a","x":1},"spec":{"template":{"spec":{"containers":[{"name":"a","imag":"x"}]}}}}"#,
    ] {
        let real = check.send("POST", &path, JSON.1, text).await;
        let ours = strict::decode(&deployment, &schema, &of, text.as_bytes(), Validation::Strict)
            .map(|(value, _)| value);
        check.same(&format!("strict {text}"), &real, ours);
    }
    let real = check.send("POST", &path.replace("Strict", "Loose"), JSON.1, "{}").await;
    check.same(
        "fieldValidation=Loose",
        &real,
        Validation::parse("Loose", "CreateOptions").map(|_| Value::Null),
    );
}

async fn updates(check: &mut Check, space: &str) {
    let path = format!("/api/v1/namespaces/{space}/configmaps");
    let body = json!({"metadata": {"name": "u", "finalizers": ["x.io/one"]}, "data": {"a": "1"}}).to_string();
    let (_, live) = check.send("POST", &path, JSON.1, &body).await;
    let path = format!("{path}/u");
    let cases = [
        json!({"metadata": {"name": "other"}}),
        json!({"metadata": {"name": "u", "namespace": "other"}}),
        json!({"metadata": {"name": "u", "resourceVersion": "1"}}),
        json!({"metadata": {"name": "u", "labels": {"a b": "c"}}}),
    ];
    for body in cases {
        let real = check.send("PUT", &path, JSON.1, &body.to_string()).await;
        check.same(&format!("update {body}"), &real, meta::update(&config_map(), &live, body, ""));
    }
    for options in [
        json!({"preconditions": {"uid": "other"}}),
        json!({"preconditions": {"resourceVersion": "1"}}),
        json!({"propagationPolicy": "Orphan", "orphanDependents": true}),
    ] {
        let real = check.send("DELETE", &path, JSON.1, &options.to_string()).await;
        let parsed: DeleteOptions = serde_json::from_value(options.clone()).unwrap();
        let ours = meta::delete(&config_map(), &live, &parsed, NOW).map(|_| Value::Null);
        check.same(&format!("delete {options}"), &real, ours);
    }
    let (_, marked) = check.send("DELETE", &path, JSON.1, "").await;
    let mut more = marked.clone();
    more["metadata"]["finalizers"] = json!(["x.io/one", "x.io/two", "x.io/three"]);
    let real = check.send("PUT", &path, JSON.1, &more.to_string()).await;
    check.same("new finalizers", &real, meta::update(&config_map(), &marked, more, ""));
}

async fn patches(check: &mut Check, space: &str) {
    let path = format!("/api/v1/namespaces/{space}/configmaps");
    let body = json!({"metadata": {"name": "p"}, "data": {"a": "1"}}).to_string();
    let (_, live) = check.send("POST", &path, JSON.1, &body).await;
    let path = format!("{path}/p");
    let of = Schema::built_in().kind("v1", "ConfigMap").unwrap();
    for text in
        [r#"[{"op": "test", "path": "/data/a", "value": "2"}]"#, r#"[{"op": "remove", "path": "/data/z"}]"#]
    {
        let real = check.send("PATCH", &path, "application/json-patch+json", text).await;
        check.same(&format!("json {text}"), &real, patch::json(&live, text.as_bytes()));
    }
    let real = check.send("PATCH", &path, "application/merge-patch+json", "[]").await;
    check.same("merge []", &real, patch::merge(&live, b"[]"));
    for text in [
        r#"{"$retainKeys": ["data"], "metadata": {"labels": {"a": "b"}}}"#,
        r#"{"metadata": {"$setElementOrder/finalizers": 1}}"#,
        r#"{"metadata": {"ownerReferences": [{"name": "x"}]}}"#,
        r#"{"metadata": {"labels": {"$patch": "nonsense"}}}"#,
    ] {
        let real = check.send("PATCH", &path, "application/strategic-merge-patch+json", text).await;
        let ours = patch::strategic_merge(&Schema::built_in(), &of, &live, text.as_bytes())
            .and_then(|object| meta::update(&config_map(), &live, object, ""));
        if ours.is_err() || real.0 >= 300 {
            check.same(&format!("strategic {text}"), &real, ours);
        }
    }
    let fields = Fields::new(&config_map(), None, "");
    let writer = Writer { manager: "m", time: NOW };
    let ours = |config: &Value| {
        meta::update(&config_map(), &live, fields.apply(Some(&live), config, false, writer)?, "")
    };
    for config in [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p"}, "dat": {"a": "1"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p", "x": {}}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p"}, "data": {"a": 1}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p"}, "data": "a"}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p", "finalizers": ["a", "a"]}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p", "ownerReferences": [{"name": "a"}]}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p", "managedFields": []}}),
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "p"}}),
        json!({"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "p"}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p"}, "data": {"a": "2"}}),
    ] {
        let path = format!("{path}?fieldManager=m&fieldValidation=Ignore");
        let real = check.send("PATCH", &path, "application/apply-patch+yaml", &config.to_string()).await;
        // The updater of the live object is named after the test's client.
        check.same(&format!("apply {config}"), &real, ours(&config));
    }
    let real = check.send("PATCH", &path, "text/plain", "{}").await;
    check.same("patch of another type", &real, Err(Status::unsupported_patch()));
}

async fn reads(check: &mut Check, space: &str) {
    let path = format!("/api/v1/namespaces/{space}/configmaps");
    let escape = |text: &str| {
        let byte =
            |b: u8| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") };
        text.bytes().map(byte).collect::<String>()
    };
    for text in [
        "a=b=c",
        "a in",
        "a in (",
        "a in (b",
        "!",
        ",",
        "a,,b",
        "a b",
        "a>x",
        "=a",
        "a in (b c)",
        "-a",
        "a=-",
        "!a=b",
        "a in (!)",
        "a notin x",
        "a)",
        "(a)",
    ] {
        let real = check.send("GET", &format!("{path}?labelSelector={}", escape(text)), JSON.1, "").await;
        check.same(&format!("labelSelector {text}"), &real, Selector::parse(text).map(|_| Value::Null));
    }
    for text in ["what", "spec.x=1", "metadata.name=a\\b", "metadata.name=a\\", "metadata.name=a=b"] {
        let real = check.send("GET", &format!("{path}?fieldSelector={}", escape(text)), JSON.1, "").await;
        check.same(
            &format!("fieldSelector {text}"),
            &real,
            FieldSelector::parse(text, &[]).map(|_| Value::Null),
        );
    }
    let options = |text: &str| {
        let get = |name: &str| {
            let found = text.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            found.unwrap_or_default().to_owned()
        };
        Options {
            watch: get("watch") == "true",
            limit: get("limit").parse().unwrap_or_default(),
            continuation: get("continue"),
            resource_version: get("resourceVersion"),
            resource_version_match: get("resourceVersionMatch"),
            send_initial_events: Some(get("sendInitialEvents"))
                .filter(|text| !text.is_empty())
                .map(|text| text == "true"),
            allow_watch_bookmarks: false,
        }
    };
    let no_key = "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6NX0";
    for text in [
        "resourceVersionMatch=Exact".to_owned(),
        "resourceVersion=5&resourceVersionMatch=Other".to_owned(),
        "resourceVersion=0&resourceVersionMatch=Exact".to_owned(),
        "resourceVersion=nonsense".to_owned(),
        "sendInitialEvents=true".to_owned(),
        "watch=true&sendInitialEvents=true".to_owned(),
        "watch=true&resourceVersionMatch=NotOlderThan&resourceVersion=1".to_owned(),
        "watch=true&resourceVersionMatch=Exact&resourceVersion=1".to_owned(),
        "limit=5&continue=nonsense!".to_owned(),
        format!("limit=5&continue={no_key}"),
        format!("limit=5&continue={}&resourceVersion=7", list::token(Some(7), "a")),
        format!(
            "limit=5&continue={}&resourceVersion=7&resourceVersionMatch=Exact",
            list::token(Some(7), "a")
        ),
    ] {
        let real = check.send("GET", &format!("{path}?{text}"), JSON.1, "").await;
        let options = options(&text);
        let ours = if options.watch {
            list::watch_from(&options, 1, 1 << 40).map(|_| Value::Null)
        } else {
            list::list_from(&options, 1, 1 << 40).map(|_| Value::Null)
        };
        check.same(&format!("list {text}"), &real, ours);
    }
    let headers = [("accept", "text/html")];
    let answer = check.raw.send("GET", &path, &headers, Vec::new()).await.unwrap();
    assert_eq!((answer.code, convert::negotiate(Some("text/html")).unwrap_err().code), (406, 406));
    let real = check.send("DELETE", "/api/v1/namespaces", JSON.1, "").await;
    check.same("delete of all namespaces", &real, Err(Status::method_not_allowed()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_have_the_columns_of_an_apiserver() {
    let raw = Raw::to(ControlPlanes::shared().await.cluster("bremen")).await;
    let mut faults = Vec::new();
    for kind in Descriptor::all_built_in() {
        let root = if kind.group.is_empty() { "api" } else { "apis" };
        let path = format!("/{root}/{}/{}", kind.api_version(), kind.plural);
        let table = [("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")];
        let real = raw.send("GET", &path, &table, Vec::new()).await.unwrap().json();
        let plain =
            raw.send("GET", &path, &[("accept", "application/json")], Vec::new()).await.unwrap().json();
        let empty = Vec::new();
        let objects = plain["items"].as_array().unwrap_or(&empty);
        let seconds = i64::try_from(
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(),
        )
        .unwrap();
        let rows: Vec<convert::Row<'_>> = objects.iter().map(Into::into).collect();
        let ours = convert::table(&kind, &rows, &plain["metadata"], Include::Metadata, seconds, true);
        let columns = |table: &Value| -> Vec<Value> {
            let all = table["columnDefinitions"].as_array().unwrap();
            all.iter().map(|c| json!([c["name"], c["type"], c["format"], c["priority"]])).collect()
        };
        let (theirs, mine) = (columns(&real), columns(&ours));
        if theirs != mine {
            faults.push(format!("{}: columns\n  real {}\n  ours {}", kind.kind, json!(theirs), json!(mine)));
            continue;
        }
        // Ages move between the requests.
        let is_age = |index: usize| {
            ["Age", "Last Seen", "First Seen", "Duration", "Last Schedule"]
                .iter()
                .any(|n| theirs[index][0] == *n)
        };
        // Other tests write meanwhile: those objects are compared that are the same in both lists.
        let rows = |table: &Value| table["rows"].as_array().cloned().unwrap_or_default();
        let version = |row: &Value| row["object"]["metadata"]["resourceVersion"].clone();
        let mine = rows(&ours);
        for theirs in rows(&real) {
            let Some(mine) = mine.iter().find(|mine| version(mine) == version(&theirs)) else { continue };
            let cells = |row: &Value| -> Vec<Value> {
                let cells = row["cells"].as_array().unwrap().iter().enumerate();
                cells.filter(|(index, _)| !is_age(*index)).map(|(_, cell)| cell.clone()).collect()
            };
            if cells(&theirs) != cells(mine) {
                faults.push(format!("{}: real {} ours {}", kind.kind, theirs["cells"], mine["cells"]));
                break;
            }
            assert_eq!(theirs["object"], mine["object"]);
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn discovery_names_kinds_as_an_apiserver_does() {
    let raw = Raw::to(ControlPlanes::shared().await.cluster("bremen")).await;
    let served: Vec<Served> = Descriptor::all_built_in().into_iter().map(Served::with_all_verbs).collect();
    let mut faults = Vec::new();
    for kind in &served {
        let api_version = kind.kind.api_version();
        let root = if kind.kind.group.is_empty() { "api" } else { "apis" };
        let real = raw.send("GET", &format!("/{root}/{api_version}"), &[], Vec::new()).await.unwrap().json();
        let ours = discovery::resources(&served, &api_version).unwrap();
        let find = |list: &Value, name: &str| {
            let mut found = list["resources"].as_array().unwrap().iter().find(|r| r["name"] == name).cloned();
            if let Some(found) = found.as_mut().and_then(Value::as_object_mut) {
                found.remove("storageVersionHash");
                found.remove("verbs");
            }
            found
        };
        for name in ["", "/status", "/scale"].map(|end| format!("{}{end}", kind.kind.plural)) {
            let (theirs, mine) = (find(&real, &name), find(&ours, &name));
            if theirs != mine {
                faults.push(format!("{name}\n  real {theirs:?}\n  ours {mine:?}"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
