//! The machinery put together as a server would, without a store: one request against one object.

use hanse_machinery::{
    Descriptor, Schema, Status,
    meta::{self, Birth},
    patch,
    schema::Type,
    ssa::{self, Fields, Writer},
};
use serde_json::Value;

/// What a client sends.
#[derive(Clone)]
pub enum Body {
    Create(Value),
    Update(Value),
    Merge(Value),
    Strategic(Value),
    Json(Value),
    Apply { config: Value, force: bool },
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create(body) => write!(f, "create {body}"),
            Self::Update(body) => write!(f, "update {body}"),
            Self::Merge(body) => write!(f, "merge {body}"),
            Self::Strategic(body) => write!(f, "strategic {body}"),
            Self::Json(body) => write!(f, "json {body}"),
            Self::Apply { config, force } => write!(f, "apply (force: {force}) {config}"),
        }
    }
}

#[derive(Clone, Debug)]
pub struct Request {
    pub body: Body,
    pub manager: String,
    pub subresource: &'static str,
}

/// A kind under test.
pub struct Subject {
    pub kind: Descriptor,
    pub custom: Option<Type>,
    /// What the server fills in.
    pub default: fn(&mut Value),
}

pub const NOW: &str = "2026-01-01T00:00:00Z";

impl Subject {
    pub fn answer(&self, live: Option<&Value>, request: &Request, namespace: &str) -> Result<Value, Status> {
        let fields = Fields::new(&self.kind, self.custom.clone(), request.subresource);
        let writer = Writer { manager: &request.manager, time: NOW };
        let birth = Birth { namespace, uid: "uid", time: NOW, entropy: 1 };
        let tidy = |object: Value| {
            let mut object = fields.tidy(object);
            (self.default)(&mut object);
            object
        };
        let put = |object: Value| {
            let live = live.unwrap();
            let object = fields.update(Some(live), tidy(object), writer);
            finish(live, meta::update(&self.kind, live, object, request.subresource)?)
        };
        let schema = Schema::built_in();
        match &request.body {
            Body::Create(object) => {
                meta::create(&self.kind, fields.update(None, tidy(object.clone()), writer), birth).map(tidy)
            }
            Body::Update(object) => put(object.clone()),
            Body::Merge(patch) => put(patch::merge(live.unwrap(), patch.to_string().as_bytes())?),
            Body::Json(patch) => put(patch::json(live.unwrap(), patch.to_string().as_bytes())?),
            Body::Strategic(patch) => {
                let of = schema.kind(&self.kind.api_version(), &self.kind.kind).unwrap();
                put(patch::strategic_merge(&schema, &of, live.unwrap(), patch.to_string().as_bytes())?)
            }
            Body::Apply { config, force } => {
                let object = tidy(fields.apply(live, config, *force, writer)?);
                match live {
                    None => meta::create(&self.kind, object, birth).map(tidy),
                    Some(live) => finish(live, meta::update(&self.kind, live, object, request.subresource)?),
                }
            }
        }
    }
}

fn finish(live: &Value, mut new: Value) -> Result<Value, Status> {
    ssa::keep_times(live, &mut new);
    Ok(new)
}
