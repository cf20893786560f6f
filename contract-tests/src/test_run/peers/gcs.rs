//! Cloud Storage: gcp-storage-emulator, from PyPI, and what our own script adds to it. It knows neither credentials nor
//! quotas; the script says what else it cannot show.

use super::Recipe;
use crate::test_run::tools;

pub(super) const PEER: Recipe = Recipe {
    name: "gcs",
    variable: "COMPANYOS_TEST_GCS",
    ready: "/",
    command: |session, port| {
        let folder = tools::python_peer(session, "gcs")?;
        let mut command = session.command(folder.join("bin/python"));
        // The folder of the script is part of the checkout, and nothing is to be left in it.
        command.arg("-B").arg(session.repo().path("contract-tests/peers/gcs/peer.py")).arg(port.to_string());
        Ok(command)
    },
};
