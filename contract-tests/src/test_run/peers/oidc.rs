//! OpenID Connect: the certified oidc-provider, from npm, with a script of ours that makes issuers to measure.

use super::Recipe;
use crate::test_run::tools;

pub(super) const PEER: Recipe = Recipe {
    name: "oidc",
    variable: "COMPANYOS_TEST_OIDC",
    ready: "/ready",
    command: |session, port| {
        let folder = "contract-tests/peers/oidc";
        let packages = tools::npm_ci(session, "peer-oidc", folder)?;
        // Beside the packages, where the interpreter looks for them.
        for script in ["peer.mjs", "browser.mjs"] {
            tools::copy(session, &format!("{folder}/{script}"), &packages)?;
        }
        let mut command = session.command("node");
        command.arg(packages.join("peer.mjs")).arg(port.to_string());
        Ok(command)
    },
};
