//! The SDK's area modules, written on its hand-written `Call`.

use super::{
    NOTICE, doc, imports, literal,
    names::{identifier, pascal, screaming, snake},
};
use crate::{
    deprecation::Deprecation,
    error::Error,
    model::{Model, Operation, Parameter, reference_name, strings},
};
use serde_json::Value;
use std::{collections::BTreeSet, fmt::Write as _};

/// Problems any operation can answer with; their place is the documentation of the error type.
const UNIVERSAL: [&str; 8] = [
    "unknown-parameter",
    "invalid-parameter",
    "not-acceptable",
    "uri-too-long",
    "rate-limited",
    "header-fields-too-large",
    "internal",
    "unavailable",
];

/// `areas/mod.rs`: the modules, and how a client hands them out.
pub(super) fn index(model: Model<'_>) -> String {
    let mut out =
        format!("{NOTICE}//! One module per area of the contract.\n\nuse crate::core::client::Client;\n\n");
    for area in model.areas() {
        let _ = writeln!(out, "pub mod {};", snake(area));
    }
    out.push_str("\n/// The areas.\nimpl Client {\n");
    for area in model.areas() {
        let (module, name) = (snake(area), pascal(area));
        let _ = writeln!(
            out,
            "{}#[must_use]\npub fn {module}(&self) -> {module}::{name}<'_> {{ {module}::{name}::new(self) }}\n",
            doc(area_description(model, area))
        );
    }
    out.push_str("}\n");
    out
}

/// The whole module of an area.
pub(super) fn area(model: Model<'_>, area: &str) -> Result<String, Error> {
    let mut module =
        Module { model, area, imports: BTreeSet::new(), methods: String::new(), builders: String::new() };
    let mut names = BTreeSet::new();
    for operation in model.operations() {
        if operation.area() == area {
            let method = method_name(operation);
            if !names.insert(method.clone()) {
                return Err(Error::new(
                    format!("two operations of the area {area} would be the method {method}"),
                    format!("give {} an x-companyos-method in openapi/areas/{area}.yaml", operation.id()),
                ));
            }
            module.operation(operation, &method)?;
        }
    }
    let name = pascal(area);
    let mut out = format!("{NOTICE}//! {}\n\n", area_description(model, area));
    for import in ["crate::core::call::Call", "crate::core::client::Client", "companyos_types::ops"] {
        module.imports.insert(import.into());
    }
    out.push_str(&imports(&module.imports));
    let _ = writeln!(
        out,
        "\n{}#[derive(Debug, Clone, Copy)]\npub struct {name}<'c> {{ client: &'c Client }}\n\n\
         impl<'c> {name}<'c> {{\npub(crate) fn new(client: &'c Client) -> Self {{ Self {{ client }} }}\n\n{}}}\n\n{}",
        doc(&format!("The operations of the area `{area}`, from [`Client::{}`].", snake(area))),
        module.methods,
        module.builders
    );
    Ok(out)
}

fn area_description<'a>(model: Model<'a>, area: &str) -> &'a str {
    let tags = model.document()["tags"].as_array().map_or(&[][..], Vec::as_slice);
    tags.iter()
        .find(|tag| tag["name"] == area)
        .and_then(|tag| tag["description"].as_str())
        .unwrap_or_default()
}

/// The operation's id without the area's noun, unless the contract names the method.
fn method_name(operation: Operation<'_>) -> String {
    let explicit = operation.text("x-companyos-method");
    if !explicit.is_empty() {
        return explicit.to_owned();
    }
    let (id, plural) = (snake(operation.id()), snake(operation.area()));
    let singular = plural.strip_suffix('s').unwrap_or(&plural);
    for noun in [plural.as_str(), singular] {
        let name = format!("_{id}_").replacen(&format!("_{noun}_"), "_", 1);
        let name = name.trim_matches('_');
        if name != id {
            return name.to_owned();
        }
    }
    id
}

/// The attribute of a deprecated operation, nothing for any other.
fn deprecated(operation: Operation<'_>) -> String {
    let Ok(Some(Deprecation { since, sunset })) = Deprecation::of(operation) else { return String::new() };
    let gone = sunset.map_or_else(String::new, |day| format!("; it may be gone from {} on", day.text()));
    format!("#[deprecated(note = \"deprecated since {}{gone}\")]\n", since.text())
}

/// What a successful answer is read as.
enum Answer {
    Unit,
    Text,
    Bytes,
    Json(String),
    Accepted(String),
}

struct Module<'a> {
    model: Model<'a>,
    area: &'a str,
    imports: BTreeSet<String>,
    methods: String,
    builders: String,
}

impl<'a> Module<'a> {
    fn core(&mut self, path: &str) {
        self.imports.insert(format!("crate::core::{path}"));
    }

