//! Registered claims out of a JSON object. What is read is taken out, so that the rest is what was not registered.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use crate::{Error, TokenFault};

pub(super) fn missing(name: &str) -> Error {
    Error::token(TokenFault::Malformed, format!("the claim {name} is missing"))
}

fn mistyped(name: &str) -> Error {
    Error::token(TokenFault::Malformed, format!("the claim {name} is not of its type"))
}

pub(super) fn text(members: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(mistyped(name)),
    }
}

pub(super) fn required(members: &mut Map<String, Value>, name: &str) -> Result<String, Error> {
    text(members, name)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
}

/// One string, or an array of strings.
pub(super) fn list(members: &mut Map<String, Value>, name: &str) -> Result<Vec<String>, Error> {
    match members.remove(name) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(items)) => items
            .into_iter()
            .map(|item| match item {
                Value::String(text) => Ok(text),
                _ => Err(mistyped(name)),
            })
            .collect(),
        Some(_) => Err(mistyped(name)),
    }
}

/// Words separated by spaces, as RFC 6749 spells scopes, or an array, as some issuers do.
pub(super) fn words(members: &mut Map<String, Value>, name: &str) -> Result<Vec<String>, Error> {
    let items = list(members, name)?;
    Ok(items
        .iter()
        .flat_map(|item| item.split(' '))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect())
}

/// A NumericDate (RFC 7519, section 2): seconds since 1970, perhaps with a fraction, which is dropped.
pub(super) fn time(members: &mut Map<String, Value>, name: &str) -> Result<Option<SystemTime>, Error> {
    let seconds = match members.remove(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_u64().or_else(|| whole_seconds(number.as_f64()?)),
        Some(_) => None,
    };
    // A time that the machine cannot represent is refused, not wrapped.
    let time = seconds.and_then(|seconds| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds)));
    time.map(Some).ok_or_else(|| mistyped(name))
}

fn whole_seconds(seconds: f64) -> Option<u64> {
    Duration::try_from_secs_f64(seconds).ok().map(|span| span.as_secs())
}
