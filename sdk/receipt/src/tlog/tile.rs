use std::fmt;
use std::str::FromStr;

use crate::verify::{Check, Failure};

/// Levels of the tree that one tile level spans.
pub const TILE_HEIGHT: u8 = 8;

/// Hashes or entries in a full tile.
pub const TILE_WIDTH: u16 = 1 << TILE_HEIGHT;

/// Which tile of a level, and how much of it: the part of a tile's address after the level (C2SP tlog-tiles).
///
/// ```
/// use companyos_receipt::tlog::TilePath;
///
/// let path: TilePath = "x001/x234/067.p/8".parse()?;
/// assert_eq!(path, TilePath { index: 1_234_067, width: 8 });
/// assert_eq!(path.to_string(), "x001/x234/067.p/8");
/// # Ok::<(), companyos_receipt::verify::Failure>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TilePath {
    /// The tile's position on its level.
    pub index: u64,
    /// How many hashes it holds, 1 to 256. Fewer than 256 make a partial tile (`.p/`).
    pub width: u16,
}

impl TilePath {
    /// The hashes of the tile: positions on its level from the first up to but not including the last.
    #[must_use]
    pub const fn span(self) -> (u64, u64) {
        let start = self.index.saturating_mul(TILE_WIDTH as u64);
        (start, start.saturating_add(self.width as u64))
    }

    /// Whether a tree of `size` leaves has this tile at `level`. A partial tile exists only at the right edge, with all
    /// that is there.
    #[must_use]
    pub const fn exists(self, level: u8, size: u64) -> bool {
        let shift = TILE_HEIGHT as u32 * level as u32;
        let on_level = if shift < u64::BITS { size >> shift } else { 0 };
        self.span().1 <= on_level
    }
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut divisor = 1;
        while self.index / divisor >= 1000 {
            divisor *= 1000;
        }
        while divisor > 1 {
            write!(f, "x{:03}/", self.index / divisor % 1000)?;
            divisor /= 1000;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl FromStr for TilePath {
    type Err = Failure;

    /// Accepts exactly what [`fmt::Display`] writes.
    fn from_str(text: &str) -> Result<Self, Failure> {
        parse(text)
            .filter(|path| path.to_string() == text)
            .ok_or_else(|| Failure::new(Check::Format, "not a tile path such as `x001/234` or `000.p/42`"))
    }
}

fn parse(text: &str) -> Option<TilePath> {
    let (full, width) = match text.split_once(".p/") {
        Some((full, width)) => (full, width.parse().ok().filter(|w| (1..TILE_WIDTH).contains(w))?),
        None => (text, TILE_WIDTH),
    };
    let mut index = 0_u64;
    for group in full.split('/') {
        let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().ok()?;
        index = index.checked_mul(1000)?.checked_add(digits)?;
    }
    // Above this a tile's span would not fit its positions.
    (index < u64::MAX / u64::from(TILE_WIDTH)).then_some(TilePath { index, width })
}
