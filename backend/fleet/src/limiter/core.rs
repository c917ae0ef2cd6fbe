//! The arithmetic of the limit: additive increase, multiplicative decrease, over a baseline of the quickest recent
//! answer. Pure: time comes in as the span since the start.

use std::time::Duration;

use super::LimiterOptions;

/// The limit is kept in thousandths, so that it can grow by a part of one without floats.
const UNIT: u64 = 1000;
/// The quickest answer is forgotten after one to two of these, so that a member that became slower for good is not
/// called congested for ever.
const WINDOW: Duration = Duration::from_secs(30);
/// A burst of slow answers is one sign of congestion, not many.
const DECREASE_AT_MOST_EVERY: Duration = Duration::from_millis(500);
/// However long a member asks to wait.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The member answered, whatever it said.
    Answered,
    /// The member said that it is overloaded.
    Overloaded {
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// No answer, or the connection broke.
    Lost,
}

/// The state of one limit.
#[derive(Clone, Debug)]
pub struct Core {
    options: LimiterOptions,
    limit: u64,
    /// Growth is by one per answer until the first congestion, then by one per round.
    probing: bool,
    quickest: [Option<Duration>; 2],
    window_since: Duration,
    decreased_at: Option<Duration>,
    paused_until: Option<Duration>,
}

impl Core {
    /// At the initial limit.
    #[must_use]
    pub fn new(options: LimiterOptions) -> Self {
        let limit = u64::from(options.initial.clamp(options.min.max(1), options.max.max(1))) * UNIT;
        Self {
            options,
            limit,
            probing: true,
            quickest: [None, None],
            window_since: Duration::ZERO,
            decreased_at: None,
            paused_until: None,
        }
    }

    /// The limit now.
    #[must_use]
    pub fn limit(&self) -> u32 {
        u32::try_from(self.limit / UNIT).unwrap_or(u32::MAX)
    }

    /// Until when nothing new should be sent.
    #[must_use]
    pub fn paused_until(&self) -> Option<Duration> {
        self.paused_until
    }

    /// Learns from one request that took `latency` and ended at `now`, with `in_flight` under way including it.
    pub fn ended(&mut self, now: Duration, latency: Duration, in_flight: u32, how: Ended) {
        match how {
            Ended::Overloaded { retry_after } => {
                if let Some(pause) = retry_after {
                    let until = now + pause.min(LONGEST_PAUSE);
                    self.paused_until = Some(self.paused_until.map_or(until, |known| known.max(until)));
                }
                self.decrease(now, 2);
            }
            Ended::Lost => self.decrease(now, 2),
            Ended::Answered => {
                self.remember(now, latency);
                if self.is_congestion(latency) {
                    self.decrease(now, 10);
                } else if u64::from(in_flight) * UNIT * 10 >= self.limit * 8 {
                    // Only a limit that is being used proves anything by its answers.
                    let step = if self.probing { UNIT } else { UNIT * UNIT / self.limit.max(UNIT) };
                    self.limit = (self.limit + step.max(1)).min(u64::from(self.options.max.max(1)) * UNIT);
                }
            }
        }
    }

    fn is_congestion(&self, latency: Duration) -> bool {
        let quickest = self.quickest.iter().flatten().min();
        latency > self.options.floor
            && quickest.is_some_and(|quickest| latency > *quickest * self.options.tolerance)
    }

    fn remember(&mut self, now: Duration, latency: Duration) {
        if now.saturating_sub(self.window_since) > WINDOW {
            let [current, _] = self.quickest;
            self.quickest = [None, current];
            self.window_since = now;
        }
        let [current, before] = self.quickest;
        self.quickest = [Some(current.map_or(latency, |known| known.min(latency))), before];
    }

    /// Takes one `part`th away.
    fn decrease(&mut self, now: Duration, part: u64) {
        self.probing = false;
        if self.decreased_at.is_some_and(|at| now.saturating_sub(at) < DECREASE_AT_MOST_EVERY) {
            return;
        }
        self.decreased_at = Some(now);
        let floor = u64::from(self.options.min.max(1)) * UNIT;
        self.limit = (self.limit - self.limit / part).max(floor);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn core() -> Core {
        Core::new(LimiterOptions::default())
    }

    #[test]
    fn quick_answers_raise_a_used_limit_to_its_bound() {
        let mut core = core();
        for i in 0..200 {
            core.ended(i * MS, 10 * MS, core.limit(), Ended::Answered);
        }
        assert_eq!(core.limit(), 64);
    }

    #[test]
    fn an_unused_limit_does_not_grow() {
        let mut core = core();
        for i in 0..1000 {
            core.ended(i * MS, 10 * MS, 1, Ended::Answered);
        }
        assert_eq!(core.limit(), 16);
    }

    #[test]
    fn overload_halves_the_limit_once_per_burst() {
        let mut core = core();
        for _ in 0..50 {
            core.ended(100 * MS, MS, 16, Ended::Overloaded { retry_after: None });
        }
        assert_eq!(core.limit(), 8);
        core.ended(1000 * MS, MS, 8, Ended::Overloaded { retry_after: None });
        assert_eq!(core.limit(), 4);
    }

    #[test]
    fn the_limit_recovers_after_overload() {
        let mut core = core();
        core.ended(MS, MS, 16, Ended::Overloaded { retry_after: None });
        assert_eq!(core.limit(), 8);
        for i in 0..2000 {
            core.ended(1000 * MS + i * MS, 10 * MS, core.limit(), Ended::Answered);
        }
        assert!(core.limit() >= 60, "{}", core.limit());
    }

    #[test]
    fn slow_answers_are_congestion_only_beside_quick_ones() {
        let mut steady = core();
        for i in 0..200 {
            steady.ended(i * 400 * MS, 400 * MS, steady.limit(), Ended::Answered);
        }
        assert_eq!(steady.limit(), 64, "a member that is always slow is not congested");

        let mut loaded = core();
        loaded.ended(MS, 10 * MS, 1, Ended::Answered);
        for i in 0..10 {
            loaded.ended(i * 1000 * MS, 400 * MS, loaded.limit(), Ended::Answered);
        }
        assert!(loaded.limit() < 16, "{}", loaded.limit());
    }

    #[test]
    fn a_long_pause_is_bounded_and_a_shorter_one_does_not_cut_it() {
        let mut core = core();
        core.ended(MS, MS, 1, Ended::Overloaded { retry_after: Some(Duration::from_secs(9999)) });
        core.ended(2 * MS, MS, 1, Ended::Overloaded { retry_after: Some(Duration::from_secs(1)) });
        assert_eq!(core.paused_until(), Some(MS + LONGEST_PAUSE));
    }

    proptest! {
        #[test]
        fn the_limit_stays_in_its_bounds(
            steps in proptest::collection::vec((0_u64..5000, 0_u64..5000, 0_u32..100, 0_u8..3), 0..400),
            min in 1_u32..8, span in 0_u32..64, initial in 0_u32..100,
        ) {
            let options = LimiterOptions { initial, min, max: min + span, ..LimiterOptions::default() };
            let mut core = Core::new(options);
            let mut now = Duration::ZERO;
            for (wait, latency, in_flight, how) in steps {
                now += Duration::from_millis(wait);
                let how = match how {
                    0 => Ended::Answered,
                    1 => Ended::Lost,
                    _ => Ended::Overloaded { retry_after: Some(Duration::from_millis(latency)) },
                };
                core.ended(now, Duration::from_millis(latency), in_flight, how);
                prop_assert!((min..=min + span).contains(&core.limit()));
            }
        }
    }
}
