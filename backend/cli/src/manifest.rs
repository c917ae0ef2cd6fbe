//! What a document asks for: our own kind, a plain Kubernetes object with a placement from the command line, or a
//! kind of KubeFed. All of them end as the body of one federated object.

use clap::Args;
use hanse_federation::{FederatedSpec, adapter::Parsed, kinds, v1, v2};
use serde_json::{Map, Value, json};

use crate::{
    Globals,
    documents::Document,
    error::{Error, Result},
    kinds::{Kinds, group_of},
    shell::pair,
};

/// Group and version of our own documents.
const OWN: &str = "hanse.io/v1alpha1";

/// Where plain Kubernetes objects go.
#[derive(Clone, Debug, Default, Args)]
pub struct PlacementArgs {
    /// Place plain Kubernetes objects in these clusters
    #[arg(long, value_name = "A,B", value_delimiter = ',', group = "where")]
    clusters: Option<Vec<String>>,
    /// Place plain Kubernetes objects in the clusters with this label; give it several times for all of them
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair, group = "where")]
    selector: Vec<(String, String)>,
    /// Place plain Kubernetes objects in every cluster of the project
    #[arg(long, group = "where")]
    all_clusters: bool,
}

impl PlacementArgs {
    /// The placement, when one was given.
    fn placement(&self) -> Option<Value> {
        if let Some(clusters) = &self.clusters {
            return Some(json!({"clusters": clusters}));
        }
        if !self.selector.is_empty() {
            let labels: Map<String, Value> =
                self.selector.iter().map(|(key, value)| (key.clone(), value.clone().into())).collect();
            return Some(json!({"clusterSelector": {"matchLabels": labels}}));
        }
        self.all_clusters.then(|| json!({"clusterSelector": {}}))
    }
}

/// A federated object that somebody wants.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    document: Document,
    root: Root,
    /// Its project; none for a kind that is known to belong to whole clusters.
    project: Option<String>,
    /// `apiVersion` of the template.
    pub(crate) api_version: String,
    /// `kind` of the template.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    content: Content,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    /// The document's `spec` is that of the body.
    Spec,
    /// The document is the template.
    Template,
    /// The document says the same in KubeFed's words.
    KubeFed,
}

#[derive(Clone, Debug)]
enum Content {
    /// A whole specification.
    Whole(Value),
    /// A template, and the placement from the command line if there was one.
    Template(Value, Option<Value>),
}

impl Wanted {
    /// Reads a document.
    pub(crate) fn of(
        document: Document,
        args: &PlacementArgs,
        globals: &Globals,
        fallback: Option<&str>,
    ) -> Result<Self> {
        let text =
            |field: &str| document.value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if api_version.is_empty() {
            return Err(
                document.wrong("apiVersion", "is missing: this is no Kubernetes object nor one of Hanse's")
            );
        }
        if kind.is_empty() {
            return Err(document.wrong("kind", "is missing"));
        }
        let is_answer =
            document.value.get("type").is_some() && document.value.pointer("/spec/template").is_some();
        if is_answer {
            return Self::own(document, "project", globals, fallback);
        }
        match group_of(&api_version) {
            "hanse.io" if api_version == OWN && kind == "FederatedObject" => {
                Self::own(document, "metadata.project", globals, fallback)
            }
            "hanse.io" => Err(document
                .wrong("kind", format!("{api_version} {kind} is not known: there is {OWN} FederatedObject"))),
            group if group.ends_with("kubefed.io") => kubefed(document, globals, fallback),
            _ if args.placement().is_none() && has_settings(&document.value) => {
                annotated(document, globals, fallback)
            }
            _ => Self::plain(document, args, globals, fallback),
        }
    }

    /// Our own document, or an answer of the API that somebody kept.
    fn own(
        document: Document,
        project_field: &str,
        globals: &Globals,
        fallback: Option<&str>,
    ) -> Result<Self> {
        let spec = document.value.get("spec").cloned().unwrap_or_default();
        hanse_federation::object::read::<FederatedSpec, _>("spec", &spec)
            .map_err(|error| document.wrong(&error.path, error.message))?;
        let template = spec.get("template").cloned().unwrap_or_default();
        let (api_version, kind, name) = identity(&document, "spec.template", &template)?;
        if project_field.starts_with("metadata")
            && let Some(own) = document.value.pointer("/metadata/name")
            && own.as_str() != Some(&name)
        {
            return Err(
                document.wrong("metadata.name", format!("is not the template's name {name:?}: leave it out"))
            );
        }
        let inside = document.value.pointer(&format!("/{}", project_field.replace('.', "/")));
        let project = project(&document, project_field, inside, globals, fallback, (&kind, &api_version))?;
        Ok(Self {
            document,
            root: Root::Spec,
            project,
            api_version,
            kind,
            name,
            content: Content::Whole(spec),
        })
    }

