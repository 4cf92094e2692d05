//! Runs from asking to published sessions: the child, the worker, the lease, publishing, overlaps, feeds.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use bellwether::api::{self, State};
use bellwether::config::{Flags, Settings};
use bellwether::domain::actor::{Actor, Role};
use bellwether::domain::hash::sha256;
use bellwether::domain::id::{DistrictId, RecordId as _, RunId, TermId, fresh};
use bellwether::domain::run::{Run, RunSettings, RunState};
use bellwether::domain::session::Meeting;
use bellwether::engine::problem::Problem;
use bellwether::exchange::problem::batch;
use bellwether::jobs::child::Solver;
use bellwether::jobs::queue::{self, Calls};
use bellwether::jobs::worker::Worker;
use bellwether::store::runs::{self, Ending, NewRun};
use bellwether::store::schedules::{self, Done, Publication};
use bellwether::store::sessions::{self, Listed, Visible, Wanted};
use bellwether::store::{Db, StoreError, Tx, import};
use chrono::DateTime;
use http_body_util::BodyExt as _;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::fresh::on_both;
use crate::people::person;

/// Whoever runs the tests.
pub fn ana() -> Actor {
    Actor::program("test")
}

/// The office of a test: the sample term, and no worker yet.
pub async fn office(db: &Db) -> (State, TermId) {
    let problem = serde_json::from_str(include_str!("store/problem.json")).expect("the sample is a problem");
    office_of(db, &problem).await
}

pub async fn office_of(db: &Db, problem: &Problem) -> (State, TermId) {
    queue::migrate(db).await.expect("the job tables are made");
    let mut tx = db.write("importer").await.expect("writes");
    let mut keys = import::keys(&mut tx, "sample").await.expect("keys");
    let batch = batch(problem, "sample", &mut keys);
    let term = batch.terms[0].0;
    import::keep(&mut tx, "sample", batch).await.expect("is kept");
    tx.commit().await.expect("commits");
    let settings =
        Settings::read(&Flags { database: Some("sqlite:unused.db".into()), ..Flags::default() }).expect("settings");
    let mut state = State::new(db.clone(), settings);
    state.queue = Some(std::sync::Arc::new(Calls));
    (state, term)
}

pub fn own() -> Solver {
    Solver { program: env!("CARGO_BIN_EXE_bellwether").into(), arguments: vec!["solve".into()] }
}

/// A child that is a shell script.
pub fn fake(dir: &TempDir, script: &str) -> Solver {
    let path = dir.path().join("solver");
    std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("writes");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("permits");
    Solver { program: "/bin/sh".into(), arguments: vec![path.into()] }
}

/// A worker at work until it is let go.
pub struct AtWork {
    closing: CancellationToken,
    task: JoinHandle<()>,
}

impl AtWork {
    pub fn start(db: &Db, solver: Solver, places: usize) -> Self {
        let closing = CancellationToken::new();
        let task = tokio::spawn(Worker::new(db.clone(), solver, places, closing.clone()).run());
        Self { closing, task }
    }

    pub async fn stop(self) {
        self.closing.cancel();
        self.task.await.expect("the worker stops");
    }
}

pub fn settings() -> RunSettings {
    RunSettings { seconds: 60, threads: 1, gap: 0.0, history: true, ..RunSettings::default() }
}

/// Asks for a run of everything in the term.
pub async fn asked(state: &State, term: TermId) -> RunId {
    state.ask(&ana(), term, Vec::new(), settings()).await.expect("a run").id
}

async fn run(state: &State, id: RunId) -> Run {
    runs::get(&mut state.db.read().await.expect("reads"), id).await.expect("the run is there")
}

