//! Any single bit of the quickstart's export: the verifier notices it, and says by which check.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread;

use companyos_receipt::verify::Check;

use crate::programs::{quickstart, verifier};

const POSITIONS: usize = 2_000;

/// Runs `companyos-receipt verify`; returns the exit code and what was printed.
fn verify(keys: &Path, range: &Path) -> (Option<i32>, String) {
    let output = verifier(&["verify".as_ref(), "--keys".as_ref(), keys.as_os_str(), range.as_os_str()]);
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

/// The check that a report names as failed.
fn named(said: &str) -> Option<&'static str> {
    let line = said.lines().find_map(|line| line.strip_prefix("  check      "))?;
    Check::ALL.iter().map(|check| check.name()).find(|name| *name == line)
}

/// The quickstart's folder with its export and keys.
fn kept(below: &Path) -> PathBuf {
    let mut folders = std::fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path());
    folders.find(|path| path.join("receipts.range").is_file()).expect("the quickstart kept its export")
}

#[test]
fn the_verifier_names_a_failed_check_for_any_bit_of_the_quickstarts_export() {
    let folder = tempfile::tempdir().unwrap();
    let told = quickstart(folder.path());
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let kept = kept(folder.path());
    let (keys, export) = (kept.join("jwks.json"), kept.join("receipts.range"));
    let (code, said) = verify(&keys, &export);
    assert_eq!(code, Some(0), "{said}");

    let export = std::fs::read(export).unwrap();
    assert!(export.len() > POSITIONS, "the positions are not {POSITIONS} different ones");
    let threads = thread::available_parallelism().map_or(2, NonZero::get);
    let sweep = |thread: usize| {
        let altered_file = folder.path().join(format!("altered-{thread}.range"));
        let mut checks: BTreeMap<&str, usize> = BTreeMap::new();
        let mut altered = export.clone();
        for number in (thread..POSITIONS).step_by(threads) {
            let (position, bit) = (number * export.len() / POSITIONS, number % 8);
            altered[position] ^= 1 << bit;
            std::fs::write(&altered_file, &altered).unwrap();
            altered[position] = export[position];
            let (code, said) = verify(&keys, &altered_file);
            assert_eq!(code, Some(1), "bit {bit} of byte {position}: {said}");
            let check = named(&said).unwrap_or_else(|| panic!("bit {bit} of byte {position}: {said}"));
            *checks.entry(check).or_default() += 1;
        }
        checks
    };
    let checks = thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|thread| scope.spawn(move || sweep(thread))).collect();
        let mut checks: BTreeMap<&str, usize> = BTreeMap::new();
        for (check, count) in running.into_iter().flat_map(|thread| thread.join().unwrap()) {
            *checks.entry(check).or_default() += count;
        }
        checks
    });
    assert_eq!(checks.values().sum::<usize>(), POSITIONS);
    // Damage to receipts, to their disclosures and to the frame around them is told apart.
    for check in ["range-root", "disclosure-unreferenced", "range-format"] {
        assert!(checks.contains_key(check), "no position was noticed by {check}: {checks:?}");
    }
}
