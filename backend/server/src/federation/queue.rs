//! The dirty set of one cluster: pure, fed with times, so that order, deduplication and backoff are tested without a
//! cluster or a clock. A key is either waiting, due later, under work, or not here.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap, VecDeque},
    hash::Hash,
    time::{Duration, Instant},
};

/// Why a key is dirty; fresh changes of people go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Background: comparison after a reconnect, retries.
    Background,
    /// A person or program changed something.
    Fresh,
}

/// First wait after a failure; doubles up to [`MAX_BACKOFF`].
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// Longest wait after failures.
const MAX_BACKOFF: Duration = Duration::from_secs(60);

#[derive(Default)]
struct State {
    /// In one of the two lines.
    waiting: Option<Priority>,
    /// Under work now.
    working: bool,
    /// Became dirty again while under work.
    again: Option<Priority>,
    /// Failures in a row.
    failures: u32,
    /// Time at which it comes back, when it is due later.
    due: Option<Instant>,
}

/// The dirty set.
pub struct Queue<K> {
    keys: HashMap<K, State>,
    fresh: VecDeque<K>,
    background: VecDeque<K>,
    later: BinaryHeap<Reverse<(Instant, u64)>>,
    later_keys: HashMap<u64, K>,
    next_ticket: u64,
}

impl<K: Clone + Eq + Hash> Default for Queue<K> {
    fn default() -> Self {
        Self {
            keys: HashMap::new(),
            fresh: VecDeque::new(),
            background: VecDeque::new(),
            later: BinaryHeap::new(),
            later_keys: HashMap::new(),
            next_ticket: 0,
        }
    }
}

impl<K: Clone + Eq + Hash> Queue<K> {
    /// Marks a key dirty. A fresh change does not wait for a backoff to pass.
    pub fn push(&mut self, key: K, priority: Priority) {
        let state = self.keys.entry(key.clone()).or_default();
        if state.working {
            state.again = state.again.max(Some(priority));
            return;
        }
        if state.due.is_some() && priority == Priority::Background {
            return;
        }
        if state.waiting >= Some(priority) {
            return;
        }
        state.due = None;
        state.waiting = Some(priority);
        match priority {
            Priority::Fresh => self.fresh.push_back(key),
            Priority::Background => self.background.push_back(key),
        }
    }

    /// Marks a key dirty at a later time, unless it is dirty already.
    pub fn push_later(&mut self, key: K, at: Instant) {
        let state = self.keys.entry(key.clone()).or_default();
        if state.waiting.is_some() || state.working || state.due.is_some_and(|due| due <= at) {
            return;
        }
        state.due = Some(at);
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.later.push(Reverse((at, ticket)));
        self.later_keys.insert(ticket, key);
    }

