//! Who could serve a need, what a coordinator decides about it, and what a run may suppose.

use axum::body::Body;
use bellwether::api::State;
use bellwether::domain::id::{DistrictId, RunId, TermId};
use bellwether::domain::run::{RunSettings, RunState};
use bellwether::engine::outcome::Schedule;
use bellwether::engine::problem::Problem;
use bellwether::jobs::worker::Worker;
use bellwether::store::{Db, runs};
use tokio_util::sync::CancellationToken;

use crate::api::client::{Answer, Client};
use crate::fresh::on_both;
use crate::runs::{ana, office, own, settings, until};

/// A solved run of the sample term.
pub async fn solved(db: &Db, state: &State, term: TermId, settings: RunSettings) -> RunId {
    solved_for(db, state, term, Vec::new(), settings).await
}

/// A solved run of some districts of the sample term.
pub async fn solved_for(
    db: &Db,
    state: &State,
    term: TermId,
    districts: Vec<DistrictId>,
    settings: RunSettings,
) -> RunId {
    let closing = CancellationToken::new();
    let worker = tokio::spawn(Worker::new(db.clone(), own(), 1, closing.clone()).run());
    let run = state.ask(&ana(), term, districts, settings).await.expect("a run");
    let done = until(state, run.id, |run| run.state.is_final()).await;
    assert_eq!((done.state, done.cause), (RunState::Succeeded, None));
    closing.cancel();
    worker.await.expect("the worker stops");
    run.id
}

pub async fn problem(db: &Db, id: RunId) -> Problem {
    let text = runs::problem(&mut db.read().await.expect("reads"), id).await.expect("a problem");
    serde_json::from_str(&text).expect("a problem")
}

pub async fn form(client: &Client, path: &str, body: &str) -> Answer {
    let kind = [("content-type", "application/x-www-form-urlencoded")];
    client.raw("POST", path, &kind, Body::from(body.to_owned())).await
}

/// The value of a hidden field, as a browser would send it back.
pub fn hidden<'a>(page: &'a str, name: &str) -> &'a str {
    let field = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap_or_else(|| panic!("no {name}: {page}"));
    field.split('"').next().unwrap_or_default()
}

#[tokio::test]
async fn every_educator_is_ranked_for_a_need_or_refused_with_the_rule() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let waiting = state.ask(&ana(), term, Vec::new(), settings()).await.expect("a run").id;
        let client = Client::of(db.clone()).await;
        let problem = problem(&db, waiting).await;
        let need = &problem.sections[0].id;
        client.get(&format!("/api/v1/runs/{waiting}/candidates?need={need}")).await.refused(409, "conflict");
        let page = client.get(&format!("/runs/{waiting}/needs/{need}")).await;
        assert!(page.status == 200 && page.text.contains("no schedule yet"), "{page:?}");

        let run = solved(&db, &state, term, settings()).await;
        let schedule = runs::answer(&mut db.read().await.expect("reads"), run).await.expect("an answer").0;
        let schedule: Schedule = serde_json::from_str(&schedule.expect("a schedule")).expect("a schedule");
        let mut served = 0;
        for need in problem.sections.iter().map(|s| &s.id).chain(problem.services.iter().map(|s| &s.id)) {
            let answer = client.get(&format!("/api/v1/runs/{run}/candidates?need={need}")).await;
            let found = answer.body["candidates"].as_array().unwrap_or_else(|| panic!("{answer:?}"));
            assert_eq!(found.len(), problem.educators.len(), "each once");
            let weighed = |c: &&serde_json::Value| c["marginal_cents"].is_i64();
            assert!(
                found.iter().all(|c| c["marginal_cents"].is_i64() != c["refused"]["rule"].is_string()),
                "{found:?}"
            );
            let cents: Vec<_> = found.iter().filter(weighed).map(|c| c["marginal_cents"].as_i64()).collect();
            assert!(cents.is_sorted(), "the cheapest first: {found:?}");
            let sections = schedule.sections.iter().map(|row| (&row.section, &row.educator));
            let services = schedule.services.iter().map(|row| (&row.service, &row.educator));
            let today = sections.chain(services).find(|(id, _)| *id == need).map(|(_, educator)| educator.as_str());
            let serves = found.iter().find(|c| c["serves"] == true).and_then(|c| c["educator"].as_str());
            assert_eq!(serves, today);
            served += usize::from(today.is_some());
        }
        assert!(served > 0, "somebody serves something");
        let nil = uuid::Uuid::nil();
        client.get(&format!("/api/v1/runs/{run}/candidates?need={nil}")).await.refused(404, "not_found");
        client.get(&format!("/api/v1/runs/{run}/candidates")).await.refused(400, "bad_parameters");
    })
    .await;
}

