//! `companyos login` as a user runs it, against the certified OpenID provider.
#![cfg(feature = "login")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed, and one that is skipped says so"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

const VARIABLE: &str = "COMPANYOS_TEST_OIDC";

/// An issuer for one test, or `None` when there is no provider to test against.
fn issuer(name: &str) -> Option<String> {
    #[expect(clippy::disallowed_methods, reason = "the one place where these tests are configured")]
    let Ok(peer) = std::env::var(VARIABLE) else {
        eprintln!("skipped: {VARIABLE} names no provider; `cargo contract test --only test` starts one");
        return None;
    };
    Some(format!("{peer}/login-{name}-{}", std::process::id()))
}

/// One request, answered in full.
fn ask(method: &str, url: &str, body: &Value) -> (String, String) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let body = body.to_string();
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(stream, "{method} /{path} HTTP/1.0\r\nhost: {host}\r\ncontent-length: {length}\r\n\r\n{body}")
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

/// What the test provider's browser ends at.
fn walk(issuer: &str, what: &str, body: &Value) -> Value {
    serde_json::from_str(&ask("POST", &format!("{issuer}/-/{what}"), body).1).unwrap()
}

/// A login that waits for its browser.
struct Login {
    child: Child,
    stderr: BufReader<ChildStderr>,
    prompt: Value,
}

impl Login {
    fn begin(folder: &Path, issuer: &str, client: &str, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_companyos"));
        command.current_dir(folder).env_clear().env("HOME", folder);
        command.args(["login", "--json", "--issuer", issuer, "--client-id", client]).args(more);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        stderr.read_line(&mut line).unwrap();
        let prompt = serde_json::from_str(&line).unwrap_or_else(|_| panic!("no prompt: {line}"));
        Self { child, stderr, prompt }
    }

    fn end(mut self) -> (Output, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (self.child.wait_with_output().unwrap(), rest)
    }
}

fn signed_in(output: &Output, stderr: &str) -> Value {
    assert!(output.status.success(), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_browser_on_this_machine_signs_in_and_only_the_user_can_read_the_tokens() {
    let Some(issuer) = issuer("loopback") else { return };
    let folder = TempDir::new().unwrap();
    let login = Login::begin(folder.path(), &issuer, "app", &["--scope", "offline_access"]);
    let walked = walk(&issuer, "sign-in", &json!({ "url": login.prompt["authorization_url"] }));
    let back = walked["location"].as_str().unwrap().to_owned();

    // Whoever does not know the state is not the browser.
    let (port, _) = back.split_once("/callback").unwrap();
    for guess in ["/", "/callback", "/callback?code=forged&state=guessed", "/callback?error=access_denied"] {
        assert!(ask("GET", &format!("{port}{guess}"), &json!(null)).0.starts_with("HTTP/1.0 404"), "{guess}");
    }
    let (head, page) = ask("GET", &back, &json!(null));
    assert!(head.starts_with("HTTP/1.0 200") && head.contains("no-referrer"), "{head}");
    assert!(page.contains("Received"), "{page}");

    let (output, stderr) = login.end();
    let result = signed_in(&output, &stderr);
    assert_eq!((&result["subject"], &result["renews"]), (&json!("alice"), &json!(true)));
    let file = folder.path().join(".config/companyos/token.json");
    assert_eq!(result["token_file"], json!(file));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!((&kept["issuer"], &kept["subject"]), (&json!(issuer), &json!("alice")));
    assert_eq!(kept["expires_at"], result["expires_at"]);
    for token in ["access_token", "refresh_token", "id_token"] {
        let token = kept[token].as_str().unwrap();
        assert!(!token.is_empty());
        assert!(!String::from_utf8_lossy(&output.stdout).contains(token) && !stderr.contains(token));
    }
}

#[test]
fn a_browser_anywhere_confirms_a_device() {
    let Some(issuer) = issuer("device") else { return };
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("here.json");
    let more = ["--device", "--token-file", file.to_str().unwrap()];
    let login = Login::begin(folder.path(), &issuer, "device", &more);
    assert!(login.prompt["verification_uri"].as_str().unwrap().starts_with(&issuer));
    assert!(!login.prompt["user_code"].as_str().unwrap().is_empty());
    let body = json!({ "url": login.prompt["verification_uri_complete"], "confirm": true });
    assert_eq!(walk(&issuer, "device", &body)["status"], 200);
    let (output, stderr) = login.end();
    let result = signed_in(&output, &stderr);
    assert_eq!((&result["subject"], &result["renews"]), (&json!("alice"), &json!(false)));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn who_says_no_is_not_signed_in_and_leaves_no_file() {
    let Some(issuer) = issuer("refusal") else { return };
    let folder = TempDir::new().unwrap();

    let login = Login::begin(folder.path(), &issuer, "device", &["--device"]);
    let body = json!({ "url": login.prompt["verification_uri_complete"], "confirm": false });
    walk(&issuer, "device", &body);
    let (output, stderr) = login.end();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("permission_denied"), "{stderr}");

    let login = Login::begin(folder.path(), &issuer, "app", &[]);
    let url = format!("{}&login_hint=nobody", login.prompt["authorization_url"].as_str().unwrap());
    let walked = walk(&issuer, "sign-in", &json!({ "url": url }));
    ask("GET", walked["location"].as_str().unwrap(), &json!(null));
    let (output, stderr) = login.end();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("access_denied"), "{stderr}");
    assert!(!folder.path().join(".config").exists());
}

#[test]
fn a_login_waits_only_so_long() {
    let Some(issuer) = issuer("wait") else { return };
    let folder = TempDir::new().unwrap();
    let (output, stderr) = Login::begin(folder.path(), &issuer, "app", &["--wait", "1"]).end();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("nobody signed in within 1 seconds"), "{stderr}");
}

#[test]
fn an_issuer_that_is_not_there_is_named_as_such() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_companyos"));
    let folder = TempDir::new().unwrap();
    command.current_dir(folder.path()).env_clear().env("HOME", folder.path());
    command.args(["login", "--issuer", "http://127.0.0.1:9", "--client-id", "app"]);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr.contains("cannot be connected to"), "{stderr}");
}
