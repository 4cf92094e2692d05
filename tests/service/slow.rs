//! A server as it is started: clients that dawdle do not keep others waiting, and its log is plain text.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const CLIENTS: usize = 2000;
const ASKED: usize = 21;

async fn healthy(address: &str) -> Duration {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.expect("asks");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    began.elapsed()
}

/// A server on this database, and where it listens.
fn started(database: &str, log: Stdio) -> (Child, String) {
    let mut server = Command::new(env!("CARGO_BIN_EXE_bellwether"))
        .args(["serve", "--no-worker", "--listen", "127.0.0.1:0", "--db", database])
        .env("RUST_LOG", "info")
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the server starts");
    let mut line = String::new();
    BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
    let address = line.split("http://").nth(1).and_then(|rest| rest.split_whitespace().next()).expect("an address");
    (server, address.to_owned())
}

#[tokio::test]
async fn a_log_in_a_file_has_no_colors() {
    let dir = TempDir::new().expect("a temporary directory");
    let (database, path) = (format!("sqlite:{}", dir.path().join("log.db").display()), dir.path().join("log"));
    let (mut server, address) = started(&database, std::fs::File::create(&path).expect("a file").into());
    healthy(&address).await;
    let deadline = Instant::now() + Duration::from_mins(1);
    let log = loop {
        let log = std::fs::read_to_string(&path).expect("the log");
        if log.contains("/healthz") || Instant::now() > deadline {
            break log;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    server.kill().ok();
    server.wait().ok();
    assert!(log.contains("/healthz") && log.contains("INFO") && !log.contains('\u{1b}'), "{log}");
}

#[tokio::test]
async fn two_thousand_slow_clients_leave_health_checks_fast() {
    rlimit::increase_nofile_limit(8192).expect("files may be opened");
    let dir = TempDir::new().expect("a temporary directory");
    let database = format!("sqlite:{}", dir.path().join("slow.db").display());
    let (mut server, address) = started(&database, Stdio::null());
    let mut slow = Vec::new();
    for n in 0..CLIENTS {
        let mut stream = TcpStream::connect(&address).await.expect("connects");
        // Half of them never end their header, half never send the body that they promise.
        let begun: &[u8] = if n % 2 == 0 {
            b"GET /healthz HTTP/1.1\r\nhost: localhost\r\nx-slow: "
        } else {
            b"POST /sign-in HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: 999\r\n\r\n"
        };
        stream.write_all(begun).await.expect("begins");
        slow.push(stream);
    }
    let mut times = Vec::new();
    for _ in 0..ASKED {
        times.push(healthy(&address).await);
    }
    times.sort();
    server.kill().ok();
    server.wait().ok();
    assert!(times[ASKED / 2] < Duration::from_millis(100), "{times:?}");
    println!("with {CLIENTS} slow clients: median {:?}, worst {:?}", times[ASKED / 2], times[ASKED - 1]);
}
