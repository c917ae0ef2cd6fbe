//! A hash of JSON that is quick, 128 bits wide, and the same on every machine and in every version.
//!
//! It is not meant to withstand somebody who looks for collisions: who could send one could as well send the
//! manifest itself. Objects are summed up, so that the order of their fields does not matter; lists are in order.

use serde_json::Value;

/// Hash of fields and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash(u128);

impl Hash {
    /// The number itself, to be stored.
    #[must_use]
    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// As it was stored.
    #[must_use]
    pub const fn from_u128(hash: u128) -> Self {
        Self(hash)
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl From<Digest> for Hash {
    fn from(digest: Digest) -> Self {
        Self((u128::from(digest.0) << 64) | u128::from(digest.1))
    }
}

/// Two lanes of state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(u64, u64);

const K: [u64; 4] =
    [0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb, 0xd6e8_feb8_6659_fd93];

fn fold(a: u64, b: u64) -> u64 {
    let wide = u128::from(a) * u128::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "both halves are wanted")]
    let halves = (wide as u64, (wide >> 64) as u64);
    halves.0 ^ halves.1
}

impl Digest {
    const fn new(tag: u64) -> Self {
        Self(K[2] ^ tag, K[3] ^ (tag << 32))
    }

    fn word(self, word: u64) -> Self {
        Self(
            fold(self.0 ^ word, K[0]) ^ word.rotate_left(31),
            fold(self.1.rotate_left(23) ^ word, K[1]) ^ word,
        )
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self = self.word(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        self.word(u64::from_le_bytes(last)).word(bytes.len() as u64)
    }

    fn digest(self, other: Self) -> Self {
        self.word(other.0).word(other.1)
    }
}

/// Sum of an object's fields.
#[derive(Default)]
pub(super) struct Unordered {
    sum: (u64, u64),
    count: u64,
}

impl Unordered {
    pub(super) fn add(&mut self, name: &str, value: Digest) {
        let field = Digest::new(1).bytes(name.as_bytes()).digest(value);
        self.sum = (self.sum.0.wrapping_add(field.0), self.sum.1.wrapping_add(field.1));
        self.count += 1;
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub(super) fn finish(self) -> Digest {
        Digest::new(2).word(self.sum.0).word(self.sum.1).word(self.count)
    }
}

/// A list's items in order.
pub(super) struct Ordered {
    state: Digest,
    count: u64,
}

impl Default for Ordered {
    fn default() -> Self {
        Self { state: Digest::new(3), count: 0 }
    }
}

impl Ordered {
    pub(super) fn add(&mut self, item: Option<Digest>) {
        self.state = self.state.digest(item.unwrap_or(Digest::new(4)));
        self.count += 1;
    }

    pub(super) fn finish(self) -> Digest {
        self.state.word(self.count)
    }
}

/// Text, number or boolean.
pub(super) fn scalar(value: &Value) -> Digest {
    match value {
        Value::String(text) => Digest::new(5).bytes(text.as_bytes()),
        Value::Bool(flag) => Digest::new(6).word(u64::from(*flag)),
        Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(number), _, _) => integer(i128::from(number)),
            (_, Some(number), _) => integer(i128::from(number)),
            (_, _, Some(number)) => float(number),
            _ => Digest::new(8).bytes(number.to_string().as_bytes()),
        },
        _ => Digest::new(9),
    }
}

fn integer(number: i128) -> Digest {
    Digest::new(7).bytes(&number.to_le_bytes())
}

/// `1.0` and `1` are the same number to an apiserver.
fn float(number: f64) -> Digest {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is small enough")]
        return integer(i128::from(number as i64));
    }
    Digest::new(8).word(number.to_bits())
}

/// An amount of a resource, whatever its spelling.
pub(super) fn quantity(value: &Value) -> Digest {
    match crate::quantity::nano(value) {
        Some(nano) => Digest::new(10).bytes(&nano.to_le_bytes()),
        None => scalar(value),
    }
}
