//! Which part of an object to read.

use std::ops::Range;

use crate::{Error, ErrorKind};

/// A range of bytes, with the meaning of RFC 9110 §14.1.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first offset up to, not including, the second.
    Bounded(u64, u64),
    /// From the offset to the end.
    From(u64),
    /// The last so many bytes, or the whole object if it is shorter.
    Last(u64),
}

impl ByteRange {
    /// The bytes this range selects from an object of `size` bytes. An end past the object is cut to its size.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`] when a bounded range does not start before it ends.
    /// - [`ErrorKind::RangeNotSatisfiable`] when it selects no byte of the object.
    pub fn resolve(self, size: u64) -> Result<Range<u64>, Error> {
        let (start, end) = match self {
            Self::Bounded(start, end) if start >= end => {
                let why = format!("the range {start}..{end} does not start before it ends");
                return Err(Error::new(ErrorKind::InvalidInput, why));
            }
            Self::Bounded(start, end) => (start, end.min(size)),
            Self::From(start) => (start, size),
            Self::Last(count) => (size.saturating_sub(count), size),
        };
        if start >= end {
            let why = format!("{self:?} selects nothing of an object of {size} bytes");
            return Err(Error::new(ErrorKind::RangeNotSatisfiable, why));
        }
        Ok(start..end)
    }
}

#[cfg(test)]
mod tests {
    use super::ByteRange::{self, Bounded, From, Last};
    use crate::ErrorKind::{self, InvalidInput, RangeNotSatisfiable};

    #[test]
    fn a_range_selects_what_rfc_9110_says() {
        let table: [(ByteRange, u64, Result<std::ops::Range<u64>, ErrorKind>); 12] = [
            (Bounded(0, 1), 10, Ok(0..1)),
            (Bounded(9, 10), 10, Ok(9..10)),
            (Bounded(9, u64::MAX), 10, Ok(9..10)),
            (Bounded(10, 11), 10, Err(RangeNotSatisfiable)),
            (Bounded(5, 5), 10, Err(InvalidInput)),
            (Bounded(6, 5), 10, Err(InvalidInput)),
            (From(0), 10, Ok(0..10)),
            (From(10), 10, Err(RangeNotSatisfiable)),
            (From(0), 0, Err(RangeNotSatisfiable)),
            (Last(3), 10, Ok(7..10)),
            (Last(u64::MAX), 10, Ok(0..10)),
            (Last(0), 10, Err(RangeNotSatisfiable)),
        ];
        for (range, size, expected) in table {
            let got = range.resolve(size).map_err(|error| error.kind().clone());
            assert_eq!(got, expected, "{range:?} of {size}");
        }
    }
}