#[tokio::test]
async fn a_lock_and_a_ban_hold_in_the_next_run_until_they_are_undone_and_neither_of_two_coordinators_loses_work() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let run = solved(&db, &state, term, settings()).await;
        let client = Client::of(db.clone()).await;
        let before = problem(&db, run).await;
        let (section, educator) = (&before.sections[0], &before.educators[0].id);
        let path = format!("/runs/{run}/needs/{}", section.id);
        let page = client.get(&path).await.text;
        let seen = hidden(&page, "seen").to_owned();
        assert_eq!(seen, "none");

        let unexplained = form(&client, &path, &format!("decision=lock&educator={educator}&seen={seen}")).await;
        assert!(unexplained.status == 422 && unexplained.text.contains("Say why"), "{unexplained:?}");
        // Whatever speaks against it is known, and overridden.
        let overrides = "overrides=W01%2CW02%2CW03%2CW04%2CW05%2CW06%2CW07";
        let lock = format!("decision=lock&educator={educator}&reason=knows+the+class&seen={seen}&{overrides}");
        assert_eq!(form(&client, &path, &lock).await.status, 303);
        // The second of two who had the same page before them: told, with the form kept.
        let late = format!("decision=lock&educator={educator}&reason=is+nearer&seen={seen}&{overrides}");
        // Before anything that speaks against it: a page with that alone would pass for what they have seen.
        let unticked = form(&client, &path, late.split("&overrides").next().expect("the form")).await;
        assert!(unticked.status == 409 && unticked.text.contains("Somebody else has locked"), "{unticked:?}");
        let late = form(&client, &path, &late).await;
        assert_eq!(late.status, 409);
        for part in ["Somebody else has locked", "knows the class", "value=\"is nearer\""] {
            assert!(late.text.contains(part), "{part} is not in {}", late.text);
        }
        // A ban where the same educator is locked, or the other way round, would be a problem that no run can begin with.
        let ban = format!("decision=ban&educator={educator}&reason=asked+for+by+the+school");
        let both = form(&client, &path, &ban).await;
        assert!(both.status == 422 && both.text.contains("undo that lock first"), "{both:?}");
        let elsewhere = before.sections.iter().find(|one| one.school != section.school).expect("another school");
        let there = format!("/runs/{run}/needs/{}", elsewhere.id);
        assert_eq!(form(&client, &there, &ban).await.status, 303);
        let both = form(&client, &there, &lock).await;
        assert!(both.status == 422 && both.text.contains("undo the ban first"), "{both:?}");

        let asked = state.ask(&ana(), term, Vec::new(), settings()).await.expect("a run").id;
        let now = problem(&db, asked).await;
        assert!(now.pins.iter().any(|pin| pin.need == section.id && pin.educator == *educator), "{:?}", now.pins);
        let banned = |p: &Problem| p.vetoes.iter().any(|v| v.educator == *educator && v.school == elsewhere.school);
        assert!(banned(&now) && !banned(&before));

        for (what, path) in [("lock", &path), ("ban", &there)] {
            let page = client.get(path).await.text;
            let name = page.rsplit_once("knows the class").or(page.rsplit_once("asked for by the school"));
            let undo = name.expect("the reason is told").1;
            let body = |version: &str| format!("what={what}&id={}&version={version}", hidden(undo, "id"));
            // Not what somebody else has made of it meanwhile.
            assert_eq!(form(&client, &format!("{path}/undo"), &body("7")).await.status, 412);
            assert_eq!(form(&client, &format!("{path}/undo"), &body("1")).await.status, 303);
        }
        let again = state.ask(&ana(), term, Vec::new(), settings()).await.expect("a run").id;
        let (then, now) = (problem(&db, again).await, before);
        assert_eq!((then.pins, then.vetoes), (now.pins, now.vetoes));
    })
    .await;
}

