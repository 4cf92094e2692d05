//! Problem files into the database and back.

use std::collections::BTreeMap;

use bellwether::domain::id::TermId;
use bellwether::domain::records::{Calendar, Educator, License, Pin};
use bellwether::engine::outcome::Schedule;
use bellwether::engine::problem::Problem;
use bellwether::engine::verify::verify;
use bellwether::exchange::problem::batch;
use bellwether::store::import::{self, Summary};
use bellwether::store::{self, Db, StoreError, snapshot};
use serde_json::{Value, json};

use crate::fresh::on_both;

fn file() -> Problem {
    serde_json::from_str(include_str!("problem.json")).expect("the sample is a problem")
}

async fn keep(db: &Db, problem: &Problem) -> Result<(TermId, Summary), StoreError> {
    let mut tx = db.write("importer").await?;
    let mut keys = import::keys(&mut tx, "sample").await?;
    let batch = batch(problem, "sample", &mut keys);
    let term = batch.terms[0].0;
    let summary = import::keep(&mut tx, "sample", batch).await?;
    tx.commit().await?;
    Ok((term, summary))
}

/// Ids of the file for those of the database, by the order of the lists, which import and export keep.
fn names(file: &Problem, kept: &Problem) -> BTreeMap<String, String> {
    let mut names = BTreeMap::new();
    macro_rules! pair {
        ($($list:ident.$id:ident),+) => {$(
            assert_eq!(file.$list.len(), kept.$list.len(), stringify!($list));
            names.extend(kept.$list.iter().zip(&file.$list).map(|(k, f)| (k.$id.clone(), f.$id.clone())));
        )+};
    }
    pair!(districts.id, schools.id, courses.id, sections.id, services.id, services.student, educators.id, together.id);
    names
}

/// The document with every id of the database replaced.
fn renamed(value: Value, names: &BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => Value::String(names.get(&text).cloned().unwrap_or(text)),
        Value::Array(list) => list.into_iter().map(|item| renamed(item, names)).collect(),
        Value::Object(map) => map.into_iter().map(|(key, item)| (key, renamed(item, names))).collect(),
        other => other,
    }
}

#[tokio::test]
async fn a_problem_comes_back_as_it_was_but_for_its_ids() {
    on_both(async |db| {
        let file = file();
        let (term, _) = keep(&db, &file).await.expect("is kept");
        let kept = snapshot(&db, term, &[]).await.expect("a snapshot");
        let names = names(&file, &kept);
        let mut expected = json!(file);
        // A name that the file leaves out becomes the id.
        (expected["districts"][1]["name"], expected["courses"][1]["name"]) = (json!("d2"), json!("c2"));
        let mut got = renamed(json!(kept), &names);
        for document in [&mut expected, &mut got] {
            for list in ["incumbents", "pins"] {
                document[list].as_array_mut().expect("a list").sort_by_key(|row| row["need"].to_string());
            }
        }
        assert_eq!(got, expected);
        assert_eq!(snapshot::hash(&kept), snapshot::hash(&snapshot(&db, term, &[]).await.expect("a snapshot")));
    })
    .await;
}

#[tokio::test]
async fn a_schedule_costs_the_same_before_and_after_the_database() {
    on_both(async |db| {
        let file = file();
        let (term, _) = keep(&db, &file).await.expect("is kept");
        let kept = snapshot(&db, term, &[]).await.expect("a snapshot");
        let names = names(&file, &kept);
        let theirs = json!({"format": "staffing-schedule/1",
            "sections": kept.sections.iter().map(|s| json!({"section": s.id, "educator": kept.educators[0].id})).collect::<Vec<_>>(),
            "services": [{"service": kept.services[0].id, "educator": kept.educators[1].id,
                          "sessions": [{"day": "mon", "start": "09:30"}]}]});
        let ours: Schedule = serde_json::from_value(renamed(theirs.clone(), &names)).expect("a schedule");
        let theirs: Schedule = serde_json::from_value(theirs).expect("a schedule");
        let (before, after) = (verify(&file, &ours), verify(&kept, &theirs));
        assert!(before.cost.pay > 0 && before.cost.change > 0, "{:?}", before.cost);
        assert_eq!((before.cost, before.violations.len()), (after.cost, after.violations.len()));
    })
    .await;
}

