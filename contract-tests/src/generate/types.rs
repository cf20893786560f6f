//! The wire types of one area.

use super::{
    NOTICE, doc, imports, literal,
    names::{identifier, pascal},
};
use crate::{
    error::Error,
    model::{Model, members, reference_name, strings},
};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write as _};

/// The whole file of an area; `shared` is the one of what belongs to none.
pub(super) fn area(model: Model<'_>, area: &str) -> Result<String, Error> {
    let mut types = Types { model, area, imports: BTreeSet::new(), body: String::new() };
    for (name, schema) in model.schemas() {
        if schema["x-companyos-area"] == area {
            types.component(name, schema)?;
        }
    }
    let subject = match area {
        "shared" => "What more than one area uses.".to_owned(),
        _ => format!("Wire types of the area `{area}`."),
    };
    let mut out = format!("{NOTICE}//! {subject}\n\n");
    out.push_str(&imports(&types.imports));
    if !types.imports.is_empty() {
        out.push('\n');
    }
    out.push_str(&types.body);
    Ok(out)
}

struct Types<'a> {
    model: Model<'a>,
    area: &'a str,
    imports: BTreeSet<String>,
    body: String,
}

/// What decides the attributes and the type of a struct's field.
struct Field<'a> {
    name: &'a str,
    schema: &'a Value,
    required: bool,
}

impl<'a> Types<'a> {
    fn import(&mut self, module: &str, name: &str) -> String {
        self.imports.insert(format!("{module}::{name}"));
        name.to_owned()
    }

    fn component(&mut self, name: &str, schema: &'a Value) -> Result<(), Error> {
        let description = schema["description"].as_str().unwrap_or_default();
        if schema.get("enum").is_some() {
            self.enumeration(name, schema);
        } else if schema.get("properties").is_some() || schema["additionalProperties"] == Value::Bool(false) {
            self.structure(name, schema)?;
        } else {
            let rust = self.rust_type(name, schema)?;
            let limits = limits(schema);
            let _ = writeln!(self.body, "{}{}pub type {name} = {rust};\n", doc(description), limits);
        }
        Ok(())
    }

    fn enumeration(&mut self, name: &str, schema: &Value) {
        let open = schema["x-companyos-open"] == Value::Bool(true);
        let keyword = if open { "open_enum" } else { "closed_enum" };
        self.import("crate::string_enum", keyword);
        let description = doc(schema["description"].as_str().unwrap_or_default());
        let mut variants = String::new();
        for value in strings(schema.get("enum")) {
            let _ = writeln!(variants, "    {} = {},", variant(name, value), literal(value));
        }
        // rustfmt leaves the inside of a macro call as it is.
        let text = indent(&format!("{description}pub enum {name} {{\n{variants}}}"));
        let _ = writeln!(self.body, "{keyword}! {{\n{text}}}\n");
    }

    fn structure(&mut self, name: &str, schema: &'a Value) -> Result<(), Error> {
        self.import("serde", "Deserialize");
        self.import("serde", "Serialize");
        let required = strings(schema.get("required"));
        let fields: Vec<Field<'a>> = members(schema.get("properties"))
            .map(|(name, schema)| Field { name, schema, required: required.contains(&name) })
            .collect();
        let request = schema["additionalProperties"] == Value::Bool(false);
        let mut text = String::new();
        let mut constructor = Constructor::default();
        for field in &fields {
            self.field(name, field, request, &mut text, &mut constructor)?;
        }
        let description = doc(schema["description"].as_str().unwrap_or_default());
        let all_optional = fields.iter().all(|field| !field.required);
        let default = if request && all_optional { ", Default" } else { "" };
        let strict = if request { "#[serde(deny_unknown_fields)]\n#[non_exhaustive]\n" } else { "" };
        let _ = writeln!(
            self.body,
            "{description}#[derive(Debug, Clone, PartialEq, Serialize, Deserialize{default})]\n{strict}pub struct {name} {{\n{text}}}\n"
        );
        if request {
            self.body.push_str(&constructor.text(name));
        }
        for field in &fields {
            if field.schema.get("enum").is_some() {
                self.enumeration(&format!("{name}{}", pascal(field.name)), field.schema);
            }
        }
        Ok(())
    }

