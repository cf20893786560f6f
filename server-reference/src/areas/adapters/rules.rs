//! What may be registered, and what a change comes to.

use std::collections::BTreeMap;
use std::net::IpAddr;

use companyos_adapters::catalog::{Invalid, Kind, Plan, Secrets};
use companyos_types::Secret as WireSecret;
use serde_json::{Map, Value};
use url::{Host, Url};

use crate::kernel::settings::Mode;

/// Why a configuration is refused, by JSON Pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) pointer: String,
    pub(super) code: &'static str,
    pub(super) detail: String,
}

impl From<Invalid> for Refused {
    fn from(invalid: Invalid) -> Self {
        Self {
            pointer: format!("#/{}", invalid.member.replace('.', "/")),
            code: "adapter",
            detail: invalid.message,
        }
    }
}

/// Checks a configuration as a whole.
pub(super) fn plan(
    kind: Kind,
    settings: &Map<String, Value>,
    secrets: &Secrets,
    mode: Mode,
) -> Result<Plan, Refused> {
    let refuse =
        |pointer: &str, detail: String| Err(Refused { pointer: pointer.to_owned(), code: "adapter", detail });
    if mode == Mode::Production && kind.is_local() {
        return refuse("#/kind", format!("{kind} is for development mode only."));
    }
    let plan = Plan::new(kind, settings, secrets)?;
    if mode == Mode::Production
        && let Some(origin) = plan.origins().into_iter().find(|origin| !is_public(origin))
    {
        return refuse("#/settings", format!("{origin} is not a public https origin."));
    }
    Ok(plan)
}

/// Whether a tenant may have the server talk to this origin: encrypted, and not by its very name within the server's
/// own network. A name that resolves to a private address is for the network around the server to stop.
fn is_public(origin: &str) -> bool {
    let Ok(url) = Url::parse(origin) else { return false };
    let public = match url.host() {
        None => false,
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            name.contains('.') && !["localhost", "local", "internal"].iter().any(|top| ends_with(name, top))
        }
        Some(Host::Ipv4(address)) => is_public_address(address.into()),
        Some(Host::Ipv6(address)) => is_public_address(address.into()),
    };
    url.scheme() == "https" && public
}

fn ends_with(name: &str, top: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(top))
}

fn is_public_address(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            // RFC 6598, shared address space; RFC 1112, reserved.
            let shared = a == 100 && (64..128).contains(&b);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || shared
                || a >= 240
                || a == 0)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

/// RFC 7396 on the settings: null removes, objects are merged.
pub(super) fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, change) in patch {
        match (change, target.get_mut(&name)) {
            (Value::Null, _) => {
                target.remove(&name);
            }
            (Value::Object(change), Some(Value::Object(inner))) => merge(inner, change),
            (Value::Object(change), _) => {
                let mut fresh = Map::new();
                merge(&mut fresh, change);
                target.insert(name, Value::Object(fresh));
            }
            (change, _) => {
                target.insert(name, change);
            }
        }
    }
}

/// The same on secrets, which have no depth.
pub(super) fn merge_secrets(target: &mut Secrets, patch: BTreeMap<String, Option<WireSecret>>) {
    for (name, change) in patch {
        match change {
            Some(secret) => {
                target.insert(name, companyos_adapters::traits::Secret::new(secret.expose()));
            }
            None => {
                target.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_public_https_origins_are_public() {
        for public in ["https://id.example.com", "https://8.8.8.8:9000/path", "https://[2600::1]"] {
            assert!(is_public(public), "{public}");
        }
        for private in [
            "http://id.example.com",
            "https://localhost",
            "https://minio",
            "https://db.internal.",
            "https://printer.LOCAL",
            "https://127.0.0.1",
            "https://10.1.2.3",
            "https://192.168.0.1",
            "https://169.254.169.254",
            "https://100.64.0.1",
            "https://0.0.0.0",
            "https://[::1]",
            "https://[::ffff:10.0.0.1]",
            "https://[fd00::1]",
            "https://[fe80::1]",
            "https://0x7f000001",
            "https://2130706433",
            "nonsense",
        ] {
            assert!(!is_public(private), "{private}");
        }
    }

    #[test]
    fn a_merge_patch_does_what_rfc_7396_says() {
        // The cases of its appendix A whose target and patch are objects.
        for (target, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let (Value::Object(mut target), Value::Object(patch)) = (target, patch) else { unreachable!() };
            merge(&mut target, patch);
            assert_eq!(Value::Object(target), result);
        }
    }
}