#[tokio::test]
async fn the_same_file_again_changes_nothing_and_what_people_wrote_stays() {
    on_both(async |db| {
        let file = file();
        let (_, first) = keep(&db, &file).await.expect("is kept");
        assert_eq!((first["section"].created, first["license"].created, first["student"].created), (3, 3, 2));
        let mut tx = db.write("coordinator").await.expect("writes");
        let educator = store::every::<Educator>(&mut tx).await.expect("lists").remove(0);
        let named = Educator { display_name: "Ana".into(), ..educator.body };
        let named = store::update(&mut tx, educator.id, Some(1), named).await.expect("updates");
        let pin = store::every::<Pin>(&mut tx).await.expect("lists").remove(0);
        let why = Pin { reason: Some("She knows the school".into()), overrides: vec!["W05".into()], ..pin.body };
        let why = store::update(&mut tx, pin.id, Some(1), why).await.expect("updates");
        tx.commit().await.expect("commits");

        let (_, second) = keep(&db, &file).await.expect("is kept");
        for (kind, counts) in &second {
            let touched = (counts.created, counts.updated, counts.deleted, counts.absent);
            assert_eq!((touched, counts.unchanged), ((0, 0, 0, 0), first[kind].created), "{kind}");
        }
        let mut tx = db.read().await.expect("reads");
        assert_eq!(store::get::<Educator>(&mut tx, educator.id).await.expect("is there"), named);
        assert_eq!(store::get::<Pin>(&mut tx, pin.id).await.expect("is there"), why);
    })
    .await;
}

#[tokio::test]
async fn a_changed_file_updates_deletes_parts_and_keeps_what_others_may_need() {
    on_both(async |db| {
        keep(&db, &file()).await.expect("is kept");
        let mut changed = file();
        changed.educators[0].licenses.remove(1);
        changed.educators[0].max_preps = 4;
        changed.pins.clear();
        changed.sections.pop();
        changed.together.pop();
        let (_, summary) = keep(&db, &changed).await.expect("is kept");
        assert_eq!((summary["license"].deleted, summary["license"].absent, summary["license"].unchanged), (1, 0, 2));
        assert_eq!((summary["educator"].updated, summary["educator"].unchanged), (1, 1));
        assert_eq!((summary["pin"].deleted, summary["section"].absent, summary["section"].deleted), (1, 1, 0));
    })
    .await;
}

#[tokio::test]
async fn a_refused_row_is_named_and_nothing_of_its_file_is_kept() {
    on_both(async |db| {
        let mut bad = file();
        bad.educators[1].licenses[0].state = "Arizona".into();
        let refused = keep(&db, &bad).await.expect_err("is refused").to_string();
        assert!(refused.starts_with("/license/e2~10/state: \"Arizona\" is not a postal code"), "{refused}");
        let mut tx = db.read().await.expect("reads");
        assert_eq!(store::every::<License>(&mut tx).await.expect("lists"), []);
        assert_eq!(store::every::<Educator>(&mut tx).await.expect("lists"), []);
    })
    .await;
}

#[tokio::test]
async fn a_snapshot_of_one_district_names_nothing_of_another() {
    on_both(async |db| {
        let (term, _) = keep(&db, &file()).await.expect("is kept");
        let whole = snapshot(&db, term, &[]).await.expect("a snapshot");
        let hill = whole.districts[1].id.parse().expect("an id");
        let part = snapshot(&db, term, &[hill]).await.expect("a snapshot");
        let counts =
            [part.districts.len(), part.schools.len(), part.courses.len(), part.sections.len(), part.services.len()];
        assert_eq!(counts, [1, 1, 1, 1, 1]);
        assert_eq!((part.educators.len(), part.incumbents.len(), part.pins.len(), part.vetoes.len()), (2, 0, 0, 1));
        assert_eq!(
            part.together.iter().map(|row| row.needs.clone()).collect::<Vec<_>>(),
            [[part.sections[0].id.clone()]]
        );
    })
    .await;
}

#[tokio::test]
async fn a_district_without_a_calendar_is_named() {
    on_both(async |db| {
        let (term, _) = keep(&db, &file()).await.expect("is kept");
        let mut tx = db.write("coordinator").await.expect("writes");
        let calendars = store::every::<Calendar>(&mut tx).await.expect("lists");
        let mesa = calendars.iter().find(|row| row.body.cycle.is_empty()).expect("Mesa's");
        store::delete::<Calendar>(&mut tx, mesa.id, None).await.expect("deletes");
        tx.commit().await.expect("commits");
        let error = snapshot(&db, term, &[]).await.expect_err("is refused").to_string();
        assert!(error.contains("district Mesa has no calendar for the term two districts"), "{error}");
    })
    .await;
}
