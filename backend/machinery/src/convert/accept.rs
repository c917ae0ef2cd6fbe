//! What a client accepts. kubectl asks for a table first and for JSON after it; older clients put protobuf first and
//! take JSON, too; some say only `*/*`.

use crate::Status;

/// How an answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// JSON.
    Json,
    /// YAML.
    Yaml,
}

impl Encoding {
    /// The `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Yaml => "application/yaml",
        }
    }
}

/// In what shape objects are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Plain,
    /// As rows.
    Table,
    /// Metadata alone.
    Partial,
    /// Metadata of a list.
    PartialList,
    /// Aggregated discovery, version 2.
    Discovery,
}

/// What a client wants and the server can give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How it is written.
    pub encoding: Encoding,
    /// In what shape.
    pub form: Form,
    /// Whether events of a watch are wanted, where that was said.
    pub watch: bool,
}

struct Clause<'a> {
    media: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
    quality: f64,
}

fn clauses(header: &str) -> Vec<Clause<'_>> {
    let mut out: Vec<Clause<'_>> = Vec::new();
    for text in header.split(',') {
        let mut parts = text.split(';').map(str::trim);
        let Some(media) = parts.next().filter(|media| !media.is_empty()) else { continue };
        let parameters: Vec<(&str, &str)> = parts
            .filter_map(|part| part.split_once('='))
            .map(|(name, value)| (name.trim(), value.trim()))
            .collect();
        let quality =
            parameters.iter().find(|(name, _)| *name == "q").and_then(|(_, value)| value.parse().ok());
        out.push(Clause { media, parameters, quality: quality.unwrap_or(1.0) });
    }
    out.sort_by(|a, b| b.quality.total_cmp(&a.quality));
    out
}

fn encoding(media: &str) -> Option<Encoding> {
    match media {
        "*/*" | "application/*" | "application/json" | "text/json" => Some(Encoding::Json),
        "application/yaml" | "text/yaml" | "application/x-yaml" => Some(Encoding::Yaml),
        _ => None,
    }
}

const OFFERED: [&str; 2] = ["application/json", "application/yaml"];

/// What to answer with; the best clause that can be met. `pretty` does not matter and is ignored.
///
/// # Errors
/// 406 when nothing that the client accepts can be given.
pub fn negotiate(header: Option<&str>) -> Result<Wanted, Status> {
    let plain = Wanted { encoding: Encoding::Json, form: Form::Plain, watch: false };
    let Some(header) = header.filter(|header| !header.trim().is_empty()) else { return Ok(plain) };
    let mut offered: Option<Wanted> = None;
    for clause in clauses(header).into_iter().filter(|clause| clause.quality > 0.0) {
        let Some(encoding) = encoding(clause.media) else { continue };
        let get =
            |name: &str| clause.parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let form = match (get("as"), get("g"), get("v")) {
            (None, ..) => Some(Form::Plain),
            (Some("Table"), Some("meta.k8s.io"), Some("v1" | "v1beta1")) => Some(Form::Table),
            (Some("PartialObjectMetadata"), Some("meta.k8s.io"), Some("v1" | "v1beta1")) => {
                Some(Form::Partial)
            }
            (Some("PartialObjectMetadataList"), Some("meta.k8s.io"), Some("v1" | "v1beta1")) => {
                Some(Form::PartialList)
            }
            (Some("APIGroupDiscoveryList"), Some("apidiscovery.k8s.io"), Some("v2")) => Some(Form::Discovery),
            _ => None,
        };
        let watch = get("stream") == Some("watch");
        if let Some(form) = form {
            offered = Some(Wanted { encoding, form, watch });
            break;
        }
    }
    offered.ok_or_else(|| Status::not_acceptable(&OFFERED))
}

/// How an OpenAPI version 2 document is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenApi {
    /// As JSON.
    Json,
    /// As protobuf: [`crate::openapi2::encode`].
    Protobuf,
}

impl OpenApi {
    /// The `Content-Type`.
    #[must_use]
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
        }
    }
}

/// How to answer at `/openapi/v2`. Clients write the media type of protobuf with `@` or with a dot.
///
/// # Errors
/// 406 when neither is accepted.
pub fn negotiate_openapi(header: Option<&str>) -> Result<OpenApi, Status> {
    let Some(header) = header.filter(|header| !header.trim().is_empty()) else { return Ok(OpenApi::Json) };
    let found = clauses(header).into_iter().filter(|clause| clause.quality > 0.0).find_map(|clause| {
        match clause.media {
            "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
            | "application/com.github.proto-openapi.spec.v2.v1.0+protobuf" => Some(OpenApi::Protobuf),
            "application/json" | "application/*" | "*/*" => Some(OpenApi::Json),
            _ => None,
        }
    });
    found.ok_or_else(|| {
        Status::not_acceptable(&[OpenApi::Json.content_type(), OpenApi::Protobuf.content_type()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(header: &str) -> Form {
        negotiate(Some(header)).unwrap().form
    }

    #[test]
    fn the_best_clause_that_can_be_met_wins() {
        assert_eq!(form("application/json;as=Table;v=v1;g=meta.k8s.io,application/json"), Form::Table);
        assert_eq!(form("application/json;as=Table;v=v9;g=meta.k8s.io,application/json"), Form::Plain);
        assert_eq!(form("application/vnd.kubernetes.protobuf,application/json"), Form::Plain);
        assert_eq!(
            form(
                "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
            ),
            Form::PartialList
        );
        assert_eq!(
            form(
                "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;q=0.5"
            ),
            Form::Discovery
        );
        assert_eq!(
            negotiate(Some("application/json;q=0.1, application/yaml;q=0.9")).unwrap().encoding,
            Encoding::Yaml
        );
        assert_eq!(negotiate(None).unwrap().encoding, Encoding::Json);
        assert_eq!(negotiate(Some("text/html")).unwrap_err().code, 406);
        assert_eq!(negotiate(Some("application/json;q=0")).unwrap_err().code, 406);
    }

    #[test]
    fn openapi_is_protobuf_for_those_who_ask() {
        let wanted = |header: &str| negotiate_openapi(Some(header)).unwrap();
        assert_eq!(wanted("application/com.github.proto-openapi.spec.v2@v1.0+protobuf"), OpenApi::Protobuf);
        assert_eq!(wanted("application/json, */*"), OpenApi::Json);
    }
}
