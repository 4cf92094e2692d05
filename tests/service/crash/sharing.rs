//! Two servers and two workers on one PostgreSQL: they share the runs, and one takes over what the other leaves.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::Method;
use bellwether::domain::id::RunId;
use bellwether::domain::run::{Run, RunEvent, RunState};
use bellwether::domain::time;
use bellwether::store::{Db, runs, schedules};
use chrono::TimeDelta;
use serde_json::Value;

use super::process::{PATIENCE, Site};
use super::{furnish, told_once, wanted};
use crate::fresh::on_postgres_at;

const RUNS: usize = 10;
/// What is promised of a run whose worker is killed.
const DELAY: TimeDelta = TimeDelta::seconds(15);

/// The numbers of the workers that took the run up, in order: their names begin with it.
fn workers(events: &[RunEvent]) -> Vec<String> {
    let name =
        |event: &RunEvent| event.body["worker"].as_str().expect("a name").split('-').next().map(ToOwned::to_owned);
    events.iter().filter(|event| event.kind == "started").filter_map(name).collect()
}

async fn events(db: &Db, id: RunId) -> Vec<RunEvent> {
    runs::events(&mut db.read().await.expect("reads"), id, -1, 10_000).await.expect("events")
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_share_ten_runs_and_one_takes_over_what_the_other_leaves() {
    on_postgres_at(async |db, url| {
        let term = furnish(&db).await;
        let site = Arc::new(Site::open(&db, url).await);
        let servers = [site.serve(), site.serve()];
        let (mut doomed, heir) = (site.work(1), site.work(1));
        let mut ids: Vec<RunId> = Vec::new();
        for n in 0..RUNS {
            let (_, address) = &servers[n % 2];
            let asked = site.ask(address, Method::POST, "/api/v1/runs", None, &wanted(term)).await.expect("an answer");
            assert_eq!(asked.0, 202, "{}", asked.1);
            ids.push(asked.1["id"].as_str().expect("an id").parse().expect("an id"));
        }

        // Killed in the middle of a run, of which it has already kept a schedule.
        let mine = doomed.id().to_string();
        let left = until("an incumbent of the first worker", async || {
            for &id in &ids {
                let told = events(&db, id).await;
                let ended = told.iter().any(|event| event.kind == "final");
                if !ended && workers(&told).last() == Some(&mine) && told.iter().any(|event| event.kind == "incumbent")
                {
                    return Some(id);
                }
            }
            None
        })
        .await;
        let killed_at = time::now();
        doomed.kill();
        let taken_at = until("the takeover", async || {
            let told = events(&db, left).await;
            told.into_iter().filter(|event| event.kind == "started").nth(1).map(|event| event.at)
        })
        .await;
        let delay = taken_at - killed_at;
        println!("taken over after {} ms", delay.num_milliseconds());
        assert!(delay <= DELAY, "{delay:?}");

        let mut shared = BTreeSet::new();
        for &id in &ids {
            let run: Run = until("the end of every run", async || {
                let run = runs::get(&mut db.read().await.expect("reads"), id).await.expect("a run");
                run.state.is_final().then_some(run)
            })
            .await;
            assert_eq!(run.state, RunState::Succeeded, "{run:?}");
            assert_eq!(run.attempt, if id == left { 2 } else { 1 }, "taken up once, or once again: {run:?}");
            told_once(&mut db.read().await.expect("reads"), &run).await;
            shared.extend(workers(&events(&db, id).await));
        }
        assert_eq!(shared, BTreeSet::from([mine, heir.id().to_string()]), "both had their share");

        // Published through both servers at once: one schedule.
        let path = format!("/api/v1/runs/{left}/publish");
        let asks = servers.iter().map(|(_, address)| site.ask(address, Method::POST, &path, None, &Value::Null));
        let answers = futures::future::join_all(asks).await;
        let said: BTreeSet<String> = answers
            .into_iter()
            .map(|answer| answer.expect("an answer"))
            .map(|(status, body)| format!("{status} {} version {}", body["id"], body["version"]))
            .collect();
        let all = schedules::list(&mut db.read().await.expect("reads"), Some(term), None, 10).await.expect("lists");
        assert_eq!(all.len(), 1);
        assert_eq!(said, BTreeSet::from([format!("200 \"{}\" version 1", all[0].id)]));
        site.solvers_end().await;
    })
    .await;
}
