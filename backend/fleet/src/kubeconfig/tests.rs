use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

struct Pair {
    certificate: String,
    key: String,
}

fn pair() -> Pair {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    Pair { certificate: made.cert.pem(), key: made.signing_key.serialize_pem() }
}

fn b64(text: &str) -> String {
    STANDARD.encode(text)
}

/// A good kubeconfig with one context; as a tree, so that tests can bend it.
fn good() -> Value {
    let pair = pair();
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "prod",
        "contexts": [{"name": "prod", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {
            "server": "https://10.0.0.1:6443", "certificate-authority-data": b64(&pair.certificate)}}],
        "users": [{"name": "u", "user": {
            "client-certificate-data": b64(&pair.certificate), "client-key-data": b64(&pair.key)}}],
    })
}

/// Sets the value at a JSON pointer, making the last step when it is missing; `null` removes it.
fn set(tree: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let parent = tree.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(last);
    } else {
        parent.insert(last.to_owned(), value);
    }
}

fn bent(changes: &[(&str, Value)]) -> String {
    let mut tree = good();
    for (pointer, value) in changes {
        set(&mut tree, pointer, value.clone());
    }
    tree.to_string()
}

fn refusal(changes: &[(&str, Value)]) -> KubeconfigError {
    parse(&bent(changes), None).expect_err(&format!("{changes:?}"))
}

const CLUSTER: &str = "/clusters/0/cluster";
const USER: &str = "/users/0/user";

#[test]
fn yaml_as_kubectl_prints_it_is_read() {
    let pair = pair();
    let text = format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: https://cluster.example:6443/k8s/c-1/\n    tls-server-name: kubernetes\n    proxy-url: http://me:p%40ss@proxy.example:3128\n  name: c\ncontexts:\n- context:\n    cluster: c\n    namespace: default\n    user: u\n  name: prod\ncurrent-context: prod\nkind: Config\npreferences: {{}}\nusers:\n- name: u\n  user:\n    token: abc.def-123\n",
        b64(&pair.certificate)
    );
    let parsed = parse(&text, None).unwrap();
    assert_eq!(
        (parsed.context.as_str(), parsed.contexts.as_slice()),
        ("prod", ["prod".to_owned()].as_slice())
    );
    let access = parsed.access;
    assert_eq!(access.endpoint.as_str(), "https://cluster.example:6443/k8s/c-1");
    assert_eq!(access.verified_name(), "kubernetes");
    assert_eq!(access.credential, Credential::Token { token: Secret::new("abc.def-123") });
    assert_eq!(
        access.proxy,
        Some(Proxy {
            scheme: ProxyScheme::Http,
            host: "proxy.example".to_owned(),
            port: 3128,
            login: Some(("me".to_owned(), Secret::new("p@ss"))),
        })
    );
}

#[test]
fn access_survives_being_stored_and_shows_no_secret() {
    let mut tree = good();
    set(&mut tree, "/users/0/user/token", json!("s3cret-token"));
    let access = parse(&tree.to_string(), None).unwrap().access;
    let Credential::ClientCertificate { key, .. } = &access.credential else {
        panic!("an apiserver looks at the certificate before the token")
    };
    let shown = format!("{access:?}");
    assert!(!shown.contains(key.expose().lines().nth(1).unwrap()), "{shown}");
    assert!(shown.contains("[redacted]"));
    let stored = serde_json::to_string(&access).unwrap();
    assert_eq!(serde_json::from_str::<Access>(&stored).unwrap(), access);
}

