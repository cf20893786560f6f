//! Cuts a stream into the texts of its rows: the elements of a JSON array, or lines.
//!
//! A row that lies whole within one piece of input is handed on as it is, without being copied.

use super::Limits;

/// What was found at the front of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// The input ends before the row does; all of it is consumed.
    Partial,
    /// A row, and how many bytes of input were consumed.
    Row(RowText<'a>, usize),
    /// The array ends, and how many bytes of input were consumed.
    End(usize),
    /// The input is not an array at this place.
    Malformed(&'static str),
}

/// The text of one row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RowText<'a> {
    /// Within the limits.
    Text(&'a [u8]),
    /// More bytes than the limit; they were dropped.
    TooLarge,
    /// More nested than the limit.
    TooDeep,
}

/// The part of a row that arrived with earlier input.
#[derive(Debug, Default)]
pub(super) struct Carry {
    bytes: Vec<u8>,
    begun: bool,
    too_large: bool,
    /// The bytes were handed out and are stale.
    spent: bool,
}

impl Carry {
    fn keep(&mut self, part: &[u8], limits: Limits) {
        self.renew();
        self.begun = true;
        if self.too_large || self.bytes.len() + part.len() > limits.row_bytes {
            self.too_large = true;
            self.bytes.clear();
        } else {
            self.bytes.extend_from_slice(part);
        }
    }

    fn renew(&mut self) {
        if std::mem::take(&mut self.spent) {
            self.bytes.clear();
            self.begun = false;
            self.too_large = false;
        }
    }

    fn begun(&self) -> bool {
        self.begun && !self.spent
    }

    /// Completes the row with its last part.
    fn complete<'a>(&'a mut self, part: &'a [u8], limits: Limits) -> RowText<'a> {
        if !self.begun() {
            return if part.len() > limits.row_bytes { RowText::TooLarge } else { RowText::Text(part) };
        }
        self.keep(part, limits);
        self.spent = true;
        if self.too_large { RowText::TooLarge } else { RowText::Text(&self.bytes) }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// Before `[`.
    Start,
    /// After `[`: an element or `]`.
    First,
    /// After `,`: an element.
    Next,
    /// In an element.
    Element,
    /// After an element: `,` or `]`.
    After,
    /// After `]`.
    End,
}

/// Cuts a JSON array into its elements.
#[derive(Debug)]
pub(super) struct ArraySplitter {
    limits: Limits,
    at: At,
    depth: usize,
    too_deep: bool,
    in_string: bool,
    escaped: bool,
    carry: Carry,
}

impl ArraySplitter {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            at: At::Start,
            depth: 0,
            too_deep: false,
            in_string: false,
            escaped: false,
            carry: Carry::default(),
        }
    }

    /// Whether the closing bracket has been read.
    pub(super) fn is_complete(&self) -> bool {
        self.at == At::End
    }

    /// Finds the next row in `input`.
    pub(super) fn next<'a>(&'a mut self, input: &'a [u8]) -> Piece<'a> {
        let mut start = 0;
        while let Some(b) = input.get(start) {
            if self.at == At::Element {
                break;
            }
            self.at = match (self.at, *b) {
                (at, b' ' | b'\t' | b'\r' | b'\n') => at,
                (At::Start, b'[') => At::First,
                (At::Start, _) => {
                    return Piece::Malformed("A JSON file of tenants is one array, which begins with [.");
                }
                (At::First | At::After, b']') => {
                    self.at = At::End;
                    return Piece::End(start + 1);
                }
                (At::After, b',') => At::Next,
                (At::After, _) => return Piece::Malformed("There must be a comma or ] after a row."),
                (At::First | At::Next, b',' | b']' | b'}' | b':') => {
                    return Piece::Malformed("A row is missing here.");
                }
                (At::First | At::Next, _) => {
                    (self.depth, self.too_deep) = (0, false);
                    (self.in_string, self.escaped) = (false, false);
                    self.at = At::Element;
                    break;
                }
                (At::End, _) => return Piece::Malformed("There is something after the array."),
                (At::Element, _) => At::Element,
            };
            start += 1;
        }
        if self.at != At::Element {
            return Piece::Partial;
        }
        match self.end_of_element(&input[start..]) {
            None => {
                self.carry.keep(&input[start..], self.limits);
                Piece::Partial
            }
            Some(length) => {
                self.at = At::After;
                let end = start + length;
                let too_deep = self.too_deep;
                match self.carry.complete(&input[start..end], self.limits) {
                    RowText::Text(_) if too_deep => Piece::Row(RowText::TooDeep, end),
                    row => Piece::Row(row, end),
                }
            }
        }
    }

    /// How many bytes of `input` still belong to the element; `None` when all do and more follow.
    fn end_of_element(&mut self, input: &[u8]) -> Option<usize> {
        for (i, b) in input.iter().enumerate() {
            if self.in_string {
                match b {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 0 {
                            return Some(i + 1);
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match b {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    self.too_deep |= self.depth > self.limits.depth;
                }
                b'}' | b']' if self.depth > 0 => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(i + 1);
                    }
                }
                // A bare scalar ends where the array goes on.
                b',' | b']' | b'}' | b' ' | b'\t' | b'\r' | b'\n' if self.depth == 0 => return Some(i),
                _ => {}
            }
        }
        None
    }
}

