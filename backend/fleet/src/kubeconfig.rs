//! From a kubeconfig's text to what is needed to reach a cluster. Parsed once, at the boundary: a kubeconfig can run
//! programs and read files of the machine that uses it, so everything of that sort is refused here with a sentence that
//! says what to do, and what comes out is data only.

mod access;
mod parse;
mod pem;
mod tree;
mod user;

pub use access::{Access, Credential, Proxy, ProxyScheme, Secret};
pub use parse::{KubeconfigError, MAX_BYTES, Parsed, contexts, parse};

#[cfg(test)]
mod tests;
