//! Locks: cautions that are overridden with a reason, rules that no reason overrides, and locks that no run can keep.

use axum::body::Body;
use bellwether::domain::run::RunState;
use serde_json::json;
use tempfile::TempDir;

use crate::api::client::Client;
use crate::candidates::{form, hidden, problem, solved};
use crate::fresh::on_both;
use crate::runs::{AtWork, ana, asked, fake, office, settings, until};

#[tokio::test]
async fn a_caution_is_overridden_with_a_reason_that_stays_and_a_rule_is_not() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let run = solved(&db, &state, term, settings()).await;
        let client = Client::of(db.clone()).await;
        let before = problem(&db, run).await;
        let section = &before.sections[0].id;
        let ranked = client.get(&format!("/api/v1/runs/{run}/candidates?need={section}")).await;
        let ranked = ranked.body["candidates"].as_array().expect("a list").clone();
        let free = ranked.iter().find(|one| one["refused"].is_null()).expect("somebody may");
        let refused = ranked.iter().find(|one| one["refused"].is_object()).expect("somebody may not");
        // The file says that somebody else serves it, and there are days off in the term.
        let codes: Vec<_> = free["warnings"].as_array().expect("a list").iter().map(|one| &one["code"]).collect();
        assert_eq!(codes, ["W02", "W03"], "{free}");
        let (educator, other) = (free["educator"].as_str().expect("an id"), refused["educator"].as_str().expect("an id"));
        let path = format!("/runs/{run}/needs/{section}");
        let page = client.get(&path).await.text;
        assert!(page.contains("days off") && !page.contains("What speaks against"), "{page}");
        // Whoever comes from the board has chosen already.
        let chosen = client.get(&format!("{path}?educator={educator}")).await.text;
        assert!(chosen.contains("What speaks against"), "{chosen}");

        let ruled = form(&client, &path, &format!("decision=lock&educator={other}&reason=x&seen=none")).await;
        assert!(ruled.status == 422 && ruled.text.contains("no reason overrides"), "{ruled:?}");
        let lock = format!("decision=lock&educator={educator}&reason=the+week+is+covered&seen=none");
        let warned = form(&client, &path, &lock).await;
        assert_eq!(warned.status, 422);
        for part in ["What speaks against", "tick the box", "value=\"W02,W03\"", "value=\"the week is covered\""] {
            assert!(warned.text.contains(part), "{part} is not in {}", warned.text);
        }
        assert_eq!(client.get("/api/v1/pins?limit=50").await.body["items"].as_array().expect("a list").len(), 1, "that of the sample");
        // Half of it is not enough.
        assert_eq!(form(&client, &path, &format!("{lock}&overrides=W02")).await.status, 422);
        let known = format!("{lock}&overrides={}", hidden(&warned.text, "overrides"));
        assert_eq!(form(&client, &path, &known).await.status, 303);

        // It stays with the lock, on the page of decisions, and on the board once it is published.
        let kept = client.get(&format!("/api/v1/pins?section_id={section}")).await.body["items"][0].clone();
        assert_eq!((&kept["overrides"], &kept["reason"]), (&json!(["W02", "W03"]), &json!("the week is covered")));
        let decisions = client.get("/decisions").await.text;
        assert!(decisions.contains("overrides: days off") && decisions.contains("the week is covered"), "{decisions}");
        let run = solved(&db, &state, term, settings()).await;
        state.publish(&ana(), run).await.expect("is published");
        let first = client
            .get("/api/v1/sessions?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=200")
            .await
            .body["items"]
            .as_array()
            .expect("a list")
            .iter()
            .find(|one| one["section_id"] == json!(section))
            .expect("it is taught")
            .clone();
        let board = client.get(&format!("/board?on={}", &first["starts_at"].as_str().expect("an instant")[..10])).await.text;
        assert!(board.contains("overrides: days off") && board.contains("“the week is covered”"), "{board}");

        // Through the API too: no override without a reason, and no code that is none.
        let pin = |overrides: serde_json::Value, reason: serde_json::Value| json!({"term_id": term, "section_id": before.sections[2].id, "educator_id": educator, "reason": reason, "overrides": overrides});
        client.post("/api/v1/pins", &pin(json!(["W04"]), json!(null))).await.refused(422, "bad_fields");
        client.post("/api/v1/pins", &pin(json!(["late"]), json!("x"))).await.refused(422, "bad_fields");
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_breaks_a_rule_is_told_before_anything_is_planned() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let client = Client::of(db.clone()).await;
        let waiting = asked(&state, term).await;
        let before = problem(&db, waiting).await;
        let licensed = |educator: &bellwether::engine::problem::Educator| {
            educator.licenses.iter().any(|license| license.area == "mathematics")
        };
        let unlicensed = before.educators.iter().find(|educator| !licensed(educator)).expect("a speech therapist");
        let pin = json!({"term_id": term, "section_id": before.sections[0].id, "educator_id": unlicensed.id, "reason": "asked for"});
        assert_eq!(client.post("/api/v1/pins", &pin).await.status, 201);

        let refused = client.post("/api/v1/runs", &json!({"term_id": term})).await;
        let errors = refused.refused(422, "locks_refused").as_array().expect("a list").clone();
        let [error] = errors.as_slice() else { panic!("{errors:?}") };
        assert!(error["pointer"].as_str().is_some_and(|at| at.starts_with("/problem/pins/")), "{error}");
        let said = error["message"].as_str().expect("text");
        for part in ["P080", "H01", "no license for the subject", "lift the pin", &before.sections[0].id] {
            assert!(said.contains(part), "{part} is not in {said}");
        }
        // On the page with names, and the way back beside it.
        let page = form(&client, "/runs", &format!("term={term}&seconds=60&gap=0")).await;
        assert_eq!(page.status, 422, "{page:?}");
        for part in ["cannot be kept", "Algebra I (Section at ", "no license for the subject", "license (H01)"] {
            assert!(page.text.contains(part), "{part} is not in {}", page.text);
        }
        let told = page.text.split_once("cannot be kept").expect("the lock").1.to_owned();
        assert!(told.contains("Educator e2"), "named by name: {told}");
        let undo = format!("what=lock&id={}&version={}", hidden(&told, "id"), hidden(&told, "version"));
        assert_eq!(form(&client, "/decisions/undo", &undo).await.status, 303);
        assert_eq!(client.post("/api/v1/runs", &json!({"term_id": term})).await.status, 202);
        client.raw("POST", &format!("/runs/{waiting}/cancel"), &[], Body::empty()).await;
    })
    .await;
}