    fn plain(
        document: Document,
        args: &PlacementArgs,
        globals: &Globals,
        fallback: Option<&str>,
    ) -> Result<Self> {
        let (api_version, kind, name) = identity(&document, "", &document.value)?;
        let inside = document.value.pointer("/metadata/namespace");
        let project =
            project(&document, "metadata.namespace", inside, globals, fallback, (&kind, &api_version))?;
        let content = Content::Template(document.value.clone(), args.placement());
        Ok(Self { document, root: Root::Template, project, api_version, kind, name, content })
    }

    /// The project that it goes to; none when the server says that its kind belongs to whole clusters.
    pub(crate) fn home(&self, kinds: &Kinds) -> Option<&str> {
        let type_ = kinds.of_object(&self.api_version, &self.kind);
        self.project.as_deref().filter(|_| !type_.is_some_and(|type_| kinds.is_of_platform(type_)))
    }

    /// `apps/v1 Deployment web`, as a person would point at it.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.kind, self.name)
    }

    /// The body to send. A plain object that is already federated keeps everything but its template, unless the
    /// command line says where it goes.
    pub(crate) fn body(&self, existing: Option<&Value>) -> Result<Value> {
        let spec = match (&self.content, existing) {
            (Content::Whole(spec), _) => spec.clone(),
            (Content::Template(template, placement), existing) => {
                let mut spec = existing.cloned().unwrap_or_else(|| json!({}));
                let members = spec
                    .as_object_mut()
                    .ok_or_else(|| Error::failed("the server's answer has no spec", ""))?;
                members.insert("template".to_owned(), template.clone());
                match placement {
                    Some(placement) => drop(members.insert("placement".to_owned(), placement.clone())),
                    None if existing.is_none() => {
                        return Err(self.document.wrong(
                            "",
                            format!(
                                "{} says nothing about where it goes: give --clusters A,B or --selector KEY=VALUE or --all-clusters",
                                self.title()
                            ),
                        ));
                    }
                    None => {}
                }
                spec
            }
        };
        Ok(json!({"spec": spec}))
    }

    /// Tells a refusal of the server in terms of the file.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let Error::Api { mut error, retry_after } = error else { return error };
        let place = self.document.place();
        error.message = match error.fields.as_slice() {
            // The fields below have their own lines.
            [first, ..] if error.message.contains(&first.message) => {
                format!("{place}: the server refuses it")
            }
            _ => format!("{place}: {}", error.message),
        };
        for field in &mut error.fields {
            let own = match self.root {
                Root::Spec => Some(field.field.clone()),
                Root::KubeFed => Some(v2::field_path(&field.field)),
                Root::Template => {
                    let path = field.field.strip_prefix("spec.template");
                    path.map(|path| path.trim_start_matches('.').to_owned())
                }
            };
            if let Some((own, line)) = own.and_then(|own| self.document.line_of(&own).map(|line| (own, line)))
            {
                field.field = format!("line {line}: {own}").trim_end_matches([':', ' ']).to_owned();
            }
        }
        Error::Api { error, retry_after }
    }
}

fn identity(document: &Document, at: &str, template: &Value) -> Result<(String, String, String)> {
    let below = |field: &str| if at.is_empty() { field.to_owned() } else { format!("{at}.{field}") };
    let text = |pointer: &str, field: &str| match template.pointer(pointer).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text.to_owned()),
        _ => Err(document.wrong(&below(field), "is missing")),
    };
    Ok((text("/apiVersion", "apiVersion")?, text("/kind", "kind")?, text("/metadata/name", "metadata.name")?))
}