    fn operation(&mut self, operation: Operation<'a>, method: &str) -> Result<(), Error> {
        let builder = pascal(operation.id());
        let parameters: Vec<Parameter<'a>> =
            operation.parameters().into_iter().filter(|p| p.name != "Idempotency-Key").collect();
        let mut arguments = String::from("&self,");
        let mut build = format!("Call::new(self.client, &ops::{})", screaming(operation.id()));
        for parameter in parameters.iter().filter(|p| p.required) {
            let _ = write!(arguments, "{}: {},", identifier(parameter.name), self.parameter_type(parameter));
            build.push_str(&pass(parameter, &identifier(parameter.name)));
        }
        let body = self.body(operation, &builder, &mut arguments)?;
        let build = match body {
            BodyCode::None => build,
            BodyCode::Call(code) => format!("{build}{code}"),
            BodyCode::Match(code) => format!("let call = {build};\nlet call = {code};\ncall"),
        };
        let build = match build.strip_suffix("\ncall") {
            Some(before) => format!("{before}\n{builder} {{ call }}"),
            None => format!("{builder} {{ call: {build} }}"),
        };
        let _ = writeln!(
            self.methods,
            "{}{}pub fn {method}({arguments}) -> {builder}<'c> {{\n{build}\n}}\n",
            self.documentation(operation),
            deprecated(operation)
        );
        self.builder(operation, &builder, method, &parameters)
    }

