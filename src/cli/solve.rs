//! `bellwether solve`: runs the engine on a problem file, tells how it goes, and writes the schedule.
//!
//! The engine runs on a thread of its own. This file owns its clock, its limits and its end: whatever
//! happens first of an answer, a signal, the wall limit and the memory limit, the best schedule is written.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde_json::json;
use tokio::sync::oneshot;

use super::{Failure, print, read_problem, read_schedule, writable, write_json};
use crate::engine::outcome::{Limits, Outcome, Progress, Schedule, Status, gap};
use crate::engine::problem::Problem;
use crate::engine::{Refusal, Watch, conclude, plan};

/// Pair educators with needs and build the calendar
#[derive(clap::Args)]
#[command(after_help = "\
Writes the schedule with a `report` beside it. Exits 0 when solved (also with unserved needs), 2 on bad input, 3 on a defect.
SIGTERM and Ctrl-C end the run with the best schedule so far.

Example:
  bellwether solve problem.json --seconds 60 --gap 0.01 --out schedule.json")]
pub struct Args {
    /// Problem file in the format staffing-problem/1; - reads standard input
    problem: PathBuf,
    /// Write the schedule here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Stop after this many wall seconds [default: 300, or none with --nodes]
    #[arg(long, value_name = "S", value_parser = positive)]
    seconds: Option<f64>,
    /// Stop after this many branch-and-bound nodes in any part: the same nodes and seed give the same schedule
    #[arg(long, value_name = "N")]
    nodes: Option<u64>,
    /// Stop at this relative gap between schedule and bound; 0 asks for a proof
    #[arg(long, value_name = "R", default_value_t = 0.0, value_parser = ratio)]
    gap: f64,
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u32,
    /// Threads [default: the number of processors]
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Repair this schedule: keep what still holds of it, find the rest a place near by, and end
    #[arg(long, value_name = "SCHEDULE")]
    start: Option<PathBuf>,
    /// Go on from --start with a search of the whole problem
    #[arg(long, requires = "start")]
    improve: bool,
    /// Stop with the best schedule when the process holds this many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 4 << 30)]
    memory: u64,
    /// Print progress as JSON lines on standard error
    #[arg(long)]
    events: bool,
    /// Print progress, better schedules and the outcome as JSON lines on standard output (for a supervisor)
    #[arg(long, conflicts_with = "out")]
    stream: bool,
}

/// Thirty years: beyond it, clocks overflow.
const LONGEST: f64 = 1e9;

fn positive(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|s: &f64| *s > 0.0 && *s <= LONGEST)
        .ok_or_else(|| format!("give a number of seconds above 0 and up to {LONGEST}"))
}

fn ratio(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|r: &f64| (0.0..=1.0).contains(r))
        .ok_or_else(|| "give a ratio from 0 to 1, for example 0.01".to_owned())
}

impl Args {
    pub fn run(self) -> Result<ExitCode, Failure> {
        let parent = std::os::unix::process::parent_id();
        let (problem, start) = self.read();
        let problem = Arc::new(problem?);
        if let Some(out) = &self.out {
            writable(out)?;
        }
        let start = start.transpose()?;
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let limits = Limits {
            nodes: self.nodes,
            gap: self.gap,
            seed: self.seed,
            threads: self.threads.unwrap_or(processors).max(1),
            repair: start.is_some() && !self.improve,
        };
        let clock = Arc::new(RunClock::new(&self));
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
        let Some(mut outcome) = runtime.block_on(self.supervise(&problem, limits, start, &clock, parent))? else {
            return Ok(ExitCode::SUCCESS);
        };
        outcome.report.seconds = clock.began.elapsed().as_secs_f64();
        outcome.report.peak_rss_bytes = memory("VmHWM:");
        clock.bar.finish_and_clear();
        if self.stream {
            print(&format!("{}\n", json!({"event": "final", "outcome": outcome})))?;
        } else {
            write_json(&outcome, self.out.as_ref())?;
        }
        if outcome.report.status == Status::Defective {
            return Err(
                anyhow::anyhow!("the schedule failed verification: {:?}", outcome.report.violations.first()).into()
            );
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The problem, and the schedule to start from, read beside it.
    fn read(&self) -> (Result<Problem, Failure>, Option<Result<Schedule, Failure>>) {
        std::thread::scope(|scope| {
            let start = self.start.as_ref().map(|path| scope.spawn(|| read_schedule(path)));
            let problem = read_problem(&self.problem);
            (problem, start.map(|start| start.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))))
        })
    }

