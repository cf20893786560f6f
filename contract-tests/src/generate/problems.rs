//! `problems.rs`: one constant per problem type.

use super::{NOTICE, doc, literal, screaming};
use crate::model::members;
use serde_json::Value;
use std::fmt::Write as _;

/// The whole file.
pub(super) fn file(document: &Value) -> String {
    let registry = &document["x-companyos-problems"];
    let mut out = format!(
        "{NOTICE}//! Every problem type the API returns (RFC 9457).\n\npub use crate::problem::ProblemType;\n\n\
         /// What a problem's `type` begins with; its code follows.\n\
         pub const TYPE_BASE: &str = {};\n\n",
        literal(registry["type_base"].as_str().unwrap_or_default())
    );
    let mut all = String::new();
    for (code, problem) in members(registry.get("types")) {
        let text = |name: &str| problem[name].as_str().unwrap_or_default();
        let name = screaming(code);
        let _ = writeln!(all, "{name},");
        let _ = writeln!(
            out,
            "{}pub const {name}: ProblemType = ProblemType {{ code: {}, status: {}, title: {}, detail: {}, retryable: {} }};\n",
            doc(&format!("`{code}`, {}: {}", problem["status"], text("detail"))),
            literal(code),
            problem["status"],
            literal(text("title")),
            literal(text("detail")),
            problem["retryable"].as_bool().unwrap_or_default(),
        );
    }
    let _ = writeln!(out, "/// Every problem type.\npub const ALL: &[ProblemType] = &[{all}];");
    out
}