#[tokio::test]
async fn a_repair_that_a_lock_stands_against_says_which_and_how_to_undo_it() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let client = Client::of(db.clone()).await;
        let run = solved(&db, &state, term, settings()).await;
        state.publish(&ana(), run).await.expect("is published");
        let before = problem(&db, run).await;
        // The speech therapist of the sample, for algebra.
        let (section, educator) = (&before.sections[0].id, &before.pins[0].educator);
        let pin = json!({"term_id": term, "section_id": section, "educator_id": educator, "reason": "asked for"});
        assert_eq!(client.post("/api/v1/pins", &pin).await.status, 201);
        let page = form(&client, "/repairs", &format!("term={term}")).await;
        assert_eq!(page.status, 422, "{page:?}");
        for part in ["<h1>Repairs</h1>", "cannot be kept", "Algebra I (Section at ", "Educator e2", "license (H01)"] {
            assert!(page.text.contains(part), "{part} is not in {}", page.text);
        }
        let told = page.text.split_once("cannot be kept").expect("the lock").1;
        let undo = format!("what=lock&id={}&version={}", hidden(told, "id"), hidden(told, "version"));
        assert_eq!(form(&client, "/decisions/undo", &undo).await.status, 303);
        assert_eq!(form(&client, "/repairs", &format!("term={term}")).await.status, 303);
    })
    .await;
}

#[tokio::test]
async fn what_a_solver_refuses_to_begin_with_is_no_defect_and_is_not_tried_again() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let id = asked(&state, term).await;
        let need = problem(&db, id).await.sections[0].id.clone();
        let issue = json!({"code": "P080", "pointer": "/pins/0", "cause": format!("the pin of {need} cannot be kept"), "action": "lift one of the pins"});
        let dir = TempDir::new().expect("a directory");
        let solver = fake(&dir, &format!("cat > /dev/null; echo '{issue}' >&2; exit 2"));
        let worker = AtWork::start(&db, solver, 1);
        let done = until(&state, id, |run| run.state.is_final()).await;
        worker.stop().await;
        assert_eq!((done.state, done.failures, done.attempt), (RunState::Failed, 0, 1), "{done:?}");
        assert!(done.cause.as_deref().is_some_and(|cause| cause.starts_with("P080: ")), "{done:?}");
        let page = Client::of(db.clone()).await.get(&format!("/runs/{id}")).await.text;
        for part in ["It could not begin", "the pin of Algebra I cannot be kept", "/decisions"] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(!page.contains("report it"), "{page}");
    })
    .await;
}