    fn field(
        &mut self,
        owner: &str,
        field: &Field<'a>,
        request: bool,
        text: &mut String,
        constructor: &mut Constructor,
    ) -> Result<(), Error> {
        let place = format!("{owner}.{}", field.name);
        let nullable = is_nullable(field.schema);
        let inner = self.rust_type(&place, field.schema)?;
        let (rust, attribute) = match (field.required, nullable) {
            (true, false) => (inner.clone(), ""),
            (true, true) => (format!("Option<{inner}>"), ""),
            // A request's absent member is absent, not null.
            (false, false) if request => (
                format!("Option<{inner}>"),
                "#[serde(default, deserialize_with = \"crate::present::deserialize\", skip_serializing_if = \"Option::is_none\")]\n",
            ),
            (false, false) => {
                (format!("Option<{inner}>"), "#[serde(default, skip_serializing_if = \"Option::is_none\")]\n")
            }
            (false, true) => (
                format!("Option<Option<{inner}>>"),
                "#[serde(default, with = \"crate::nullable\", skip_serializing_if = \"Option::is_none\")]\n",
            ),
        };
        let own = field.schema["description"].as_str();
        let referenced = self.model.resolve(field.schema)["description"].as_str();
        let mut description = doc(own.or(referenced).unwrap_or_default());
        if !field.required && nullable {
            description.push_str("///\n/// `None` leaves it as it is, `Some(None)` removes it.\n");
        }
        let limits = limits(field.schema);
        let name = identifier(field.name);
        let _ = writeln!(text, "{description}{limits}{attribute}pub {name}: {rust},");
        let target = self.model.resolve(field.schema);
        let textual = base_type(target) == Some("string") && target.get("enum").is_none();
        constructor.field(field, &name, &inner, &description, textual && inner != "Secret");
        Ok(())
    }

    /// The Rust type of a schema, without the `Option` of a nullable one.
    fn rust_type(&mut self, place: &str, schema: &'a Value) -> Result<String, Error> {
        if let Some(name) = reference_name(schema) {
            let owner = self
                .model
                .schema(name)
                .map_or("", |target| target["x-companyos-area"].as_str().unwrap_or(""));
            if owner != self.area {
                self.import(&format!("crate::{}", super::snake(owner)), name);
            }
            return Ok(name.to_owned());
        }
        if schema.get("enum").is_some() {
            return Ok(pascal(place));
        }
        let minimum = schema["minimum"].as_i64();
        Ok(match base_type(schema) {
            Some("string") if schema["x-companyos-secret"] == Value::Bool(true) => {
                self.import("crate", "Secret")
            }
            Some("string") => "String".into(),
            Some("boolean") => "bool".into(),
            Some("integer") if schema["format"] == "uint16" => "u16".into(),
            Some("integer") if minimum.is_some_and(|least| least >= 0) => "u64".into(),
            Some("integer") => "i64".into(),
            Some("number") => "f64".into(),
            Some("array") => format!("Vec<{}>", self.rust_type(place, &schema["items"])?),
            Some("object") => match &schema["additionalProperties"] {
                Value::Object(_) => {
                    self.import("std::collections", "BTreeMap");
                    let value = &schema["additionalProperties"];
                    let inner = self.rust_type(place, value)?;
                    let inner = if is_nullable(value) { format!("Option<{inner}>") } else { inner };
                    format!("BTreeMap<String, {inner}>")
                }
                _ => {
                    self.import("serde_json", "Map");
                    self.import("serde_json", "Value");
                    "Map<String, Value>".into()
                }
            },
            other => {
                return Err(Error::new(
                    format!("{place} has the type {other:?}, which the generator does not know"),
                    "use a single type, a type with 'null', or teach contract-tests/src/generate/types.rs the shape",
                ));
            }
        })
    }
}

