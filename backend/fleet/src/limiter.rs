//! How many requests a member gets at once. A fixed rate is wrong for every cluster but one: too low for a strong
//! apiserver, too high for a weak one. The limit grows while answers come quickly and shrinks when the member says that
//! it is overloaded or when answers take much longer than they can.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::oneshot,
    time::{Instant, sleep_until},
};

mod core;

pub use core::{Core, Ended};

/// Bounds and pace of the limit.
#[derive(Clone, Debug, PartialEq)]
pub struct LimiterOptions {
    /// Where it starts.
    pub initial: u32,
    /// It never falls below this.
    pub min: u32,
    /// It never grows beyond this.
    pub max: u32,
    /// An answer slower than this multiple of the quickest recent one counts as congestion.
    pub tolerance: u32,
    /// Answers quicker than this are never congestion, whatever the multiple.
    pub floor: Duration,
}

impl Default for LimiterOptions {
    fn default() -> Self {
        Self { initial: 16, min: 1, max: 64, tolerance: 8, floor: Duration::from_millis(100) }
    }
}

/// The limit of one member, shared by everything that sends to it. First come, first served.
#[derive(Clone, Debug)]
pub struct Limiter(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    core: Core,
    started: Instant,
    in_flight: u32,
    waiting: VecDeque<oneshot::Sender<Slot>>,
}

/// A held place; gives it back when dropped.
#[derive(Debug)]
struct Slot(Limiter);

/// Leave to send one request.
#[derive(Debug)]
pub struct Permit {
    slot: Slot,
    since: Instant,
}

impl Limiter {
    /// A limiter at its initial limit.
    #[must_use]
    pub fn new(options: LimiterOptions) -> Self {
        Self(Arc::new(Mutex::new(State {
            core: Core::new(options),
            started: Instant::now(),
            in_flight: 0,
            waiting: VecDeque::new(),
        })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limit now.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.lock().core.limit()
    }

    /// Requests under way now.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.lock().in_flight
    }

    /// Waits for a place, and for the end of a pause that the member asked for. Dropping the future gives the place up.
    pub async fn acquire(&self) -> Permit {
        let slot = self.slot().await;
        // A pause may be prolonged while it is waited out.
        loop {
            let until = {
                let state = self.lock();
                state.core.paused_until().map(|at| state.started + at)
            };
            match until {
                Some(until) if until > Instant::now() => sleep_until(until).await,
                _ => break,
            }
        }
        Permit { slot, since: Instant::now() }
    }

    async fn slot(&self) -> Slot {
        let waiter = {
            let mut state = self.lock();
            if state.waiting.is_empty() && state.in_flight < state.core.limit() {
                state.in_flight += 1;
                None
            } else {
                let (sender, receiver) = oneshot::channel();
                state.waiting.push_back(sender);
                Some(receiver)
            }
        };
        match waiter {
            None => Slot(self.clone()),
            // The sender lives in the queue until it is used: the error cannot come, and if it did, going on is right.
            Some(receiver) => receiver.await.unwrap_or_else(|_| {
                self.lock().in_flight += 1;
                Slot(self.clone())
            }),
        }
    }

    /// Hands free places to those who wait. A place whose receiver has gone comes back through its drop.
    fn hand_out(&self) {
        loop {
            let waiter = {
                let mut state = self.lock();
                if state.in_flight >= state.core.limit() {
                    return;
                }
                let Some(waiter) = state.waiting.pop_front() else { return };
                if waiter.is_closed() {
                    continue;
                }
                state.in_flight += 1;
                waiter
            };
            // One who has just left gives the place back by dropping it.
            drop(waiter.send(Slot(self.clone())));
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        {
            let mut state = self.0.lock();
            state.in_flight = state.in_flight.saturating_sub(1);
        }
        self.0.hand_out();
    }
}

impl Permit {
    /// Says how the request ended, which is what the limit learns from. A permit that is only dropped teaches nothing.
    pub fn ended(self, how: Ended) {
        let limiter = &self.slot.0;
        let mut state = limiter.lock();
        let (now, in_flight) = (state.started.elapsed(), state.in_flight);
        state.core.ended(now, self.since.elapsed(), in_flight, how);
        drop(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(limit: u32) -> Limiter {
        Limiter::new(LimiterOptions { initial: limit, min: 1, max: limit, ..LimiterOptions::default() })
    }

    async fn settles<F: Future>(future: F) -> Option<F::Output> {
        tokio::time::timeout(Duration::from_millis(1), future).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn places_are_given_in_the_order_of_asking() {
        let limiter = limiter(1);
        let first = limiter.acquire().await;
        let (mut second, mut third) = (Box::pin(limiter.acquire()), Box::pin(limiter.acquire()));
        assert!(settles(&mut second).await.is_none());
        assert!(settles(&mut third).await.is_none());
        drop(first);
        assert!(settles(&mut third).await.is_none(), "the second asked first");
        let second = settles(&mut second).await.expect("a free place");
        drop(second);
        assert!(settles(&mut third).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_stops_waiting_costs_no_place() {
        let limiter = limiter(2);
        let held = [limiter.acquire().await, limiter.acquire().await];
        for _ in 0..1000 {
            assert!(settles(limiter.acquire()).await.is_none());
        }
        drop(held);
        assert_eq!(limiter.in_flight(), 0);
        let again = [limiter.acquire().await, limiter.acquire().await];
        assert_eq!(limiter.in_flight(), 2);
        drop(again);
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_that_the_member_asks_for_is_kept() {
        let limiter = limiter(4);
        let permit = limiter.acquire().await;
        permit.ended(Ended::Overloaded { retry_after: Some(Duration::from_secs(7)) });
        let before = Instant::now();
        let _permit = limiter.acquire().await;
        assert!(before.elapsed() >= Duration::from_secs(7), "{:?}", before.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_than_the_limit_are_under_way() {
        let limiter = limiter(5);
        let peak = Arc::new(std::sync::atomic::AtomicU32::new(0));
        let tasks: Vec<_> = (0..200)
            .map(|i: u64| {
                let (limiter, peak) = (limiter.clone(), Arc::clone(&peak));
                tokio::spawn(async move {
                    let permit = limiter.acquire().await;
                    peak.fetch_max(limiter.in_flight(), std::sync::atomic::Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(i % 7)).await;
                    permit.ended(Ended::Answered);
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(peak.load(std::sync::atomic::Ordering::Relaxed), 5);
        assert_eq!(limiter.in_flight(), 0);
    }
}
