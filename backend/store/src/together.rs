//! Small writes that many want at once, together in one transaction. What costs most in a short transaction is the way to
//! the database and back, and much of it (looking whether the project still stands, the rows of the feed, of the history
//! and of the audit trail, the commit) can be done once for all.
//!
//! A write that finds nobody else goes alone and at once; those that come meanwhile go together next. Who is refused takes
//! nobody along: the transaction is given up and each goes by itself. Who stops waiting changes nothing for the others.

use std::{
    any::Any,
    collections::VecDeque,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::oneshot;
use uuid::Uuid;

use crate::{Store, StoreError, Tx, WriteContext};

/// Writes waiting at most.
const WAITING: usize = 4096;
/// Writes in a transaction at most.
const LARGEST: usize = 64;
/// Longest wait for a write to last.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a write does.
pub type Doing<'t, T> = Pin<Box<dyn Future<Output = T> + Send + 't>>;

type Boxed = Box<dyn Any + Send>;
/// What a write came to, with the revision of its last change.
type Done = (Boxed, i64);
type Work = Box<dyn for<'t> Fn(&'t mut Tx) -> Doing<'t, Result<Boxed, Refused>> + Send + Sync>;

/// How one write ended other than well.
enum Refused {
    /// In the caller's own words.
    Own(Boxed),
    /// By the database.
    Store(StoreError),
}

struct Write {
    /// Only writes about the same thing share a transaction where there are locks: so nobody waits in a circle.
    about: Uuid,
    context: WriteContext,
    work: Work,
    done: oneshot::Sender<Result<Done, Refused>>,
}

#[derive(Default)]
struct Queue {
    writes: VecDeque<Write>,
    /// Whether somebody carries them out.
    attended: bool,
}

/// Writes that wait for the next transaction.
#[derive(Default)]
pub(crate) struct Together {
    queue: Mutex<Queue>,
}

impl Together {
    fn put(&self, write: Write) -> Result<bool, StoreError> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.writes.len() >= WAITING {
            return Err(StoreError::Unavailable("too many writers are waiting".to_owned()));
        }
        queue.writes.push_back(write);
        Ok(!std::mem::replace(&mut queue.attended, true))
    }

    /// The next ones, in their order; none when there are no more and nobody attends to them from now on.
    fn take(&self, mixed: bool) -> Vec<Write> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(about) = queue.writes.front().map(|write| write.about) else {
            queue.attended = false;
            return Vec::new();
        };
        let (mut taken, mut left) = (Vec::new(), VecDeque::new());
        for write in queue.writes.drain(..) {
            if taken.len() < LARGEST && (mixed || write.about == about) {
                taken.push(write);
            } else {
                left.push_back(write);
            }
        }
        queue.writes = left;
        taken
    }
}

/// Sees to it that somebody attends to the queue again when this one ended badly.
struct Attendance(Store);

impl Drop for Attendance {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let mut queue = self.0.together_queue().queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.attended = false;
            // Whoever waited is told by its channel that the write was given up.
            queue.writes.clear();
        }
    }
}

async fn attend(store: Store) {
    let attendance = Attendance(store);
    let store = &attendance.0;
    let mixed = store.writer().is_some();
    loop {
        let mut writes = store.together_queue().take(mixed);
        match writes.len() {
            0 => return,
            1 => {
                if let Some(write) = writes.pop() {
                    alone(store, write).await;
                }
            }
            _ => all(store, writes).await,
        }
    }
}

/// One write in a transaction of its own.
async fn alone(store: &Store, write: Write) {
    let work = async {
        let mut tx = store.begin(&write.context).await.map_err(Refused::Store)?;
        let answer = (write.work)(&mut tx).await?;
        let revision = tx.commit().await.map_err(Refused::Store)?;
        Ok((answer, revision))
    };
    let outcome = work.await;
    // Who stopped waiting does not want to know.
    drop(write.done.send(outcome));
}

/// Several writes in one transaction; each by itself when one of them is refused.
async fn all(store: &Store, writes: Vec<Write>) {
    let Some(first) = writes.first() else { return };
    let mut answers = Vec::with_capacity(writes.len());
    let worked = async {
        let mut tx = store.begin(&first.context).await.ok()?;
        for write in &writes {
            tx.act_for(write.context.clone());
            let before = tx.noted();
            let answer = (write.work)(&mut tx).await.ok()?;
            answers.push((answer, before..tx.noted()));
        }
        // Refused here it is known not to have happened, and each goes by itself.
        tx.write_removals().await.ok()?;
        Some(tx)
    };
    let Some(tx) = worked.await else {
        for write in writes {
            alone(store, write).await;
        }
        return;
    };
    let now = store.revision();
    match tx.commit_each().await {
        Ok(revisions) => {
            for (write, (answer, noted)) in writes.into_iter().zip(answers) {
                let last = revisions.get(noted).and_then(|own| own.last());
                drop(write.done.send(Ok((answer, last.copied().unwrap_or(now)))));
            }
        }
        // It may have happened: nobody may do it again.
        Err(error) => {
            let said = error.to_string();
            for write in writes {
                drop(write.done.send(Err(Refused::Store(StoreError::Unavailable(said.clone())))));
            }
        }
    }
}

impl Store {
    /// Writes in a transaction that others may share; gives the answer of `work` and the revision of the last change that
    /// it noted. `work` may be asked again when the transaction was given up because of somebody else. `about` is what it
    /// is about: a project. Never for a dry run.
    ///
    /// # Errors
    /// What `work` said; or that the database is away, or did not say in time whether it was kept.
    pub async fn together<T, E, W>(&self, about: Uuid, context: WriteContext, work: W) -> Result<(T, i64), E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        W: for<'t> Fn(&'t mut Tx) -> Doing<'t, Result<T, E>> + Send + Sync + 'static,
    {
        let work: Work = Box::new(move |tx| {
            let working = work(tx);
            Box::pin(async move {
                match working.await {
                    Ok(answer) => Ok(Box::new(answer) as Boxed),
                    Err(error) => Err(Refused::Own(Box::new(error))),
                }
            })
        });
        let (done, outcome) = oneshot::channel();
        if self.together_queue().put(Write { about, context, work, done })? {
            tokio::spawn(attend(self.clone()));
        }
        let away = |what: &str| E::from(StoreError::Unavailable(what.to_owned()));
        let outcome = match tokio::time::timeout(DEADLINE, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => return Err(away("the write was given up")),
            Err(_) => return Err(away("no answer to a write in time; it may have happened")),
        };
        let unboxed = match outcome {
            Ok((answer, revision)) => answer.downcast::<T>().map(|answer| Ok((*answer, revision))),
            Err(Refused::Own(error)) => error.downcast::<E>().map(|error| Err(*error)),
            Err(Refused::Store(error)) => return Err(error.into()),
        };
        unboxed.unwrap_or_else(|_| Err(away("the answer to a write was lost")))
    }
}
