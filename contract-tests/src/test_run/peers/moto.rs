//! S3 in breadth: moto, from PyPI, with what our own script repairs. Versions, object lock, storage classes, keys. It
//! checks signatures only after `POST /moto-api/reset-auth`, and digests never.

use super::Recipe;
use crate::test_run::tools;

pub(super) const PEER: Recipe = Recipe {
    name: "moto",
    variable: "COMPANYOS_TEST_MOTO",
    ready: "/moto-api/data.json",
    command: |session, port| {
        let folder = tools::python_peer(session, "moto")?;
        let mut command = session.command(folder.join("bin/python"));
        // The folder of the script is part of the checkout, and nothing is to be left in it.
        command.arg("-B").arg(session.repo().path("contract-tests/peers/moto/peer.py")).arg(port.to_string());
        Ok(command)
    },
};
