//! Limits and ranges.

use std::ops::Range;

use companyos_types::receipts::VerifyRequest;

/// The most receipts one export holds.
pub(super) const MAX_EXPORT: u64 = 100_000;

/// How many entries of a log one page of a filtered list looks at. A page may come out short and still not be the
/// last: the time a request takes does not depend on how rare its receipts are.
pub(super) const FILTERED_WINDOW: u64 = 20_000;

/// A query parameter cannot be served. The texts are for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unservable {
    pub(super) parameter: &'static str,
    pub(super) detail: String,
}

fn unservable(parameter: &'static str, detail: String) -> Unservable {
    Unservable { parameter, detail }
}

/// The range to export of a log of `size` entries.
pub(super) fn export_range(from: u64, to: Option<u64>, size: u64) -> Result<Range<u64>, Unservable> {
    if from >= size {
        return Err(unservable(
            "from",
            format!("The log has {size} receipts; there is none at index {from}."),
        ));
    }
    let Some(to) = to else {
        return Ok(from..size.min(from.saturating_add(MAX_EXPORT)));
    };
    if to > size {
        return Err(unservable("to", format!("The log has {size} receipts; `to` may be {size} at most.")));
    }
    if to <= from {
        return Err(unservable("to", format!("`to` must be greater than `from`, which is {from}.")));
    }
    if to - from > MAX_EXPORT {
        return Err(unservable("to", format!("At most {MAX_EXPORT} receipts are exported at once.")));
    }
    Ok(from..to)
}

/// Checks the sizes between which a log of `size` entries is to be shown consistent.
pub(super) fn consistency_sizes(from: u64, to: u64, size: u64) -> Result<(), Unservable> {
    if to > size {
        return Err(unservable("to", format!("The log has {size} entries; `to` may be {size} at most.")));
    }
    if from == 0 {
        return Err(unservable("from", "Nothing can be proven about the empty log.".to_owned()));
    }
    if from > to {
        return Err(unservable("from", format!("`from` must not be greater than `to`, which is {to}.")));
    }
    Ok(())
}

/// Checks the lengths in a request to verify; the findings are JSON pointers and sentences.
pub(super) fn check_verify_request(request: &VerifyRequest) -> Result<(), Vec<(String, &'static str)>> {
    let mut broken = Vec::new();
    if !(1..=1_000).contains(&request.receipts.len()) {
        broken.push(("#/receipts".to_owned(), "There must be 1 to 1,000 receipts."));
    }
    for (index, receipt) in request.receipts.iter().enumerate() {
        if !(1..=65_536).contains(&receipt.sd_jwt.chars().count()) {
            broken.push((format!("#/receipts/{index}/sd_jwt"), "There must be 1 to 65,536 characters."));
        }
        if receipt.proof.as_ref().is_some_and(|proof| !(1..=16_384).contains(&proof.chars().count())) {
            broken.push((format!("#/receipts/{index}/proof"), "There must be 1 to 16,384 characters."));
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(broken) }
}

#[cfg(test)]
mod tests {
    use companyos_types::receipts::ReceiptWithProof;

    use super::*;

    #[test]
    fn a_request_to_verify_has_bounds() {
        let pointers = |request: VerifyRequest| {
            let broken = check_verify_request(&request).err().unwrap_or_default();
            broken.into_iter().map(|(pointer, _)| pointer).collect::<Vec<_>>()
        };
        let receipt = |length: usize| ReceiptWithProof::new("x".repeat(length));
        assert!(pointers(VerifyRequest::new(vec![receipt(65_536).with_proof("p")])).is_empty());
        assert_eq!(pointers(VerifyRequest::new(vec![])), ["#/receipts"]);
        assert_eq!(pointers(VerifyRequest::new(vec![receipt(1); 1_001])), ["#/receipts"]);
        let long = vec![receipt(1), receipt(0), receipt(65_537).with_proof("p".repeat(16_385))];
        assert_eq!(
            pointers(VerifyRequest::new(long)),
            ["#/receipts/1/sd_jwt", "#/receipts/2/sd_jwt", "#/receipts/2/proof"]
        );
    }

    #[test]
    fn an_export_stays_within_the_log_and_the_limit() {
        let parameter = |from, to, size| export_range(from, to, size).map_err(|refused| refused.parameter);
        assert_eq!(parameter(0, None, 5), Ok(0..5));
        assert_eq!(parameter(2, Some(5), 5), Ok(2..5));
        assert_eq!(parameter(0, None, 250_000), Ok(0..100_000));
        assert_eq!(parameter(0, Some(100_000), 250_000), Ok(0..100_000));
        assert_eq!(parameter(0, Some(100_001), 250_000), Err("to"));
        assert_eq!(parameter(0, None, 0), Err("from"));
        assert_eq!(parameter(5, None, 5), Err("from"));
        assert_eq!(parameter(0, Some(6), 5), Err("to"));
        assert_eq!(parameter(3, Some(3), 5), Err("to"));
        assert_eq!(parameter(u64::MAX, None, u64::MAX), Err("from"));
        assert_eq!(parameter(u64::MAX - 1, None, u64::MAX), Ok(u64::MAX - 1..u64::MAX));
    }

    #[test]
    fn consistency_goes_forward_between_sizes_the_log_has_had() {
        let parameter =
            |from, to, size| consistency_sizes(from, to, size).map_err(|refused| refused.parameter);
        assert_eq!(parameter(1, 5, 5), Ok(()));
        assert_eq!(parameter(5, 5, 5), Ok(()));
        assert_eq!(parameter(0, 5, 5), Err("from"));
        assert_eq!(parameter(4, 3, 5), Err("from"));
        assert_eq!(parameter(1, 6, 5), Err("to"));
    }
}
