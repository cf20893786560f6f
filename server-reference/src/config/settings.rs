//! Every setting there is.

/// A setting: its name, default and meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// Its dotted name.
    pub name: &'static str,
    /// What it is when nothing is said; empty when that depends on others.
    pub default: &'static str,
    /// What it means.
    pub help: &'static str,
}

const fn setting(name: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting { name, default, help }
}

/// Every setting, by name.
pub const SETTINGS: &[Setting] = &[
    setting("cors.origins", "", "origins browsers may call from, separated by commas; none turns CORS off"),
    setting("data_dir", "data", "folder of the keys, the embedded database and the operator key"),
    setting("database_url", "", "sqlite:<file> or postgres://...; <data_dir>/companyos.db when empty"),
    setting(
        "issuer",
        "https://companyos.localhost",
        "the `iss` of receipts; never change it on a database in use",
    ),
    setting("limits.body_bytes", "1048576", "largest request body"),
    setting(
        "limits.body_timeout_seconds",
        "20",
        "time a body, or the next piece of an import, may take to arrive",
    ),
    setting("limits.concurrency", "2048", "requests answered at once; more get 503"),
    setting("limits.header_bytes", "32768", "largest request header"),
    setting("limits.import_bytes", "536870912", "largest bulk-import body"),
    setting("limits.import_rows_days", "30", "days the rows of an import can be listed after it has ended"),
    setting("limits.import_timeout_seconds", "900", "time an import may take, its body included"),
    setting("limits.request_timeout_seconds", "60", "time an operation may take"),
    setting("limits.requests_per_second", "20000", "requests per second and credential; 0 for no limit"),
    setting("limits.uri_bytes", "8192", "longest request target"),
    setting("listen.address", "127.0.0.1:8027", "where to listen; port 0 takes a free one"),
    setting("listen.connections", "4096", "connections open at once; more wait"),
    setting(
        "listen.header_timeout_seconds",
        "30",
        "time a header may take, and a kept-alive connection be idle",
    ),
    setting("listen.insecure_public_bind", "false", "allow a public address without TLS"),
    setting("listen.tls_certificate", "", "PEM file of the certificate chain"),
    setting("listen.tls_key", "", "PEM file of the private key"),
    setting("log.format", "auto", "auto (pretty on a terminal, else json), pretty or json"),
    setting("log.level", "info", "a tracing filter, such as info or info,sqlx=warn"),
    setting("mode", "", "development or production; development on loopback addresses when empty"),
    setting("region", "us-east-1", "the region whose receipts this server issues"),
    setting("shutdown.delay_seconds", "0", "time connections are still taken while /readyz says no"),
    setting("shutdown.drain_seconds", "30", "time running requests get when the server stops"),
    setting("store.group", "256", "most writes in one commit"),
    setting("store.lanes", "4", "commits at the same time; SQLite always has one"),
    setting("store.queue", "4096", "most writes that wait; more get 503"),
    setting("store.readers", "8", "connections that read at the same time"),
];

/// The setting of this name.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}

/// The environment variable of a setting.
pub(super) fn variable(setting: &Setting) -> String {
    format!("COMPANYOS_{}", setting.name.replace('.', "_").to_ascii_uppercase())
}