#[test]
fn each_malformed_field_is_named() {
    let other = pair();
    let cases: &[(&str, Value, &str, &str)] = &[
        ("/kind", json!("Pod"), "kind", "is \"Pod\" where"),
        ("/apiVersion", json!("v2"), "apiVersion", "is \"v2\" where"),
        ("/contexts", json!([]), "contexts", "is empty"),
        ("/contexts", json!("x"), "contexts", "is text where a list"),
        ("/contexts", json!([7]), "contexts[0]", "is a number where a mapping"),
        ("/contexts/0/name", json!(null), "contexts[0].name", "is missing"),
        ("/contexts/0/context", json!(null), "contexts[0].context", "is missing"),
        (
            "/contexts/0/context/cluster",
            json!("x"),
            "contexts[0].context.cluster",
            "no entry of clusters is called \"x\"",
        ),
        (
            "/contexts/0/context/user",
            json!("x"),
            "contexts[0].context.user",
            "no entry of users is called \"x\"",
        ),
        ("/current-context", json!("x"), "current-context", "no context is called \"x\""),
        ("/clusters/0/cluster", json!([]), "clusters[0].cluster", "is a list where a mapping"),
        ("/clusters/0/cluster/server", json!(null), "clusters[0].cluster.server", "is missing"),
        ("/clusters/0/cluster/server", json!("10.0.0.1:6443"), "clusters[0].cluster.server", "is not a"),
        (
            "/clusters/0/cluster/server",
            json!("http://10.0.0.1"),
            "clusters[0].cluster.server",
            "not an https URL",
        ),
        (
            "/clusters/0/cluster/server",
            json!("https://u:p@h"),
            "clusters[0].cluster.server",
            "user name or password",
        ),
        ("/clusters/0/cluster/server", json!("https://h/?a=b"), "clusters[0].cluster.server", "query"),
        ("/clusters/0/cluster/server", json!(["x"]), "clusters[0].cluster.server", "is a list where text"),
        (
            "/clusters/0/cluster/certificate-authority-data",
            json!("***"),
            "clusters[0].cluster.certificate-authority-data",
            "not valid base64",
        ),
        (
            "/clusters/0/cluster/certificate-authority-data",
            json!(b64("hello")),
            "clusters[0].cluster.certificate-authority-data",
            "no PEM certificate",
        ),
        (
            "/clusters/0/cluster/certificate-authority-data",
            json!(b64("-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n")),
            "clusters[0].cluster.certificate-authority-data",
            "certificate 1 cannot be read",
        ),
        (
            "/clusters/0/cluster/certificate-authority-data",
            json!("DATA+OMITTED"),
            "clusters[0].cluster.certificate-authority-data",
            "is left out",
        ),
        (
            "/clusters/0/cluster/insecure-skip-tls-verify",
            json!("yes"),
            "clusters[0].cluster.insecure-skip-tls-verify",
            "true or false",
        ),
        (
            "/clusters/0/cluster/insecure-skip-tls-verify",
            json!(true),
            "clusters[0].cluster.insecure-skip-tls-verify",
            "although a certificate authority",
        ),
        (
            "/clusters/0/cluster/tls-server-name",
            json!("a b"),
            "clusters[0].cluster.tls-server-name",
            "neither a host name",
        ),
        (
            "/clusters/0/cluster/proxy-url",
            json!("ftp://x"),
            "clusters[0].cluster.proxy-url",
            "\"ftp\", which is not supported",
        ),
        ("/clusters/0/cluster/proxy-url", json!("proxy"), "clusters[0].cluster.proxy-url", "is not a URL"),
        ("/users/0/user/client-key-data", json!("%%%"), "users[0].user.client-key-data", "not valid base64"),
        (
            "/users/0/user/client-key-data",
            json!(b64("hello")),
            "users[0].user.client-key-data",
            "no PEM private key",
        ),
        (
            "/users/0/user/client-key-data",
            json!(b64(&other.key)),
            "users[0].user.client-key-data",
            "not the key of the client certificate",
        ),
        (
            "/users/0/user/client-key-data",
            json!(b64("-----BEGIN ENCRYPTED PRIVATE KEY-----\n")),
            "users[0].user.client-key-data",
            "passphrase",
        ),
        (
            "/users/0/user/client-key-data",
            json!(null),
            "users[0].user.client-key-data",
            "is missing although",
        ),
        (
            "/users/0/user/client-certificate-data",
            json!(null),
            "users[0].user.client-certificate-data",
            "is missing although",
        ),
        (
            "/users/0/user/client-certificate-data",
            json!("?"),
            "users[0].user.client-certificate-data",
            "not valid base64",
        ),
        ("/users/0/user/token", json!(12345), "users[0].user.token", "number or truth value"),
        ("/users/0/user/token", json!("a b"), "users[0].user.token", "spaces"),
        ("/users/0/user/token", json!("REDACTED"), "users[0].user.token", "is left out"),
        ("/users/0/user/username", json!("a:b"), "users[0].user.username", "colon"),
    ];
    for (pointer, value, path, words) in cases {
        let error = refusal(&[(pointer, value.clone())]);
        assert_eq!(&error.path, path, "{pointer} = {value}: {error}");
        assert!(error.message.contains(words), "{pointer} = {value}: {error}");
        assert!(error.fix.ends_with(['.', ':']) || error.fix.contains('`'), "{error}: {}", error.fix);
        assert!(error.to_string().starts_with(&format!("{path}: ")), "{error}");
    }
}