    fn builder(
        &mut self,
        operation: Operation<'a>,
        builder: &str,
        method: &str,
        parameters: &[Parameter<'a>],
    ) -> Result<(), Error> {
        let mut setters = String::new();
        if operation.text("x-companyos-idempotency") == "required" {
            self.core("idempotency::IdempotencyKey");
            setters.push_str(
                "/// Names the call over all its attempts; the first outcome is replayed. Made by the client when not set.\n\
                 pub fn idempotency_key(mut self, key: impl Into<IdempotencyKey>) -> Self {\n\
                 self.call = self.call.idempotency_key(key);\nself\n}\n\n",
            );
        }
        for parameter in parameters.iter().filter(|p| !p.required) {
            let name = identifier(parameter.name);
            let kind = self.parameter_type(parameter);
            let description = doc(parameter.value["description"].as_str().unwrap_or_default());
            let _ = writeln!(
                setters,
                "{description}pub fn {name}(mut self, {name}: {kind}) -> Self {{\nself.call = self.call{};\nself\n}}\n",
                pass(parameter, &name)
            );
        }
        self.core("options::CallOptions");
        setters.push_str(
            "/// Sets the time limit, the attempts and the headers of this call alone.\n\
             pub fn options(mut self, options: CallOptions) -> Self {\nself.call = self.call.options(options);\nself\n}\n\n",
        );
        let sends = self.sends(operation)?;
        let _ = writeln!(
            self.builders,
            "/// A call of [`{area}::{method}`].\n#[derive(Debug, Clone)]\n\
             #[must_use = \"a call does nothing until it is sent\"]\n\
             pub struct {builder}<'c> {{ call: Call<'c> }}\n\n\
             impl<'c> {builder}<'c> {{\n{setters}{sends}}}\n",
            area = pascal(self.area)
        );
        Ok(())
    }

    fn sends(&mut self, operation: Operation<'a>) -> Result<String, Error> {
        self.core("error::Error");
        self.core("response::Response");
        let (output, how) = match self.answer(operation)? {
            Answer::Unit => ("()".to_owned(), "send_unit"),
            Answer::Text => ("String".to_owned(), "send_text"),
            Answer::Bytes => {
                self.imports.insert("bytes::Bytes".into());
                ("Bytes".to_owned(), "send_bytes")
            }
            Answer::Accepted(name) => {
                self.core("poll::Accepted");
                self.core("poll::Poller");
                return Ok(format!(
                    "/// Sends the call. The result is either there at once or a long operation to follow.\n\
                     pub async fn send(self) -> Result<Response<Accepted<{name}>>, Error> {{ self.call.send_accepted().await }}\n\n\
                     /// Sends the call and follows the long operation.\n\
                     pub async fn poller(self) -> Result<Poller<{name}>, Error> {{ self.call.poller().await }}\n\n\
                     /// Sends the call and waits until the long operation has ended.\n\
                     pub async fn wait(self) -> Result<Response<Accepted<{name}>>, Error> {{\n\
                     self.call.poller().await?.wait().await\n}}\n"
                ));
            }
            Answer::Json(name) => (name, "send_json"),
        };
        let paginated = operation.flag("x-companyos-pagination");
        let what = if paginated { "Sends the call for one page." } else { "Sends the call." };
        let mut out = format!(
            "/// {what}\npub async fn send(self) -> Result<Response<{output}>, Error> {{ self.call.{how}().await }}\n"
        );
        if paginated {
            out.push_str(&self.page(&output));
        }
        Ok(out)
    }

    /// The streams over a paginated list, and the page as the core sees it.
    fn page(&mut self, page: &str) -> String {
        for name in ["Page", "PageStream", "ItemStream"] {
            self.core(&format!("page::{name}"));
        }
        let items =
            self.model.schema(page).map_or(&Value::Null, |schema| &schema["properties"]["items"]["items"]);
        let item = reference_name(items).unwrap_or("Value").to_owned();
        self.types(&item);
        let _ = writeln!(
            self.builders,
            "impl Page for {page} {{\ntype Item = {item};\n\n\
             fn next_cursor(&self) -> Option<&str> {{ self.next_cursor.as_deref() }}\n\n\
             fn into_items(self) -> Vec<{item}> {{ self.items }}\n}}\n"
        );
        format!(
            "\n/// Lists page by page, from the one this call asks for to the last.\n\
             pub fn by_page(self) -> PageStream<'c, {page}> {{ self.call.by_page() }}\n\n\
             /// Lists item by item, over all pages.\n\
             pub fn by_item(self) -> ItemStream<'c, {item}> {{ self.call.by_item::<{page}>() }}\n"
        )
    }

    fn answer(&mut self, operation: Operation<'a>) -> Result<Answer, Error> {
        let responses = operation.responses();
        let direct = responses.iter().find(|(status, _)| (200..300).contains(status) && *status != 202);
        let Some((_, response)) = direct else {
            return Err(Error::new(
                format!("{} answers at once with nothing the generator knows", operation.id()),
                "declare a response 200, 201 or 204",
            ));
        };
        let Some((media, content)) =
            response["content"].as_object().and_then(|content| content.iter().next())
        else {
            return Ok(Answer::Unit);
        };
        let schema = &content["schema"];
        if media != "application/json" && !media.ends_with("+json") {
            return Ok(if schema["format"] == "binary" { Answer::Bytes } else { Answer::Text });
        }
        let name = if let Some(name) = reference_name(schema) {
            self.types(name);
            name.to_owned()
        } else {
            self.imports.insert("serde_json::Value".into());
            "Value".to_owned()
        };
        Ok(if operation.flag("x-companyos-async") { Answer::Accepted(name) } else { Answer::Json(name) })
    }

    /// Imports a wire type.
    fn types(&mut self, name: &str) {
        let area = self
            .model
            .schema(name)
            .and_then(|schema| schema["x-companyos-area"].as_str())
            .unwrap_or("shared");
        self.imports.insert(format!("companyos_types::{}::{name}", snake(area)));
    }

    /// The type of a parameter's argument. Texts are taken from anything that displays as one.
    fn parameter_type(&mut self, parameter: &Parameter<'a>) -> String {
        let schema = parameter.schema();
        let target = self.model.resolve(schema);
        let name = reference_name(schema).unwrap_or_default().to_owned();
        if parameter.is_json() {
            self.types(&name);
            return format!("&{name}");
        }
        if !name.is_empty() && target.get("enum").is_some() {
            self.types(&name);
            return name;
        }
        match target["type"].as_str() {
            Some("boolean") => "bool".into(),
            Some("integer") => "u64".into(),
            _ => {
                self.imports.insert("std::fmt::Display".into());
                "impl Display".into()
            }
        }
    }

    fn body(
        &mut self,
        operation: Operation<'a>,
        builder: &str,
        arguments: &mut String,
    ) -> Result<BodyCode, Error> {
        let content = operation.request_content();
        if let [(media, schema)] = content.as_slice() {
            let (kind, code) = self.one_body(operation, media, schema)?;
            let reference = if kind == "Body" { "impl Into<Body>".to_owned() } else { format!("&{kind}") };
            let _ = write!(arguments, "body: {reference},");
            return Ok(BodyCode::Call(code));
        }
        if content.is_empty() {
            return Ok(BodyCode::None);
        }
        let name = format!("{builder}Body");
        let (mut variants, mut arms, mut conversions) = (String::new(), String::new(), String::new());
        let binary = content.iter().filter(|(media, _)| !is_json(media)).count();
        for (media, schema) in &content {
            let (kind, code) = self.one_body(operation, media, schema)?;
            let variant = variant(media);
            let code = code
                .replace("body.into()", "body")
                .replace(", body", if kind == "Body" { ", body" } else { ", &body" });
            let code = if kind == "Body" { code } else { code.replace("(body)", "(&body)") };
            let _ = writeln!(variants, "/// `{media}`.\n{variant}({kind}),");
            let _ = writeln!(arms, "{name}::{variant}(body) => call{code},");
            if kind != "Body" || binary == 1 {
                let _ = writeln!(
                    conversions,
                    "impl From<{kind}> for {name} {{\nfn from(body: {kind}) -> Self {{ Self::{variant}(body) }}\n}}\n"
                );
            }
        }
        let _ = writeln!(
            self.builders,
            "/// What [`{area}::{method}`] can be given.\n#[derive(Debug, Clone)]\n#[non_exhaustive]\n\
             pub enum {name} {{\n{variants}}}\n\n{conversions}",
            area = pascal(self.area),
            method = method_name(operation)
        );
        let _ = write!(arguments, "body: impl Into<{name}>,");
        Ok(BodyCode::Match(format!("match body.into() {{\n{arms}}}")))
    }

    /// The Rust type of a body of one media type, and how it is handed to the call.
    fn one_body(
        &mut self,
        operation: Operation<'a>,
        media: &str,
        schema: &'a Value,
    ) -> Result<(String, String), Error> {
        if !is_json(media) {
            self.core("body::Body");
            return Ok(("Body".into(), format!(".body({}, body.into())", literal(media))));
        }
        let code = match media {
            "application/json" => ".json(body)".to_owned(),
            other => format!(".json_as({}, body)", literal(other)),
        };
        let item = schema.get("items").and_then(reference_name);
        let kind = match (reference_name(schema), item) {
            (Some(name), _) => {
                self.types(name);
                name.to_owned()
            }
            (None, Some(name)) => {
                self.types(name);
                format!("Vec<{name}>")
            }
            (None, None) => {
                return Err(Error::new(
                    format!(
                        "the body {media} of {} is neither a component nor a list of one",
                        operation.id()
                    ),
                    "name its schema in components/schemas and refer to it",
                ));
            }
        };
        Ok((kind, code))
    }

    fn documentation(&self, operation: Operation<'a>) -> String {
        let mut text = format!("{}.\n", operation.text("summary"));
        let description = operation.text("description").trim();
        if !description.is_empty() {
            let _ = write!(text, "\n{description}\n");
        }
        let _ = write!(text, "\n`{} {}`", operation.method.to_uppercase(), operation.path);
        match operation.list("x-companyos-scopes").as_slice() {
            [] => text.push_str(" needs no credential."),
            [scope] => {
                let _ = write!(text, " needs the scope `{scope}`.");
            }
            scopes => {
                let _ = write!(text, " needs the scopes `{}`.", scopes.join("`, `"));
            }
        }
        if let Some(action) = operation.action() {
            let _ = write!(
                text,
                " A policy decides; the receipt of the action `{action}` is named in the response."
            );
        }
        if operation.flag("x-companyos-dual-control") {
            text.push_str(" A second person must confirm.");
        }
        match operation.text("x-companyos-idempotency") {
            "required" => text.push_str(" Safe to retry: the idempotency key makes it act once."),
            "none" => text.push_str(
                " Nothing makes a repeated call act once, so it is retried only if it was not sent.",
            ),
            _ => {}
        }
        if operation.text("x-companyos-mode") == "development" {
            text.push_str(" Servers in development mode only.");
        }
        let codes: Vec<&str> = strings(operation.value.get("x-companyos-problems"))
            .into_iter()
            .filter(|code| !UNIVERSAL.contains(code))
            .collect();
        text.push_str("\n\n# Errors\n");
        if codes.is_empty() {
            text.push_str("Only those that any call can meet.");
        } else {
            let _ = write!(text, "Besides those that any call can meet: `{}`.", codes.join("`, `"));
        }
        doc(&text)
    }
}

/// How a body gets into the call.
enum BodyCode {
    None,
    /// A method call on the call under construction.
    Call(String),
    /// An expression over the variable `call`.
    Match(String),
}

fn is_json(media: &str) -> bool {
    media == "application/json" || media.ends_with("+json")
}

/// The variant of a media type: its last word, such as `Csv`, `Json`, `Ndjson`, `ReceiptRange`.
fn variant(media: &str) -> String {
    let subtype = media.rsplit('/').next().unwrap_or(media);
    let name = subtype.rsplit('.').next().unwrap_or(subtype);
    pascal(name.trim_start_matches("x-"))
}

/// The method call that hands a parameter to the call.
fn pass(parameter: &Parameter<'_>, variable: &str) -> String {
    let name = literal(parameter.name);
    match parameter.location {
        "path" if parameter.value["x-companyos-rest"] == Value::Bool(true) => {
            format!(".path_rest({name}, {variable})")
        }
        "path" => format!(".path({name}, {variable})"),
        "header" => format!(".header({}, {variable})", literal(&parameter.name.to_ascii_lowercase())),
        _ if parameter.is_json() => format!(".query_json({name}, {variable})"),
        _ => format!(".query({name}, {variable})"),
    }
}
