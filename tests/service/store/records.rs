//! The one path of records.

use bellwether::domain::id::RecordId;
use bellwether::domain::records::{District, School};
use bellwether::store::idempotency::{self, Answer, Claim};
use bellwether::store::{self, Statement, StoreError, audit};

use crate::fresh::on_both;

pub fn district(name: &str) -> District {
    District {
        name: name.into(),
        state: "AZ".into(),
        tz: chrono_tz::America::Phoenix,
        retention_years: None,
        source: None,
        source_id: None,
    }
}

#[tokio::test]
async fn a_record_is_read_as_it_was_written() {
    on_both(async |db| {
        let mut tx = db.write("tester").await.expect("writes");
        let mesa = store::insert(&mut tx, district("Mesa")).await.expect("inserts");
        let school =
            School { district_id: mesa.id, name: "Río Salado ☼".into(), tz: None, source: None, source_id: None };
        let school = store::insert(&mut tx, school).await.expect("inserts");
        tx.commit().await.expect("commits");
        let mut tx = db.read().await.expect("reads");
        assert_eq!(store::get::<District>(&mut tx, mesa.id).await.expect("is there"), mesa);
        assert_eq!(store::get::<School>(&mut tx, school.id).await.expect("is there"), school);
        let id = mesa.id.to_string();
        let listed = store::list::<School>(&mut tx, &[("district_id", &id)], None, 10).await.expect("lists");
        assert_eq!(listed, [school]);
    })
    .await;
}