/// Cuts NDJSON into its lines; blank lines are skipped.
#[derive(Debug)]
pub(super) struct LineSplitter {
    limits: Limits,
    carry: Carry,
}

impl LineSplitter {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, carry: Carry::default() }
    }

    /// Finds the next line in `input`. At the end of the stream it is called with one more `\n`.
    pub(super) fn next<'a>(&'a mut self, input: &'a [u8]) -> Piece<'a> {
        let mut start = 0;
        if !self.carry.begun() {
            start = input.iter().take_while(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')).count();
        }
        if start == input.len() {
            return Piece::Partial;
        }
        match input[start..].iter().position(|b| *b == b'\n') {
            None => {
                self.carry.keep(&input[start..], self.limits);
                Piece::Partial
            }
            Some(length) => {
                let end = start + length;
                Piece::Row(self.carry.complete(&input[start..end], self.limits), end + 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ArraySplitter, LineSplitter, Piece, RowText};
    use crate::areas::tenants::import::Limits;

    fn limits() -> Limits {
        Limits { row_bytes: 20, depth: 2, ..Limits::default() }
    }

    fn show(row: RowText<'_>) -> String {
        match row {
            RowText::Text(text) => String::from_utf8_lossy(text).into_owned(),
            other => format!("{other:?}"),
        }
    }

    /// The rows of `text` when it arrives in pieces of `size` bytes.
    fn rows(
        text: &str,
        size: usize,
        mut next: impl FnMut(&[u8]) -> (Option<Result<String, String>>, usize),
    ) -> Vec<String> {
        let mut rows = Vec::new();
        for mut input in text.as_bytes().chunks(size) {
            while !input.is_empty() {
                let (row, taken) = next(input);
                match row {
                    Some(Ok(row)) => rows.push(row),
                    Some(Err(end)) => {
                        rows.push(end);
                        return rows;
                    }
                    None => break,
                }
                input = &input[taken..];
            }
        }
        rows
    }

    fn array(text: &str, size: usize) -> Vec<String> {
        let mut splitter = ArraySplitter::new(limits());
        rows(text, size, |input| match splitter.next(input) {
            Piece::Partial => (None, 0),
            Piece::Row(row, taken) => (Some(Ok(show(row))), taken),
            Piece::End(taken) => (Some(Ok("end".to_owned())), taken),
            Piece::Malformed(_) => (Some(Err("malformed".to_owned())), 0),
        })
    }

    #[test]
    fn an_array_is_cut_into_its_elements_however_it_arrives() {
        for (text, expected) in [
            ("[]", vec!["end"]),
            (" [ {\"a\":\"]}\\\"\"} , {} ] \n", vec![r#"{"a":"]}\""}"#, "{}", "end"]),
            ("[1,\"a,b\",true ]", vec!["1", "\"a,b\"", "true", "end"]),
            ("[[[]],[[[]]],{}]", vec!["[[]]", "TooDeep", "{}", "end"]),
            ("[\"012345678901234567890\",1]", vec!["TooLarge", "1", "end"]),
            ("{}", vec!["malformed"]),
            ("[,1]", vec!["malformed"]),
            ("[1,]", vec!["1", "malformed"]),
            ("[1 2]", vec!["1", "malformed"]),
            ("[1]]", vec!["1", "end", "malformed"]),
        ] {
            for size in 1..=text.len() {
                assert_eq!(array(text, size), expected, "{text:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn lines_are_cut_however_they_arrive() {
        let text = "{}\r\n\n  \n{\"a\":1}\n012345678901234567890\n1\n";
        for size in 1..=text.len() {
            let mut splitter = LineSplitter::new(limits());
            let lines = rows(text, size, |input| match splitter.next(input) {
                Piece::Row(row, taken) => (Some(Ok(show(row).trim_end().to_owned())), taken),
                _ => (None, 0),
            });
            assert_eq!(lines, ["{}", "{\"a\":1}", "TooLarge", "1"], "in pieces of {size}");
        }
    }
}