pub async fn until(state: &State, id: RunId, what: impl Fn(&Run) -> bool) -> Run {
    let deadline = Instant::now() + Duration::from_mins(2);
    loop {
        let now = run(state, id).await;
        if what(&now) {
            return now;
        }
        assert!(Instant::now() < deadline, "waited in vain: {now:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Writes these meetings as the publication of a run that never was, in a transaction of whatever day.
pub async fn written(
    tx: &mut Tx,
    term_id: TermId,
    districts: Vec<DistrictId>,
    settings: RunSettings,
    problem: String,
    meetings: Vec<Meeting>,
) -> Result<Done, StoreError> {
    let new = NewRun { term_id, districts: districts.clone(), settings, problem };
    let run_id = runs::create(tx, new).await?;
    let publication = Publication {
        term_id,
        run_id,
        districts,
        problem_sha256: String::new(),
        schedule: "{}".into(),
        cost: serde_json::json!({}),
        assigned: Vec::new(),
        meetings,
    };
    schedules::publish(tx, publication).await
}

pub async fn published(db: &Db) -> Vec<Listed> {
    let (from, to) = (DateTime::UNIX_EPOCH, DateTime::from_timestamp(1 << 33, 0).expect("an instant"));
    let wanted = Wanted { from, to, educator_id: None, school_id: None, district_id: None };
    sessions::list(&mut db.read().await.expect("reads"), &Visible::ALL, wanted, None, 100_000).await.expect("lists")
}

pub async fn ask(state: &State, path: &str, method: &str) -> Response {
    let (_, secret) = person(&state.db, Role::Coordinator, &[], None).await;
    let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost");
    let request = request.header(header::COOKIE, format!("bellwether={secret}"));
    let request = request.body(Body::empty()).expect("a request");
    api::router(state.clone()).oneshot(request).await.expect("answers")
}

pub async fn text(response: Response) -> String {
    let bytes = response.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[tokio::test]
async fn a_run_becomes_published_sessions_and_a_feed() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let worker = AtWork::start(&db, own(), 2);
        let first = asked(&state, term).await;
        let second = asked(&state, term).await;
        let done = until(&state, first, |run| run.state.is_final()).await;
        assert_eq!((done.state, done.cause.as_deref()), (RunState::Succeeded, None));
        assert_eq!(done.attempt, 1, "nobody took it up twice");
        until(&state, second, |run| run.state.is_final()).await;
        worker.stop().await;

        // The events end with the final one, and nothing comes after it.
        let told = text(ask(&state, &format!("/api/v1/runs/{first}/events"), "GET").await).await;
        assert!(told.trim_end().rsplit("\n\n").next().is_some_and(|last| last.contains("event: final")), "{told}");

        // Many publish at once: one schedule, the same for all; the other run's inputs are then old.
        let ana = ana();
        let many = (0..20).map(|_| state.publish(&ana, first));
        let answers: Vec<_> =
            futures::future::join_all(many).await.into_iter().map(|r| r.expect("is published").id).collect();
        assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
        let before = published(&db).await;
        assert!(!before.is_empty());
        let refused = ask(&state, &format!("/api/v1/runs/{second}/publish"), "POST").await;
        assert_eq!(refused.status(), StatusCode::CONFLICT);
        let refused = text(refused).await;
        assert!(refused.contains("inputs_changed") && refused.contains("/incumbents/"), "{refused}");

        // A feed shows what takes place, and is gone when it is revoked.
        let educator = before[0].session.meeting.educator_id;
        let made: serde_json::Value = serde_json::from_str(
            &text(ask(&state, &format!("/api/v1/educators/{educator}/feeds"), "POST").await).await,
        )
        .expect("json");
        let path = made["path"].as_str().expect("a path");
        let feed = ask(&state, path, "GET").await;
        assert_eq!(feed.status(), StatusCode::OK);
        let tag = feed.headers()[header::ETAG].clone();
        assert!(text(feed).await.starts_with("BEGIN:VCALENDAR\r\n"));
        let again = Request::get(path).header(header::HOST, "localhost").header(header::IF_NONE_MATCH, tag);
        let again =
            api::router(state.clone()).oneshot(again.body(Body::empty()).expect("a request")).await.expect("answers");
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        let id = made["id"].as_str().expect("an id");
        assert_eq!(ask(&state, &format!("/api/v1/feeds/{id}"), "DELETE").await.status(), StatusCode::NO_CONTENT);
        assert_eq!(ask(&state, path, "GET").await.status(), StatusCode::NOT_FOUND);
    })
    .await;
}

#[tokio::test]
async fn a_hundred_writers_of_one_hour_leave_one_session() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let worker = AtWork::start(&db, own(), 1);
        let id = asked(&state, term).await;
        until(&state, id, |run| run.state.is_final()).await;
        worker.stop().await;
        state.publish(&ana(), id).await.expect("is published");
        let model = published(&db).await.swap_remove(0).session;
        let copy = "INSERT INTO session (id, term_id, schedule_id, educator_id, school_id, district_id, section_id, service, key, \
            held_on, starts, ends, tz, starts_at, ends_at, tzdb, minutes, status, sequence, updated_at) \
            SELECT $1, term_id, schedule_id, educator_id, school_id, district_id, section_id, service, $2, held_on, starts, ends, tz, \
            starts_at, ends_at, tzdb, minutes, status, sequence, updated_at FROM session WHERE id = $3";
        let writers = (0..100).map(|n| {
            let (db, key, model) = (db.clone(), format!("copy {n}"), model.id.uuid());
            tokio::spawn(async move {
                match &db {
                    Db::Sqlite { writer, .. } => sqlx::query(copy).bind(fresh()).bind(key).bind(model).execute(writer).await.is_ok(),
                    Db::Pg(pool) => sqlx::query(copy).bind(fresh()).bind(key).bind(model).execute(pool).await.is_ok(),
                }
            })
        });
        let won = futures::future::join_all(writers).await.into_iter().filter(|won| matches!(won, Ok(true))).count();
        assert_eq!(won, 0, "the hour was taken");
    })
    .await;
}

