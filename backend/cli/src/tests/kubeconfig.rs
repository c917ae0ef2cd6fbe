//! kubectl's way in.

use wiremock::{Mock, matchers::path};

use super::*;
use crate::config::{Config, Context, server_url};

fn signed_in(person: &Person, server: &str) {
    let context = Context {
        server: server_url(server).unwrap(),
        token: "hanse_kept".into(),
        token_name: None,
        user: "ada".into(),
        project: None,
    };
    let config = Config { current: Some("a".into()), contexts: [("a".to_owned(), context)].into() };
    config.save(&person.config()).unwrap();
}

#[tokio::test]
async fn the_file_has_contexts_and_no_secret() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/clusters")).respond_with(page(&[])).mount(&server).await;
    let person = Person::new();
    signed_in(&person, &server.uri());
    let ended = person.runs(&["kubeconfig"]).await;
    assert_eq!(ended.code, 0, "{}", ended.all());
    assert!(ended.out.contains("/kubefed") && ended.out.contains("kube-credential"), "{}", ended.out);
    assert!(!ended.out.contains("hanse_kept"));
    assert!(ended.notes.contains("https only"), "{}", ended.notes);
    let ended = person.runs(&["kubeconfig", "--cluster", "nowhere"]).await;
    assert_eq!(ended.code, 2, "{}", ended.all());
}

#[tokio::test]
async fn the_plugin_tells_the_token_of_that_server_only() {
    let person = Person::new();
    signed_in(&person, "https://hanse.example.com");
    let ended = person.runs(&["kube-credential", "--server", "https://hanse.example.com"]).await;
    let answer: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(answer["kind"], "ExecCredential");
    assert_eq!(answer["status"]["token"], "hanse_kept");
    let ended = person.runs(&["kube-credential", "--server", "https://evil.example.com"]).await;
    assert_eq!((ended.code, ended.out.as_str()), (1, ""));
    assert!(ended.notes.contains("hanse login"), "{}", ended.notes);
}
