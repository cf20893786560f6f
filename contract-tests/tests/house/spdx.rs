//! Licence expressions, as far as packages use them: identifiers, `WITH`, `AND`, `OR`, brackets, and the old `/`.

/// A licence expression.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    /// One licence, with its exception when it has one.
    Licence(String),
    /// Each of them applies.
    All(Vec<Expression>),
    /// One of them may be chosen.
    Any(Vec<Expression>),
}

impl Expression {
    /// Reads an expression; `None` when it is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
        let mut words: Vec<&str> = text.split_whitespace().rev().collect();
        let expression = Self::any(&mut words)?;
        words.is_empty().then_some(expression)
    }

    /// Whether a choice exists under which every licence that applies is allowed.
    pub(crate) fn holds(&self, allowed: &impl Fn(&str) -> bool) -> bool {
        match self {
            Self::Licence(licence) => allowed(licence),
            Self::All(parts) => parts.iter().all(|part| part.holds(allowed)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(allowed)),
        }
    }

    /// `AND` binds tighter than `OR`.
    fn any(words: &mut Vec<&str>) -> Option<Self> {
        Self::joined(words, "OR", Self::all, Self::Any)
    }

    fn all(words: &mut Vec<&str>) -> Option<Self> {
        Self::joined(words, "AND", Self::one, Self::All)
    }

    fn joined(
        words: &mut Vec<&str>,
        by: &str,
        part: fn(&mut Vec<&str>) -> Option<Self>,
        join: fn(Vec<Self>) -> Self,
    ) -> Option<Self> {
        let mut parts = vec![part(words)?];
        while words.pop_if(|word| *word == by).is_some() {
            parts.push(part(words)?);
        }
        if parts.len() == 1 { parts.pop() } else { Some(join(parts)) }
    }

    fn one(words: &mut Vec<&str>) -> Option<Self> {
        let word = words.pop()?;
        if word == "(" {
            let inner = Self::any(words)?;
            return (words.pop()? == ")").then_some(inner);
        }
        if matches!(word, ")" | "AND" | "OR" | "WITH") {
            return None;
        }
        if words.pop_if(|word| *word == "WITH").is_some() {
            return Some(Self::Licence(format!("{word} WITH {}", words.pop()?)));
        }
        Some(Self::Licence(word.to_owned()))
    }
}

#[test]
fn an_expression_holds_when_a_choice_is_allowed() {
    let holds = |text: &str, allowed: &[&str]| {
        Expression::parse(text).map(|expression| expression.holds(&|licence| allowed.contains(&licence)))
    };
    assert_eq!(holds("MIT OR GPL-3.0", &["MIT"]), Some(true));
    assert_eq!(holds("MIT/Apache-2.0", &["Apache-2.0"]), Some(true));
    assert_eq!(holds("MIT AND GPL-3.0", &["MIT"]), Some(false));
    assert_eq!(holds("GPL-3.0 OR MIT AND ISC", &["MIT"]), Some(false));
    assert_eq!(holds("GPL-3.0 OR MIT AND ISC", &["MIT", "ISC"]), Some(true));
    assert_eq!(holds("(MIT OR Apache-2.0) AND Unicode-3.0", &["MIT"]), Some(false));
    assert_eq!(holds("(MIT OR Apache-2.0) AND Unicode-3.0", &["MIT", "Unicode-3.0"]), Some(true));
    assert_eq!(holds("Apache-2.0 WITH LLVM-exception", &["Apache-2.0"]), Some(false));
    assert_eq!(holds("Apache-2.0 WITH LLVM-exception", &["Apache-2.0 WITH LLVM-exception"]), Some(true));
    for none in ["", "MIT OR", "AND MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH"] {
        assert_eq!(Expression::parse(none), None, "{none:?}");
    }
}
