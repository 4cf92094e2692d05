//! One solver as a child process: fed on standard input, heard line by line, ended when its time is up.
//!
//! Whatever the child does (crash, hang, garbage, a flood), it ends as a [`End`], never as a fault of ours.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value as Json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::engine::outcome::{Outcome, Schedule};
use crate::engine::rule::Issue;

/// Longest line a child may write: the schedule of a large district takes a few megabytes.
const LINE_LIMIT: u64 = 64 << 20;
/// Kept of what the child writes to standard error.
const STDERR_LIMIT: u64 = 4096;
/// From SIGTERM to SIGKILL. Most problems are reckoned within one second; what a vendor's takes is several.
const GRACE: Duration = Duration::from_secs(6);

/// The exit status of a solver that refuses its input, with an issue on each line of standard error.
const BAD_INPUT: i32 = 2;

/// How to start a solver.
#[derive(Clone, Debug)]
pub struct Solver {
    pub program: PathBuf,
    /// Before those of the run.
    pub arguments: Vec<OsString>,
}

impl Solver {
    /// This program's own `solve`.
    pub fn own() -> std::io::Result<Self> {
        Ok(Self { program: std::env::current_exe()?, arguments: vec!["solve".into()] })
    }
}

/// One line of a child's output.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Line {
    Progress {
        #[serde(flatten)]
        figures: Json,
    },
    Incumbent {
        schedule: Schedule,
        #[serde(flatten)]
        figures: Json,
    },
    Final {
        outcome: Box<Outcome>,
    },
}

/// How a child ended.
#[derive(Debug)]
pub enum End {
    Final(Box<Outcome>),
    /// It would not begin: what it was given cannot be solved, and no other child would find otherwise.
    Refused(Vec<Issue>),
    /// Without an answer; the text says of what.
    Died(String),
}

/// Runs a solver to its end. Every progress and incumbent line goes to `lines`; `stop` asks for the answer
/// so far; after `limit` the child has [`GRACE`] to give it. Dropping the future kills the child.
pub async fn solve(
    solver: &Solver,
    arguments: &[OsString],
    problem: Vec<u8>,
    limit: Duration,
    lines: mpsc::Sender<Line>,
    stop: CancellationToken,
) -> End {
    let mut command = Command::new(&solver.program);
    command.args(&solver.arguments).args(arguments).kill_on_drop(true);
    // A group of its own: Ctrl-C in a terminal is for the worker, which then decides.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return End::Died(format!("{} does not start: {error}", solver.program.display())),
    };
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return End::Died("the child has no pipes".into());
    };
    let complaint = tokio::spawn(async move {
        let (mut text, mut stderr) = (Vec::new(), stderr);
        let _ = (&mut stderr).take(STDERR_LIMIT).read_to_end(&mut text).await;
        // Past the limit it is read and forgotten, so that the child never blocks on it.
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        text
    });
    // The child may die without having read everything; what that means is told by how it ends.
    let feed = tokio::spawn(feed(stdin, problem));
    let heard = listen(&mut child, stdout, Instant::now() + limit, lines, stop).await;
    feed.abort();
    let _ = child.start_kill();
    let status = child.wait().await;
    let refused = status.as_ref().is_ok_and(|status| status.code() == Some(BAD_INPUT));
    let cause = match heard {
        Ok(Some(outcome)) => return End::Final(outcome),
        Ok(None) => format!("the solver ended without an answer ({})", ended(status)),
        Err(cause) => cause,
    };
    let complaint = complaint.await.unwrap_or_default();
    let complaint = String::from_utf8_lossy(&complaint);
    if refused {
        let issues: Vec<Issue> = complaint.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if !issues.is_empty() {
            return End::Refused(issues);
        }
    }
    End::Died(match complaint.trim() {
        "" => cause,
        complaint => format!("{cause}: {complaint}"),
    })
}

async fn feed(mut stdin: ChildStdin, problem: Vec<u8>) {
    let _ = stdin.write_all(&problem).await;
}

/// The child's final outcome, none if it closed its output first, or what is wrong with what it said.
async fn listen(
    child: &mut Child,
    stdout: ChildStdout,
    mut deadline: Instant,
    lines: mpsc::Sender<Line>,
    stop: CancellationToken,
) -> Result<Option<Box<Outcome>>, String> {
    let mut stdout = BufReader::new(stdout);
    let mut told_to_stop = false;
    let mut text = Vec::new();
    loop {
        let mut limited = (&mut stdout).take(LINE_LIMIT - text.len() as u64);
        // `read_until` keeps what it has read in `text`, so that being interrupted loses nothing.
        let read = tokio::select! {
            read = timeout_at(deadline, limited.read_until(b'\n', &mut text)) => read,
            () = stop.cancelled(), if !told_to_stop => {
                (told_to_stop, deadline) = (true, Instant::now() + GRACE);
                terminate(child).await;
                continue;
            }
        };
        match read {
            Err(_) if told_to_stop => return Err("the solver gave no answer within its limit and was killed".into()),
            Err(_) => {
                (told_to_stop, deadline) = (true, Instant::now() + GRACE);
                terminate(child).await;
                continue;
            }
            Ok(Err(error)) => return Err(format!("the solver's output cannot be read: {error}")),
            Ok(Ok(_)) if text.is_empty() => return Ok(None),
            Ok(Ok(_)) if text.len() as u64 >= LINE_LIMIT => return Err("the solver wrote an endless line".into()),
            Ok(Ok(_)) => {}
        }
        match serde_json::from_slice(&text) {
            Ok(Line::Final { outcome }) => return Ok(Some(outcome)),
            // A receiver that is gone no longer cares; the answer still counts.
            Ok(line) => drop(lines.send(line).await),
            Err(error) => return Err(format!("the solver wrote something else than its lines ({error})")),
        }
        text.clear();
    }
}

/// SIGTERM. The standard library cannot send it without `unsafe`; every shell can. The child is not reaped
/// yet, so its number is still its own.
async fn terminate(child: &Child) {
    if let Some(id) = child.id() {
        let _ = Command::new("/bin/sh")
            .args(["-c", "kill -TERM \"$0\"", &id.to_string()])
            .stderr(Stdio::null())
            .status()
            .await;
    }
}

fn ended(status: std::io::Result<ExitStatus>) -> String {
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}
