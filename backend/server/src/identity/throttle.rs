//! Throttling of sign-in attempts: per account and per address, exponential, in memory and bounded. It answers at
//! once with the time to wait; it never makes a request hang.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};

/// Failures that are free before waiting starts.
const FREE: u32 = 5;
/// Longest wait.
const MAX_WAIT_SECONDS: i64 = 900;
/// Entries kept; beyond it the oldest go first.
const CAPACITY: usize = 20_000;

#[derive(Clone, Copy)]
struct Entry {
    failures: u32,
    until: DateTime<Utc>,
    seen: DateTime<Utc>,
}

/// Counts failures by key and says how long to wait.
#[derive(Default)]
pub struct Throttle {
    entries: Mutex<HashMap<String, Entry>>,
}

impl Throttle {
    /// Seconds to wait before the next attempt under any of `keys`; `None` = go on.
    #[must_use]
    pub fn wait(&self, keys: &[&str], now: DateTime<Utc>) -> Option<u64> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter()
            .filter_map(|key| entries.get(*key))
            .map(|entry| (entry.until - now).num_milliseconds())
            .filter(|left| *left > 0)
            .max()
            .map(|left| u64::try_from(left).unwrap_or(0).div_ceil(1000))
    }

    /// Notes a failure under every key.
    pub fn failed(&self, keys: &[&str], now: DateTime<Utc>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            let entry =
                entries.entry((*key).to_owned()).or_insert(Entry { failures: 0, until: now, seen: now });
            // A quiet hour is forgotten.
            if now - entry.seen > TimeDelta::hours(1) {
                entry.failures = 0;
            }
            entry.failures = entry.failures.saturating_add(1);
            entry.seen = now;
            if entry.failures >= FREE {
                let wait = 1_i64
                    .checked_shl(entry.failures - FREE)
                    .unwrap_or(MAX_WAIT_SECONDS)
                    .clamp(1, MAX_WAIT_SECONDS);
                entry.until = now + TimeDelta::seconds(wait);
            }
        }
        if entries.len() > CAPACITY {
            let mut seen: Vec<_> = entries.values().map(|entry| entry.seen).collect();
            seen.sort_unstable();
            if let Some(cut) = seen.get(CAPACITY / 10).copied() {
                entries.retain(|_, entry| entry.seen > cut);
            }
        }
    }

    /// Forgets the failures under a key after a success.
    pub fn succeeded(&self, key: &str) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn waiting_doubles_from_the_fifth_failure_on() {
        let throttle = Throttle::default();
        for n in 0..4 {
            throttle.failed(&["anna"], at(n));
            assert_eq!(throttle.wait(&["anna"], at(n)), None);
        }
        throttle.failed(&["anna"], at(4));
        assert_eq!(throttle.wait(&["anna"], at(4)), Some(1));
        throttle.failed(&["anna"], at(6));
        assert_eq!(throttle.wait(&["anna"], at(6)), Some(2));
        assert_eq!(throttle.wait(&["anna"], at(8)), None);
        for n in 0..40 {
            throttle.failed(&["anna"], at(10 + n));
        }
        assert_eq!(throttle.wait(&["anna"], at(49)), Some(900));
    }

    #[test]
    fn success_and_a_quiet_hour_forget() {
        let throttle = Throttle::default();
        for n in 0..6 {
            throttle.failed(&["anna", "10.0.0.1"], at(n));
        }
        throttle.succeeded("anna");
        assert_eq!(throttle.wait(&["anna"], at(5)), None);
        assert!(throttle.wait(&["10.0.0.1"], at(5)).is_some());
        throttle.failed(&["10.0.0.1"], at(7200));
        assert_eq!(throttle.wait(&["10.0.0.1"], at(7200)), None);
    }

    #[test]
    fn memory_is_bounded() {
        let throttle = Throttle::default();
        for n in 0..30_000_i64 {
            throttle.failed(&[&n.to_string()], at(n));
        }
        assert!(throttle.entries.lock().unwrap().len() <= CAPACITY + 1);
    }
}
