//! Whatever bytes come in, a reader answers: the entry points of the fuzz targets, run over random and spoilt input.

use proptest::prelude::*;

use crate::entry;
use crate::fixture::{Log, keys};

type Entry = fn(&[u8]);

fn seeds() -> Vec<(Entry, Vec<u8>)> {
    let log = Log::of(7);
    vec![
        (entry::sd_jwt, log.receipts[1].sd_jwt().into_bytes()),
        (entry::disclosure, log.receipts[1].disclosures[0].clone().into_bytes()),
        (entry::proof, log.proof(3).to_text().into_bytes()),
        (entry::checkpoint, log.note.clone().into_bytes()),
        (entry::range, log.export(2, 5).into_bytes()),
        (entry::jwks, keys().to_jwks().into_bytes()),
        (entry::tile_path, b"x001/x234/067.p/8".to_vec()),
    ]
}

/// One spoilt copy: a byte replaced, a stretch removed, doubled, or moved.
fn spoil(seed: &[u8], at: prop::sample::Index, len: usize, byte: u8, how: u8) -> Vec<u8> {
    let at = at.index(seed.len());
    let end = (at + len).min(seed.len());
    let (before, rest) = seed.split_at(at);
    let (stretch, after) = rest.split_at(end - at);
    match how % 4 {
        0 => [before, &[byte], rest.get(1..).unwrap_or_default()].concat(),
        1 => [before, after].concat(),
        2 => [before, stretch, stretch, after].concat(),
        _ => [after, stretch, before].concat(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn spoilt_input_is_answered(at in any::<prop::sample::Index>(), len in 1..64_usize, byte: u8, how: u8) {
        for (entry, seed) in seeds() {
            entry(&spoil(&seed, at, len, byte, how));
        }
    }

    #[test]
    fn random_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for (entry, _) in seeds() {
            entry(&bytes);
        }
    }

    #[test]
    fn random_text_in_the_formats_alphabet_is_answered(text in "[A-Za-z0-9~.{}\":,\\[\\]\n =/+—_-]{0,300}") {
        for (entry, _) in seeds() {
            entry(text.as_bytes());
        }
    }
}

#[test]
fn the_seeds_themselves_are_answered() {
    for (entry, seed) in seeds() {
        entry(&seed);
    }
}
