//! The worker of one cluster: takes dirty units from the queue, as many at a time as the member takes requests, and
//! does for each what comparing says. Everything that can be decided without the member is decided by the federation
//! crate; this file sends requests and writes down how they ended.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use hanse_federation::{
    Action, StatusWord,
    object::{Conflict, DriftMode},
    owned,
    plan::{Options, Refusals, plan_cluster},
    retention::Form,
};
use hanse_fleet::{
    ApplyOptions, DeleteOptions, Deleted, MemberError, Released, ResourceType, RetryClass, Target, TypeName,
};
use hanse_types::federated::{DriftEntry, LastError};
use tokio::task::JoinSet;

use super::{
    decide,
    engine::{Engine, namespace_of},
    index::{CopyKey, Object, Removal, RemovalMode},
    member::{Live, Mirror, Runtime},
    queue::Priority,
};
use crate::metrics::WorkLabels;

/// Units of one cluster under work at a time. The member's own limiter decides how many requests that makes.
const CONCURRENCY: usize = 64;
/// How soon a unit is looked at again that waits for something which gives no sign.
const RECHECK: Duration = Duration::from_secs(15);
/// How soon a namespace is looked at again whose contents are still being removed.
const CONTENTS_RECHECK: Duration = Duration::from_millis(250);

/// How the work on one unit ended.
enum Outcome {
    /// Nothing is left to do until somebody says otherwise.
    Settled,
    /// To be looked at again at a time.
    Later(Duration),
    /// Failed; comes back after its backoff, or after the wait that the member asked for.
    Failed(Option<Duration>),
}

/// Works until cancelled.
pub async fn run(engine: Arc<Engine>, runtime: Arc<Runtime>) {
    let mut working: JoinSet<()> = JoinSet::new();
    loop {
        while working.len() < CONCURRENCY
            && let Some(key) = runtime.with_queue(|queue| queue.pop(Instant::now()))
        {
            let (engine, runtime) = (Arc::clone(&engine), Arc::clone(&runtime));
            working.spawn(async move {
                let (outcome, object) = unit(&engine, &runtime, &key).await;
                finish(&runtime, &key, &outcome);
                if let Some(object) = object {
                    engine.dirty_status.mark(object.id);
                }
            });
        }
        let due = runtime.with_queue(|queue| queue.next_due());
        tokio::select! {
            Some(ended) = working.join_next(), if !working.is_empty() => {
                if let Err(error) = ended {
                    tracing::error!(cluster = %runtime.name, "a unit of work ended badly: {error}");
                }
            }
            () = runtime.woken(), if working.len() < CONCURRENCY => {}
            () = at(due), if due.is_some() && working.len() < CONCURRENCY => {}
        }
    }
}

/// Waits for a time; for none not at all.
pub(super) async fn at(due: Option<Instant>) {
    if let Some(due) = due {
        tokio::time::sleep_until(due.into()).await;
    }
}

fn finish(runtime: &Runtime, key: &CopyKey, outcome: &Outcome) {
    let now = Instant::now();
    runtime.with_queue(|queue| match outcome {
        Outcome::Settled => queue.done(key),
        Outcome::Later(wait) => {
            queue.done(key);
            queue.push_later(key.clone(), now + *wait);
        }
        Outcome::Failed(wait) => {
            queue.failed(key, now, *wait, rand::random::<f64>());
        }
    });
}

/// One unit: a copy that is wanted, to be removed, or neither. Gives the object that it was about, if there is one.
async fn unit(engine: &Engine, runtime: &Runtime, key: &CopyKey) -> (Outcome, Option<Arc<Object>>) {
    let object = engine.index.by_key(key);
    let removal = engine.index.removal(runtime.id, key);
    let outcome = match (&object, removal) {
        (Some(object), _) if object.wanted_in(runtime.id) => Some(ensure(engine, runtime, object).await),
        // The copy is gone, only the row of the removal is still there.
        (_, Some((_, true))) => None,
        (_, Some((removal, false))) => Some(remove(engine, runtime, key, &removal).await),
        (Some(_), None) => None,
        (None, None) => Some(release_stray(engine, runtime, key).await),
    };
    (outcome.unwrap_or(Outcome::Settled), object)
}

