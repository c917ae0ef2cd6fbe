//! The rungs in order.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use hanse_types::probe::ProbeStep;
use serde::Deserialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Ladder, OLDEST_VERSION, Outcome, ProbeOptions, Rung, Wanted, network, permissions, sentence};
use crate::{
    api::{Answer, Api, Call, JSON},
    connector::{Connector, Lane, Tuning},
    error::MemberError,
    facts,
    health::prober,
    identity::{self, Identity},
    kubeconfig::{self, Access},
    limiter::{Limiter, LimiterOptions},
};

const OWN_CREDENTIAL: &str = "Give Hanse a fresh credential: a service account's token \
     (`kubectl create token <account> -n <namespace> --duration=8760h`) or a client certificate that is in date.";

/// Climbs as far as it goes. `None` when a rung failed.
pub(super) async fn climb(
    candidate: &Wanted,
    options: &ProbeOptions,
    ladder: &mut Ladder,
    outcome: &mut Outcome,
) -> Option<()> {
    if let Ok((contexts, current)) = kubeconfig::contexts(&candidate.kubeconfig) {
        outcome.report.contexts = contexts;
        outcome.report.context = candidate.context.clone().or(current);
    }
    let parsed = ladder.rung(ProbeStep::Parse, parse(candidate)).await?;
    outcome.report.context = Some(parsed.context);
    let access = parsed.access;
    outcome.access = Some(access.clone());

    let dialer = network::dialer(&access);
    let (dialer, recording) = match dialer {
        Ok(made) => made,
        Err(error) => {
            // Every field was checked: what is left is about trust, such as a machine without any roots.
            ladder.rung::<()>(ProbeStep::Tls, async { error.into() }).await;
            return None;
        }
    };
    ladder.rung(ProbeStep::Resolve, network::resolve(&dialer)).await?;
    let pipe = ladder.rung(ProbeStep::Connect, network::connect(&dialer)).await?;
    ladder.rung(ProbeStep::Tls, network::tls(&dialer, &access, pipe, &recording)).await?;

    let api = api(&access, options.rung)?;
    ladder.rung(ProbeStep::Authentication, authenticate(&api, &access)).await?;
    let version = ladder.rung(ProbeStep::Version, version(&api)).await?;
    ladder.rung(ProbeStep::Permissions, permitted(&api)).await?;
    // Facts are for show: a member whose nodes are slow to list climbs on without them.
    outcome.facts = tokio::time::timeout(options.rung, facts::read(&api, version)).await.ok();
    outcome.identity = Some(ladder.rung(ProbeStep::Identity, identify(&api, candidate)).await?);
    ladder.rung(ProbeStep::Clock, clock(&api, options)).await
}

fn api(access: &Access, deadline: Duration) -> Option<Api> {
    // A failure here was already one of the TLS rung, which made the same things.
    let transport = Connector::direct(access.clone()).open(Lane::Requests, &Tuning::default()).ok()?;
    let limiter = Limiter::new(LimiterOptions::default());
    Some(Api::new(transport, limiter, deadline, CancellationToken::new()))
}

async fn parse(candidate: &Wanted) -> Rung<kubeconfig::Parsed> {
    match kubeconfig::parse(&candidate.kubeconfig, candidate.context.as_deref()) {
        Ok(parsed) if parsed.access.insecure => {
            let message = format!(
                "Context {:?} leads to {}, whose certificate is not to be verified.",
                parsed.context, parsed.access.endpoint
            );
            let fix = "Remove insecure-skip-tls-verify and give certificate-authority-data.".to_owned();
            Rung::Warning(parsed, message, fix)
        }
        Ok(parsed) => {
            let info = parsed.access.credential_info();
            let message = format!(
                "Context {:?} leads to {} with a {}.",
                parsed.context,
                parsed.access.endpoint,
                credential_words(&info.kind)
            );
            Rung::Passed(parsed, message)
        }
        Err(error) => Rung::Failed(sentence(&error.to_string()), error.fix),
    }
}

fn credential_words(kind: &str) -> &str {
    if kind == "basic" { "user name and password" } else { kind }
}

/// What a failed request means on any rung above TLS.
fn failed<T>(error: &MemberError, what: &str) -> Rung<T> {
    match error {
        MemberError::Transport(error) => Rung::Failed(sentence(&error.message), error.fix.clone().into_owned()),
        MemberError::Timeout(after) => Rung::Failed(
            format!("There is no answer to {what} within {} s.", after.as_secs_f32()),
            "Check what is between Hanse and the cluster: a firewall or load balancer may accept connections and pass \
             nothing on. If the cluster is only slow, try again."
                .to_owned(),
        ),
        MemberError::NotKubernetes(_) | MemberError::KindMissing(_) => Rung::Failed(
            sentence(&format!("what answers is not a Kubernetes API: {error}")),
            "Check the server's URL, and that it leads to the API server itself, not to a web page or another service."
                .to_owned(),
        ),
        MemberError::Unauthorized(_) => Rung::Failed(sentence(&error.to_string()), OWN_CREDENTIAL.to_owned()),
        MemberError::Forbidden(_) => Rung::Failed(
            sentence(&format!("the credential may not {what}: {error}")),
            "Bind the credential's user to a role that allows it.".to_owned(),
        ),
        MemberError::TooManyRequests { .. } | MemberError::Unavailable { .. } | MemberError::Internal { .. } => {
            Rung::Failed(
                sentence(&error.to_string()),
                "The API server is up but cannot serve: look at its log and at etcd, and try again.".to_owned(),
            )
        }
        other => Rung::Failed(
            sentence(&format!("{what} failed: {other}")),
            "Check that the URL leads to a Kubernetes API server.".to_owned(),
        ),
    }
}

