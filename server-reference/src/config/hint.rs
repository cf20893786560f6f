//! What someone who misspelt a name probably meant.

/// The end of a sentence: the nearest of `names`, or nothing when none is near.
pub(super) fn nearest<'n>(misspelt: &str, names: impl Iterator<Item = &'n str>) -> String {
    let near = names.map(|name| (distance(misspelt, name), name)).min();
    match near {
        Some((distance, name)) if distance <= name.len() / 2 => format!("; did you mean `{name}`?"),
        _ => "; `companyos config show` lists all".to_owned(),
    }
}

/// How many characters must be changed, added or left out (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let changed = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(row[j + 1] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_when_it_is_near() {
        let names = || ["listen.address", "log.level"].into_iter();
        assert_eq!(nearest("listen.adress", names()), "; did you mean `listen.address`?");
        assert_eq!(nearest("loglevel", names()), "; did you mean `log.level`?");
        assert!(nearest("zzz", names()).contains("config show"));
    }
}
