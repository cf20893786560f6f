//! Nothing: the bench is in `main.rs`.
