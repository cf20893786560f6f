//! Tools that no checkout brings, installed once below `target/contract-tools`.

use super::Session;
use crate::error::Error;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The version of each tool that is not pinned by a file of its own.
pub(super) const REDOCLY: &str = "2.77.0";
/// See [`REDOCLY`].
pub(super) const SCHEMATHESIS: &str = "4.32.5";

/// Newman as `postman/package-lock.json` pins it.
pub(super) fn newman(session: &Session) -> Result<PathBuf, Error> {
    Ok(npm_ci(session, "newman", "postman")?.join("node_modules/.bin/newman"))
}

/// The packages of a peer as `contract-tests/peers/<name>/requirements.txt` pins them. Returns the folder of the
/// virtual environment.
pub(super) fn python_peer(session: &Session, name: &str) -> Result<PathBuf, Error> {
    let file = format!("contract-tests/peers/{name}/requirements.txt");
    let pins = session.repo().read(&file)?;
    let path = session.repo().path(&file);
    virtual_environment(session, &format!("peer-{name}"), &pins, "bin/python", |pip| {
        pip.arg("--requirement").arg(path);
    })
}

/// The Redocly command line.
pub(super) fn redocly(session: &Session) -> Result<PathBuf, Error> {
    let folder = session.tools().join("redocly");
    let binary = folder.join("node_modules/.bin/redocly");
    once(session, &folder, REDOCLY, &binary, || {
        need(session, "npm", &["nodejs", "npm"])?;
        let package = format!("@redocly/cli@{REDOCLY}");
        let mut command = session.command("npm");
        command.args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix", ".", &package]);
        session.must("install-redocly", command.current_dir(&folder)).map(drop)
    })?;
    Ok(binary)
}

/// Schemathesis in a virtual environment.
pub(super) fn schemathesis(session: &Session) -> Result<PathBuf, Error> {
    let binary = "bin/schemathesis";
    let folder = virtual_environment(session, "schemathesis", SCHEMATHESIS, binary, |pip| {
        pip.arg(format!("schemathesis=={SCHEMATHESIS}"));
    })?;
    Ok(folder.join(binary))
}

/// A folder below the tools with the packages of npm that `package-lock.json` in the repository's `source` pins. A
/// script that imports them must be [copied](copy) beside `node_modules`.
pub(super) fn npm_ci(session: &Session, name: &str, source: &str) -> Result<PathBuf, Error> {
    let folder = session.tools().join(name);
    let lock = session.repo().read(&format!("{source}/package-lock.json"))?;
    once(session, &folder, &lock, &folder.join("node_modules"), || {
        need(session, "npm", &["nodejs", "npm"])?;
        copy(session, &format!("{source}/package.json"), &folder)?;
        copy(session, &format!("{source}/package-lock.json"), &folder)?;
        let mut command = session.command("npm");
        command.args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder);
        session.must(&format!("install-{name}"), &mut command).map(drop)
    })?;
    Ok(folder)
}

/// A folder below the tools that is a virtual environment with the packages that `arguments` names to pip.
fn virtual_environment(
    session: &Session,
    name: &str,
    version: &str,
    binary: &str,
    arguments: impl FnOnce(&mut Command),
) -> Result<PathBuf, Error> {
    let folder = session.tools().join(name);
    once(session, &folder, version, &folder.join(binary), || {
        need(session, "python3", &["python3", "python3-venv"])?;
        let mut make = session.command("python3");
        make.args(["-m", "venv", "--clear"]).arg(&folder);
        if !session.run("install-venv", &mut make)?.success {
            // Debian ships the module in a package of its own.
            install(session, &["python3-venv"])?;
            session.must("install-venv", &mut make)?;
        }
        let mut pip = session.command(folder.join("bin/pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check"]);
        arguments(&mut pip);
        session.must(&format!("install-{name}"), &mut pip).map(drop)
    })?;
    Ok(folder)
}

/// Runs `make` unless the folder was made for the same `version` and still has the binary.
fn once(
    session: &Session,
    folder: &Path,
    version: &str,
    binary: &Path,
    make: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let stamp = folder.join("installed");
    if binary.exists() && std::fs::read_to_string(&stamp).is_ok_and(|found| found == version) {
        return Ok(());
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    session.console().line(&format!("installing {name} below {}", session.tools().display()));
    let failed = |error| {
        Error::caused_by(
            format!("cannot prepare {}", folder.display()),
            "check permissions and free space",
            error,
        )
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    make()?;
    std::fs::write(&stamp, version).map_err(failed)
}

/// Installs Debian packages unless the program runs already.
pub(super) fn need(session: &Session, program: &str, packages: &[&str]) -> Result<(), Error> {
    let mut probe = session.command(program);
    if session.run("probe", probe.arg("--version")).is_ok_and(|finished| finished.success) {
        return Ok(());
    }
    install(session, packages)
}

/// Installs Debian packages.
pub(super) fn install(session: &Session, packages: &[&str]) -> Result<(), Error> {
    let names = packages.join(" ");
    session.console().line(&format!("installing {names} with apt-get"));
    let root = is_root(session);
    let apt = |arguments: &[&str]| {
        let mut command = if root { session.command("apt-get") } else { session.command("sudo") };
        if !root {
            command.args(["-n", "apt-get"]);
        }
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
        session.must("apt", &mut command)
    };
    // Nothing of the user's is removed to make room.
    let mut arguments = vec!["install", "--yes", "--no-install-recommends", "--no-remove"];
    arguments.extend(packages);
    if apt(&arguments).is_ok() {
        return Ok(());
    }
    // The package lists may be old or missing.
    apt(&["update"]).and_then(|_| apt(&arguments)).map(drop).map_err(|error| {
        Error::caused_by(
            format!("{names} is missing and cannot be installed"),
            format!("install {names} by hand"),
            error,
        )
    })
}

/// Whether this process runs as root.
pub(super) fn is_root(session: &Session) -> bool {
    let mut command = session.command("id");
    session.run("id", command.arg("-u")).is_ok_and(|finished| finished.output.trim() == "0")
}

/// Copies a file of the repository into a folder.
pub(super) fn copy(session: &Session, file: &str, folder: &Path) -> Result<(), Error> {
    let from = session.repo().path(file);
    let to = folder.join(from.file_name().unwrap_or_default());
    std::fs::copy(&from, &to).map(drop).map_err(|error| {
        Error::caused_by(format!("cannot copy {file}"), "restore it from version control", error)
    })
}