async fn authenticate(api: &Api, access: &Access) -> Rung<()> {
    let info = access.credential_info();
    let review = Call::new(http::Method::POST, "/apis/authentication.k8s.io/v1/selfsubjectreviews")
        .body(JSON, r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#);
    let expired = info.expires_at.filter(|end| *end <= Utc::now());
    let answer = match api.call(review).await {
        Ok(answer) => answer,
        // Servers before 1.28 have no such review; being let in to the list of versions says enough.
        Err(MemberError::KindMissing(_)) => match api.call(Call::get("/api")).await {
            Ok(_) => return accepted(&info.kind, None, info.expires_at),
            Err(error) => return refused(&error, &info.kind, expired),
        },
        Err(error) => return refused(&error, &info.kind, expired),
    };
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Review {
        kind: String,
        status: Status,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Status {
        user_info: UserInfo,
    }
    #[derive(Deserialize)]
    struct UserInfo {
        #[serde(default)]
        username: String,
    }
    match answer.json::<Review>() {
        Ok(review) if review.kind == "SelfSubjectReview" => {
            let user = review.status.user_info.username;
            if user == "system:anonymous" || user.is_empty() {
                return Rung::Failed(
                    format!(
                        "The cluster does not look at the {} and lets Hanse in as nobody.",
                        credential_words(&info.kind)
                    ),
                    OWN_CREDENTIAL.to_owned(),
                );
            }
            accepted(&info.kind, Some(user), info.expires_at)
        }
        Ok(_) => {
            failed(&MemberError::NotKubernetes("it answers a review with another kind".to_owned()), "sign in")
        }
        Err(error) => failed(&error, "sign in"),
    }
}

fn accepted(kind: &str, user: Option<String>, expires_at: Option<chrono::DateTime<Utc>>) -> Rung<()> {
    let user = user.map_or_else(String::new, |user| format!(" as {user}"));
    match expires_at {
        Some(end) if end - Utc::now() < TimeDelta::days(30) => Rung::Warning(
            (),
            format!("Signed in{user}, but the {kind} ends on {}.", end.format("%Y-%m-%d %H:%M UTC")),
            "Give a credential that lives longer, or be ready to replace it in time.".to_owned(),
        ),
        Some(end) => Rung::Passed(
            (),
            format!("Signed in{user}; the {kind} is valid until {}.", end.format("%Y-%m-%d")),
        ),
        None => Rung::Passed((), format!("Signed in{user}.")),
    }
}

fn refused(error: &MemberError, kind: &str, expired: Option<chrono::DateTime<Utc>>) -> Rung<()> {
    let words = credential_words(kind);
    match (error, expired) {
        (MemberError::Unauthorized(_), Some(end)) => Rung::Failed(
            format!("The {words} expired on {}.", end.format("%Y-%m-%d %H:%M UTC")),
            OWN_CREDENTIAL.to_owned(),
        ),
        (MemberError::Unauthorized(_), None) => Rung::Failed(
            format!("The cluster does not accept the {words} (HTTP 401)."),
            OWN_CREDENTIAL.to_owned(),
        ),
        // The TLS of a strict server refuses the certificate itself, after our side has finished the handshake.
        (MemberError::Transport(_), Some(end)) if kind == "client certificate" => Rung::Failed(
            format!(
                "The {words} expired on {}, and the server ends the connection.",
                end.format("%Y-%m-%d %H:%M UTC")
            ),
            OWN_CREDENTIAL.to_owned(),
        ),
        _ => failed(error, "sign in"),
    }
}

async fn version(api: &Api) -> Rung<String> {
    let text = match facts::version(api).await {
        Ok(text) => text,
        Err(error) => return failed(&error, "read the version"),
    };
    let (major, minor) = OLDEST_VERSION;
    match parse_version(&text) {
        Some(found) if found >= OLDEST_VERSION => Rung::Passed(text.clone(), format!("Kubernetes {text}.")),
        Some(_) => Rung::Failed(
            format!("Kubernetes {text} is too old: {major}.{minor} is the oldest that is supported."),
            format!("Upgrade the cluster to {major}.{minor} or newer."),
        ),
        None => Rung::Failed(
            format!("{text:?} is not a Kubernetes version."),
            "Check that the URL leads to a Kubernetes API server.".to_owned(),
        ),
    }
}

/// Major and minor of `v1.36.3`, `v1.29.4-eks-036c24b`, `v1.31.0+k3s1`.
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.trim().strip_prefix('v')?.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?;
    let digits = minor.find(|c: char| !c.is_ascii_digit()).unwrap_or(minor.len());
    Some((major, minor.get(..digits)?.parse().ok()?))
}

async fn permitted(api: &Api) -> Rung<()> {
    let missing = match permissions::missing(api).await {
        Ok(missing) => missing,
        Err(error) => return failed(&error, "ask what is allowed"),
    };
    let (required, optional): (Vec<_>, Vec<_>) = missing.into_iter().partition(|(need, _)| need.required);
    if !required.is_empty() {
        return Rung::Failed(
            format!("The credential may not do what federation needs: {}.", permissions::words(&required)),
            "Bind the credential's user to a ClusterRole with these verbs, or to cluster-admin \
             (`kubectl create clusterrolebinding hanse --clusterrole=cluster-admin --user=<user>`)."
                .to_owned(),
        );
    }
    if optional.is_empty() {
        return Rung::Passed((), "The credential may do everything that federation needs.".to_owned());
    }
    let mut uses: Vec<&str> = optional.iter().map(|(need, _)| need.for_what).collect();
    uses.dedup();
    Rung::Warning(
        (),
        format!(
            "The credential may not: {}. Missing will be: {}.",
            permissions::words(&optional),
            uses.join(", ")
        ),
        "Allow these verbs too if they are wanted.".to_owned(),
    )
}

async fn identify(api: &Api, candidate: &Wanted) -> Rung<Identity> {
    let found = match identity::read(api).await {
        Ok(found) => found,
        Err(error) => return failed(&error, "read the kube-system namespace"),
    };
    let uid = &found.uid;
    if let Some(expected) = candidate.expected.as_deref().filter(|expected| expected != uid) {
        return Rung::Failed(
            format!(
                "This is another cluster: the uid of its kube-system namespace is {uid}, not {expected}."
            ),
            "Give a kubeconfig of the same cluster, or import this one under a name of its own.".to_owned(),
        );
    }
    if candidate.expected.is_none()
        && let Some(name) = candidate.known.get(uid)
    {
        return Rung::Failed(
            format!("This cluster is already here, as {name:?}."),
            format!("Use {name:?}; to change how it is reached, replace its credential."),
        );
    }
    let message = format!("The cluster is {uid}.");
    match &found.claim {
        Some(claim) if claim.instance != candidate.instance && !claim.instance.is_empty() => {
            let since =
                claim.since.map_or_else(String::new, |at| format!(" since {}", at.format("%Y-%m-%d")));
            let managed = format!("Another Hanse (instance {}) manages this cluster{since}.", claim.instance);
            if candidate.force {
                let fix = "It will be taken over: detach it there, or both will change the same objects."
                    .to_owned();
                Rung::Warning(found, managed, fix)
            } else {
                Rung::Failed(
                    managed,
                    "Detach it there first, or import with force to take it over.".to_owned(),
                )
            }
        }
        _ => Rung::Passed(found, message),
    }
}

async fn clock(api: &Api, options: &ProbeOptions) -> Rung<()> {
    let (sent, started) = (Utc::now(), Instant::now());
    let answer: Answer = match api.call(Call::get("/version").unlimited()).await {
        Ok(answer) => answer,
        Err(error) => return failed(&error, "read the time"),
    };
    let Some(skew) = prober::skew(&answer, sent, started.elapsed()) else {
        return Rung::Warning(
            (),
            "The API server does not tell its time.".to_owned(),
            "Something in between removes the Date header: let it pass.".to_owned(),
        );
    };
    let side = if skew < TimeDelta::zero() { "behind" } else { "ahead of" };
    let words = format!("The cluster's clock is {} s {side} ours.", skew.num_seconds().abs());
    let fix = "Synchronise the clocks of this machine and of the cluster with NTP.".to_owned();
    match skew.abs().to_std().unwrap_or(Duration::MAX) {
        skew if skew > options.skew_failure => {
            Rung::Failed(format!("{words} Certificates and tokens would be refused at random."), fix)
        }
        skew if skew > options.skew_warning => Rung::Warning((), words, fix),
        _ => Rung::Passed((), "The clocks agree.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_all_distributions_are_read() {
        for (text, expected) in [
            ("v1.36.3", Some((1, 36))),
            ("v1.29.4-eks-036c24b", Some((1, 29))),
            ("v1.31.0+k3s1", Some((1, 31))),
            ("v1.30+", Some((1, 30))),
            ("1.36.3", None),
            ("vX.Y", None),
            ("", None),
        ] {
            assert_eq!(parse_version(text), expected, "{text}");
        }
    }
}