    /// Whether a key is dirty or under work.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        self.keys.contains_key(key)
    }

    /// Whether a key has its turn soon or is under work: nothing that it waits for is outside.
    #[must_use]
    pub fn is_active(&self, key: &K) -> bool {
        self.keys.get(key).is_some_and(|state| state.working || state.waiting.is_some())
    }

    /// Takes the next key to work on. It must be given back through [`Self::done`] or [`Self::failed`].
    pub fn pop(&mut self, now: Instant) -> Option<K> {
        self.wake(now);
        loop {
            let (key, priority) = match self.fresh.pop_front() {
                Some(key) => (key, Priority::Fresh),
                None => (self.background.pop_front()?, Priority::Background),
            };
            // An entry is stale when the key was raised to another line since.
            if let Some(state) = self.keys.get_mut(&key)
                && state.waiting == Some(priority)
            {
                state.waiting = None;
                state.working = true;
                return Some(key);
            }
        }
    }

    /// The work on a key succeeded.
    pub fn done(&mut self, key: &K) {
        let Some(state) = self.keys.get_mut(key) else { return };
        state.working = false;
        state.failures = 0;
        match state.again.take() {
            Some(priority) => self.push(key.clone(), priority),
            None => {
                self.keys.remove(key);
            }
        }
    }

    /// The work on a key failed: it comes back after its backoff, or after `wait` where the member said how long.
    /// `jitter` is in 0..1. Returns the wait.
    pub fn failed(&mut self, key: &K, now: Instant, wait: Option<Duration>, jitter: f64) -> Duration {
        let Some(state) = self.keys.get_mut(key) else { return Duration::ZERO };
        state.working = false;
        state.failures = state.failures.saturating_add(1);
        if let Some(Priority::Fresh) = state.again.take() {
            // Somebody changed it meanwhile: the reason of the failure may be gone.
            self.push(key.clone(), Priority::Fresh);
            return Duration::ZERO;
        }
        let doubled =
            FIRST_BACKOFF.saturating_mul(1_u32.checked_shl(state.failures.min(16) - 1).unwrap_or(u32::MAX));
        let backoff = doubled.min(MAX_BACKOFF).mul_f64(0.5 + 0.5 * jitter.clamp(0.0, 1.0));
        let wait = wait.map_or(backoff, |told| told.max(backoff));
        self.push_later(key.clone(), now + wait);
        wait
    }

    /// Time at which the next delayed key is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.later.peek().map(|Reverse((at, _))| *at)
    }

    /// Keys waiting, due later or under work.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether nothing is dirty or under work.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn wake(&mut self, now: Instant) {
        while let Some(Reverse((at, ticket))) = self.later.peek().copied() {
            if at > now {
                break;
            }
            self.later.pop();
            let Some(key) = self.later_keys.remove(&ticket) else { continue };
            if let Some(state) = self.keys.get_mut(&key)
                && state.due == Some(at)
                && state.waiting.is_none()
                && !state.working
            {
                state.due = None;
                state.waiting = Some(Priority::Background);
                self.background.push_back(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue() -> (Queue<u32>, Instant) {
        (Queue::default(), Instant::now())
    }

    #[test]
    fn fresh_changes_go_before_background_and_nothing_is_queued_twice() {
        let (mut queue, now) = queue();
        queue.push(1, Priority::Background);
        queue.push(2, Priority::Background);
        queue.push(2, Priority::Fresh);
        queue.push(2, Priority::Background);
        assert_eq!(queue.pop(now), Some(2));
        assert_eq!(queue.pop(now), Some(1));
        assert_eq!(queue.pop(now), None);
    }

    #[test]
    fn a_key_under_work_is_not_started_twice_but_comes_back() {
        let (mut queue, now) = queue();
        queue.push(1, Priority::Fresh);
        assert_eq!(queue.pop(now), Some(1));
        queue.push(1, Priority::Fresh);
        assert_eq!(queue.pop(now), None);
        queue.done(&1);
        assert_eq!(queue.pop(now), Some(1));
        queue.done(&1);
        assert!(queue.is_empty());
    }

    #[test]
    fn failures_back_off_and_a_fresh_change_does_not_wait() {
        let (mut queue, now) = queue();
        queue.push(1, Priority::Fresh);
        assert!(queue.is_active(&1));
        queue.pop(now);
        assert!(queue.is_active(&1));
        let first = queue.failed(&1, now, None, 1.0);
        assert_eq!(first, FIRST_BACKOFF);
        assert!(!queue.is_active(&1), "it waits for its backoff");
        assert_eq!(queue.pop(now), None);
        assert_eq!(queue.pop(now + first), Some(1));
        let second = queue.failed(&1, now + first, None, 1.0);
        assert_eq!(second, FIRST_BACKOFF * 2);
        queue.push(1, Priority::Background);
        assert_eq!(queue.pop(now + first), None);
        queue.push(1, Priority::Fresh);
        assert_eq!(queue.pop(now + first), Some(1));
        queue.done(&1);
        assert_eq!(queue.pop(now + Duration::from_secs(600)), None);
        assert!(queue.is_empty());
    }

    #[test]
    fn the_member_may_ask_for_a_longer_wait() {
        let (mut queue, now) = queue();
        queue.push(1, Priority::Fresh);
        queue.pop(now);
        assert_eq!(queue.failed(&1, now, Some(Duration::from_secs(7)), 0.0), Duration::from_secs(7));
        assert_eq!(queue.next_due(), Some(now + Duration::from_secs(7)));
    }
}
