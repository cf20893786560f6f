//! Which layer wins, and what is refused.

use super::*;

fn file(text: &str) -> Result<Layers, ConfigError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let mut layers = Layers::default();
    layers.file(file.path()).map(|()| layers)
}

fn variables(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect::<Vec<_>>()
        .into_iter()
}

#[test]
fn nothing_said_is_a_server_on_loopback_in_development() {
    let config = Layers::default().resolve().unwrap();
    assert_eq!(config.address.to_string(), "127.0.0.1:8027");
    assert_eq!(config.settings.mode, Mode::Development);
    assert_eq!(config.store.url, "sqlite:data/companyos.db");
    assert!(config.check(&Layers::default()).is_empty());
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let mut layers = file("region = \"eu-west-1\"\n[limits]\nbody_bytes = 1\nconcurrency = 1\n").unwrap();
    layers.environment(variables(&[
        ("COMPANYOS_LIMITS_BODY_BYTES", "2"),
        ("COMPANYOS_LIMITS_CONCURRENCY", "2"),
    ]));
    layers.flag("limits.concurrency", "3").unwrap();
    let config = layers.resolve().unwrap();
    assert_eq!(config.settings.region, "eu-west-1");
    assert_eq!((config.settings.limits.body_bytes, config.settings.limits.concurrency), (2, 3));
    let shown: Vec<_> = config.shown().filter(|shown| shown.source != Source::Default).collect();
    let sources: Vec<_> = shown.iter().map(|shown| (shown.name, shown.source)).collect();
    assert_eq!(
        sources,
        [
            ("limits.body_bytes", Source::Environment),
            ("limits.concurrency", Source::Flag),
            ("region", Source::File)
        ]
    );
}

#[test]
fn a_misspelt_key_is_refused_with_the_one_that_was_meant() {
    let error = file("[listen]\nadress = \"127.0.0.1:1\"\n").unwrap_err().to_string();
    assert!(error.contains("there is no setting `listen.adress`; did you mean `listen.address`?"), "{error}");
    assert!(Layers::default().flag("log.levle", "info").unwrap_err().to_string().contains("`log.level`"));
}

#[test]
fn a_strange_variable_is_told_but_not_refused() {
    let mut layers = Layers::default();
    layers.environment(variables(&[("COMPANYOS_LISTEN_ADRESS", "x"), ("HOME", "/")]));
    let findings = layers.resolve().unwrap().check(&layers);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].severity, Severity::Warning);
    assert!(findings[0].detail.contains("COMPANYOS_LISTEN_ADRESS"));
}

#[test]
fn values_of_the_wrong_kind_are_refused_by_name() {
    for (name, value) in [
        ("limits.body_bytes", "many"),
        ("limits.concurrency", "-1"),
        ("listen.address", "localhost"),
        ("listen.insecure_public_bind", "yes"),
        ("mode", "staging"),
        ("log.format", "xml"),
    ] {
        let mut layers = Layers::default();
        layers.flag(name, value).unwrap();
        let error = layers.resolve().unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(value), "{error}");
    }
    assert!(file("[cors]\norigins = [1]\n").unwrap_err().to_string().contains("list of strings"));
    assert!(file("not toml").is_err());
}

#[test]
fn a_public_address_needs_tls_or_a_word() {
    let mut layers = Layers::default();
    layers.flag("listen.address", "0.0.0.0:8027").unwrap();
    let config = layers.resolve().unwrap();
    assert_eq!(config.settings.mode, Mode::Production);
    assert!(config.public_bind_refusal().unwrap().contains("--insecure-public-bind"));
    assert_eq!(config.check(&layers)[0].severity, Severity::Error);
    layers.flag("listen.insecure_public_bind", "true").unwrap();
    assert_eq!(layers.resolve().unwrap().public_bind_refusal(), None);
}

#[test]
fn half_a_tls_configuration_is_refused() {
    let mut layers = Layers::default();
    layers.flag("listen.tls_key", "key.pem").unwrap();
    assert!(layers.resolve().unwrap_err().to_string().contains("both or not at all"));
}

#[test]
fn the_password_of_the_database_is_not_shown() {
    let mut layers = Layers::default();
    layers.flag("database_url", "postgres://companyos:hunter2@db/companyos").unwrap();
    let config = layers.resolve().unwrap();
    let url = config.shown().find(|shown| shown.name == "database_url").unwrap().value;
    assert_eq!(url, "postgres://companyos:***@db/companyos");
    assert!(config.store.url.contains("hunter2"));
}

#[test]
fn regions_and_issuers_are_checked() {
    for (name, value) in [("region", "mars"), ("region", "us-east"), ("issuer", "companyos"), ("issuer", "")]
    {
        let mut layers = Layers::default();
        layers.flag(name, value).unwrap();
        let findings = layers.resolve().unwrap().check(&layers);
        assert!(findings.iter().any(|finding| finding.severity == Severity::Error), "{name} {value}");
    }
}

#[test]
fn settings_are_sorted_and_every_variable_is_its_own() {
    assert!(SETTINGS.is_sorted_by(|a, b| a.name < b.name));
    let mut variables: Vec<_> = SETTINGS.iter().map(settings::variable).collect();
    variables.sort();
    variables.dedup();
    assert_eq!(variables.len(), SETTINGS.len());
}