/// Sees to it that a wanted copy is as it should be.
async fn ensure(engine: &Engine, runtime: &Runtime, object: &Object) -> Outcome {
    if !engine.is_ready(runtime.id) {
        // Coming back marks every unit dirty.
        return waits(runtime, object, None);
    }
    let name = TypeName {
        version: object.record.resource.api_version().rsplit('/').next().map(ToOwned::to_owned),
        ..TypeName::of_plural(&object.key.type_)
    };
    let resource = match runtime.member.discovery().resolve(&name).await {
        Ok(Some(resource)) => resource,
        Ok(None) => {
            let message = format!(
                "cluster {} does not serve {}: install what defines it there, or leave the cluster out of the placement",
                runtime.name, object.key.type_
            );
            problem(engine, runtime, object, StatusWord::CreationFailed, message);
            return Outcome::Later(RECHECK);
        }
        Err(error) => return failed(engine, runtime, object, StatusWord::ClientRetrievalFailed, &error),
    };
    let mirror = engine.mirror(runtime, &object.key.type_, &resource);
    if !mirror.synced() {
        // A complete list marks every unit of the kind dirty.
        return waits(runtime, object, None);
    }
    if let Some(namespace) = namespace_of(&object.key)
        && !namespace_stands(engine, runtime, &namespace)
    {
        return waits(
            runtime,
            object,
            Some(format!("namespace {} is not there yet", object.key.key.namespace)),
        );
    }
    let live = match seen(runtime, object, &mirror).await {
        Ok(live) => live,
        Err(error) => return failed(engine, runtime, object, StatusWord::RetrievalFailed, &error),
    };
    if live.as_ref().is_some_and(|live| live.observed.terminating) {
        // The watch says when it is gone; then it is made anew.
        return waits(runtime, object, Some("the old copy is being deleted by its cluster".to_owned()));
    }
    let Some((assignment, view)) = decide::assignment(engine, object, runtime.id) else {
        return waits(runtime, object, None);
    };
    let copy = decide::live_copy(&mirror, live.as_deref(), &object.key.key);
    let sent_before = mirror.expected(&object.key.key).map(|expected| expected.manifest);
    let options = Options { form: Form::Apply, ..Options::default() };
    let plan = plan_cluster(&object.record, &view, &assignment, &copy, &Refusals::default(), &options);
    match (plan.action, plan.manifest) {
        (Action::Create | Action::Update, Some(manifest)) => {
            let hash = owned::manifest_hash(&manifest);
            if mirror.awaits(&object.key.key, hash) {
                // It was sent already and the watch has not caught up: sending it again would change nothing.
                return settled(engine, runtime, object, "skip");
            }
            if let Some(live) = live.as_deref().filter(|_| sent_before == Some(hash)) {
                drifted(engine, runtime, object, &manifest, live);
            }
            send(engine, runtime, object, &mirror, live.as_deref(), &manifest, hash).await
        }
        (Action::None, Some(manifest)) => {
            let hash = owned::manifest_hash(&manifest);
            match live.as_deref() {
                // Found as it should be after a restart: from now on it is known.
                Some(live) if sent_before.is_none() => {
                    mirror.sent(&object.key.key, hash, &live.observed.resource_version);
                }
                Some(live) if live.whole.is_some() => drifted(engine, runtime, object, &manifest, live),
                _ => {}
            }
            settled(engine, runtime, object, "skip")
        }
        (Action::Wait, _) => waits(runtime, object, Some(plan.message)),
        (_, _) => {
            let word = plan.status.unwrap_or(StatusWord::ComputeResourceFailed);
            problem(engine, runtime, object, word, plan.message);
            Outcome::Settled
        }
    }
}

/// The copy as the watch showed it last. When the drift policy's paths are others than those whose values the watch
/// kept of it, it is read once more; from then on the watch keeps them.
async fn seen(runtime: &Runtime, object: &Object, mirror: &Mirror) -> Result<Option<Arc<Live>>, MemberError> {
    let key = &object.key.key;
    let ignored = &object.record.spec.policy.drift.ignore_paths;
    let live = mirror.get(key);
    match &live {
        Some(live) if *live.ignored != **ignored => {}
        Some(_) => return Ok(live),
        None => {
            mirror.ignore(key, ignored);
            return Ok(None);
        }
    }
    mirror.ignore(key, ignored);
    match runtime.member.get(target(&mirror.resource, &object.key)).await {
        Ok(whole) => Ok(mirror.read(key, whole).or(live)),
        Err(MemberError::NotFound(_)) => Ok(live),
        Err(error) => Err(error),
    }
}

