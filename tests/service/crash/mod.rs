//! `kill -9` at any moment, of servers, workers and solvers: what was acknowledged is there, once.

mod process;
mod sharing;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use axum::http::Method;
use bellwether::domain::id::{RecordId as _, RunId, TermId};
use bellwether::domain::run::{Run, RunState};
use bellwether::domain::session::Meeting;
use bellwether::domain::time::now;
use bellwether::engine::dated;
use bellwether::exchange::problem::batch;
use bellwether::exchange::sample::{self, Request};
use bellwether::jobs::queue;
use bellwether::store::{Db, import, runs, schedules};
use chrono::TimeDelta;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::fresh::on_both_at;
use crate::runs::published;
use process::{Address, Process, Site};

/// Which moments: another seed kills at others.
const SEED: u64 = 2027;
/// Between two kills.
const APART: std::ops::Range<u64> = 200..1800;
/// Of a run: what it is asked to prove takes longer, so that most kills meet a solver at work.
const SECONDS: i64 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Server,
    Worker,
    Solver,
}

/// A killed worker's runs wait for its lease to end, which is most of the time that this takes.
const VICTIMS: [Victim; 8] = {
    use Victim::{Server, Solver, Worker};
    [Server, Server, Server, Worker, Worker, Solver, Solver, Solver]
};

/// Everything that a server said it had done.
#[derive(Default)]
struct Acknowledged {
    courses: Vec<(String, String)>,
    runs: Vec<RunId>,
    /// A run, the schedule it became, and its version.
    schedules: Vec<(RunId, String, i64)>,
}

/// A term that nobody can prove an optimum of in a few seconds.
async fn furnish(db: &Db) -> TermId {
    let problem = sample::problem(&Request {
        name: Some("killed".into()),
        districts: 5,
        sections: 60,
        services: 80,
        educators: 30,
        seed: 5,
        grid_minutes: 15,
        incumbents_percent: 0,
    });
    queue::migrate(db).await.expect("the job tables are made");
    let mut tx = db.write("importer").await.expect("writes");
    let mut keys = import::keys(&mut tx, "killed").await.expect("keys");
    let batch = batch(&problem, "killed", &mut keys);
    let term = batch.terms[0].0;
    import::keep(&mut tx, "killed", batch).await.expect("is kept");
    tx.commit().await.expect("commits");
    term
}

fn wanted(term: TermId) -> Value {
    json!({"term_id": term, "seconds": SECONDS, "gap": 0.0, "threads": 1})
}

/// Somebody at a client that asks again, with the same key, until the server answers.
#[derive(Clone)]
struct Person {
    site: std::sync::Arc<Site>,
    address: Address,
    closing: CancellationToken,
}

