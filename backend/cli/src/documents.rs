//! Input files: one or many YAML or JSON documents from a file, a folder or standard input, read within limits on
//! size, depth and aliases, and remembered with their lines, so that an error found much later can still say where.

use std::{
    fmt, fs,
    io::Read,
    path::{Path, PathBuf},
};

use serde_json::Value;
use serde_saphyr::{Options, Spanned, UserMessageFormatter};

use crate::error::{Error, Result};

mod node;

use node::{Kind, Node};

/// How much is read of one input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    mebibytes: u64,
    /// Most values, after aliases have been replaced by what they stand for.
    values: usize,
}

impl Limits {
    /// For what is sent to a server.
    pub(crate) const MANIFEST: Self = Self { mebibytes: 4, values: 250_000 };
    /// For what is computed here, which may hold whole clusters.
    pub(crate) const SCENARIO: Self = Self { mebibytes: 64, values: 4_000_000 };
}

/// Deepest nesting; the server takes no deeper JSON.
const MAX_DEPTH: usize = 100;
/// Stack for reading to that depth with room to spare; the parser spends much of it on each level.
const STACK: usize = 64 * 1024 * 1024;

/// The text of an input and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Path, or `standard input`.
    pub(crate) name: String,
    /// Its text.
    pub(crate) text: String,
}

/// One document of an input.
#[derive(Clone, Debug)]
pub(crate) struct Document {
    source: String,
    number: usize,
    root: Node,
    /// Its content.
    pub(crate) value: Value,
}

impl Document {
    /// Where it begins, such as `app.yaml, document 2 (line 14)`.
    pub(crate) fn place(&self) -> String {
        place(&self.source, self.number, self.root.line)
    }

    /// Line of a field, or of the deepest part of its path that exists.
    pub(crate) fn line_of(&self, field: &str) -> Option<u64> {
        self.root.line_of(field)
    }

    /// Wrong input at a field, such as `spec.placement.clusters[0]`; the line is that of the deepest part of the
    /// path that exists.
    pub(crate) fn wrong(&self, field: &str, message: impl fmt::Display) -> Error {
        let line = self.line_of(field);
        let field = if field.is_empty() { String::new() } else { format!("{field}: ") };
        Error::usage(format!("{}: {field}{message}", place(&self.source, self.number, line)))
    }

    /// The documents of a `kind: List`, each with its own lines; anything else is one document.
    pub(crate) fn flattened(self) -> Vec<Self> {
        let is_list = self.value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind == "List");
        let Some(Node { kind: Kind::List(items), .. }) = self.root.member("items").filter(|_| is_list) else {
            return vec![self];
        };
        let part = |item: &Node| Self {
            source: self.source.clone(),
            number: self.number,
            root: item.clone(),
            value: item.value(),
        };
        items.iter().map(part).collect()
    }
}

fn place(source: &str, number: usize, line: Option<u64>) -> String {
    match line {
        Some(line) => format!("{source}, document {number}, line {line}"),
        None => format!("{source}, document {number}"),
    }
}

/// Reads what `-f` names: files, folders (their `.yaml`, `.yml` and `.json` files in order of name), `-` for standard
/// input.
pub(crate) fn sources(paths: &[PathBuf], input: &mut dyn Read, limits: Limits) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            sources.push(read_source("standard input", &mut *input, limits)?);
        } else if path.is_dir() {
            let files = files_of(path)?;
            if files.is_empty() {
                return Err(Error::usage(format!("{} holds no .yaml, .yml or .json file", path.display())));
            }
            for file in files {
                sources.push(open(&file, limits)?);
            }
        } else {
            sources.push(open(path, limits)?);
        }
    }
    Ok(sources)
}

fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |error| Error::usage(format!("cannot read {}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let known = path.extension().is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
        if known && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn open(path: &Path, limits: Limits) -> Result<Source> {
    let name = path.display().to_string();
    let file = fs::File::open(path).map_err(|error| Error::usage(format!("cannot read {name}: {error}")))?;
    read_source(&name, file, limits)
}

/// Reads text within the limit on size.
pub(crate) fn read_source(name: &str, from: impl Read, limits: Limits) -> Result<Source> {
    let mut bytes = Vec::new();
    let most = limits.mebibytes * 1024 * 1024;
    from.take(most + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Error::usage(format!("cannot read {name}: {error}")))?;
    if bytes.len() as u64 > most {
        let mebibytes = limits.mebibytes;
        return Err(Error::usage(format!(
            "{name} is larger than {mebibytes} MiB: split it into several files"
        )));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::usage(format!("{name}, line {line}: is not UTF-8 text"))
    })?;
    Ok(Source { name: name.to_owned(), text })
}

/// Parses every document; empty ones are left out.
pub(crate) fn parse(source: &Source, limits: Limits) -> Result<Vec<Document>> {
    let text = source.text.strip_prefix('\u{feff}').unwrap_or(&source.text);
    let nodes = match yaml(source, text, limits) {
        Ok(nodes) => nodes,
        // JSON that YAML does not take, such as surrogate pairs or tabs in odd places. When it is no good JSON either,
        // JSON's complaint is the one to show.
        Err(_) if text.trim_start().starts_with(['{', '[']) => json(source, text)?,
        Err(error) => return Err(error),
    };
    let documents =
        nodes.into_iter().enumerate().filter(|(_, node)| !matches!(node.kind, Kind::Leaf(Value::Null)));
    let documents: Vec<Document> = documents
        .map(|(at, root)| Document { source: source.name.clone(), number: at + 1, value: root.value(), root })
        .collect();
    if documents.is_empty() {
        return Err(Error::usage(format!("{} holds no document", source.name)));
    }
    Ok(documents)
}

fn yaml(source: &Source, text: &str, limits: Limits) -> Result<Vec<Node>> {
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .stack_size(STACK)
            .spawn_scoped(scope, || yaml_here(source, text, limits))?;
        reader.join().map_err(|_| Error::failed(format!("{} made the YAML reader fail", source.name), ""))?
    })
}

fn yaml_here(source: &Source, text: &str, limits: Limits) -> Result<Vec<Node>> {
    let mut options = Options::default();
    options.legacy_octal_numbers = true; // `defaultMode: 0644`, as Kubernetes' own tools read it
    options.with_snippet = false;
    options.alias_limits.max_total_replayed_events = 100_000;
    if let Some(budget) = &mut options.budget {
        budget.max_depth = MAX_DEPTH;
        budget.flow_nesting_limit = MAX_DEPTH;
        budget.max_nodes = limits.values;
        budget.max_events = limits.values.saturating_mul(4);
    }
    let mut reader = text.as_bytes();
    let lines: Vec<&str> = text.lines().collect();
    let mut nodes = Vec::new();
    let mut total = 0;
    for parsed in serde_saphyr::read_with_options::<_, Spanned<Kind>>(&mut reader, options) {
        let number = nodes.len() + 1;
        let mut node = parsed.map(Node::from).map_err(|error| {
            let line = error.location().map(|location| location.line());
            Error::usage(format!("{}: {}", place(&source.name, number, line), sentence(&error)))
        })?;
        total += node.count();
        if total > limits.values {
            return Err(Error::usage(format!(
                "{}: holds more than {} values once its aliases are replaced: write less of it at once",
                place(&source.name, number, node.line),
                limits.values
            )));
        }
        node.spell(&lines);
        nodes.push(node);
    }
    Ok(nodes)
}

/// What the parser says, without the place that is told before it.
fn sentence(error: &serde_saphyr::Error) -> String {
    let text = error.without_snippet().render_with_formatter(&UserMessageFormatter);
    text.split(" at line ").next().unwrap_or_default().trim().to_owned()
}

