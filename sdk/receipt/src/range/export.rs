use super::FORMAT;
use crate::checkpoint::parse_decimal;
use crate::tlog::{Hash, RangePlan};
use crate::verify::{Check, Failure};

/// An export taken apart, not yet verified.
#[derive(Debug, Clone)]
pub struct RangeExport<'a> {
    origin: &'a str,
    from: u64,
    to: u64,
    left: usize,
    hashes: Vec<Hash>,
    checkpoint: &'a str,
    head: &'a str,
    receipts: &'a str,
}

impl<'a> RangeExport<'a> {
    /// Takes an export apart and checks its form; the receipts themselves are not looked at.
    ///
    /// # Errors
    ///
    /// [`Check::RangeFormat`].
    pub fn parse(export: &'a [u8]) -> Result<Self, Failure> {
        let text = std::str::from_utf8(export).map_err(|_| malformed("it is not UTF-8"))?;
        let (head, rest) =
            text.split_once("\n\n").ok_or_else(|| malformed("no empty line follows the header"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FORMAT) {
            return Err(malformed("the first line is not the format's name"));
        }
        let mut field =
            |name: &str| lines.next_if(|line| split_field(line).0 == name).map(|line| split_field(line).1);
        let origin = field("origin").ok_or_else(|| malformed("there is no `origin` line"))?;
        let mut number = |name: &'static str| {
            field(name)
                .and_then(parse_decimal)
                .ok_or_else(|| malformed("`from` or `to` is not a plain decimal number"))
        };
        let (from, to) = (number("from")?, number("to")?);
        let mut hashes = Vec::new();
        let mut hash = |text: &str| match text.parse() {
            Ok(hash) => {
                hashes.push(hash);
                Ok(())
            }
            Err(_) => Err(malformed("a hash is not canonical base64 of 32 bytes")),
        };
        let mut left = 0;
        while let Some(text) = field("left") {
            hash(text)?;
            left += 1;
        }
        while let Some(text) = field("right") {
            hash(text)?;
        }
        if lines.next().is_some() {
            return Err(malformed("the header has a line that is not permitted there"));
        }
        // A checkpoint has two paragraphs, its text and its signatures; receipts follow the next empty line.
        let second =
            rest.find("\n\n").map(|blank| blank + 2).ok_or_else(|| malformed("the checkpoint is cut off"))?;
        let end = rest[second..].find("\n\n").map(|blank| second + blank + 1);
        let end = end.ok_or_else(|| malformed("no empty line follows the checkpoint"))?;
        let (checkpoint, receipts) = (&rest[..end], &rest[end + 1..]);
        let receipts =
            receipts.strip_suffix('\n').ok_or_else(|| malformed("it does not end in a newline"))?;
        let count = receipts.split('\n').count() as u64;
        if to.checked_sub(from) != Some(count) {
            return Err(malformed(&format!("it has {count} receipts, and says it goes from {from} to {to}")));
        }
        let head = &text[..text.len() - receipts.len() - 1];
        Ok(Self { origin, from, to, left, hashes, checkpoint, head, receipts })
    }

    /// The log.
    #[must_use]
    pub fn origin(&self) -> &'a str {
        self.origin
    }

    /// The first index.
    #[must_use]
    pub fn from(&self) -> u64 {
        self.from
    }

    /// One past the last index.
    #[must_use]
    pub fn to(&self) -> u64 {
        self.to
    }

    /// The hashes around the range, those left of it first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The checkpoint, a signed note.
    #[must_use]
    pub fn checkpoint(&self) -> &'a str {
        self.checkpoint
    }

    /// Everything before the first receipt. With redacted presentations of the same receipts it is an export again.
    #[must_use]
    pub fn head(&self) -> &'a str {
        self.head
    }

    /// The SD-JWTs, in the order of the log.
    pub fn receipts(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.receipts.split('\n')
    }

    /// The plan that joins the range to a tree of `size` leaves.
    pub(crate) fn plan(&self, size: u64) -> Result<RangePlan, Failure> {
        let plan = RangePlan::new(self.from, self.to, size)
            .map_err(|_| malformed("it reaches past the tree of its checkpoint"))?;
        if plan.left_len() != self.left || plan.left_len() + plan.right_len() != self.hashes.len() {
            return Err(malformed("the hashes around the range are not as many as the tree has there"));
        }
        Ok(plan)
    }
}

fn split_field(line: &str) -> (&str, &str) {
    line.split_once(' ').unwrap_or((line, ""))
}

fn malformed(detail: &str) -> Failure {
    Failure::new(Check::RangeFormat, detail)
}
