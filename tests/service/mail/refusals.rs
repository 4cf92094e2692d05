//! Servers that refuse, for now or for good, and people who want no more.

use axum::body::Body;
use axum::http::{Request, header};
use bellwether::domain::id::{EducatorId, RecordId as _};
use bellwether::domain::mail::Notice;
use bellwether::domain::records::Educator;
use bellwether::store::mail::{self, Kept, Recipient};
use bellwether::store::{self, Db};
use serde_json::json;

use super::{Sink, deliver, mailroom};
use crate::fresh::on_both;

async fn educator(db: &Db, email: Option<&str>) -> EducatorId {
    let body: Educator = serde_json::from_value(
        json!({"display_name": "Ana \u{201c}B\u{201d} Céline", "email": email, "tz": "America/Phoenix", "max_minutes_per_week": 1500}),
    )
    .expect("an educator");
    let mut tx = db.write("test").await.expect("writes");
    let kept = store::insert(&mut tx, body).await.expect("is kept");
    tx.commit().await.expect("commits");
    kept.id
}

async fn owe(db: &Db, to: EducatorId) {
    let notice =
        Notice { subject: "Très neutral".into(), text: vec!["one\r\n.\r\ntwo".into()], facts: Vec::new(), link: None };
    let mut tx = db.write("test").await.expect("writes");
    mail::notify(&mut tx, Recipient::Educator(to), notice).await.expect("is owed");
    tx.commit().await.expect("commits");
}

async fn all(db: &Db) -> Vec<Kept> {
    let mut kept = mail::list(&mut db.read().await.expect("reads"), None, None, 100).await.expect("lists");
    kept.reverse();
    kept
}

async fn execute(db: &Db, sql: &'static str) {
    match db {
        Db::Sqlite { writer, .. } => sqlx::query(sql).execute(writer).await.map(drop).expect("executes"),
        Db::Pg(pool) => sqlx::query(sql).execute(pool).await.map(drop).expect("executes"),
    }
}

/// Makes what is queued due now.
async fn hurry(db: &Db) {
    execute(db, "UPDATE mail SET due_at = created_at WHERE state = 'queued'").await;
}

#[tokio::test]
async fn each_refusal_concerns_its_own_mail_and_what_is_refused_for_good_is_told() {
    on_both(async |db| {
        let sink = Sink::start();
        let room = mailroom(&db, &sink);
        for to in [Some("gone@a.example"), Some("full@a.example"), Some("well@a.example"), None, Some("rude@a.example")]
        {
            let to = educator(&db, to).await;
            owe(&db, to).await;
        }
        assert!(all(&db).await.iter().all(|mail| mail.state == "queued"));
        deliver(&room).await;
        let states: Vec<(String, i64)> = all(&db).await.into_iter().map(|mail| (mail.state, mail.attempts)).collect();
        let expected = [("failed", 1), ("queued", 1), ("sent", 1), ("failed", 1), ("queued", 1)];
        assert_eq!(states, expected.map(|(state, attempts)| (state.to_owned(), attempts)));
        let now = all(&db).await;
        assert!(now[0].cause.as_deref().is_some_and(|cause| cause.contains("550")), "{now:?}");
        assert!(now[1].due_at > now[1].created_at, "it waits");
        assert!(now[3].cause.as_deref().is_some_and(|cause| cause.contains("add one")), "{now:?}");

        // Whom the server does not know gets no more; who had no room is asked again.
        hurry(&db).await;
        deliver(&room).await;
        hurry(&db).await;
        deliver(&room).await;
        let now = all(&db).await;
        assert_eq!((now[1].state.as_str(), now[1].attempts), ("sent", 3));
        // The one whose connection broke after the message came twice, as the same mail.
        let rude: Vec<_> = sink.taken().into_iter().filter(|taken| taken.to == "rude@a.example").collect();
        assert_eq!((now[4].state.as_str(), rude.len()), ("sent", 2));
        assert_eq!(rude[0], rude[1]);
        let mut tx = db.read().await.expect("reads");
        let refused = mail::refusals(&mut tx, "", 10).await.expect("lists");
        let refused: Vec<_> = refused.iter().map(|r| (r.address.as_str(), r.scope.as_str())).collect();
        assert_eq!(refused, [("gone@a.example", "all")]);
        tx.rollback().await.expect("ends");

        // A mail as it arrived: its own headers and no others, its text whole.
        let read = sink.read(0);
        let well = read.iter().find(|mail| mail.headers["to"].contains("well@")).expect("it arrived");
        assert_eq!(well.defects, [] as [&str; 0]);
        assert_eq!(well.headers["subject"], "Très neutral");
        assert_eq!(well.headers["from"], "The Office <office@vendor.example>");
        assert_eq!(well.headers["auto-submitted"], "auto-generated");
        assert!(!well.headers.contains_key("list-unsubscribe"), "what asks for a decision is not to be turned off");
        assert_eq!(well.kinds, ["multipart/alternative", "text/plain", "text/html"]);
        assert!(well.parts[0].text.contains("one  .  two"), "{}", well.parts[0].text);
        assert!(well.parts[0].text.contains("Céline"));
    })
    .await;
}

