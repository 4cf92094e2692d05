//! `Idempotency-Key`: sent twice, done once.

use futures::future::join_all;
use serde_json::json;

use super::client::{Client, district};
use crate::fresh::on_both;

const PATH: &str = "/api/v1/districts";

#[tokio::test]
async fn the_same_key_and_body_is_answered_as_the_first_was() {
    on_both(async |db| {
        let client = Client::of(db).await;
        let key = [("idempotency-key", "k-1")];
        let first = client.send("POST", PATH, &key, &district("Mesa")).await;
        let again = client.send("POST", PATH, &key, &district("Mesa")).await;
        assert_eq!((first.status, &first.body), (again.status, &again.body));
        assert_eq!((first.header("location"), first.header("etag")), (again.header("location"), again.header("etag")));
        assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
        client.send("POST", PATH, &key, &district("Tempe")).await.refused(422, "key_reused");
        client
            .send("POST", "/api/v1/courses", &key, &json!({"name": "x", "areas": ["a"]}))
            .await
            .refused(422, "key_reused");
        for bad in ["", "two words", &"x".repeat(256)] {
            client
                .send("POST", PATH, &[("idempotency-key", bad)], &district("Mesa"))
                .await
                .refused(400, "bad_parameters");
        }
        assert_eq!(client.get(PATH).await.body["items"].as_array().map(Vec::len), Some(1));
    })
    .await;
}

#[tokio::test]
async fn a_refused_request_leaves_its_key_free() {
    on_both(async |db| {
        let client = Client::of(db).await;
        let key = [("idempotency-key", "k-1")];
        client.send("POST", PATH, &key, &district(" ")).await.refused(422, "bad_fields");
        assert_eq!(client.send("POST", PATH, &key, &district("Mesa")).await.status.as_u16(), 201);
    })
    .await;
}

#[tokio::test]
async fn a_hundred_at_once_have_one_effect_and_one_answer() {
    on_both(async |db| {
        let client = Client::of(db).await;
        let attempts = (0..100).map(|_| {
            let client = client.clone();
            tokio::spawn(
                async move { client.send("POST", PATH, &[("idempotency-key", "one")], &district("Mesa")).await },
            )
        });
        let answers: Vec<_> = join_all(attempts).await.into_iter().map(|answer| answer.expect("no panic")).collect();
        for answer in &answers {
            assert_eq!((answer.status.as_u16(), &answer.body), (201, &answers[0].body), "{answer:?}");
        }
        let replayed = answers.iter().filter(|answer| answer.header("idempotent-replayed") == "true").count();
        assert_eq!((replayed, client.get(PATH).await.body["items"].as_array().map(Vec::len)), (99, Some(1)));
    })
    .await;
}

#[tokio::test]
async fn a_run_that_is_asked_for_again_is_the_same_run() {
    on_both(async |db| {
        let client = Client::of(db).await;
        let problem = serde_json::from_str(include_str!("../store/problem.json")).expect("the sample is JSON");
        let term = client.post("/api/v1/import/problem", &problem).await.body["term_id"].clone();
        let wanted = |seconds: i64| json!({"term_id": term, "seconds": seconds});
        let ask = async |key: &str, seconds: i64| {
            client.send("POST", "/api/v1/runs", &[("idempotency-key", key)], &wanted(seconds)).await
        };
        let (first, again) = (ask("plan-1", 5).await, ask("plan-1", 5).await);
        assert_eq!((first.status.as_u16(), &first.body), (202, &again.body), "{first:?}");
        assert_eq!(first.header("location"), format!("/api/v1/runs/{}", first.id()));
        assert_eq!((again.status.as_u16(), again.header("location")), (202, first.header("location")));
        assert_eq!((first.header("idempotent-replayed"), again.header("idempotent-replayed")), ("", "true"));
        ask("plan-1", 6).await.refused(422, "key_reused");
        ask("plan-0", 0).await.refused(422, "bad_fields");

        let at_once = join_all((0..20).map(|_| ask("plan-2", 5))).await;
        assert!(at_once.iter().all(|answer| answer.status.as_u16() == 202 && answer.body == at_once[0].body));
        let runs = client.get("/api/v1/runs").await.body["items"].as_array().map(Vec::len);
        assert_eq!(runs, Some(2), "one for each key");
    })
    .await;
}