#[test]
fn what_runs_programs_or_reads_files_is_refused_with_what_to_do() {
    let none = |pointer: &'static str| (pointer, Value::Null);
    type Case<'a> = (&'a [(&'a str, Value)], &'a str, &'a str);
    let cases: &[Case<'_>] = &[
        (
            &[("/users/0/user/exec", json!({"command": "aws"}))],
            "users[0].user.exec",
            "service account's token",
        ),
        (
            &[("/users/0/user/auth-provider", json!({"name": "gcp"}))],
            "users[0].user.auth-provider",
            "service account's token",
        ),
        (&[("/users/0/user/as", json!("root"))], "users[0].user.as", "credential of its own"),
        (
            &[("/users/0/user/tokenFile", json!("/var/run/token"))],
            "users[0].user.tokenFile",
            "kubectl config view --flatten --minify",
        ),
        (
            &[
                none("/users/0/user/client-certificate-data"),
                ("/users/0/user/client-certificate", json!("certs/me.crt")),
            ],
            "users[0].user.client-certificate",
            "kubectl config view --flatten --minify",
        ),
        (
            &[none("/users/0/user/client-key-data"), ("/users/0/user/client-key", json!("/home/me/me.key"))],
            "users[0].user.client-key",
            "kubectl config view --flatten --minify",
        ),
        (
            &[
                none("/clusters/0/cluster/certificate-authority-data"),
                ("/clusters/0/cluster/certificate-authority", json!("../ca.crt")),
            ],
            "clusters[0].cluster.certificate-authority",
            "kubectl config view --flatten --minify",
        ),
    ];
    for (changes, path, fix) in cases {
        let error = refusal(changes);
        assert_eq!(&error.path, path, "{error}");
        assert!(error.fix.contains(fix), "{}", error.fix);
    }
}

#[test]
fn a_file_beside_the_embedded_data_is_no_obstacle() {
    let text = bent(&[("/clusters/0/cluster/certificate-authority", json!("/etc/ca.crt"))]);
    assert!(parse(&text, None).is_ok(), "kubectl takes the data, too");
}

#[test]
fn a_user_without_a_credential_is_refused() {
    let error = refusal(&[(USER, json!({}))]);
    assert_eq!((error.path.as_str(), error.message.as_str()), ("users[0].user", "holds no credential"));
    let error = refusal(&[(USER, json!({"token": "t", "username": "a", "password": "b"}))]);
    assert_eq!(error.path, "users[0].user");
}

#[test]
fn tokens_and_passwords_are_credentials() {
    let with = |user: Value| parse(&bent(&[(USER, user)]), None).unwrap().access;
    let access = with(json!({"token": "  abc\n"}));
    assert_eq!(access.credential, Credential::Token { token: Secret::new("abc") });
    assert_eq!(access.credential_info().kind, "token");
    let access = with(json!({"username": "me", "password": "pw"}));
    assert_eq!(access.credential_info().kind, "basic");
}

#[test]
fn the_end_of_a_credential_is_read_from_it() {
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(r#"{"exp":1700000000}"#);
    let user = json!({"token": format!("e30.{claims}.sig")});
    let access = parse(&bent(&[(USER, user)]), None).unwrap().access;
    assert_eq!(access.credential_info().expires_at.map(|at| at.timestamp()), Some(1_700_000_000));
    let access = parse(&good().to_string(), None).unwrap().access;
    assert!(access.credential_info().expires_at.is_some(), "a certificate's end");
}

#[test]
fn without_authority_or_verification_the_cluster_decides() {
    let text = bent(&[
        ("/clusters/0/cluster/certificate-authority-data", Value::Null),
        ("/clusters/0/cluster/insecure-skip-tls-verify", json!(true)),
    ]);
    assert!(parse(&text, None).unwrap().access.insecure);
    let text = bent(&[("/clusters/0/cluster/certificate-authority-data", Value::Null)]);
    let access = parse(&text, None).unwrap().access;
    assert_eq!((access.insecure, access.server_ca), (false, None));
}

#[test]
fn several_contexts_need_a_choice() {
    let mut tree = good();
    let second = json!({"name": "test", "context": {"cluster": "c", "user": "u"}});
    tree["contexts"].as_array_mut().unwrap().push(second);
    let text = tree.to_string();
    assert_eq!(parse(&text, None).unwrap().context, "prod", "the current one");
    assert_eq!(parse(&text, Some("test")).unwrap().context, "test");
    let error = parse(&text, Some("nope")).unwrap_err();
    assert!(error.fix.contains("prod, test"), "{}", error.fix);

    set(&mut tree, "/current-context", json!(""));
    let text = tree.to_string();
    let error = parse(&text, None).unwrap_err();
    assert_eq!(
        (error.path.as_str(), error.message.as_str()),
        ("contexts", "there are 2 contexts and none is chosen")
    );
    assert!(error.fix.contains("prod, test"), "{}", error.fix);
    assert_eq!(contexts(&text).unwrap().0, ["prod", "test"]);
}

#[test]
fn a_name_that_comes_twice_is_refused() {
    let mut tree = good();
    let again = tree["users"][0].clone();
    tree["users"].as_array_mut().unwrap().push(again);
    assert_eq!(parse(&tree.to_string(), None).unwrap_err().path, "users[1].name");
}

#[test]
fn a_text_that_is_no_kubeconfig_is_refused_without_quoting_it() {
    for text in ["", "hello", "- a\n- b", "{", "a: [b", "\u{feff}", "key: s3cret\n\tkey: [", "a: 1\na: 2"] {
        let error = parse(text, None).unwrap_err();
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
    assert!(parse(&"a".repeat(MAX_BYTES + 1), None).unwrap_err().message.contains("at most"));
}

#[test]
fn an_alias_bomb_is_refused_quickly() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..30 {
        let row = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{row}]\n"));
    }
    let started = std::time::Instant::now();
    assert!(parse(&bomb, None).is_err());
    assert!(started.elapsed() < std::time::Duration::from_secs(2), "{:?}", started.elapsed());

    let deep = "[".repeat(100_000);
    assert!(parse(&deep, None).is_err());
    let nested = (0..5000).map(|i| format!("{}a:\n", " ".repeat(i % 900))).collect::<String>();
    assert!(parse(&nested, None).is_err());
}

#[test]
fn a_modest_alias_is_no_bomb() {
    let text = "x: &user\n  token: abc\nkind: Config\ncurrent-context: p\n\
        contexts: [{name: p, context: {cluster: c, user: u}}]\n\
        clusters: [{name: c, cluster: {server: 'https://h'}}]\nusers: [{name: u, user: *user}]\n";
    assert_eq!(parse(text, None).unwrap().access.credential, Credential::Token { token: Secret::new("abc") });
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _ = parse(&text, None);
    }

    #[test]
    fn no_value_in_any_place_makes_the_parser_panic(
        place in proptest::sample::select(vec![
            "/kind", "/contexts", "/contexts/0/name", "/contexts/0/context", "/clusters", CLUSTER, USER,
            "/clusters/0/cluster/server", "/clusters/0/cluster/proxy-url", "/clusters/0/cluster/tls-server-name",
            "/clusters/0/cluster/certificate-authority-data", "/users/0/user/token", "/users/0/user/client-key-data",
        ]),
        value in prop_oneof![
            Just(json!(null)), Just(json!(true)), Just(json!(-1.5)), Just(json!([[]])), Just(json!({"a": {}})),
            "\\PC{0,40}".prop_map(|text| json!(text)),
            "https?://\\PC{0,30}".prop_map(|text| json!(text)),
        ],
    ) {
        let _ = parse(&bent(&[(place, value)]), None);
    }
}