#[tokio::test]
async fn a_child_that_dies_is_started_again_and_then_given_up() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let dir = TempDir::new().expect("a directory");
        let solver = fake(&dir, "cat > /dev/null; echo 'no such luck' >&2; kill -9 $$");
        let worker = AtWork::start(&db, solver, 1);
        let id = asked(&state, term).await;
        let done = until(&state, id, |run| run.state.is_final()).await;
        assert_eq!((done.state, done.failures, done.attempt), (RunState::Failed, 3, 1));
        assert!(done.cause.as_deref().is_some_and(|cause| cause.contains("no such luck")), "{done:?}");
        assert!(state.publish(&ana(), id).await.is_err());
        worker.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_child_that_dies_leaves_its_best_schedule_and_no_bound_that_it_did_not_tell() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let real = env!("CARGO_BIN_EXE_bellwether");
        for (bound, said) in [("&", "last bound"), ("\"bound\":null", "none")] {
            let dir = TempDir::new().expect("a directory");
            let schedules = format!("'{real}' solve \"$@\" | grep '\"event\":\"incumbent\"'");
            let solver = fake(&dir, &format!("{schedules} | sed 's/\"bound\":[0-9]*/{bound}/'; kill -9 $$"));
            let worker = AtWork::start(&db, solver, 1);
            let id = asked(&state, term).await;
            let done = until(&state, id, |run| run.state.is_final()).await;
            worker.stop().await;
            assert_eq!((done.state, done.failures), (RunState::Succeeded, 3), "{done:?}");
            let (schedule, report) = runs::answer(&mut db.read().await.expect("reads"), id).await.expect("an answer");
            let report = report.expect("a report");
            assert_eq!(schedule.map(sha256), done.schedule_sha256);
            assert!(report["bound_from"].as_str().is_some_and(|from| from.starts_with(said)), "{report}");
            assert_eq!(report["bound"] == 0, said == "none", "{report}");
            let page = text(ask(&state, &format!("/api/v1/runs/{id}"), "GET").await).await;
            assert!(page.contains("SIGKILL"), "the cause is told: {page}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_cancel_answers_within_a_second_and_stops_the_child() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let dir = TempDir::new().expect("a directory");
        let solver = fake(&dir, "cat > /dev/null; exec sleep 300");
        let worker = AtWork::start(&db, solver, 1);
        // On a busy machine any one of them may wait for the processor: the quickest of a few shows what the program does.
        let mut took = Vec::new();
        for _ in 0..4 {
            let running = asked(&state, term).await;
            until(&state, running, |run| run.state == RunState::Running).await;
            let waiting = asked(&state, term).await;
            let began = Instant::now();
            state.cancel(&ana(), waiting).await.expect("is cancelled");
            assert_eq!(run(&state, waiting).await.state, RunState::Cancelled);
            state.cancel(&ana(), running).await.expect("is cancelled");
            took.push(began.elapsed());
            assert_eq!(until(&state, running, |run| run.state.is_final()).await.state, RunState::Cancelled);
        }
        assert!(took.iter().min() < Some(&Duration::from_secs(1)), "{took:?}");
        worker.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_run_that_a_dead_worker_left_waits_for_no_place() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let dir = TempDir::new().expect("a directory");
        let solver = fake(&dir, "cat > /dev/null; exec sleep 300");
        let worker = AtWork::start(&db, solver, 1);
        let busy = asked(&state, term).await;
        until(&state, busy, |run| run.state == RunState::Running).await;
        let queued = asked(&state, term).await;
        let left = asked(&state, term).await;
        let mut tx = db.write("worker").await.expect("writes");
        runs::claim(&mut tx, left, "dead", Duration::ZERO).await.expect("claims").expect("it waits");
        tx.commit().await.expect("commits");
        until(&state, left, |run| run.attempt == 2).await;
        let (queued_now, busy_now) = (run(&state, queued).await, run(&state, busy).await);
        assert_eq!((queued_now.state, busy_now.attempt), (RunState::Queued, 1), "who waits in the queue still waits");
        worker.stop().await;
    })
    .await;
}