#[tokio::test]
async fn a_missing_parent_is_named_and_a_parent_in_use_is_kept() {
    on_both(async |db| {
        let mut tx = db.write("tester").await.expect("writes");
        let mesa = store::insert(&mut tx, district("Mesa")).await.expect("inserts");
        let school = School { district_id: mesa.id, name: "A".into(), tz: None, source: None, source_id: None };
        store::insert(&mut tx, school.clone()).await.expect("inserts");
        tx.commit().await.expect("commits");

        let mut tx = db.write("tester").await.expect("writes");
        let refused = store::delete::<District>(&mut tx, mesa.id, None).await.expect_err("is in use");
        assert!(matches!(&refused, StoreError::InUse { what } if what == "school"), "{refused:?}");
        drop(tx);

        let mut tx = db.write("tester").await.expect("writes");
        let lost = School { district_id: RecordId::fresh(), ..school };
        let refused = store::insert(&mut tx, lost).await.expect_err("has no district");
        assert!(matches!(&refused, StoreError::MissingReference { what } if what == "district_id"), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn an_update_of_an_old_version_is_refused_with_the_present_one() {
    on_both(async |db| {
        let mut tx = db.write("tester").await.expect("writes");
        let mesa = store::insert(&mut tx, district("Mesa")).await.expect("inserts");
        let tempe = store::update(&mut tx, mesa.id, Some(1), district("Tempe")).await.expect("updates");
        assert_eq!((tempe.version, tempe.created_at), (2, mesa.created_at));
        for refused in [
            store::update(&mut tx, mesa.id, Some(1), district("Gilbert")).await.expect_err("is stale"),
            store::delete::<District>(&mut tx, mesa.id, Some(1)).await.expect_err("is stale"),
        ] {
            assert!(matches!(refused, StoreError::Stale { current_version: 2 }), "{refused:?}");
        }
        store::delete::<District>(&mut tx, mesa.id, Some(2)).await.expect("deletes");
        let missing = store::get::<District>(&mut tx, mesa.id).await.expect_err("is gone");
        assert!(matches!(missing, StoreError::NotFound { what: "district", .. }), "{missing:?}");
    })
    .await;
}

#[tokio::test]
async fn of_many_updates_from_one_version_one_wins() {
    on_both(async |db| {
        let mut tx = db.write("tester").await.expect("writes");
        let mesa = store::insert(&mut tx, district("Mesa")).await.expect("inserts");
        tx.commit().await.expect("commits");
        let attempts = (0..20).map(|n| {
            let db = db.clone();
            async move {
                let mut tx = db.write("tester").await?;
                store::update(&mut tx, mesa.id, Some(1), district(&format!("{n}"))).await?;
                tx.commit().await
            }
        });
        let won = futures::future::join_all(attempts).await.into_iter().flatten().count();
        assert_eq!(won, 1);
    })
    .await;
}

#[tokio::test]
async fn the_same_source_id_twice_is_a_duplicate_that_names_its_fields() {
    on_both(async |db| {
        let mut tx = db.write("tester").await.expect("writes");
        let sourced = District { source: Some("sis".into()), source_id: Some("7".into()), ..district("Mesa") };
        store::insert(&mut tx, sourced.clone()).await.expect("inserts");
        let refused = store::insert(&mut tx, sourced).await.expect_err("is a duplicate");
        assert!(matches!(&refused, StoreError::Duplicate { what } if what == "source, source_id"), "{refused:?}");
    })
    .await;
}

#[tokio::test]
async fn every_refused_field_is_pointed_at() {
    on_both(async |db| {
        let mut tx = db.write("tester").await.expect("writes");
        let bad = District { name: "a\0b".into(), state: "az".into(), source: Some("sis".into()), ..district("") };
        let StoreError::Invalid(issues) = store::insert(&mut tx, bad).await.expect_err("is refused") else {
            panic!("invalid")
        };
        let pointers: Vec<&str> = issues.iter().map(|issue| issue.pointer.as_str()).collect();
        assert_eq!(pointers, ["/name", "/state", "/source_id"]);
    })
    .await;
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    on_both(async |db| {
        let mut tx = db.write("tester").await.expect("writes");
        let mut made = Vec::new();
        for n in 0..25 {
            made.push(store::insert(&mut tx, district(&format!("{n}"))).await.expect("inserts").id);
        }
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = store::list::<District>(&mut tx, &[("state", "AZ")], after, 10).await.expect("lists");
            seen.extend(page.iter().map(|row| row.id));
            after = page.last().map(|row| row.id);
            if page.len() < 10 {
                break;
            }
        }
        assert_eq!(seen, made);
        assert_eq!(store::list::<District>(&mut tx, &[("state", "NY")], None, 10).await.expect("lists"), []);
        for (name, text) in [("tz_name", "x"), ("id", "x"), ("name", "a\0")] {
            let refused = store::list::<District>(&mut tx, &[(name, text)], None, 10).await.expect_err("is refused");
            assert!(matches!(&refused, StoreError::Invalid(_)), "{refused:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn every_change_leaves_a_line_that_nobody_can_alter() {
    on_both(async |db| {
        let mut tx = db.write("ana").await.expect("writes");
        let mesa = store::insert(&mut tx, district("Mesa")).await.expect("inserts");
        store::update(&mut tx, mesa.id, None, district("Tempe")).await.expect("updates");
        store::delete::<District>(&mut tx, mesa.id, None).await.expect("deletes");
        tx.commit().await.expect("commits");
        let mut tx = db.read().await.expect("reads");
        let lines = audit::list(&mut tx, Some(("district", mesa.id.uuid())), None, 10).await.expect("lists");
        let told: Vec<_> = lines.iter().map(|line| (line.actor.as_str(), line.action.as_str())).collect();
        assert_eq!(told, [("ana", "create"), ("ana", "update"), ("ana", "delete")]);
        let name = |body: &Option<serde_json::Value>| body.as_ref().map(|body| body["name"].to_string());
        assert_eq!(
            (name(&lines[1].before), name(&lines[1].after)),
            (Some("\"Mesa\"".into()), Some("\"Tempe\"".into()))
        );
        drop(tx);
        for sql in ["UPDATE audit SET actor = 'bob'", "DELETE FROM audit"] {
            let mut tx = db.write("bob").await.expect("writes");
            let refused = tx.execute(&Statement::both(sql), &[]).await.expect_err("is refused").to_string();
            assert!(refused.contains("append-only"), "{refused}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_creation_sent_many_times_at_once_happens_once() {
    on_both(async |db| {
        let attempts = (0..10).map(|_| async {
            let mut tx = db.write("tester").await?;
            match idempotency::claim(&mut tx, "ana", "k1", "hash").await? {
                Claim::Fresh => {
                    let made = store::insert(&mut tx, district("Mesa")).await?;
                    let answer = Answer { status: 201, headers: serde_json::json!({}), body: made.id.to_string() };
                    idempotency::answer(&mut tx, "ana", "k1", &answer).await?;
                    tx.commit().await?;
                    Ok(answer.body)
                }
                Claim::Answered(answer) => Ok::<_, StoreError>(answer.body),
                Claim::Mismatch => panic!("the request was the same"),
            }
        });
        let mut answers: Vec<String> =
            futures::future::join_all(attempts).await.into_iter().collect::<Result<_, _>>().expect("all are answered");
        answers.dedup();
        assert_eq!(answers.len(), 1);
        let mut tx = db.write("tester").await.expect("writes");
        assert_eq!(store::every::<District>(&mut tx).await.expect("lists").len(), 1);
        let other = idempotency::claim(&mut tx, "ana", "k1", "another hash").await.expect("is claimed");
        assert_eq!(other, Claim::Mismatch);
        assert_eq!(idempotency::claim(&mut tx, "bob", "k1", "hash").await.expect("is claimed"), Claim::Fresh);
    })
    .await;
}
