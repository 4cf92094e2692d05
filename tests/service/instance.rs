//! A published instance (`shared/bench/smptsp.py`) from import to dated sessions, over HTTP alone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bellwether::jobs::queue;
use serde_json::{Value, json};

use crate::api::client::Client;
use crate::fresh::on_both;
use crate::runs::{AtWork, own};

/// Tasks and the fewest workers (`best_known.csv`).
const INSTANCE: (&str, usize, usize) = ("data_13_25_120_33", 120, 20);

/// `shared/bench`: beside the clone, or named.
fn bench() -> Option<PathBuf> {
    let named = std::env::var_os("BELLWETHER_SHARED").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().skip(1).map(|folder| folder.join("shared"));
    named.into_iter().chain(beside()).map(|folder| folder.join("bench")).find(|bench| bench.join("smptsp.py").is_file())
}

#[tokio::test]
async fn a_published_instance_goes_from_import_to_published_sessions_at_its_best_known() {
    let Some(bench) = bench() else {
        println!(
            "skipped: no shared/bench beside the clone and none named by BELLWETHER_SHARED, so there is no instance"
        );
        return;
    };
    let (name, tasks, workers) = INSTANCE;
    let instance = bench.join(format!("data/smptsp/{name}.dat.gz"));
    let converted = Command::new("python3").arg(bench.join("smptsp.py")).arg(instance).output().expect("python3 runs");
    assert!(converted.status.success(), "{}", String::from_utf8_lossy(&converted.stderr));
    let problem: Value = serde_json::from_slice(&converted.stdout).expect("JSON");

    on_both(async |db| {
        queue::migrate(&db).await.expect("the job tables are made");
        let client = Client::of(db.clone()).await;
        let worker = AtWork::start(&db, own(), 1);

        let imported = client.post("/api/v1/import/problem", &problem).await;
        assert_eq!((imported.status.as_u16(), &imported.body["counts"]["section"]["created"]), (200, &json!(tasks)));
        let wanted = json!({"term_id": imported.body["term_id"], "gap": 0, "seconds": 60, "history": true});
        let run = format!("/api/v1/runs/{}", client.post("/api/v1/runs", &wanted).await.id());
        let deadline = Instant::now() + Duration::from_mins(2);
        let ended = loop {
            let now = client.get(&run).await.body;
            if !["queued", "running"].map(Some).contains(&now["state"].as_str()) {
                break now;
            }
            assert!(Instant::now() < deadline, "{now}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        worker.stop().await;
        assert_eq!((&ended["state"], &ended["status"]), (&json!("succeeded"), &json!("optimal")), "{ended}");
        assert_eq!(client.get(&format!("{run}/unserved")).await.body, json!([]));

        let published = client.post(&format!("{run}/publish"), &Value::Null).await;
        // A worker costs one cent here, and nothing else costs anything.
        assert_eq!((published.status.as_u16(), &published.body["cost"]["total"]), (200, &json!(workers)));
        let path = "/api/v1/sessions?from=2026-09-01T00:00:00Z&to=2026-09-02T00:00:00Z&limit=1000";
        let sessions = client.get(path).await.body["items"].as_array().expect("items").clone();
        let text = |session: &Value, field: &str| session[field].as_str().expect("text").to_owned();
        let teach: BTreeSet<String> = sessions.iter().map(|session| text(session, "educator_id")).collect();
        assert_eq!((sessions.len(), teach.len()), (tasks, workers));

        // Each task at its minutes, and nobody at two at once.
        let clock = |at: &Value| format!("2026-09-01T{}:00Z", at.as_str().expect("a clock"));
        let periods = problem["schools"][0]["bell_schedules"][0]["periods"].as_array().expect("periods");
        let mut wanted: Vec<_> =
            periods.iter().map(|period| (clock(&period["start"]), clock(&period["end"]))).collect();
        let mut held: Vec<_> = sessions.iter().map(|one| (text(one, "starts_at"), text(one, "ends_at"))).collect();
        wanted.sort();
        held.sort();
        assert_eq!(held, wanted);
        let mut lines: Vec<_> = sessions
            .iter()
            .map(|one| (text(one, "educator_id"), text(one, "starts_at"), text(one, "ends_at")))
            .collect();
        lines.sort();
        assert!(lines.windows(2).all(|pair| pair[0].0 != pair[1].0 || pair[0].2 <= pair[1].1), "{lines:?}");
    })
    .await;
}