fn json(source: &Source, text: &str) -> Result<Vec<Node>> {
    let mut nodes = Vec::new();
    for value in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        let value = value.map_err(|error| {
            let line = u64::try_from(error.line()).ok();
            let text = error.to_string();
            let text = text.rfind(" at line ").and_then(|at| text.get(..at)).unwrap_or(&text);
            Error::usage(format!("{}: {text}", place(&source.name, nodes.len() + 1, line)))
        })?;
        nodes.push(Node::unplaced(Kind::from(value)));
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Vec<Document>> {
        parse(&Source { name: "app.yaml".into(), text: text.into() }, Limits::MANIFEST)
    }

    fn values(text: &str) -> Vec<Value> {
        read(text).unwrap().into_iter().map(|document| document.value).collect()
    }

    fn refusal(text: &str) -> String {
        let error = read(text).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        error.to_string()
    }

    #[test]
    fn yaml_is_read_as_kubernetes_reads_it() {
        let text = "a: {b: [1, -2, 1.5, true, null, ~, yes, 'x', 0644, 1e3]}\nc: |\n  x\n  y\n80: http\n<<: {d: 1}\ne: 2020-01-01\n";
        assert_eq!(
            values(text),
            [
                json!({"a": {"b": [1, -2, 1.5, true, null, null, true, "x", 420, 1000.0]}, "c": "x\ny\n", "80": "http", "d": 1, "e": "2020-01-01"})
            ]
        );
    }

    #[test]
    fn a_lone_y_or_n_is_a_letter() {
        let text = "a: n\nb: [y, Y, N, no, yes, True, FALSE, tRUE, oN, On]\nc: {n: y}\nd: &d n\ne: *d\nf: !!str n\ng: off # n\n---\nüü: n\n";
        assert_eq!(
            values(text),
            [
                json!({"a": "n", "b": ["y", "Y", "N", false, true, true, false, "tRUE", "oN", true], "c": {"n": "y"}, "d": "n", "e": "n", "f": "n", "g": false}),
                json!({"üü": "n"}),
            ]
        );
    }

    #[test]
    fn json_is_read_too() {
        assert_eq!(
            values("\u{feff}{\"a\":\t[1, \"\\ud83d\\ude00\", \"\\/\"]}"),
            [json!({"a": [1, "😀", "/"]})]
        );
        assert_eq!(values("{\n\t\"a\": {\n\t\t\"b\": 1\n\t}\n}\n"), [json!({"a": {"b": 1}})]);
    }

    #[test]
    fn documents_are_counted_and_empty_ones_left_out() {
        let documents = read("# only a comment\n---\na: 1\n---\n---\nb:\n  c: 2\n...\n").unwrap();
        let places: Vec<String> = documents.iter().map(Document::place).collect();
        assert_eq!(places, ["app.yaml, document 1, line 3", "app.yaml, document 2, line 6"]);
    }

    #[test]
    fn an_error_found_later_still_has_its_line() {
        let text = "---\nspec:\n  placement:\n    clusters:\n    - eu\n    - us\n  capacity:\n    deployments.apps/ns/web: x\n";
        let documents = read(text).unwrap();
        let line = |field: &str| documents[0].wrong(field, "is wrong").to_string();
        assert_eq!(
            line("spec.placement.clusters[1]"),
            "app.yaml, document 1, line 6: spec.placement.clusters[1]: is wrong"
        );
        assert_eq!(
            line("spec.capacity.deployments.apps/ns/web"),
            "app.yaml, document 1, line 8: spec.capacity.deployments.apps/ns/web: is wrong"
        );
        assert_eq!(
            line("spec.capacity[deployments.apps/ns/web]"),
            "app.yaml, document 1, line 8: spec.capacity[deployments.apps/ns/web]: is wrong"
        );
        assert_eq!(
            line("spec.placement.clusters[9].x"),
            "app.yaml, document 1, line 5: spec.placement.clusters[9].x: is wrong"
        );
        assert_eq!(line(""), "app.yaml, document 1, line 2: is wrong");
    }

    #[test]
    fn a_list_is_its_items() {
        let text = "kind: List\napiVersion: v1\nitems:\n- kind: A\n- kind: B\n  x: 1\n";
        let items = read(text).unwrap().remove(0).flattened();
        assert_eq!(
            items.iter().map(Document::place).collect::<Vec<_>>(),
            ["app.yaml, document 1, line 4", "app.yaml, document 1, line 5"]
        );
        assert_eq!(items[1].value, json!({"kind": "B", "x": 1}));
        assert_eq!(read("kind: List\nitems: 3").unwrap().remove(0).flattened().len(), 1);
    }

    #[test]
    fn syntax_errors_name_file_document_and_line() {
        insta::assert_snapshot!(refusal("a: 1\n---\nb: [1,\nc: 2\n"), @"app.yaml, document 2, line 3: unclosed bracket '['");
        insta::assert_snapshot!(refusal("a: 1\na: 2\n"), @"app.yaml, document 1, line 2: duplicate mapping key `a` is not allowed here");
        insta::assert_snapshot!(refusal("a:\n\t- 1\n"), @"app.yaml, document 1, line 2: tabs disallowed within this context (block indentation)");
        insta::assert_snapshot!(refusal("a: *nowhere\n"), @"app.yaml, document 1, line 1: reference to unknown value");
        insta::assert_snapshot!(refusal("{\"a\": 1,\n\"b\": 2"), @"app.yaml, document 1, line 2: EOF while parsing an object");
        insta::assert_snapshot!(refusal("# nothing\n"), @"app.yaml holds no document");
        insta::assert_snapshot!(refusal("a: .nan\n"), @"app.yaml, document 1, line 1: value `.nan` is not a finite number");
    }

    #[test]
    fn an_alias_bomb_is_refused_without_growing() {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..10 {
            let row = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{row}]\n"));
        }
        insta::assert_snapshot!(refusal(&text), @"app.yaml, document 1, line 5: YAML document too large or too complex: total_replayed_events=100001 > 100000");
        // Small ones, many times over.
        let small = "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n";
        let text = vec![small; 200].join("---\n");
        let limits = Limits { values: 30_000, ..Limits::MANIFEST };
        let error = parse(&Source { name: "app.yaml".into(), text }, limits).unwrap_err();
        insta::assert_snapshot!(error, @"app.yaml, document 3, line 11: holds more than 30000 values once its aliases are replaced: write less of it at once");
    }

    #[test]
    fn depth_and_size_are_limited() {
        let nested = |depth| (0..depth).map(|level| format!("{}a:\n", " ".repeat(level))).collect::<String>();
        assert_eq!(read(&nested(MAX_DEPTH - 1)).unwrap().len(), 1);
        insta::assert_snapshot!(refusal(&"[".repeat(100_000)), @"app.yaml, document 1, line 1: recursion limit exceeded");
        insta::assert_snapshot!(refusal(&nested(MAX_DEPTH + 1)), @"app.yaml, document 1, line 101: YAML document too large or too complex: limits breached: Depth { depth: 101 }");
        let error = read_source("big.yaml", std::io::repeat(b'a'), Limits::MANIFEST).unwrap_err();
        assert_eq!(error.to_string(), "big.yaml is larger than 4 MiB: split it into several files");
        let error = read_source("odd.yaml", &b"a: 1\nb: \xff\n"[..], Limits::MANIFEST).unwrap_err();
        assert_eq!(error.to_string(), "odd.yaml, line 2: is not UTF-8 text");
    }

    #[test]
    fn folders_are_read_in_order_of_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("b.yml", "b: 1"), ("a.yaml", "a: 1"), ("c.json", "{}"), ("d.txt", "no")] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let mut nothing: &[u8] = &[];
        let sources = sources(&[folder.path().to_owned()], &mut nothing, Limits::MANIFEST).unwrap();
        assert_eq!(
            sources.iter().map(|source| source.text.as_str()).collect::<Vec<_>>(),
            ["a: 1", "b: 1", "{}"]
        );
        let mut typed: &[u8] = b"x: 1";
        let sources = super::sources(&["-".into()], &mut typed, Limits::MANIFEST).unwrap();
        assert_eq!((sources[0].name.as_str(), sources[0].text.as_str()), ("standard input", "x: 1"));
        let error = super::sources(&["/nowhere.yaml".into()], &mut nothing, Limits::MANIFEST).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /nowhere.yaml: No such file or directory (os error 2)");
    }
}
