//! The programs under test: where they are, and how they are started.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::SystemTime;

use companyos_sdk::{Client, ClientBuilder};
use companyos_types::Secret;
use serde_json::Value;

const SERVER: &str = "companyos";
const VERIFIER: &str = "companyos-receipt";
const QUICKSTART: &str = "quickstart";

/// The folder with the programs of the profile this test was built in.
///
/// Cargo names programs only to the tests of their own package. When the whole workspace is tested it has built these
/// already; when only this package is, they are built here.
static PROGRAMS: LazyLock<PathBuf> = LazyLock::new(|| {
    let this = std::env::current_exe().expect("this program is somewhere");
    let folder =
        this.parent().and_then(Path::parent).expect("it lies in deps/ of a profile's folder").to_path_buf();
    if ![SERVER, VERIFIER, QUICKSTART].iter().all(|name| is_fresh(&folder, name)) {
        let profile = folder.file_name().and_then(OsStr::to_str).expect("a profile");
        let profile = if profile == "debug" { "dev" } else { profile };
        let built = Command::new(env!("CARGO"))
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .args(["build", "--quiet", "--all-features", "--profile", profile, "--target-dir"])
            .arg(folder.parent().expect("a target folder"))
            .args(["-p", "companyos-server", "--bin", SERVER, "-p", "companyos-receipt", "--bin", VERIFIER])
            .args(["-p", "companyos-examples", "--bin", QUICKSTART])
            .status()
            .expect("cargo runs");
        assert!(built.success(), "the programs cannot be built");
    }
    folder
});

/// Whether a program is newer than everything it was built from, by what cargo wrote down beside it.
fn is_fresh(folder: &Path, name: &str) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    let Some(built) = changed(&folder.join(name)) else { return false };
    let Ok(sources) = std::fs::read_to_string(folder.join(format!("{name}.d"))) else { return false };
    let older = |source: &str| changed(Path::new(source)).is_some_and(|time: SystemTime| time <= built);
    sources.split_once(": ").is_some_and(|(_, sources)| sources.split_whitespace().all(older))
}

/// Runs the verifier to its end.
pub(crate) fn verifier(args: &[&OsStr]) -> Output {
    Command::new(PROGRAMS.join(VERIFIER)).args(args).output().expect("the verifier runs")
}

/// Runs the quickstart to its end; what it keeps is below the folder.
pub(crate) fn quickstart(folder: &Path) -> Output {
    let mut command = Command::new(PROGRAMS.join(QUICKSTART));
    command.arg("--keep").current_dir(folder).env("TMPDIR", folder).output().expect("the quickstart runs")
}

/// A `companyos serve` with everything it keeps in one folder.
pub(crate) struct Server {
    child: Child,
    pub(crate) base_url: String,
    key: Secret,
}

impl Server {
    /// The command that serves from a folder, and from a database elsewhere when one is named.
    fn command(folder: &Path, database: Option<&str>) -> Command {
        let mut command = Command::new(PROGRAMS.join(SERVER));
        command.current_dir(folder).env_clear().args([
            "serve",
            "--json",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
        ]);
        command.arg(folder);
        if let Some(url) = database {
            command.args(["--database-url", url]);
        }
        command
    }

    /// Starts a server and returns once it listens.
    pub(crate) fn start(folder: &Path, database: Option<&str>) -> Self {
        let mut command = Self::command(folder, database);
        let log = std::fs::File::options().create(true).append(true).open(folder.join("log.txt")).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the server runs");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let listening: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
            let log = std::fs::read_to_string(folder.join("log.txt")).unwrap_or_default();
            panic!("the server did not start: {line}{log}")
        });
        let text = |name: &str| listening[name].as_str().expect("a text").to_owned();
        let key = std::fs::read_to_string(text("operator_key_file")).expect("the operator's key");
        Self { child, base_url: text("base_url"), key: Secret::new(key.trim()) }
    }

    /// Starts a server that is to refuse, and returns what it said.
    pub(crate) fn refuse(folder: &Path) -> Output {
        Self::command(folder, None).output().expect("the server runs")
    }

    /// The beginning of a client of the operator.
    pub(crate) fn client(&self) -> ClientBuilder {
        Client::builder().base_url(&self.base_url).api_key(self.key.clone())
    }

    /// SIGKILL: no destructor runs, no buffer is written.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is alive");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed already.
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}