fn namespace_stands(engine: &Engine, runtime: &Runtime, namespace: &CopyKey) -> bool {
    let Some(object) = engine.index.by_key(namespace) else { return true };
    object.cell(runtime.id).applied_generation > 0
}

/// Writes down which fields were found changed, and by whom.
fn drifted(engine: &Engine, runtime: &Runtime, object: &Object, manifest: &serde_json::Value, live: &Live) {
    let policy = &object.record.spec.policy.drift;
    let Some(whole) = live.whole.as_deref().filter(|_| policy.mode != DriftMode::Ignore) else { return };
    let at = engine.parts.clock.now();
    let secret = object.record.resource.is("", "Secret");
    let shown = |value: serde_json::Value| if secret { serde_json::Value::Null } else { value };
    let entries: Vec<DriftEntry> = owned::drifted_fields(manifest, whole)
        .into_iter()
        .map(|field| DriftEntry {
            path: field.path,
            expected: shown(field.expected),
            actual: shown(field.actual),
            manager: field.manager,
            at,
        })
        .collect();
    object.with_cell(runtime.id, |cell| cell.drifted(entries));
}

async fn send(
    engine: &Engine,
    runtime: &Runtime,
    object: &Object,
    mirror: &Mirror,
    live: Option<&Live>,
    manifest: &serde_json::Value,
    hash: owned::Hash,
) -> Outcome {
    let word = if live.is_some() { StatusWord::UpdateFailed } else { StatusWord::CreationFailed };
    let target = target(&mirror.resource, &object.key);
    // Values that the drift policy leaves to the member were copied from what was seen: they must still be so.
    let copied = live.filter(|_| !object.record.spec.policy.drift.ignore_paths.is_empty());
    let pinned = copied.map(|live| {
        let mut manifest = manifest.clone();
        let version = live.observed.resource_version.as_str();
        hanse_machinery::json::set(&mut manifest, &["metadata", "resourceVersion"], version);
        manifest
    });
    let sent = pinned.as_ref().unwrap_or(manifest);
    // What is not ours yet is not taken by force: a name in use by somebody else must first be looked at.
    let mut force = live.is_some() || object.cell(runtime.id).applied_generation > 0;
    if !force && object.record.spec.policy.conflict == Conflict::Fail {
        match runtime.member.get_metadata(target).await {
            Err(MemberError::NotFound(_) | MemberError::NamespaceMissing { .. }) => {}
            Err(error) => return failed(engine, runtime, object, StatusWord::RetrievalFailed, &error),
            Ok(found) => match may_take(object, &found.labels) {
                Ok(()) => force = true,
                Err((word, message)) => {
                    problem(engine, runtime, object, word, message);
                    return Outcome::Later(RECHECK);
                }
            },
        }
    }
    mirror.sending(&object.key.key);
    let mut result =
        runtime.member.apply(target, sent, ApplyOptions { force, ..ApplyOptions::default() }).await;
    if pinned.is_some() && matches!(result, Err(MemberError::Conflict { .. })) {
        // It was changed since it was seen; the watch tells how.
        mirror.not_sent(&object.key.key);
        return Outcome::Failed(None);
    }
    if !force && matches!(result, Err(MemberError::Conflict { .. })) {
        mirror.not_sent(&object.key.key);
        match runtime.member.get_metadata(target).await {
            Err(MemberError::NotFound(_)) => return Outcome::Failed(None),
            Err(error) => return failed(engine, runtime, object, StatusWord::RetrievalFailed, &error),
            Ok(found) => match may_take(object, &found.labels) {
                Ok(()) => {
                    let options = ApplyOptions { force: true, ..ApplyOptions::default() };
                    mirror.sending(&object.key.key);
                    result = runtime.member.apply(target, sent, options).await;
                }
                Err((word, message)) => {
                    problem(engine, runtime, object, word, message);
                    return Outcome::Later(RECHECK);
                }
            },
        }
    }
    match result {
        Ok(applied) => {
            mirror.sent(&object.key.key, hash, &applied.resource_version);
            settled(engine, runtime, object, "apply")
        }
        Err(error) => {
            mirror.not_sent(&object.key.key);
            count(engine, "apply", false);
            if let MemberError::NamespaceMissing { .. } = error
                && let Some(namespace) = namespace_of(&object.key)
            {
                runtime.push(namespace, Priority::Fresh);
            }
            if let MemberError::KindMissing(_) = error {
                runtime.member.discovery().invalidate();
            }
            failed(engine, runtime, object, word, &error)
        }
    }
}

