//! An exported stretch of a log: every receipt of `[from, to)` in one file that verifies offline.
//!
//! Media type [`MEDIA_TYPE`]. UTF-8 text, every line ended by a line feed:
//!
//! ```text
//! companyos.receipt-range/v1
//! origin eu.companyos.example/eu/log_0193…
//! from 2
//! to 5
//! left  <base64>        one line per hash: complete subtrees of [0, from), from left to right
//! right <base64>        one line per hash: complete subtrees of [to, size), from left to right
//! <empty line>
//! <C2SP checkpoint, a signed note>
//! <empty line>
//! <SD-JWT>              one line per receipt, to - from of them
//! ```
//!
//! There is one way only to write a given range down, and every byte takes part in a check: the header in the tree's
//! shape and the comparison of origins, the hashes and receipts in the root, the root in the checkpoint's signature, the
//! disclosures in the receipts' digests. Numbers are plain decimals and base64 is canonical. Signatures by keys that the
//! verifier does not know are refused here, although a checkpoint elsewhere may carry them.

mod export;
mod writer;

pub use export::RangeExport;
pub use writer::RangeWriter;

/// The media type of an export.
pub const MEDIA_TYPE: &str = "application/vnd.companyos.receipt-range";

/// The first line.
pub const FORMAT: &str = "companyos.receipt-range/v1";
