//! The program `companyos` as a user runs it.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

fn companyos(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_companyos"));
    command.current_dir(folder).args(args).env_clear();
    command
}

fn run(folder: &Path, args: &[&str]) -> Output {
    companyos(folder, args).output().unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running server; killed when dropped.
struct Server {
    child: Child,
    stdout: BufReader<ChildStdout>,
    listening: Value,
}

impl Server {
    fn start(folder: &Path, args: &[&str]) -> Self {
        let mut all = vec!["serve", "--json", "--set", "listen.address=127.0.0.1:0"];
        all.extend(args);
        let mut command = companyos(folder, &all);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        if line.is_empty() {
            let output = child.wait_with_output().unwrap();
            panic!("the server did not start: {}", stderr(&output));
        }
        Self { child, stdout, listening: serde_json::from_str(&line).unwrap() }
    }

    /// Asks and reads the answer to its end.
    fn ask(&self, head: &str) -> String {
        let address = self.listening["base_url"].as_str().unwrap().strip_prefix("http://").unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "{head}\r\nhost: {address}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Sends SIGTERM and returns the exit code and the log.
    fn terminate(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn serve_needs_nothing_and_says_where_it_is_and_where_its_key_is() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &[]);
    let file = folder.path().join(server.listening["operator_key_file"].as_str().unwrap());
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let key = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    assert_eq!(
        (&server.listening["mode"], &server.listening["first_start"]),
        (&"development".into(), &true.into())
    );
    let answer = server.ask(&format!("GET /api-keys HTTP/1.1\r\nauthorization: Bearer {key}"));
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
    let (code, log) = server.terminate();
    assert_eq!(code, Some(0), "{log}");

    let again = Server::start(folder.path(), &[]);
    assert_eq!(again.listening["first_start"], false);
    let answer = again.ask(&format!("GET /api-keys HTTP/1.1\r\nauthorization: Bearer {key}"));
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn the_log_is_json_off_a_terminal_and_holds_no_secret() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path(), &["--set", "log.level=trace"]);
    let file = folder.path().join(server.listening["operator_key_file"].as_str().unwrap());
    let key = std::fs::read_to_string(&file).unwrap().trim().to_owned();
    let body = r#"{"name":"ci","scopes":["tenants:read"]}"#;
    let head = format!(
        "POST /api-keys HTTP/1.1\r\nauthorization: Bearer {key}\r\nidempotency-key: k1\r\n\
         content-type: application/json\r\ncontent-length: {}",
        body.len()
    );
    let address = server.listening["base_url"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    write!(stream, "{head}\r\nhost: a\r\nconnection: close\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let issued: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    server.ask(&format!("GET /nope HTTP/1.1\r\nauthorization: Bearer {key}"));
    let (_, log) = server.terminate();
    for line in log.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
    }
    assert!(log.contains("\"code\":\"not-found\""), "the refused request is not in the log");
    // The clear start of a key may be shown; what follows may not.
    for secret in [&key, issued["secret"].as_str().unwrap()] {
        assert!(!log.contains(&secret[20..]), "the log holds a secret");
    }
}

#[test]
fn a_public_address_without_tls_is_refused_until_it_is_meant() {
    let folder = TempDir::new().unwrap();
    let refused = run(folder.path(), &["serve", "--listen", "0.0.0.0:0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("--insecure-public-bind"), "{}", stderr(&refused));
    assert!(!folder.path().join("data").exists(), "a refused start left something behind");
    let server =
        Server::start(folder.path(), &["--set", "listen.address=0.0.0.0:0", "--insecure-public-bind"]);
    assert_eq!(server.listening["mode"], "production");
}

#[test]
fn damaged_keys_and_databases_are_named_and_stop_the_start() {
    let folder = TempDir::new().unwrap();
    Server::start(folder.path(), &[]).terminate();
    let (keys, database) = (folder.path().join("data/keys"), folder.path().join("data/companyos.db"));

    let signing = keys.join("signing.json");
    let whole = std::fs::read(&signing).unwrap();
    std::fs::write(&signing, &whole[..whole.len() / 2]).unwrap();
    let refused = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert!(stderr(&refused).contains("signing.json"), "{}", stderr(&refused));

    std::fs::remove_file(&signing).unwrap();
    let refused = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1), "a new key was taken for the old one");

    std::fs::write(&signing, &whole).unwrap();
    std::fs::write(&database, b"this is no database, and it is long enough to be looked at as one").unwrap();
    let refused = run(folder.path(), &["serve", "--listen", "127.0.0.1:0"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("companyos.db"), "{}", stderr(&refused));
}

#[test]
fn a_lost_operator_key_is_replaced_while_the_server_stands_still() {
    let folder = TempDir::new().unwrap();
    let nothing = run(folder.path(), &["keys", "operator"]);
    assert!(stderr(&nothing).contains("holds no server"), "{}", stderr(&nothing));
    let server = Server::start(folder.path(), &[]);
    let busy = run(folder.path(), &["keys", "operator"]);
    assert!(stderr(&busy).contains("in use"), "{}", stderr(&busy));
    server.terminate();
    let file = folder.path().join("data/operator.key");
    let lost = std::fs::read_to_string(&file).unwrap();
    let made = run(folder.path(), &["keys", "operator", "--json"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let key = std::fs::read_to_string(&file).unwrap();
    assert_ne!(key, lost);
    let server = Server::start(folder.path(), &[]);
    let answer = server.ask(&format!("GET /metrics HTTP/1.1\r\nauthorization: Bearer {}", key.trim()));
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[test]
fn the_configuration_can_be_looked_at() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("companyos.toml"), "region = \"eu-west-1\"\n").unwrap();
    let checked = companyos(folder.path(), &["config", "check", "--json", "--set", "limits.concurrency=7"])
        .env("COMPANYOS_DATABASE_URL", "postgres://me:hunter2@db/x")
        .output()
        .unwrap();
    let checked: Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!(checked["ok"], true);
    let settings = checked["settings"].as_array().unwrap();
    let of = |name: &str| {
        let found = settings.iter().find(|setting| setting["name"] == name).unwrap();
        (found["value"].as_str().unwrap(), found["source"].as_str().unwrap())
    };
    assert_eq!(of("region"), ("eu-west-1", "file"));
    assert_eq!(of("limits.concurrency"), ("7", "flag"));
    assert_eq!(of("database_url"), ("postgres://me:***@db/x", "environment"));

    let refused = run(folder.path(), &["config", "check", "--set", "region=mars"]);
    assert_eq!(refused.status.code(), Some(1));
    std::fs::write(folder.path().join("companyos.toml"), "regoin = \"eu-west-1\"\n").unwrap();
    let refused = run(folder.path(), &["config", "show"]);
    assert!(stderr(&refused).contains("did you mean `region`?"), "{}", stderr(&refused));
    assert_eq!(run(folder.path(), &["fly"]).status.code(), Some(2));
}