/// Whether an object that was there before may become a copy.
fn may_take(
    object: &Object,
    labels: &std::collections::BTreeMap<String, String>,
) -> Result<(), (StatusWord, String)> {
    match labels.get(hanse_fleet::MANAGED_LABEL.0).map(String::as_str) {
        Some("true") => Ok(()),
        Some(_) => Err((
            StatusWord::ManagedLabelFalse,
            format!("its owner labelled it {}=false there: remove the label to let Hanse manage it", hanse_fleet::MANAGED_LABEL.0),
        )),
        None if object.record.spec.policy.conflict == Conflict::Adopt => Ok(()),
        None => Err((
            StatusWord::AlreadyExists,
            "something of that name is there already and the conflict policy is Fail: rename it, remove it there, or set the policy to Adopt".to_owned(),
        )),
    }
}

/// Carries out a recorded removal.
async fn remove(engine: &Engine, runtime: &Runtime, key: &CopyKey, removal: &Removal) -> Outcome {
    if !engine.is_ready(runtime.id) {
        return Outcome::Settled;
    }
    let object = engine.index.by_key(key);
    let trouble = |word: StatusWord, error: &MemberError| match &object {
        Some(object) => failed(engine, runtime, object, word, error),
        None => Outcome::Failed(retry_after(error)),
    };
    let name = TypeName {
        version: removal.api_version.rsplit('/').next().map(ToOwned::to_owned),
        ..TypeName::of_plural(&key.type_)
    };
    let resource = match runtime.member.discovery().resolve(&name).await {
        Ok(Some(resource)) => resource,
        // The member does not know the kind, so it holds no object of it.
        Ok(None) => return confirm(engine, removal).await,
        Err(error) => return trouble(StatusWord::ClientRetrievalFailed, &error),
    };
    let mirror = engine.mirror(runtime, &key.type_, &resource);
    if !mirror.synced() {
        return Outcome::Settled;
    }
    if &*key.type_ == "namespaces"
        && removal.mode == RemovalMode::Delete
        && engine.index.removals_inside(runtime.id, &key.key.name)
    {
        return Outcome::Later(CONTENTS_RECHECK);
    }
    let target = target(&resource, key);
    let Some(live) = mirror.get(&key.key) else {
        // Not seen is not gone: ask once, unless the watch has told us that it went.
        return match runtime.member.get_metadata(target).await {
            Err(
                MemberError::NotFound(_) | MemberError::NamespaceMissing { .. } | MemberError::KindMissing(_),
            ) => confirm(engine, removal).await,
            // It is there without the label, so it is not ours to remove.
            Ok(found)
                if found.labels.get(hanse_fleet::MANAGED_LABEL.0).map(String::as_str) != Some("true") =>
            {
                confirm(engine, removal).await
            }
            Ok(_) => Outcome::Failed(None),
            Err(error) => trouble(StatusWord::RetrievalFailed, &error),
        };
    };
    match removal.mode {
        RemovalMode::Delete => {
            if live.observed.terminating {
                return Outcome::Later(RECHECK);
            }
            match runtime.member.delete(target, &delete_options(removal, &live)).await {
                Ok(Deleted::Gone | Deleted::Absent) => {
                    count(engine, "delete", true);
                    mirror.forget(&key.key);
                    confirm(engine, removal).await
                }
                Ok(Deleted::Terminating) => {
                    count(engine, "delete", true);
                    Outcome::Later(RECHECK)
                }
                Err(error) => {
                    count(engine, "delete", false);
                    trouble(StatusWord::DeletionFailed, &error)
                }
            }
        }
        RemovalMode::Release => match runtime.member.release(target, Some(&live.observed.uid)).await {
            Ok(Released::Done | Released::NotManaged | Released::Absent) => {
                count(engine, "release", true);
                mirror.forget(&key.key);
                confirm(engine, removal).await
            }
            Err(error) => {
                count(engine, "release", false);
                trouble(StatusWord::LabelRemovalFailed, &error)
            }
        },
    }
}

fn delete_options(removal: &Removal, live: &Live) -> DeleteOptions {
    DeleteOptions {
        uid: Some(live.observed.uid.clone()),
        extra: removal.options.as_ref().and_then(|options| options.as_object().cloned()),
        ..DeleteOptions::default()
    }
}

