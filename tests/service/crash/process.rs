//! Bellwether's own processes, as an operator starts them: servers, workers and their solvers, to be killed and asked.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use axum::http::{Method, Request, header};
use bellwether::domain::actor::Role;
use bellwether::store::Db;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use tempfile::TempDir;

use crate::people::person;

const PROGRAM: &str = env!("CARGO_BIN_EXE_bellwether");
/// How long anything may take on a machine that is busy with other tests.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// A process that is killed when it is dropped, by SIGKILL: nothing of ours ever says goodbye in these tests.
pub struct Process {
    child: Child,
}

impl Process {
    /// Starts a command, and hands back the first line that it prints.
    fn start(arguments: &[&str]) -> (Self, String) {
        let mut child = Command::new(PROGRAM)
            .args(arguments)
            .env("BELLWETHER_REQUESTS_PER_MINUTE", "1000000")
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("it says that it is there");
        (Self { child }, line)
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it is gone");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// What the processes of one test share: a database, and a solver that writes down its number before it begins.
pub struct Site {
    url: String,
    dir: TempDir,
    secret: String,
    client: Client<HttpConnector, Full<axum::body::Bytes>>,
}

impl Site {
    pub async fn open(db: &Db, url: String) -> Self {
        let dir = TempDir::new().expect("a directory");
        let (solver, numbers) = (dir.path().join("solver"), dir.path().join("numbers"));
        let script = format!("#!/bin/sh\necho $$ >> '{}'\nexec '{PROGRAM}' solve \"$@\"\n", numbers.display());
        std::fs::write(&solver, script).expect("writes");
        std::fs::set_permissions(&solver, std::fs::Permissions::from_mode(0o755)).expect("permits");
        std::fs::write(&numbers, "").expect("writes");
        let (_, secret) = person(db, Role::Administrator, &[], None).await;
        Self { url, dir, secret, client: Client::builder(TokioExecutor::new()).build_http() }
    }

    /// A server without a worker, and its address.
    pub fn serve(&self) -> (Process, String) {
        let (process, line) = Process::start(&["serve", "--no-worker", "--listen", "127.0.0.1:0", "--db", &self.url]);
        let address = line.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next());
        (process, address.unwrap_or_else(|| panic!("no address in {line:?}")).to_owned())
    }

    pub fn work(&self, runs: usize) -> Process {
        let solver = self.dir.path().join("solver").display().to_string();
        Process::start(&["work", "--runs", &runs.to_string(), "--solver", &solver, "--db", &self.url]).0
    }

    /// The numbers of all solvers so far, in the order of their beginning.
    fn solvers(&self) -> Vec<String> {
        let numbers = std::fs::read_to_string(self.dir.path().join("numbers")).expect("reads");
        numbers.lines().map(ToOwned::to_owned).collect()
    }

    /// Kills the solver that began last, once there is one at work.
    pub async fn kill_a_solver(&self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.solvers().last().is_some_and(|last| is_there(last) && signal("-KILL", last)) {
            assert!(Instant::now() < deadline, "no solver is at work");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until no solver is left: one whose worker was killed has nobody to tell its answer.
    pub async fn solvers_end(&self) {
        let deadline = Instant::now() + PATIENCE;
        while let Some(left) = self.solvers().iter().find(|number| is_there(number)) {
            assert!(Instant::now() < deadline, "solver {left} goes on for nobody");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The trail of changes, recounted by the program's own command.
    pub fn audit_holds(&self) -> bool {
        let verified = Command::new(PROGRAM).args(["audit", "verify", "--db", &self.url]).output();
        verified.expect("the program starts").status.success()
    }

    /// Asks once. An error is a server that was killed, or is not there yet: nothing was acknowledged.
    pub async fn ask(
        &self,
        address: &str,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> Result<(u16, Value), Box<dyn std::error::Error + Send + Sync>> {
        let mut request = Request::builder().method(method).uri(format!("http://{address}{path}"));
        request = request.header(header::COOKIE, format!("bellwether={}", self.secret));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let sent = if body.is_null() {
            String::new()
        } else {
            request = request.header(header::CONTENT_TYPE, "application/json");
            body.to_string()
        };
        let answer = self.client.request(request.body(Full::from(sent))?).await?;
        let status = answer.status().as_u16();
        let bytes = answer.into_body().collect().await?.to_bytes();
        Ok((status, serde_json::from_slice(&bytes)?))
    }
}

fn signal(which: &str, number: &str) -> bool {
    let sent = Command::new("kill").args([which, number]).stderr(Stdio::null()).status();
    sent.is_ok_and(|status| status.success())
}

/// One that has ended, but that nobody has asked about yet, is not there.
fn is_there(number: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{number}/stat")).unwrap_or_default();
    signal("-0", number) && !state.rsplit(')').next().is_some_and(|rest| rest.trim_start().starts_with('Z'))
}

/// Where the server is at present: it comes back at another port.
#[derive(Clone, Default)]
pub struct Address(Arc<RwLock<String>>);

impl Address {
    pub fn set(&self, address: String) {
        *self.0.write().expect("no writer panics") = address;
    }

    pub fn get(&self) -> String {
        self.0.read().expect("no writer panics").clone()
    }
}