#[tokio::test]
async fn a_worker_whose_run_was_taken_over_writes_nothing() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let id = asked(&state, term).await;
        let claim = async |name: &str| {
            let mut tx = db.write("worker").await.expect("writes");
            let claim = runs::claim(&mut tx, id, name, Duration::ZERO).await.expect("claims");
            tx.commit().await.expect("commits");
            claim
        };
        let zombie = claim("one").await.expect("it waits");
        // The lease was over at once, so the next one takes it.
        tokio::time::sleep(Duration::from_millis(2)).await;
        let heir = claim("two").await.expect("it was left");
        assert_eq!((zombie.attempt, heir.attempt), (1, 2));
        let ending = Ending {
            state: RunState::Failed,
            status: None,
            report: None,
            schedule: None,
            cause: Some("zombie".into()),
        };
        let mut tx = db.write("worker").await.expect("writes");
        assert!(runs::beat(&mut tx, &zombie, Duration::from_secs(9), Duration::ZERO).await.expect("beats").is_none());
        assert!(!runs::note(&mut tx, &zombie, serde_json::json!({}), Some("{}".into())).await.expect("notes"));
        assert!(!runs::finish(&mut tx, &zombie, ending.clone()).await.expect("finishes"));
        assert!(runs::finish(&mut tx, &heir, Ending { cause: Some("heir".into()), ..ending }).await.expect("finishes"));
        tx.commit().await.expect("commits");
        let done = run(&state, id).await;
        assert_eq!((done.cause.as_deref(), done.schedule_sha256), (Some("heir"), None));
        assert_eq!(
            done.problem_sha256,
            sha256(runs::problem(&mut db.read().await.expect("reads"), id).await.expect("a problem"))
        );
    })
    .await;
}