/// The copy is gone: the row of its removal may go, too.
async fn confirm(engine: &Engine, removal: &Removal) -> Outcome {
    engine.index.carried_out(removal);
    match engine.confirmed.send(removal.clone()).await {
        Ok(()) => Outcome::Settled,
        Err(_) => Outcome::Failed(None),
    }
}

/// A labelled copy that nobody has a record of loses its label and stays.
async fn release_stray(engine: &Engine, runtime: &Runtime, key: &CopyKey) -> Outcome {
    if !engine.is_ready(runtime.id) {
        return Outcome::Settled;
    }
    let Some(mirror) = runtime.mirror(&key.type_).filter(|mirror| mirror.synced()) else {
        return Outcome::Settled;
    };
    let Some(live) = mirror.get(&key.key).filter(|live| !live.observed.terminating) else {
        return Outcome::Settled;
    };
    // The index may be behind: the stored records decide.
    match super::records::is_known(engine, runtime.id, key).await {
        Ok(false) => {}
        Ok(true) => return Outcome::Later(RECHECK),
        Err(_) => return Outcome::Failed(None),
    }
    tracing::info!(cluster = %runtime.name, copy = %key, "released: it is labelled as ours but nobody has a record of it");
    match runtime.member.release(target(&mirror.resource, key), Some(&live.observed.uid)).await {
        Ok(_) => {
            count(engine, "release", true);
            Outcome::Settled
        }
        Err(error) => {
            count(engine, "release", false);
            Outcome::Failed(retry_after(&error))
        }
    }
}

fn target<'a>(resource: &'a ResourceType, key: &'a CopyKey) -> Target<'a> {
    Target {
        resource,
        namespace: (!key.key.namespace.is_empty()).then_some(&*key.key.namespace),
        name: &key.key.name,
    }
}

fn settled(engine: &Engine, runtime: &Runtime, object: &Object, action: &'static str) -> Outcome {
    count(engine, action, true);
    let generation = object.record.generation;
    let first = object.with_cell(runtime.id, |cell| {
        let first = cell.applied_generation < generation;
        cell.applied_generation = generation;
        cell.problem = None;
        cell.word = None;
        cell.waiting = None;
        first
    });
    if first {
        if &*object.key.type_ == "namespaces" {
            engine.namespace_arrived(runtime, &object.key);
        }
        let everywhere =
            object.placed.iter().all(|cluster| object.cell(*cluster).applied_generation >= generation);
        if everywhere {
            engine.parts.metrics.propagation_seconds.observe(object.seen.elapsed().as_secs_f64());
        }
    }
    Outcome::Settled
}

fn waits(runtime: &Runtime, object: &Object, what: Option<String>) -> Outcome {
    let told = what.is_some();
    object.with_cell(runtime.id, |cell| cell.waiting = what);
    if told { Outcome::Later(RECHECK) } else { Outcome::Settled }
}

fn problem(engine: &Engine, runtime: &Runtime, object: &Object, word: StatusWord, message: String) {
    let at = engine.parts.clock.now();
    object.with_cell(runtime.id, |cell| {
        let same =
            cell.problem.as_ref().is_some_and(|old| old.reason == word.as_str() && old.message == message);
        if !same {
            cell.problem = Some(LastError { reason: word.as_str().to_owned(), message, at });
        }
        cell.word = Some(word);
        cell.waiting = None;
    });
}

fn failed(
    engine: &Engine,
    runtime: &Runtime,
    object: &Object,
    word: StatusWord,
    error: &MemberError,
) -> Outcome {
    problem(engine, runtime, object, word, error.to_string());
    match error.retry_class() {
        RetryClass::Reread | RetryClass::Backoff => Outcome::Failed(None),
        RetryClass::After(wait) => Outcome::Failed(Some(wait)),
        RetryClass::WhenReachable => {
            runtime.member.poke();
            Outcome::Failed(None)
        }
        RetryClass::Permanent => Outcome::Later(Duration::from_secs(60)),
    }
}

fn retry_after(error: &MemberError) -> Option<Duration> {
    match error.retry_class() {
        RetryClass::After(wait) => Some(wait),
        RetryClass::Permanent => Some(Duration::from_secs(60)),
        RetryClass::Reread | RetryClass::Backoff | RetryClass::WhenReachable => None,
    }
}

fn count(engine: &Engine, action: &'static str, ok: bool) {
    let result = if ok { "ok" } else { "failed" };
    engine.parts.metrics.work.get_or_create(&WorkLabels { action, result }).inc();
}
