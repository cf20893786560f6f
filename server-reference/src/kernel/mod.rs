//! What every area stands on.

pub mod clock;
pub mod ids;
