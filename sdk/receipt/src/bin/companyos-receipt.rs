//! Checks receipts offline.

fn main() {}