impl Person {
    async fn ask(&self, method: Method, path: &str, key: Option<&str>, body: &Value) -> (u16, Value) {
        let deadline = Instant::now() + process::PATIENCE;
        loop {
            match self.site.ask(&self.address.get(), method.clone(), path, key, body).await {
                Ok(answer) => return answer,
                Err(error) => assert!(Instant::now() < deadline, "{method} {path}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Creates records, one after the other.
    async fn create(self) -> Vec<(String, String)> {
        let mut made = Vec::new();
        while !self.closing.is_cancelled() {
            let name = format!("Course {}", made.len());
            let body = json!({"name": name, "areas": ["mathematics"]});
            let (status, stored) =
                self.ask(Method::POST, "/api/v1/courses", Some(&name.replace(' ', "-")), &body).await;
            assert_eq!(status, 201, "{stored}");
            made.push((name, stored["id"].as_str().expect("an id").to_owned()));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        made
    }

    /// Asks for runs, waits for each, and publishes it where `publishes`: only then is the next one of the new records.
    async fn plan(self, term: TermId, who: &str, publishes: bool) -> (Vec<RunId>, Vec<(RunId, String, i64)>) {
        let (mut asked, mut out) = (Vec::<RunId>::new(), Vec::new());
        while !self.closing.is_cancelled() {
            let key = format!("{who}-{}", asked.len());
            let (status, run) = self.ask(Method::POST, "/api/v1/runs", Some(&key), &wanted(term)).await;
            assert_eq!(status, 202, "{run}");
            let id: RunId = run["id"].as_str().expect("an id").parse().expect("an id");
            asked.push(id);
            loop {
                let (_, run) = self.ask(Method::GET, &format!("/api/v1/runs/{id}"), None, &Value::Null).await;
                if run["state"] == "succeeded" {
                    break;
                }
                assert!(run["state"] == "queued" || run["state"] == "running", "{run}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            if publishes {
                let path = format!("/api/v1/runs/{id}/publish");
                let (status, schedule) = self.ask(Method::POST, &path, None, &Value::Null).await;
                assert_eq!(status, 200, "{schedule}");
                let version = schedule["version"].as_i64().expect("a version");
                out.push((id, schedule["id"].as_str().expect("an id").to_owned(), version));
            }
        }
        (asked, out)
    }
}

/// Kills everything several times, at moments and in an order that the seed decides.
async fn rage(site: &Site, address: &Address, server: &mut Process, worker: &mut Process) {
    let mut dice = SmallRng::seed_from_u64(SEED);
    let mut victims = VICTIMS;
    victims.shuffle(&mut dice);
    for victim in victims {
        tokio::time::sleep(Duration::from_millis(dice.random_range(APART))).await;
        match victim {
            Victim::Server => {
                server.kill();
                let (next, at) = site.serve();
                *server = next;
                address.set(at);
            }
            Victim::Worker => {
                worker.kill();
                *worker = site.work(2);
            }
            Victim::Solver => {
                site.kill_a_solver().await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_nothing_acknowledged_is_lost_and_nothing_is_there_twice() {
    on_both_at(async |db, url| {
        let term = furnish(&db).await;
        let site = std::sync::Arc::new(Site::open(&db, url).await);
        let (mut server, at) = site.serve();
        let mut worker = site.work(2);
        let address = Address::default();
        address.set(at);
        let person = Person { site: site.clone(), address: address.clone(), closing: CancellationToken::new() };
        let clerk = tokio::spawn(person.clone().create());
        let planner = tokio::spawn(person.clone().plan(term, "planner", true));
        let other = tokio::spawn(person.clone().plan(term, "other", false));

        rage(&site, &address, &mut server, &mut worker).await;
        person.closing.cancel();
        let courses = clerk.await.expect("the clerk has seen no wrong answer");
        let (mut asked, schedules) = planner.await.expect("the planner has seen no wrong answer");
        asked.extend(other.await.expect("the other planner has seen no wrong answer").0);
        let kept = Acknowledged { courses, runs: asked, schedules };
        println!(
            "acknowledged through {} kills: {} records, {} runs, {} publications",
            VICTIMS.len(),
            kept.courses.len(),
            kept.runs.len(),
            kept.schedules.len()
        );
        assert!(kept.courses.len() > 20 && kept.runs.len() > 2 && !kept.schedules.is_empty());

        records_are_there(&person, &kept).await;
        runs_are_there(&db, &kept).await;
        publications_are_there(&db, term, &kept).await;
        site.solvers_end().await;
        assert!(site.audit_holds(), "the trail of changes is whole");
    })
    .await;
}

async fn records_are_there(person: &Person, kept: &Acknowledged) {
    let mut found = std::collections::BTreeMap::new();
    let mut path = "/api/v1/courses?limit=200".to_owned();
    loop {
        let (status, page) = person.ask(Method::GET, &path, None, &Value::Null).await;
        assert_eq!(status, 200, "{page}");
        for item in page["items"].as_array().expect("items") {
            let text = |field: &str| item[field].as_str().expect("text").to_owned();
            if text("name").starts_with("Course ") {
                assert_eq!(found.insert(text("name"), text("id")), None, "{item} is there twice");
            }
        }
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/api/v1/courses?limit=200&after={next}");
    }
    assert_eq!(found, kept.courses.iter().cloned().collect(), "every record that was acknowledged, and no other");
}

/// Every run once, with the answer of the best that its solvers found, told in events that count up to one end.
async fn runs_are_there(db: &Db, kept: &Acknowledged) {
    let mut tx = db.read().await.expect("reads");
    let listed = runs::list(&mut tx, None, None, None, 1000).await.expect("lists");
    let ids = |runs: &[RunId]| runs.iter().map(|id| id.uuid()).collect::<BTreeSet<_>>();
    assert_eq!(ids(&listed.iter().map(|run| run.id).collect::<Vec<_>>()), ids(&kept.runs));
    for run in listed {
        assert_eq!(run.state, RunState::Succeeded, "{run:?}");
        told_once(&mut tx, &run).await;
    }
}

async fn told_once(tx: &mut bellwether::store::Tx, run: &Run) {
    let events = runs::events(tx, run.id, -1, 10_000).await.expect("events");
    let numbers: Vec<i64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers, (0..=run.last_event).collect::<Vec<_>>(), "{run:?}");
    let ends = events.iter().filter(|event| event.kind == "final").count();
    assert_eq!((ends, events.last().map(|event| event.kind.as_str())), (1, Some("final")), "{run:?}");
    // Nobody's incumbent was lost: the answer costs no more than any that was ever kept.
    let best =
        events.iter().filter(|event| event.kind == "incumbent").filter_map(|e| e.body["incumbent"].as_i64()).min();
    let (_, report) = runs::answer(tx, run.id).await.expect("an answer");
    let cost = report.and_then(|report| report["objective"].as_i64()).expect("a report with its cost");
    assert!(best.is_none_or(|best| cost <= best), "{run:?} costs {cost}, and once cost {best:?}");
}

/// Every publication under its id and version, and no session twice; those to come are those of the last one, none missing.
/// What has begun stays as an earlier one had it, and of a week or month that has begun not all may be held once more.
async fn publications_are_there(db: &Db, term: TermId, kept: &Acknowledged) {
    let mut tx = db.read().await.expect("reads");
    let mut versions = Vec::new();
    for (run, id, version) in &kept.schedules {
        let schedule = schedules::of_run(&mut tx, *run).await.expect("reads").expect("it is published");
        assert_eq!((schedule.id.to_string(), schedule.version), (id.clone(), *version));
        versions.push(*version);
    }
    let all = schedules::list(&mut tx, Some(term), None, 1000).await.expect("lists");
    assert_eq!(all.len(), kept.schedules.len(), "no version that nobody published");
    assert_eq!(versions, (1..=i64::try_from(all.len()).expect("few")).collect::<Vec<_>>());
    let last = kept.schedules.last().expect("a publication").0;
    let problem = serde_json::from_str(&runs::problem(&mut tx, last).await.expect("a problem")).expect("a problem");
    let answer = runs::answer(&mut tx, last).await.expect("an answer").0.expect("a schedule");
    let meetings = dated::meetings(&problem, &serde_json::from_str(&answer).expect("a schedule")).expect("meetings");
    let sessions: Vec<_> = published(db).await.into_iter().map(|one| one.session.meeting).collect();
    let told: BTreeSet<String> = sessions.iter().map(|meeting| format!("{meeting:?}")).collect();
    assert!(!told.is_empty() && told.len() == sessions.len(), "{} of {} sessions differ", told.len(), sessions.len());
    let soon = now() + TimeDelta::days(32);
    let to_come = |meetings: Vec<Meeting>| -> BTreeSet<String> {
        meetings.into_iter().filter(|meeting| meeting.starts_at > soon).map(|meeting| format!("{meeting:?}")).collect()
    };
    let (there, wanted) = (to_come(sessions), to_come(meetings));
    assert!(there == wanted, "{} sessions to come, not {}", there.len(), wanted.len());
}
