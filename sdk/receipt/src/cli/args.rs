use clap::{Parser, Subcommand};

const EXIT_CODES: &str =
    "Exit codes: 0 valid, 1 not valid, 2 could not check.\nA FILE of `-` is standard input.";

/// Check CompanyOS receipts offline.
#[derive(Debug, Parser)]
#[command(name = "companyos-receipt", version, after_help = EXIT_CODES)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check receipts, or exported ranges of a log, against trusted keys.
    Verify(VerifyArgs),
    /// Print what a receipt, or an exported range, says. Nothing is verified.
    Show(ShowArgs),
    /// Print a receipt, or an exported range, without its disclosed members. It still verifies.
    Redact(RedactArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct VerifyArgs {
    /// The trusted keys: a JWK set, such as the one that the server publishes at /.well-known/jwks.json.
    #[arg(long, value_name = "JWKS")]
    pub(super) keys: String,
    /// Accept only the log with this origin.
    #[arg(long)]
    pub(super) origin: Option<String>,
    /// The inclusion proof (C2SP tlog-proof) of the one receipt that is checked.
    #[arg(long, value_name = "FILE")]
    pub(super) proof: Option<String>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub(super) json: bool,
    /// Receipts (SD-JWT) and exported ranges; which one it is shows from the content.
    #[arg(required = true, value_name = "FILE")]
    pub(super) files: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// A receipt (SD-JWT) or an exported range.
    #[arg(value_name = "FILE")]
    pub(super) file: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct RedactArgs {
    /// A member to keep, such as `actor`; can be repeated, or list several with commas. All others are withheld.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(super) keep: Vec<String>,
    /// A receipt (SD-JWT) or an exported range.
    #[arg(value_name = "FILE")]
    pub(super) file: String,
}
