//! Names in the three cases of Rust.

/// Splits at case changes, hyphens, underscores, dots, colons and blanks.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut start = true;
    for character in name.chars() {
        if !character.is_ascii_alphanumeric() {
            start = true;
            continue;
        }
        let begins = start || character.is_ascii_uppercase();
        match words.last_mut() {
            Some(word) if !begins => word.push(character),
            _ => words.push(character.to_ascii_lowercase().to_string()),
        }
        start = false;
    }
    words
}

/// `listApiKeys` becomes `ListApiKeys`, `retry-tests` becomes `RetryTests`.
#[must_use]
pub fn pascal(name: &str) -> String {
    words(name)
        .iter()
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| {
                format!("{}{}", first.to_ascii_uppercase(), letters.as_str())
            })
        })
        .collect()
}

/// `listApiKeys` becomes `list_api_keys`.
#[must_use]
pub fn snake(name: &str) -> String {
    words(name).join("_")
}

/// `listApiKeys` becomes `LIST_API_KEYS`.
#[must_use]
pub fn screaming(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// A snake-case name that is a legal identifier: a keyword becomes a raw identifier.
pub(crate) fn identifier(name: &str) -> String {
    const KEYWORDS: [&str; 14] = [
        "as", "async", "box", "const", "dyn", "enum", "in", "loop", "match", "mod", "move", "ref", "type",
        "use",
    ];
    let name = snake(name);
    if KEYWORDS.contains(&name.as_str()) { format!("r#{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::{identifier, pascal, screaming, snake};

    #[test]
    fn names_change_case_at_word_borders() {
        assert_eq!(snake("bulkImportTenants"), "bulk_import_tenants");
        assert_eq!(pascal("bulkImportTenants"), "BulkImportTenants");
        assert_eq!(screaming("retry-tests"), "RETRY_TESTS");
        assert_eq!(pascal("import_row"), "ImportRow");
        assert_eq!(snake("ApiKeyPage"), "api_key_page");
    }

    #[test]
    fn keywords_become_raw_identifiers() {
        assert_eq!(identifier("type"), "r#type");
        assert_eq!(identifier("from"), "from");
    }
}