/// The project of a document: what it says itself and what the command line says must agree. None for a kind that is
/// known to belong to whole clusters.
fn project(
    document: &Document,
    field: &str,
    inside: Option<&Value>,
    globals: &Globals,
    fallback: Option<&str>,
    (kind, api_version): (&str, &str),
) -> Result<Option<String>> {
    if kinds::built_in(kind, Some(api_version)).is_some_and(|kind| !kind.namespaced) && kind != "Namespace" {
        return Ok(None);
    }
    let inside = match inside {
        None | Some(Value::Null) => None,
        Some(Value::String(name)) => Some(name.as_str()),
        Some(_) => return Err(document.wrong(field, "is not a text")),
    };
    match (inside, globals.project.as_deref()) {
        (Some(inside), Some(outside)) if inside != outside => {
            Err(document
                .wrong(field, format!("is {inside:?}, but -p says {outside:?}: leave one of them out")))
        }
        (inside, outside) => {
            inside.or(outside).or(fallback).map(ToOwned::to_owned).map(Some).ok_or_else(|| {
                document.wrong(field, "is missing: say in which project, here or with -p PROJECT")
            })
        }
    }
}

/// A federated kind of KubeFed, in our own words.
fn kubefed(document: Document, globals: &Globals, fallback: Option<&str>) -> Result<Wanted> {
    if !v2::is_federated(&document.value) {
        return Err(document.wrong(
            "kind",
            "is not federated by itself: of KubeFed's kinds only Federated<Kind> are taken here; \
             write replica preferences as spec.replicas of a FederatedObject",
        ));
    }
    let resolve = |kind: &str, api_version: Option<&str>| {
        kinds::built_in(kind, api_version).or_else(|| Some(kinds::custom(kind, api_version?, true)))
    };
    let parsed = v2::parse(&document.value, "", &resolve)
        .map_err(|error| document.wrong(&error.path, error.message))?;
    if parsed.object.resource.is("", "Namespace") {
        return Err(document.wrong("kind", "is a project here: make it with `hanse projects create`"));
    }
    adapted(document, parsed, Root::KubeFed, globals, fallback)
}

/// A plain object whose annotations say where it goes.
fn annotated(document: Document, globals: &Globals, fallback: Option<&str>) -> Result<Wanted> {
    let (api_version, kind, _) = identity(&document, "", &document.value)?;
    let resource = kinds::built_in(&kind, Some(&api_version))
        .unwrap_or_else(|| kinds::custom(&kind, &api_version, true));
    let parsed = v1::parse(&document.value, "", &resource)
        .map_err(|error| document.wrong(&error.path, error.message))?;
    if let Some(why) = &parsed.kept_at_hub {
        return Err(
            document.wrong("metadata.annotations", format!("keep it at the hub ({why}), which is not here"))
        );
    }
    adapted(document, parsed, Root::Template, globals, fallback)
}

/// What an adapter made of a document.
fn adapted(
    document: Document,
    parsed: Parsed,
    root: Root,
    globals: &Globals,
    fallback: Option<&str>,
) -> Result<Wanted> {
    if let Some(error) = parsed.refusals.errors.first() {
        return Err(document.wrong(&error.path, &error.message));
    }
    let inside = document.value.pointer("/metadata/namespace");
    let object = parsed.object;
    let (api_version, kind, name) = (object.resource.api_version(), object.resource.kind, object.name);
    let project = project(&document, "metadata.namespace", inside, globals, fallback, (&kind, &api_version))?;
    let mut spec = serde_json::to_value(object.spec).map_err(std::io::Error::other)?;
    // KubeFed's templates leave out who they are.
    if let Some(template) = spec.get_mut("template").and_then(Value::as_object_mut) {
        template.insert("apiVersion".to_owned(), api_version.as_str().into());
        template.insert("kind".to_owned(), kind.as_str().into());
        let metadata = template.entry("metadata").or_insert_with(|| json!({}));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("name".to_owned(), name.as_str().into());
        }
    }
    Ok(Wanted { document, root, project, api_version, kind, name, content: Content::Whole(spec) })
}

/// Whether annotations of Federation v1 or of our own carry a plain object's settings.
fn has_settings(object: &Value) -> bool {
    let annotations = object.pointer("/metadata/annotations").and_then(Value::as_object);
    let ours = ["hanse.io/", "federation.kubernetes.io/", "federation.alpha.kubernetes.io/"];
    annotations.is_some_and(|all| all.keys().any(|key| ours.iter().any(|prefix| key.starts_with(prefix))))
}