    /// Waits for the engine, a signal, or a limit, whichever is first. No outcome if a supervisor has ended meanwhile.
    async fn supervise(
        &self,
        problem: &Arc<Problem>,
        limits: Limits,
        start: Option<Schedule>,
        clock: &Arc<RunClock>,
        parent: u32,
    ) -> Result<Option<Outcome>, Failure> {
        let (send, mut done) = oneshot::channel();
        let (on_thread, watch) = (Arc::clone(problem), Arc::clone(clock));
        std::thread::Builder::new()
            .name("engine".into())
            .spawn(move || drop(send.send(plan(&on_thread, &limits, start.as_ref(), &*watch))))
            .map_err(anyhow::Error::from)?;
        tokio::select! {
            answer = &mut done => return finished(answer).map(Some),
            () = orphaned(parent), if self.stream => return Ok(None),
            () = stopped(clock.deadline(), self.memory) => clock.stop.store(true, Ordering::Relaxed),
        }
        // Between two programmes the engine stops by itself; inside one it cannot, and nobody waits for it.
        if let Ok(answer) = tokio::time::timeout(Duration::from_millis(300), &mut done).await {
            return finished(answer).map(Some);
        }
        let best = clock.best.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (schedule, bound) = best.unwrap_or_default();
        let (problem, gap, from) = (Arc::clone(problem), self.gap, "last bound before the run was stopped".to_owned());
        let best = tokio::task::spawn_blocking(move || conclude(&problem, schedule, (bound, from), gap));
        // Reckoning what is known up to now takes a while at a vendor's size: the engine may come to its end before.
        tokio::select! {
            biased;
            answer = &mut done => finished(answer).map(Some),
            outcome = best => Ok(Some(outcome.map_err(anyhow::Error::from)?)),
        }
    }
}

fn finished(answer: Result<Result<Outcome, Refusal>, oneshot::error::RecvError>) -> Result<Outcome, Failure> {
    match answer {
        Ok(Ok(outcome)) => Ok(outcome),
        Ok(Err(Refusal::Impossible(issues))) => Err(Failure::BadInput(issues)),
        Ok(Err(Refusal::Defect(defect))) => Err(Failure::Defect(defect.into())),
        Err(_) => Err(Failure::Defect(anyhow::anyhow!("the engine ended without an answer"))),
    }
}

/// Returns at SIGTERM, Ctrl-C, two seconds past the wall limit, or when memory runs out.
async fn stopped(deadline: Option<Instant>, memory_limit: u64) {
    use tokio::signal::unix::{SignalKind, signal};
    let signalled = async {
        let mut terminate = signal(SignalKind::terminate()).expect("signal handlers can be installed");
        tokio::select! { _ = terminate.recv() => {}, _ = tokio::signal::ctrl_c() => {} }
    };
    let out_of_time = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until((deadline + Duration::from_secs(2)).into()).await,
            None => std::future::pending().await,
        }
    };
    let out_of_memory = async {
        let mut tick = tokio::time::interval(Duration::from_millis(100));
        while memory("VmRSS:") < memory_limit {
            tick.tick().await;
        }
    };
    tokio::select! { () = signalled => {}, () = out_of_time => {}, () = out_of_memory => {} }
}

/// Returns when the process that started this one has ended: then nobody is there to hear the answer, and another
/// solver may be at work on it.
async fn orphaned(parent: u32) {
    let mut tick = tokio::time::interval(Duration::from_millis(500));
    while std::os::unix::process::parent_id() == parent {
        tick.tick().await;
    }
}

/// A line of `/proc/self/status` in bytes; 0 where there is none (macOS).
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|l| l.strip_prefix(line)?.trim().split(' ').next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// The engine's view of the world: the clock, the stop flag, and who is told.
struct RunClock {
    began: Instant,
    seconds: Option<f64>,
    stop: AtomicBool,
    best: Mutex<Option<(Schedule, i64)>>,
    events: bool,
    stream: bool,
    bar: ProgressBar,
}

impl RunClock {
    fn new(args: &Args) -> Self {
        let seconds = args.seconds.or(if args.nodes.is_some() { None } else { Some(300.0) });
        let shows = std::io::stderr().is_terminal() && !args.events && !args.stream;
        let bar = if shows { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        bar.enable_steady_tick(Duration::from_millis(200));
        let (events, stream) = (args.events, args.stream);
        Self {
            began: Instant::now(),
            seconds,
            stop: AtomicBool::new(false),
            best: Mutex::default(),
            events,
            stream,
            bar,
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.seconds.map(|s| self.began + Duration::from_secs_f64(s))
    }
}

impl Watch for RunClock {
    fn seconds_left(&self) -> f64 {
        self.seconds.map_or(f64::INFINITY, |s| s - self.began.elapsed().as_secs_f64())
    }

    fn should_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn on_progress(&self, progress: Progress<'_>) {
        let t = (self.began.elapsed().as_secs_f64() * 1000.0).round() / 1000.0;
        let (incumbent, bound) = (progress.incumbent, progress.bound);
        let gap = incumbent.zip(bound).map(|(cost, bound)| gap(cost, bound));
        let mut best = self.best.lock().unwrap_or_else(PoisonError::into_inner);
        match (progress.schedule, best.as_mut()) {
            (Some(schedule), known) => *best = Some((schedule.clone(), bound.or(known.map(|k| k.1)).unwrap_or(0))),
            (None, Some(known)) => known.1 = bound.unwrap_or(known.1),
            (None, None) => {}
        }
        let mut line = json!({"t": t, "incumbent": incumbent, "bound": bound, "gap": gap});
        if self.events {
            // Progress is worth nothing to a reader that has gone away.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
        if self.stream {
            line["event"] = json!(if progress.schedule.is_some() { "incumbent" } else { "progress" });
            if let Some(schedule) = progress.schedule {
                line["schedule"] = json!(schedule);
            }
            let _ = writeln!(std::io::stdout(), "{line}");
        }
        if let (Some(cost), Some(gap)) = (incumbent, gap) {
            self.bar.set_message(format!("{t:.1} s  cost {:.2} dollars  gap {:.2} %", cents(cost), gap * 100.0));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown to people")]
fn cents(amount: i64) -> f64 {
    amount as f64 / 100.0
}
