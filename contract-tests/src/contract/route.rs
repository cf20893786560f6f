//! Finds the operation of a method and a path.

use super::{Contract, Rules, values::decode};

/// The id, the rules and the values of the path parameters.
pub(super) type Route<'a> = (&'a str, &'a Rules, Vec<(&'a str, String)>);

impl Contract {
    /// The operation whose template fits; a template with more fixed segments goes first.
    pub(super) fn route(&self, method: &str, path: &str) -> Option<Route<'_>> {
        let mut found: Vec<Route<'_>> = self
            .operations
            .iter()
            .filter(|(_, rules)| rules.method.eq_ignore_ascii_case(method))
            .filter_map(|(id, rules)| Some((id.as_str(), rules, fit(rules, path)?)))
            .collect();
        found.sort_by_key(|(_, _, values)| values.len());
        found.into_iter().next()
    }
}

fn fit<'a>(rules: &'a Rules, path: &str) -> Option<Vec<(&'a str, String)>> {
    let mut values = Vec::new();
    let mut segments = path.strip_prefix('/')?.split('/');
    for template in rules.path.strip_prefix('/')?.split('/') {
        let segment = segments.next()?;
        let Some(name) = template.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
            if segment != template {
                return None;
            }
            continue;
        };
        let mut value = segment.to_owned();
        if rules.parameters.iter().any(|parameter| parameter.name == name && parameter.rest) {
            for rest in segments.by_ref() {
                value.push('/');
                value.push_str(rest);
            }
        }
        values.push((name, decode(&value, false)));
    }
    segments.next().is_none().then_some(values)
}
