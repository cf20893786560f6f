//! Stripe: localstripe, from PyPI, and what our own scripts add to it. They say what they cannot show. localstripe is
//! under the GPL, so it stays in an environment of its own: nothing links it and nothing ships it.

use super::Recipe;
use crate::test_run::tools;

pub(super) const PEER: Recipe = Recipe {
    name: "stripe",
    variable: "COMPANYOS_TEST_STRIPE",
    ready: "/ready",
    command: |session, port| {
        let folder = tools::python_peer(session, "stripe")?;
        let mut command = session.command(folder.join("bin/python"));
        // The folder of the scripts is part of the checkout, and nothing is to be left in it.
        command
            .arg("-B")
            .arg(session.repo().path("contract-tests/peers/stripe/peer.py"))
            .arg(port.to_string());
        Ok(command)
    },
};
