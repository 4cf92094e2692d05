//! Mail from the outbox to a real server (aiosmtpd) and back through Python's parser.

mod bounces;
mod digests;
mod kills;
mod office;
mod refusals;
mod told;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bellwether::config::{Carrier, Mail, Secret};
use bellwether::jobs::mailroom::{Mailroom, Turn};
use bellwether::notify::post::Post;
use bellwether::store::Db;
use serde::Deserialize;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub fn python() -> String {
    std::env::var("BELLWETHER_PYTHON").unwrap_or_else(|_| {
        format!("{}/.venv/bin/python", std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| ".".into()))
    })
}

fn script(name: &str) -> String {
    format!("{}/tests/service/mail/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A mail server that keeps what it takes, gone when dropped.
pub struct Sink {
    child: Child,
    port: u16,
    folder: TempDir,
}

/// One line of its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub message_id: String,
    pub to: String,
    pub hash: String,
}

impl Sink {
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a directory");
        let mut command = Command::new(python());
        command.arg(script("sink.py")).arg(folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", python()));
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output")).read_line(&mut line).expect("it says its port");
        let port = line.trim().parse().expect("a port");
        Self { child, port, folder }
    }

    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    pub fn settings(&self) -> Mail {
        Mail {
            carrier: Carrier::Smtp(Secret::new(self.url())),
            from: "The Office <office@vendor.example>".into(),
            hold: Duration::ZERO,
        }
    }

    /// What it has taken, in order.
    pub fn taken(&self) -> Vec<Taken> {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        // A line that is being written has no end yet.
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        let line = |line: &str| {
            let mut words = line.split(' ').map(str::to_owned);
            let mut word = || words.next().expect("a line of three words");
            Taken { message_id: word(), to: word(), hash: word() }
        };
        whole.lines().map(line).collect()
    }

    fn file(&self, n: usize) -> PathBuf {
        self.folder.path().join(format!("{n}.eml"))
    }

    /// The mails after the first `after`, read by Python.
    pub fn read(&self, after: usize) -> Vec<Read> {
        let files: Vec<PathBuf> = (after + 1..=self.taken().len()).map(|n| self.file(n)).collect();
        run(&script("reader.py"), &files)
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A mail as Python reads it.
#[derive(Clone, Debug, Deserialize)]
pub struct Read {
    pub headers: BTreeMap<String, String>,
    /// Content types in the order in which they stand, those that hold others first.
    pub kinds: Vec<String>,
    pub defects: Vec<String>,
    pub parts: Vec<Part>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Part {
    pub kind: String,
    pub method: Option<String>,
    pub disposition: Option<String>,
    pub text: String,
}

/// What a script of ours says of some files.
pub fn run<T: serde::de::DeserializeOwned>(script: &str, files: &[impl AsRef<Path>]) -> T {
    let mut command = Command::new(python());
    command.arg(script).args(files.iter().map(AsRef::as_ref));
    let output = command.output().unwrap_or_else(|error| panic!("{}: {error}", python()));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the script says what it read")
}

pub fn mailroom(db: &Db, sink: &Sink) -> Mailroom {
    let post = Post::new(&sink.settings()).expect("a way for mail");
    Mailroom::new(db.clone(), post, "https://staffing.example.org".into(), CancellationToken::new())
}

/// Deals with everything that is due.
pub async fn deliver(mailroom: &Mailroom) {
    while mailroom.turn().await.expect("a turn") == Turn::Done {}
}

/// Writes to standard error what a long test comes to.
pub fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
