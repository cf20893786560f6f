//! What a file that cannot be read is answered with.

use companyos_types::problems;
use companyos_types::shared::ProblemError;

use super::intake::to_wire;
use crate::areas::tenants::import::FileError;
use crate::kernel::problem::Problem;

impl From<FileError> for Problem {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Malformed { row, code, detail } => Self::new(&problems::MALFORMED_REQUEST)
                .detail(format!("{detail} Nothing was imported."))
                .error(ProblemError {
                    pointer: None,
                    parameter: None,
                    row: row.map(u64::from),
                    column: None,
                    code: code.to_owned(),
                    detail: detail.into_owned(),
                }),
            FileError::Columns(findings) => Self::validation(findings.iter().map(to_wire).collect())
                .detail("The columns of the file do not fit. Nothing was imported."),
            FileError::TooManyRows { max } => Self::new(&problems::CONTENT_TOO_LARGE)
                .detail(format!("The file has more than {max} rows. Split it. Nothing was imported.")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FileError, Problem};

    #[test]
    fn every_kind_of_unreadable_file_has_its_problem() {
        let malformed = FileError::Malformed { row: Some(3), code: "unterminated-quote", detail: "x".into() };
        for (error, code) in [
            (malformed, "malformed-request"),
            (FileError::Columns(Vec::new()), "validation-failed"),
            (FileError::TooManyRows { max: 2 }, "content-too-large"),
        ] {
            assert_eq!(Problem::from(error).code(), code);
        }
    }
}
