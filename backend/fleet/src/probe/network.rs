//! The rungs below HTTP: name, connection, TLS.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::{Rung, sentence};
use crate::{
    connector::{
        Stage, TransportError,
        dial::{Dialer, Pipe, unresolved},
        tls::Recording,
    },
    kubeconfig::Access,
};

impl<T> From<TransportError> for Rung<T> {
    fn from(error: TransportError) -> Self {
        Self::Failed(sentence(&error.message), error.fix.into_owned())
    }
}

/// A dialer that keeps the chain which the server shows.
pub(super) fn dialer(access: &Access) -> Result<(Dialer, Arc<Recording>), TransportError> {
    let recording = Arc::new(Recording::default());
    let dialer = Dialer::new(access, &[b"h2", b"http/1.1"], Some(Arc::clone(&recording)))?;
    Ok((dialer, recording))
}

pub(super) async fn resolve(dialer: &Dialer) -> Rung<()> {
    let (host, port) = dialer.first_hop();
    if host.parse::<std::net::IpAddr>().is_ok() {
        return Rung::Passed((), format!("{host} is an address."));
    }
    let addresses = match tokio::net::lookup_host((host, port)).await {
        Ok(found) => found.map(|address| address.ip().to_string()).collect::<Vec<_>>(),
        Err(error) => return unresolved(host, &format!(": {error}")).into(),
    };
    if addresses.is_empty() {
        return unresolved(host, "").into();
    }
    let whose = if dialer.proxy().is_some() {
        format!("the proxy {host} resolves; the server's own name is left to it")
    } else {
        format!("{host} resolves")
    };
    Rung::Passed((), sentence(&format!("{whose}: {}", addresses.join(", "))))
}

pub(super) async fn connect(dialer: &Dialer) -> Rung<Pipe> {
    match dialer.connect().await {
        Ok(pipe) => {
            let way = dialer.proxy().map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"));
            Rung::Passed(pipe, format!("{} accepts connections{way}.", dialer.server()))
        }
        Err(error) => error.into(),
    }
}

pub(super) async fn tls(dialer: &Dialer, access: &Access, pipe: Pipe, recording: &Recording) -> Rung<()> {
    let secured = dialer.secure(pipe).await;
    let shown = recording.chain();
    let certificate = shown.first().and_then(|der| Shown::read(der));
    match secured {
        Ok(_) if access.insecure => Rung::Warning(
            (),
            format!(
                "The certificate of {} is not verified{}.",
                dialer.server(),
                certificate.map_or_else(String::new, |shown| format!(" ({})", shown.words()))
            ),
            "Remove insecure-skip-tls-verify and give certificate-authority-data: without it, anybody on the way can \
             read the credential."
                .to_owned(),
        ),
        Ok(_) => match certificate {
            Some(shown) if shown.not_after - Utc::now() < TimeDelta::days(30) => Rung::Warning(
                (),
                format!("The certificate is trusted, but ends soon: {}.", shown.words()),
                "Renew the API server's certificate in the cluster.".to_owned(),
            ),
            Some(shown) => Rung::Passed((), format!("The certificate is trusted: {}.", shown.words())),
            None => Rung::Passed((), "The certificate is trusted.".to_owned()),
        },
        Err(error) => {
            let TransportError { stage, message, fix } = error;
            debug_assert!(stage == Stage::Tls, "{stage:?}");
            // What it did show helps to find out whose it is.
            let shown = certificate.map_or_else(String::new, |shown| format!(" It shows {}.", shown.words()));
            Rung::Failed(format!("{}{shown}", sentence(&message)), fix.into_owned())
        }
    }
}

/// What a certificate says, for people.
struct Shown {
    names: Vec<String>,
    issuer: String,
    not_after: DateTime<Utc>,
}

impl Shown {
    fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let alternative = certificate.subject_alternative_name().ok().flatten();
        let names =
            alternative.map(|extension| extension.value.general_names.iter().filter_map(name).collect());
        Some(Self {
            names: names.unwrap_or_default(),
            issuer: certificate.issuer().to_string(),
            not_after: DateTime::from_timestamp(certificate.validity().not_after.timestamp(), 0)?,
        })
    }

    fn words(&self) -> String {
        let mut names = self.names.iter().take(6).cloned().collect::<Vec<_>>().join(", ");
        if names.is_empty() {
            "no name".clone_into(&mut names);
        } else if self.names.len() > 6 {
            names.push_str(&format!(" and {} more", self.names.len() - 6));
        }
        format!("for {names}, issued by {}, valid until {}", self.issuer, self.not_after.format("%Y-%m-%d"))
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match <[u8; 4]>::try_from(*bytes) {
            Ok(v4) => Some(std::net::Ipv4Addr::from(v4).to_string()),
            Err(_) => <[u8; 16]>::try_from(*bytes).ok().map(|v6| std::net::Ipv6Addr::from(v6).to_string()),
        },
        _ => None,
    }
}
