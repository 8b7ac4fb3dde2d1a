//! The keys under which the radix tree stores prefixes of words: hashes with a random seed, so that
//! no peer can choose words with equal keys (protocol.md section 4.10).

use std::hash::Hasher;
use std::ops::Deref;

use crate::limits;
use crate::protocol::Word;

/// The keys of the prefixes of a word.
pub(super) struct Keys {
    keys: [u64; limits::WORD],
    count: usize,
}

impl Keys {
    /// The keys of all prefixes of a word, the shortest first.
    pub(super) fn of(seed: u64, word: &Word) -> Self {
        let mut keys = Self { keys: [0; limits::WORD], count: word.chars().len() };
        let mut state = seed;
        for (key, character) in keys.keys.iter_mut().zip(word.chars()) {
            state = mix(state ^ u64::from(u32::from(*character)));
            *key = state;
        }
        keys
    }
}

impl Deref for Keys {
    type Target = [u64];

    fn deref(&self) -> &[u64] {
        self.keys.get(..self.count).unwrap_or_default()
    }
}

/// Combines both halves of a product, so that each bit of the state changes many others.
#[expect(clippy::cast_possible_truncation, reason = "the halves of the product are wanted")]
fn mix(state: u64) -> u64 {
    let product = u128::from(state) * 0x9e37_79b9_7f4a_7c15;
    product as u64 ^ (product >> 64) as u64
}

/// A hasher that returns the key, because keys are hashes already.
#[derive(Default)]
pub(super) struct Identity(u64);

impl Hasher for Identity {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
