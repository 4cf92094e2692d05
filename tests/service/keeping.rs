//! The worker's rounds: students whose time is over are destroyed once, with a certificate, and nobody else; what is over
//! is forgotten; what lies unsealed is sealed.

use bellwether::domain::actor::Role;
use bellwether::domain::id::RecordId as _;
use bellwether::domain::seal::Keyring;
use bellwether::jobs::keeping::{Round, round};
use bellwether::store::{Statement, identities, passkeys};
use serde_json::json;

use crate::access::house::House;
use crate::api::client::KEYS;
use crate::fresh::on_both;
use crate::people::person;

#[tokio::test]
async fn students_are_destroyed_once_when_their_districts_schedule_says_so_and_no_others() {
    on_both(async |db| {
        let house = House::build(db.clone()).await;
        let special = &house.people[3];
        let keys = Keyring::default();
        let mut tx = db.write("test").await.expect("writes");
        let past = Statement::both("UPDATE term SET first_on = '2019-08-10', last_on = '2019-12-18'");
        tx.execute(&past, &[]).await.expect("the term lies in the past");
        tx.commit().await.expect("commits");
        assert_eq!(round(&db, &keys).await.expect("goes round").purged, 0, "no district says so");

        // Set as everything else of a district is: by whoever keeps its record.
        let path = format!("/api/v1/districts/{}", house.own.id("districts"));
        for (years, status) in [(0, 422), (101, 422), (2, 200)] {
            let mut body = house.own.bodies["districts"].clone();
            body["retention_years"] = json!(years);
            let answer = house.people[0].send("PUT", &path, &[("if-match", "*")], &body).await;
            assert_eq!(answer.status.as_u16(), status, "{years}: {answer:?}");
        }
        // Somebody who has no service, and was added only now, is not due.
        let young = json!({"district_id": house.own.id("districts"), "key": "young"});
        let young = format!("/api/v1/students/{}", special.post("/api/v1/students", &young).await.id());
        let (one, other) = tokio::join!(round(&db, &keys), round(&db, &keys));
        let purged = one.expect("goes round").purged + other.expect("goes round").purged;
        assert_eq!(purged, 1, "two workers at once destroy one student once");
        let certificates = special.get(&format!("{path}/purges")).await.body;
        assert_eq!(certificates.as_array().map(Vec::len), Some(1), "{certificates}");
        assert_eq!(certificates[0]["actor"], "retention");
        let student = |side: &crate::access::house::Side| format!("/api/v1/students/{}", side.id("students"));
        special.get(&student(&house.own)).await.refused(404, "not_found");
        assert_eq!(house.people[0].get(&student(&house.foreign)).await.status.as_u16(), 200);
        assert_eq!(special.get(&young).await.status.as_u16(), 200);
    })
    .await;
}

#[tokio::test]
async fn what_is_over_is_forgotten_and_what_lies_unsealed_is_sealed() {
    on_both(async |db| {
        let keys: Keyring = KEYS.parse().expect("a key");
        let (account, _) = person(&db, Role::Coordinator, &[], None).await;
        let mut tx = db.write("test").await.expect("writes");
        passkeys::ask(&mut tx, [1; 16], None, vec![1]).await.expect("asks");
        passkeys::ask(&mut tx, [2; 16], None, vec![1]).await.expect("asks");
        for text in [
            "UPDATE ceremony SET expires_at = '2020-01-01T00:00:00.000000Z' WHERE challenge = $1",
            "INSERT INTO totp (account_id, secret, created_at, last_step) VALUES ($2, $1, '2020-01-01T00:00:00.000000Z', 0)",
            "UPDATE login SET ended_at = '2020-01-01T00:00:00.000000Z' WHERE account_id = $1",
        ] {
            let args = if text.contains("$2") {
                vec![vec![7_u8; 20].into(), account.id.uuid().into()]
            } else if text.contains("challenge") {
                vec![vec![1_u8; 16].into()]
            } else {
                vec![account.id.uuid().into()]
            };
            tx.execute(&Statement::both(text), &args).await.expect(text);
        }
        tx.commit().await.expect("commits");
        assert_eq!(round(&db, &Keyring::default()).await.expect("goes round"), Round { forgotten: 2, ..Round::default() });
        assert_eq!(round(&db, &keys).await.expect("goes round"), Round { sealed: 1, ..Round::default() });
        assert_eq!(round(&db, &keys).await.expect("goes round"), Round::default());
        let mut tx = db.write("test").await.expect("writes");
        let due = identities::retaining(&mut tx).await.expect("looks");
        assert!(due.is_empty() && passkeys::take(&mut tx, [2; 16], None).await.expect("takes").is_some());
        assert!(passkeys::take(&mut tx, [2; 16], None).await.expect("takes").is_none(), "good once");
    })
    .await;
}