#[tokio::test]
async fn what_a_run_supposes_is_its_own_and_its_schedule_can_be_published() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let plain = state.ask(&ana(), term, Vec::new(), settings()).await.expect("a run").id;
        let before = problem(&db, plain).await;
        // Whoever has a lock cannot be published around.
        let locked = before.pins[0].educator.clone();
        let without = |id: &str| RunSettings { without: vec![id.parse().expect("an id")], ..settings() };
        let around = solved(&db, &state, term, without(&locked)).await;
        let client = Client::of(db.clone()).await;
        client.get(&format!("/api/v1/runs/{around}")).await;
        let refused = client.raw("POST", &format!("/api/v1/runs/{around}/publish"), &[], Body::empty()).await;
        assert!(refused.refused(409, "conflict").is_array() && refused.text.contains("undo that lock"), "{refused:?}");

        let free = before.educators.iter().find(|e| e.id != locked).expect("another").id.clone();
        let dear = RunSettings { change_cents: Some(1), unserved_cents_per_minute: Some(2), ..without(&free) };
        let run = solved(&db, &state, term, dear).await;
        let supposed = problem(&db, run).await;
        assert_eq!((supposed.weights.change_cents, supposed.weights.unserved_cents_per_minute), (1, 2));
        assert!(supposed.educators.iter().all(|educator| educator.id != free));
        let published = client.raw("POST", &format!("/api/v1/runs/{run}/publish"), &[], Body::empty()).await;
        assert_eq!(published.status, 200, "{published:?}");
        let next = state.ask(&ana(), term, Vec::new(), settings()).await.expect("a run").id;
        assert_eq!(problem(&db, next).await.weights, before.weights);
    })
    .await;
}

#[tokio::test]
async fn a_published_session_that_no_longer_fits_is_marked_on_the_board_until_it_fits_again() {
    on_both(async |db| {
        let (state, term) = office(&db).await;
        let run = solved(&db, &state, term, settings()).await;
        state.publish(&ana(), run).await.expect("is published");
        let client = Client::of(db.clone()).await;
        let first = client.get("/api/v1/sessions?from=2000-01-01T00:00:00Z&to=2100-01-01T00:00:00Z&limit=1").await;
        let session = &first.body["items"][0];
        let (educator, school) = (&session["educator_id"], &session["school_id"]);
        let on = &session["starts_at"].as_str().expect("an instant")[..10];
        let board = format!("/board?on={on}");
        let shown = client.get(&board).await;
        assert!(shown.status == 200 && shown.text.contains("data-need"), "{shown:?}");
        assert!(!shown.text.contains("to look at"), "{}", shown.text);

        let off = serde_json::json!({"educator_id": educator, "first_on": on, "last_on": on});
        let off = client.post("/api/v1/time-off", &off).await.id();
        let veto =
            client.post("/api/v1/vetoes", &serde_json::json!({"educator_id": educator, "school_id": school})).await;
        for (said, undo) in [
            ("away that day", format!("/api/v1/time-off/{off}")),
            ("banned from the school", format!("/api/v1/vetoes/{}", veto.id())),
        ] {
            for _ in 0..2 {
                let shown = client.get(&board).await.text;
                assert!(shown.contains(said) && shown.contains("to look at"), "{said} stays: {shown}");
            }
            let undone = client.raw("DELETE", &undo, &[("if-match", "\"1\"")], Body::empty()).await;
            assert_eq!(undone.status, 204);
            assert!(!client.get(&board).await.text.contains(said));
        }
        assert!(client.get("/board?q=no-such-name").await.text.contains("No educator"));
        client.get("/board?on=9999-01-01").await.refused(400, "bad_parameters");
    })
    .await;
}
