//! Arbitrary bytes in arbitrary pieces: no panic, no unbounded memory, one result.

use proptest::prelude::*;

use super::{options, read_in_pieces};
use crate::areas::tenants::import::{Format, Limits, Options, fuzz};

fn formats() -> impl Strategy<Value = Format> {
    prop_oneof![Just(Format::Csv), Just(Format::Json), Just(Format::Ndjson)]
}

/// Bytes that look enough like a file to get past the first line.
fn almost_files() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"external_id,name\n".to_vec()),
        Just(b"a,A\n".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"[".to_vec()),
        Just(b"]".to_vec()),
        Just(b"{\"external_id\":\"a\",\"name\":\"A\"}".to_vec()),
        Just(b",".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\xef\xbb\xbf".to_vec()),
        Just(b"\\".to_vec()),
        prop::collection::vec(any::<u8>(), 0..8),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn tight(format: Format) -> Options {
    let limits = Limits { rows: 20, row_bytes: 64, columns: 6, depth: 3, batch_rows: 4 };
    Options { limits, ..options(format) }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(format in formats(), file in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = read_in_pieces(tight(format), &file, usize::MAX);
        let _ = read_in_pieces(options(format), &file, 16);
    }

    #[test]
    fn the_pieces_a_file_arrives_in_do_not_matter(format in formats(), file in almost_files(), size in 1_usize..50) {
        let whole = read_in_pieces(tight(format), &file, usize::MAX);
        let pieces = read_in_pieces(tight(format), &file, size);
        prop_assert_eq!(whole, pieces);
    }

    #[test]
    fn cells_are_those_the_csv_crate_reads(cells in prop::collection::vec("[a-z,;\"\r\n é]{0,6}", 1..30)) {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(["external_id", "name", "labels.v"]).unwrap();
        for (i, cell) in cells.iter().enumerate() {
            writer.write_record([&format!("id{i}"), "N", cell]).unwrap();
        }
        let file = writer.into_inner().unwrap();
        let rows = read_in_pieces(options(Format::Csv), &file, 5).unwrap();
        prop_assert_eq!(rows.len(), cells.len());
        for (row, cell) in rows.iter().zip(&cells) {
            let expected = if cell.is_empty() { serde_json::json!({}) } else { serde_json::json!({ "v": cell }) };
            prop_assert_eq!(&row.findings, &vec![]);
            prop_assert_eq!(&row.labels, &expected.to_string());
        }
    }
}

/// The fuzz target's entry point over mutated seeds, so that CI exercises it without a fuzzer.
#[test]
fn mutated_seeds_keep_the_promises_of_the_fuzz_target() {
    let seeds: [&[u8]; 4] = [
        b"\0\x07external_id,name,labels.x\na,A,1\n\"b\",\"B\n\"\"2\"\"\",\n",
        b"\x01\x03[{\"external_id\":\"a\",\"name\":\"A\",\"labels\":{\"x\":\"\\u00e9\"}},{}]",
        b"\x02\x05{\"external_id\":\"a\",\"name\":\"A\"}\n{\"name\":1}\n",
        b"\0\x01\xef\xbb\xbfsep=;\r\nexternal_id;name\r\n1;'=x\r\n",
    ];
    // xorshift: a test needs variety, not quality.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for seed in seeds {
        for _ in 0..2_000 {
            let mut data = seed.to_vec();
            for _ in 0..1 + random() % 4 {
                let at = usize::try_from(random()).unwrap_or(0) % data.len();
                let byte = u8::try_from(random() & 0xff).unwrap_or(0);
                match random() % 3 {
                    0 => data[at] = byte,
                    1 => data.insert(at, byte),
                    _ => drop(data.remove(at)),
                }
                if data.is_empty() {
                    data.push(byte);
                }
            }
            fuzz(&data);
        }
    }
}
