//! SHA-256 (FIPS 180-4) and HMAC (RFC 2104) of messages that are short and many.
//!
//! A receipt takes about fifteen such hashes, and the buffering of a streaming hasher is a good part of each. Here a message
//! is laid out in whole blocks first and compressed in one call; tests hold the result to the streaming implementations.

use sha2::block_api::compress256;

const BLOCK: usize = 64;
const DIGEST: usize = 32;

/// The initial hash value (FIPS 180-4 section 5.3.3).
const INITIAL: State = State([
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
]);

/// What the blocks so far have come to.
#[derive(Clone, Copy)]
struct State([u32; 8]);

impl State {
    fn after(mut self, blocks: &[[u8; BLOCK]]) -> Self {
        compress256(&mut self.0, blocks);
        self
    }

    fn to_bytes(self) -> [u8; DIGEST] {
        let mut bytes = [0; DIGEST];
        let (words, _) = bytes.as_chunks_mut();
        words.iter_mut().zip(self.0).for_each(|(bytes, word)| *bytes = word.to_be_bytes());
        bytes
    }
}

/// Hashes messages, one after the other, in a buffer that is used again.
pub(crate) struct Hasher {
    blocks: Vec<u8>,
}

impl Hasher {
    pub(crate) fn new() -> Self {
        // Room for what most messages take, so that it need not grow.
        Self { blocks: Vec::with_capacity(4 * BLOCK) }
    }

    pub(crate) fn digest(&mut self, message: &[u8]) -> [u8; DIGEST] {
        self.finish(INITIAL, 0, &[message]).to_bytes()
    }

    /// The state after a message of several parts that follows `before` blocks, and its padding (section 5.1.1).
    fn finish(&mut self, state: State, before: u64, parts: &[&[u8]]) -> State {
        let blocks = &mut self.blocks;
        blocks.clear();
        parts.iter().for_each(|part| blocks.extend_from_slice(part));
        let bits = (before * BLOCK as u64 + blocks.len() as u64) * 8;
        blocks.push(0x80);
        blocks.resize((blocks.len() + 8).next_multiple_of(BLOCK) - 8, 0);
        blocks.extend_from_slice(&bits.to_be_bytes());
        state.after(blocks.as_chunks().0)
    }
}

/// A key of HMAC-SHA-256, with its own blocks hashed already.
#[derive(Clone)]
pub(crate) struct HmacKey {
    inner: State,
    outer: State,
}

impl HmacKey {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        let keyed = |pad: u8| {
            let mut block = [pad; BLOCK];
            block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
            INITIAL.after(&[block])
        };
        Self { inner: keyed(0x36), outer: keyed(0x5c) }
    }

    pub(crate) fn mac(&self, message: &[u8]) -> [u8; DIGEST] {
        self.outer(&self.inner(&mut Hasher::new(), &[message]))
    }

    /// The codes of several messages, each in parts.
    ///
    /// All inner hashes come first, then all outer ones: neighbours do not depend on each other, so that the processor
    /// begins one while it ends the other.
    pub(crate) fn macs<'a, const PARTS: usize>(
        &self,
        messages: impl Iterator<Item = [&'a [u8]; PARTS]>,
    ) -> Vec<[u8; DIGEST]> {
        let mut hasher = Hasher::new();
        let inner: Vec<_> = messages.map(|parts| self.inner(&mut hasher, &parts)).collect();
        inner.iter().map(|block| self.outer(block)).collect()
    }

    /// The inner hash, as the one block that the outer hash is over.
    fn inner(&self, hasher: &mut Hasher, parts: &[&[u8]]) -> [u8; BLOCK] {
        const BITS: u16 = (BLOCK + DIGEST) as u16 * 8;
        let mut block = [0; BLOCK];
        block[..DIGEST].copy_from_slice(&hasher.finish(self.inner, 1, parts).to_bytes());
        block[DIGEST] = 0x80;
        block[BLOCK - 2..].copy_from_slice(&BITS.to_be_bytes());
        block
    }

    fn outer(&self, inner: &[u8; BLOCK]) -> [u8; DIGEST] {
        self.outer.after(std::slice::from_ref(inner)).to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use hmac::{Hmac, KeyInit, Mac};
    use proptest::prelude::*;
    use sha2::{Digest, Sha256};

    use super::{Hasher, HmacKey};

    fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(message);
        mac.finalize().into_bytes().into()
    }

    #[test]
    fn every_length_gives_what_the_streaming_implementations_give() {
        let (mut hasher, key) = (Hasher::new(), HmacKey::new(&[7; 32]));
        let message: Vec<u8> = (0..=255).cycle().take(1_000).collect();
        for len in (0..=260).chain([511, 512, 999]) {
            let message = &message[..len];
            assert_eq!(hasher.digest(message), <[u8; 32]>::from(Sha256::digest(message)), "{len}");
            assert_eq!(key.mac(message), hmac(&[7; 32], message), "{len}");
        }
    }

    #[test]
    fn the_example_of_fips_180_is_met() {
        let digest = Hasher::new().digest(b"abc");
        assert_eq!(digest[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(digest[28..], [0xf2, 0x00, 0x15, 0xad]);
    }

    proptest! {
        #[test]
        fn many_at_once_give_what_each_alone_gives(
            key: [u8; 32],
            messages in prop::collection::vec(any::<(Vec<u8>, [u8; 3])>(), 0..12),
        ) {
            let macs = HmacKey::new(&key).macs(messages.iter().map(|(a, b)| [a.as_slice(), b.as_slice()]));
            let each: Vec<_> = messages.iter().map(|(a, b)| hmac(&key, &[a.as_slice(), b].concat())).collect();
            prop_assert_eq!(macs, each);
        }
    }
}
