//! Random numbers of a seed.

use serde_json::Value;

/// Small and the same everywhere.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x1234_5678_9abc_def0)
    }

    pub fn below(&mut self, end: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % end
    }

    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// Some of a list, in some order.
    pub fn some<T: Clone>(&mut self, list: &[T], percent: usize) -> Vec<T> {
        let mut out: Vec<T> = list.iter().filter(|_| self.chance(percent)).cloned().collect();
        for index in (1..out.len()).rev() {
            let other = self.below(index + 1);
            out.swap(index, other);
        }
        out
    }

    /// A map of some keys to some values.
    pub fn map(&mut self, keys: &[&str], values: &[&str], percent: usize) -> Value {
        let keys = self.some(keys, percent);
        keys.into_iter()
            .map(|key| (key.to_owned(), Value::from(*self.pick(values))))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }
}
