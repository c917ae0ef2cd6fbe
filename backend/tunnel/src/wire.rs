//! Words that both ends write and read.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::{Deserialize, Serialize};

/// Application protocol of the TLS session.
pub(crate) const ALPN: &[u8] = b"hanse-tunnel/1";
/// Name in the hub's certificate, whatever address it is dialled at: the authority signs for nobody else.
pub(crate) const HUB_NAME: &str = "hub.hanse.internal";
/// `:authority` of requests for the apiserver.
pub(crate) const CLUSTER: &str = "cluster.hanse.internal";
/// `:authority` of requests for the agent itself, out of reach of any path.
pub(crate) const AGENT: &str = "agent.hanse.internal";
/// `:protocol` of an upgrade.
pub(crate) const UPGRADE: &str = "hanse-upgrade";

/// Method of the request that is to be upgraded.
pub(crate) const METHOD: HeaderName = HeaderName::from_static("hanse-method");
/// `Upgrade` of the request or answer.
pub(crate) const UPGRADE_TO: HeaderName = HeaderName::from_static("hanse-upgrade");
/// Status of an upgrade's answer; HTTP/2 cannot carry 101.
pub(crate) const STATUS: HeaderName = HeaderName::from_static("hanse-status");
/// The agent could not ask its apiserver: the answer is its own, with the reason in the body.
pub(crate) const AGENT_ERROR: HeaderName = HeaderName::from_static("hanse-agent-error");

/// Paths of the agent itself.
pub(crate) const HELLO: &str = "/hello";
pub(crate) const REFUSAL: &str = "/refusal";
pub(crate) const RENEWAL: &str = "/renewal";
pub(crate) const CERTIFICATE: &str = "/certificate";

/// Bodies of these exchanges are small.
pub(crate) const SMALL: usize = 64 * 1024;

/// What an agent says of itself when the tunnel stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hello {
    /// Tells a restarted agent from a second one.
    pub instance: String,
    /// Uid of the namespace `kube-system` that it sees, where it could be read.
    #[serde(default)]
    pub system_uid: Option<String>,
    /// Version of the agent.
    #[serde(default)]
    pub version: String,
    /// How it got here, for people: `direct`, or through which proxy.
    #[serde(default)]
    pub way: String,
}

const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// Removes headers that are about one connection only, those that `Connection` names, and our own.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect();
    for name in
        named.iter().chain(&HOP_BY_HOP).chain(&[METHOD, UPGRADE_TO, STATUS, AGENT_ERROR, header::HOST])
    {
        headers.remove(name);
    }
    headers.remove("proxy-connection");
    headers.remove("http2-settings");
}

/// What a request or answer is upgraded to.
pub(crate) fn upgrade_of(headers: &HeaderMap) -> Option<HeaderValue> {
    headers.get(header::UPGRADE).cloned()
}
