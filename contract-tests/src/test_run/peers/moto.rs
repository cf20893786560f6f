//! S3 in breadth: moto, from PyPI. Versions, object lock, storage classes, keys. It checks signatures only after
//! `POST /moto-api/reset-auth`, and digests never.

use super::Recipe;
use crate::test_run::tools;

pub(super) const PEER: Recipe = Recipe {
    name: "moto",
    variable: "COMPANYOS_TEST_MOTO",
    ready: "/moto-api/data.json",
    command: |session, port| {
        let folder = tools::python_peer(session, "moto")?;
        let mut command = session.command(folder.join("bin/moto_server"));
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        Ok(command)
    },
};
