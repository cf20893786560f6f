//! The bundle read as operations, parameters and schemas.

use serde_json::{Map, Value};

/// A bundle with the questions the tool asks of it.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    bundle: &'a Value,
}

/// One operation of a bundle.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// The path template.
    pub path: &'a str,
    /// The method in lower case.
    pub method: &'a str,
    /// The operation object.
    pub value: &'a Value,
    model: Model<'a>,
}

/// One parameter of an operation, with references followed.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// Its name on the wire.
    pub name: &'a str,
    /// `path`, `query` or `header`.
    pub location: &'a str,
    /// Whether it must be present.
    pub required: bool,
    /// The parameter object.
    pub value: &'a Value,
}

impl<'a> Parameter<'a> {
    /// Its schema, or the schema of its JSON content.
    #[must_use]
    pub fn schema(&self) -> &'a Value {
        let content = || self.value.pointer("/content/application~1json/schema");
        self.value.get("schema").or_else(content).unwrap_or(&Value::Null)
    }

    /// Whether its value is JSON text.
    #[must_use]
    pub fn is_json(&self) -> bool {
        self.value.get("content").is_some()
    }
}

impl<'a> Model<'a> {
    /// A model over a bundle.
    #[must_use]
    pub fn new(bundle: &'a Value) -> Self {
        Self { bundle }
    }

    /// The document itself.
    #[must_use]
    pub fn document(&self) -> &'a Value {
        self.bundle
    }

    /// The areas in the contract's order.
    #[must_use]
    pub fn areas(&self) -> Vec<&'a str> {
        strings(self.bundle.get("x-companyos-areas"))
    }

    /// `info.version`.
    #[must_use]
    pub fn version(&self) -> &'a str {
        self.bundle.pointer("/info/version").and_then(Value::as_str).unwrap_or_default()
    }

    /// Every operation, by path and method.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation<'a>> {
        let model = *self;
        members(self.bundle.get("paths"))
            .flat_map(|(path, item)| {
                members(Some(item))
                    .filter(|(_, value)| value.is_object())
                    .map(move |(method, value)| Operation { path, method, value, model })
            })
            .collect()
    }

    /// The operation with this id.
    #[must_use]
    pub fn operation(&self, id: &str) -> Option<Operation<'a>> {
        self.operations().into_iter().find(|operation| operation.id() == id)
    }

    /// Every schema component, by name.
    pub fn schemas(&self) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
        members(self.bundle.pointer("/components/schemas"))
    }

    /// The schema component with this name.
    #[must_use]
    pub fn schema(&self, name: &str) -> Option<&'a Value> {
        self.bundle.pointer("/components/schemas")?.get(name)
    }

    /// Follows a `$ref`, if the value is one.
    #[must_use]
    pub fn resolve(&self, value: &'a Value) -> &'a Value {
        value
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| self.bundle.pointer(reference.strip_prefix('#')?))
            .unwrap_or(value)
    }
}

impl<'a> Operation<'a> {
    /// A text member, empty when absent.
    #[must_use]
    pub fn text(&self, name: &str) -> &'a str {
        self.value.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// A flag, false when absent.
    #[must_use]
    pub fn flag(&self, name: &str) -> bool {
        self.value.get(name).and_then(Value::as_bool).unwrap_or_default()
    }

    /// A list of texts, empty when absent.
    #[must_use]
    pub fn list(&self, name: &str) -> Vec<&'a str> {
        strings(self.value.get(name))
    }

    /// Its `operationId`.
    #[must_use]
    pub fn id(&self) -> &'a str {
        self.text("operationId")
    }

    /// The area that declares it.
    #[must_use]
    pub fn area(&self) -> &'a str {
        self.text("x-companyos-area")
    }

    /// The receipt verb of a privileged operation.
    #[must_use]
    pub fn action(&self) -> Option<&'a str> {
        self.value.get("x-companyos-action").and_then(Value::as_str)
    }

    /// Whether it needs no credential.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.value.get("security").and_then(Value::as_array).is_some_and(Vec::is_empty)
    }

    /// Follows a `$ref` in the operation's document, if the value is one.
    #[must_use]
    pub fn resolve<'b>(&self, value: &'b Value) -> &'b Value
    where
        'a: 'b,
    {
        let reference =
            value.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix('#'));
        reference.and_then(|pointer| self.model.bundle.pointer(pointer)).unwrap_or(value)
    }

    /// Its place in the bundle, as a JSON Pointer.
    #[must_use]
    pub fn pointer(&self) -> String {
        let path = crate::error::push_pointer("/paths", self.path);
        crate::error::push_pointer(&path, self.method)
    }

    /// Its parameters with references followed.
    #[must_use]
    pub fn parameters(&self) -> Vec<Parameter<'a>> {
        let own = self.value.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        own.iter()
            .map(|parameter| {
                let value = self.model.resolve(parameter);
                let text = |name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default();
                let required = value.get("required").and_then(Value::as_bool).unwrap_or_default();
                Parameter { name: text("name"), location: text("in"), required, value }
            })
            .collect()
    }

    /// The request body's media types with their schemas.
    #[must_use]
    pub fn request_content(&self) -> Vec<(&'a str, &'a Value)> {
        members(self.value.pointer("/requestBody/content"))
            .map(|(media, object)| (media, object.get("schema").unwrap_or(&Value::Null)))
            .collect()
    }

    /// Its responses by status.
    #[must_use]
    pub fn responses(&self) -> Vec<(u16, &'a Value)> {
        members(self.value.get("responses"))
            .filter_map(|(status, response)| Some((status.parse().ok()?, self.model.resolve(response))))
            .collect()
    }
}

/// The members of an object, or none.
pub fn members(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    value
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(Map::iter)
        .map(|(name, value)| (name.as_str(), value))
}

/// The strings of an array, or none.
#[must_use]
pub fn strings(value: Option<&Value>) -> Vec<&str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The component name at the end of a `$ref`.
#[must_use]
pub fn reference_name(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()?.rsplit('/').next()
}
