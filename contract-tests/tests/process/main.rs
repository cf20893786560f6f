//! The programs as their users run them: `companyos serve` killed in the middle of its work, its files damaged, and
//! `companyos-receipt` on what it and the quickstart exported.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod damage;
mod imports;
mod kill;
mod programs;
mod receipts;
mod sweep;