/// The constructor and the setters of a request type, so that new optional members break no caller.
#[derive(Default)]
struct Constructor {
    parameters: String,
    fields: String,
    setters: String,
    optional: Vec<String>,
    required: bool,
}

impl Constructor {
    fn field(&mut self, field: &Field<'_>, name: &str, rust: &str, description: &str, textual: bool) {
        let (parameter, value) = if textual {
            (format!("impl Into<{rust}>"), format!("{name}.into()"))
        } else {
            (rust.to_owned(), name.to_owned())
        };
        if field.required {
            self.required = true;
            let _ = write!(self.parameters, "{name}: {parameter},");
            // Clippy refuses `name: name`.
            let _ = if textual {
                write!(self.fields, "{name}: {value},")
            } else {
                write!(self.fields, "{name},")
            };
            return;
        }
        self.optional.push(name.to_owned());
        let bare = name.trim_start_matches("r#");
        let (parameter, value) = if is_nullable(field.schema) {
            (format!("Option<{rust}>"), name.to_owned())
        } else {
            (parameter, value)
        };
        let _ = writeln!(
            self.setters,
            "{description}#[must_use]\npub fn with_{bare}(mut self, {name}: {parameter}) -> Self {{\nself.{name} = Some({value});\nself\n}}\n"
        );
    }

    fn text(&self, owner: &str) -> String {
        let mut out = format!("impl {owner} {{\n");
        if self.required {
            let absent: String = self.optional.iter().map(|name| format!("{name}: None,")).collect();
            let _ = writeln!(
                out,
                "/// One with the required members.\n#[must_use]\npub fn new({}) -> Self {{ Self {{ {}{absent} }} }}\n",
                self.parameters, self.fields
            );
        }
        out.push_str(&self.setters);
        out.push_str("}\n\n");
        out
    }
}

/// The name of an enumeration's value. `Unknown` is taken by the catch-all of open enumerations.
fn variant(owner: &str, value: &str) -> String {
    match pascal(value).as_str() {
        "Unknown" => {
            let last = owner.rfind(|letter: char| letter.is_ascii_uppercase()).unwrap_or_default();
            format!("Unknown{}", &owner[last..])
        }
        other => other.to_owned(),
    }
}

/// A schema's type with `null` taken away.
fn base_type(schema: &Value) -> Option<&str> {
    match &schema["type"] {
        Value::String(name) => Some(name),
        Value::Array(names) => {
            let mut others = names.iter().filter_map(Value::as_str).filter(|name| *name != "null");
            others.next().filter(|_| others.next().is_none())
        }
        _ => None,
    }
}

fn is_nullable(schema: &Value) -> bool {
    strings(schema.get("type")).contains(&"null")
}

/// A doc paragraph with the limits that the type cannot express.
fn limits(schema: &Value) -> String {
    let number = |name: &str| schema.get(name).map(ToString::to_string);
    let mut parts = Vec::new();
    match (number("minLength"), number("maxLength")) {
        (Some(least), Some(most)) => parts.push(format!("{least} to {most} characters")),
        (Some(least), None) => parts.push(format!("at least {least} characters")),
        (None, Some(most)) => parts.push(format!("at most {most} characters")),
        (None, None) => {}
    }
    match (number("minItems"), number("maxItems")) {
        (Some(least), Some(most)) => parts.push(format!("{least} to {most} items")),
        (Some(least), None) => parts.push(format!("at least {least} items")),
        (None, Some(most)) => parts.push(format!("at most {most} items")),
        (None, None) => {}
    }
    if let (Some(least), Some(most)) = (number("minimum"), number("maximum")) {
        parts.push(format!("{least} to {most}"));
    }
    if let Some(pattern) = schema["pattern"].as_str() {
        parts.push(format!("pattern `{pattern}`"));
    }
    if let Some(default) = number("default") {
        parts.push(format!("default {default}"));
    }
    if parts.is_empty() { String::new() } else { format!("///\n/// Limits: {}.\n", parts.join("; ")) }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
