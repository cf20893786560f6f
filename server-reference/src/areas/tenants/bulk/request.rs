//! What a bulk import asks for: its query parameters and media type.

use companyos_types::problems;
use serde::Deserialize;

use crate::areas::tenants::checks::{Regions, check_label_name};
use crate::areas::tenants::import::{Delimiter, Format, Limits, Mapping, Options};
use crate::kernel::ctx::Ctx;
use crate::kernel::problem::{Problem, parameter_finding};

/// A bulk import as asked for.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) dry_run: bool,
    pub(super) plan_digest: Option<String>,
    pub(super) options: Options,
}

#[derive(Debug, Deserialize)]
struct Query {
    #[serde(default)]
    dry_run: bool,
    plan_digest: Option<String>,
    mapping: Option<Mapping>,
    delimiter: Option<String>,
}

impl Request {
    pub(super) fn of(ctx: &Ctx) -> Result<Self, Problem> {
        let query: Query = ctx.query()?;
        let format = Format::of_media_type(ctx.content_type())
            .ok_or_else(|| Problem::new(&problems::UNSUPPORTED_MEDIA_TYPE))?;
        if format != Format::Csv {
            let given = [("mapping", query.mapping.is_some()), ("delimiter", query.delimiter.is_some())];
            if let Some((name, _)) = given.into_iter().find(|(_, given)| *given) {
                return Err(invalid(name, "only-csv", "Only a CSV file has columns that can be described."));
            }
        }
        if let Some(field) = query.mapping.iter().flat_map(Mapping::keys).find(|field| !is_field(field)) {
            let detail =
                format!("{field} is none of external_id, name, region, contact_email, labels.<label>.");
            return Err(invalid("mapping", "unknown-field", &detail));
        }
        let delimiter = match query.delimiter.as_deref() {
            None => None,
            Some(text) => Some(Delimiter::parse(text).ok_or_else(|| {
                invalid("delimiter", "enum", "A delimiter is comma, semicolon, tab or pipe.")
            })?),
        };
        let regions = Regions::new(ctx.kernel().settings.region.clone(), []);
        let options =
            Options { format, mapping: query.mapping, delimiter, regions, limits: Limits::default() };
        Ok(Self { dry_run: query.dry_run, plan_digest: query.plan_digest, options })
    }
}

fn is_field(field: &str) -> bool {
    matches!(field, "external_id" | "name" | "region" | "contact_email")
        || field.strip_prefix("labels.").is_some_and(|label| check_label_name(label).is_ok())
}

fn invalid(parameter: &str, code: &str, detail: &str) -> Problem {
    Problem::new(&problems::INVALID_PARAMETER).error(parameter_finding(parameter, code, detail))
}

#[cfg(test)]
mod tests {
    use super::is_field;

    #[test]
    fn a_mapping_names_members_of_a_tenant() {
        for field in ["external_id", "name", "region", "contact_email", "labels.tier"] {
            assert!(is_field(field), "{field}");
        }
        for field in ["", "id", "labels", "labels.", "labels.A", "status"] {
            assert!(!is_field(field), "{field}");
        }
    }
}