#[tokio::test]
async fn one_click_ends_digests_and_nothing_else() {
    on_both(async |db| {
        let sink = Sink::start();
        let room = mailroom(&db, &sink);
        let house = crate::access::house::House::build(db.clone()).await;
        let educator: EducatorId = house.own.id("educators").parse().expect("an id");
        let term = house.own.id("terms").parse().expect("an id");
        let mut tx = db.write("test").await.expect("writes");
        let now = store::get::<Educator>(&mut tx, educator).await.expect("is there");
        let body = Educator { email: Some("Ana@a.example".into()), ..now.body };
        store::update(&mut tx, educator, Some(now.version), body).await.expect("is changed");
        mail::announce(&mut tx, term, &[educator].into(), std::time::Duration::ZERO).await.expect("is owed");
        tx.commit().await.expect("commits");
        deliver(&room).await;
        let read = sink.read(0);
        assert_eq!(read.len(), 1);
        assert_eq!(read[0].headers["list-unsubscribe-post"], "List-Unsubscribe=One-Click");
        let link = read[0].headers["list-unsubscribe"].trim_matches(['<', '>']).to_owned();
        let path = link.strip_prefix("https://staffing.example.org").expect("our address").to_owned();

        // A mail program posts without a login, as RFC 8058 says.
        let state = bellwether::api::State::new(db.clone(), bellwether::config::Settings::default());
        let app = || bellwether::api::app(state.clone(), bellwether::web::router());
        let post = |path: &str| {
            let request = Request::post(path).header(header::HOST, "localhost");
            let request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            request.body(Body::from("List-Unsubscribe=One-Click")).expect("a request")
        };
        let answer = tower::ServiceExt::oneshot(app(), post(&path)).await.expect("answers");
        assert_eq!(answer.status().as_u16(), 200);
        let unknown = format!("/unsubscribe/{}", bellwether::domain::id::MailId::fresh());
        assert_eq!(tower::ServiceExt::oneshot(app(), post(&unknown)).await.expect("answers").status().as_u16(), 404);

        owe(&db, educator).await;
        // All that was told is forgotten, so that there is everything to tell.
        execute(&db, "DELETE FROM series").await;
        let mut tx = db.write("test").await.expect("writes");
        mail::announce(&mut tx, term, &[educator].into(), std::time::Duration::ZERO).await.expect("is owed");
        tx.commit().await.expect("commits");
        deliver(&room).await;
        // The office lifts it, and asks for no other.
        let admin = &house.people[0];
        let at = |address: &str| format!("/api/v1/mail-refusals?address={address}");
        let delete = async |address: &str| admin.raw("DELETE", &at(address), &[], Body::empty()).await.status.as_u16();
        assert_eq!((delete("x%00").await, delete("bo@a.example").await), (404, 404));
        assert_eq!((delete("ana@a.example").await, delete("ana@a.example").await), (204, 404));
        let read = sink.read(1);
        let states: Vec<String> =
            all(&db).await.into_iter().map(|mail| format!("{} {}", mail.kind, mail.state)).collect();
        // Until its term is over, another follows the lifting.
        assert_eq!(states[..3], ["digest sent", "notice sent", "digest dropped"]);
        let subjects: Vec<&str> = read.iter().map(|mail| mail.headers["subject"].as_str()).collect();
        assert_eq!(subjects, ["Très neutral"]);
    })
    .await;
}
