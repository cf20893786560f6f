//! One JSON row: an object with the members of `TenantCreate`, every finding of it noted.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::batch::RowWriter;
use super::member::{JsonMembers, Member};

/// Most members that are looked at one by one; more is not a tenant.
const MEMBERS_MAX: usize = 64;

/// Checks the text of one row.
pub(super) fn check_object(row: &mut RowWriter<'_, JsonMembers>, text: &[u8]) {
    match serde_json::from_slice::<Value<'_>>(text) {
        Ok(Value::Object(members)) => check_members(row, members),
        Ok(other) => {
            let detail = format!("A row is a JSON object, not {}.", other.kind());
            row.finding(Member::Row, "wrong-type", detail);
        }
        Err(error) => {
            let detail = format!("The row is not valid JSON: {error}.");
            row.finding(Member::Row, "malformed-json", detail);
        }
    }
}

fn check_members(row: &mut RowWriter<'_, JsonMembers>, members: Members<'_>) {
    let mut known = Known::default();
    for (name, value) in &members.list {
        let Some(slot) = known.slot(name) else {
            row.finding(Member::Other(name), "unknown-member", "A tenant has no such member.");
            continue;
        };
        if slot.replace(value).is_some() {
            row.finding(Member::Other(name), "duplicate-member", "The member occurs more than once.");
        }
    }
    if members.more > 0 {
        let detail = format!("The row has more than {MEMBERS_MAX} members.");
        row.finding(Member::Row, "too-many-members", detail);
    }
    match text_of(row, Member::ExternalId, known.external_id) {
        Given::Text(value) => row.external_id(value),
        Given::Absent => row.finding(Member::ExternalId, "required", "The external id is missing."),
        Given::Unusable => {}
    }
    match text_of(row, Member::Name, known.name) {
        Given::Text(value) => row.name(value),
        Given::Absent => row.finding(Member::Name, "required", "The name is missing."),
        Given::Unusable => {}
    }
    match text_of(row, Member::Region, known.region) {
        Given::Text(value) => row.region(Some(value)),
        Given::Absent => row.region(None),
        Given::Unusable => {}
    }
    if let Given::Text(value) = text_of(row, Member::ContactEmail, known.contact_email) {
        row.contact_email(value);
    }
    check_labels(row, known.labels);
}

fn check_labels(row: &mut RowWriter<'_, JsonMembers>, labels: Option<&Value<'_>>) {
    let mut sorted = Vec::new();
    match labels {
        None => {}
        Some(Value::Object(members)) => {
            sorted.extend(members.list.iter());
            if members.more > 0 {
                let detail = format!("There are more than {MEMBERS_MAX} labels.");
                row.finding(Member::Labels, "too-many-labels", detail);
            }
        }
        Some(other) => {
            let detail = format!("Labels are an object from label to text, not {}.", other.kind());
            row.finding(Member::Labels, "wrong-type", detail);
        }
    }
    sorted.sort_by(|(a, _), (b, _)| a.cmp(b));
    row.begin_labels();
    let mut before = None;
    for (name, value) in sorted {
        if before == Some(name) {
            row.finding(Member::Label(name), "duplicate-member", "The label occurs more than once.");
            continue;
        }
        before = Some(name);
        match value {
            Value::Text(text) => row.label(name, text),
            other => {
                let detail = format!("A label's value is a text, not {}.", other.kind());
                row.finding(Member::Label(name), "wrong-type", detail);
            }
        }
    }
    row.end_labels();
}

enum Given<'a> {
    Text(&'a str),
    Absent,
    Unusable,
}

fn text_of<'a>(
    row: &mut RowWriter<'_, JsonMembers>,
    member: Member<'_>,
    value: Option<&'a Value<'_>>,
) -> Given<'a> {
    match value {
        None => Given::Absent,
        Some(Value::Text(text)) => Given::Text(text),
        Some(other) => {
            row.finding(member, "wrong-type", format!("The value must be a text, not {}.", other.kind()));
            Given::Unusable
        }
    }
}

#[derive(Default)]
struct Known<'v, 'a> {
    external_id: Option<&'v Value<'a>>,
    name: Option<&'v Value<'a>>,
    region: Option<&'v Value<'a>>,
    contact_email: Option<&'v Value<'a>>,
    labels: Option<&'v Value<'a>>,
}

impl<'v, 'a> Known<'v, 'a> {
    fn slot(&mut self, name: &str) -> Option<&mut Option<&'v Value<'a>>> {
        Some(match name {
            "external_id" => &mut self.external_id,
            "name" => &mut self.name,
            "region" => &mut self.region,
            "contact_email" => &mut self.contact_email,
            "labels" => &mut self.labels,
            _ => return None,
        })
    }
}

/// A JSON value as far as a row needs it: texts are borrowed where they have no escapes, and what
/// can only be of the wrong type is not kept.
enum Value<'a> {
    Null,
    Boolean,
    Number,
    Text(Cow<'a, str>),
    Array,
    Object(Members<'a>),
}

#[derive(Default)]
struct Members<'a> {
    list: Vec<(Cow<'a, str>, Value<'a>)>,
    more: usize,
}

impl Value<'_> {
    fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "a boolean",
            Self::Number => "a number",
            Self::Text(_) => "a text",
            Self::Array => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Boolean)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Number)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        let mut members = Members::default();
        while members.list.len() < MEMBERS_MAX {
            let Some(Key(name)) = map.next_key()? else {
                return Ok(Value::Object(members));
            };
            members.list.push((name, map.next_value()?));
        }
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            members.more += 1;
        }
        Ok(Value::Object(members))
    }
}

/// A member's name; `Cow` by itself would always be owned.
struct Key<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_str(ValueVisitor)? {
            Value::Text(name) => Ok(Self(name)),
            other => Err(D::Error::custom(other.kind())),
        }
    }
}
