//! Every route, as every role, for own and foreign things. A route without a row in `table` fails here.

pub mod house;
pub mod table;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::body::Body;
use bellwether::api::{self, State};
use bellwether::config::Settings;
use bellwether::domain::actor::Role;
use bellwether::domain::id::fresh;
use bellwether::domain::log::{LogEntry, MissReason, Said};
use bellwether::domain::mail::Notice;
use bellwether::domain::makeup::Slot;
use bellwether::domain::time::{Clock, Date, Tz, instant, to_utc};
use bellwether::domain::vacancy::terms::Terms;
use bellwether::store::absences::{self, Report};
use bellwether::store::feeds::{self, Owner};
use bellwether::store::mail::{self, Recipient};
use bellwether::store::makeup::{self, Booking};
use bellwether::store::tokens;
use bellwether::store::vacancies::{self, NewOffer};
use bellwether::web;
use serde_json::{Value, json};

use crate::api::client::{Answer, Client};
use crate::fresh::on_both;
use crate::people::person;
use house::{House, SHARED, Side, logged};
use table::{OPEN, RECORDS, ROUTES, Route, Sends};

/// What a refusal looks like to the table.
fn letter(answer: &Answer) -> char {
    match answer.status.as_u16() {
        401 => 'u',
        403 => 'f',
        404 => 'n',
        // Never expected: it would hide the true answer.
        429 => 't',
        500..=599 => '!',
        _ => 'y',
    }
}

/// An address with the ids of a side in it.
async fn filled(house: &House, side: &Side, text: &str) -> String {
    let mut text = text.to_owned();
    for (kind, id) in &side.ids {
        text = text.replace(&format!("{{{kind}}}"), id);
    }
    for (place, owner) in [
        ("{educator-feed}", Owner::Educator(side.id("educators").parse().expect("an id"))),
        ("{district-feed}", Owner::District(side.id("districts").parse().expect("an id"))),
        ("{school-feed}", Owner::School(side.id("schools").parse().expect("an id"))),
    ] {
        if text.contains(place) {
            let mut tx = house.db.write("test").await.expect("writes");
            let feed = feeds::create(&mut tx, owner, &fresh().to_string(), None).await.expect("a feed");
            tx.commit().await.expect("commits");
            text = text.replace(place, &feed.id.to_string());
        }
    }
    if text.contains("{proposal}") || text.contains("{offer}") {
        let mut tx = house.db.write("test").await.expect("writes");
        let vacancy_id = side.id("vacancies").parse().expect("an id");
        for former in vacancies::of_vacancy(&mut tx, vacancy_id).await.expect("lists") {
            vacancies::answer(&mut tx, former.id, "withdrawn", None).await.expect("is over");
        }
        let new = NewOffer {
            vacancy_id,
            educator_id: side.id("educators").parse().expect("an id"),
            is_proposal: text.contains("{proposal}"),
            terms: Terms::default(),
            deadline_at: tx.at + chrono::TimeDelta::days(1),
        };
        let made = vacancies::make(&mut tx, new).await.expect("an offer");
        tx.commit().await.expect("commits");
        text = text.replace("{proposal}", &made.to_string()).replace("{offer}", &made.to_string());
    }
    text = text.replace("{unknown}", &fresh().to_string());
    if text.contains("{absence}") {
        let mut tx = house.db.write("test").await.expect("writes");
        let on = Date::ymd(2026, 12, 18);
        let new = Report {
            term_id: side.id("terms").parse().expect("an id"),
            educator_id: side.id("educators").parse().expect("an id"),
            first_on: on,
            last_on: on,
            reason: String::new(),
        };
        let absence = absences::report(&mut tx, &new).await.expect("an absence");
        tx.commit().await.expect("commits");
        text = text.replace("{absence}", &absence.to_string());
    }
    if text.contains("{log}") || text.contains("{make-up}") {
        let entry = logged(&house.db, side, &Said::missed(MissReason::Technical)).await;
        text = text.replace("{log}", &entry.id.to_string());
        if text.contains("{make-up}") {
            let made = booked(house, &entry).await;
            text = text.replace("{make-up}", &made.session_id.to_string());
        }
    }
    if text.contains("{mail}") || text.contains("{refusal}") {
        let mut tx = house.db.write("test").await.expect("writes");
        let notice = Notice { subject: "x".into(), text: Vec::new(), facts: Vec::new(), link: None };
        let to = Recipient::Educator(side.id("educators").parse().expect("an id"));
        let mail = mail::notify(&mut tx, to, notice).await.expect("a mail");
        mail::refuse(&mut tx, "nobody@test.example", false, "x").await.expect("a refusal");
        tx.commit().await.expect("commits");
        text = text.replace("{mail}", &mail.to_string()).replace("{refusal}", "nobody@test.example");
    }
    if text.contains("{accounts}") || text.contains("{tokens}") {
        let (account, _) = person(&house.db, Role::Coordinator, &[], None).await;
        let mut tx = house.db.write("test").await.expect("writes");
        let scopes = BTreeSet::new();
        let until = tx.at + chrono::TimeDelta::days(1);
        let secret = fresh().to_string();
        let token = tokens::create(&mut tx, account.id, "x", &scopes, &secret, until, None).await.expect("a token");
        tx.commit().await.expect("commits");
        text = text.replace("{accounts}", &account.id.to_string()).replace("{tokens}", &token.id.to_string());
    }
    text
}

/// A make-up session to come, on a day of its own.
async fn booked(house: &House, entry: &LogEntry) -> Booking {
    static DAYS: AtomicI64 = AtomicI64::new(0);
    let held_on = Date::ymd(2090, 1, 2).plus_days(DAYS.fetch_add(1, Ordering::Relaxed));
    let (starts, ends) = ("10:00".parse::<Clock>().expect("a clock"), "10:30".parse().expect("a clock"));
    let tz = Tz::America__Phoenix;
    let starts_at = instant(to_utc(tz, held_on, starts.minutes()));
    let slot = Slot { educator_id: entry.educator_id, held_on, starts, ends, tz, starts_at };
    let mut tx = house.db.write("test").await.expect("writes");
    let made = makeup::keep(&mut tx, entry, &slot).await.expect("is booked");
    tx.commit().await.expect("commits");
    made
}

async fn send(client: &Client, route: &Route, path: &str, side: &Side) -> Answer {
    match route.sends {
        Sends::Nothing => client.raw(route.method, path, &[], Body::empty()).await,
        Sends::Json(body) => {
            let body =
                side.ids.iter().fold(body.to_owned(), |text, (kind, id)| text.replace(&format!("{{{kind}}}"), id));
            let headers = [("content-type", "application/json"), ("if-match", "\"999\"")];
            client.raw(route.method, path, &headers, body).await
        }
        Sends::Form(body) => {
            let headers = [("content-type", "application/x-www-form-urlencoded")];
            client.raw(route.method, path, &headers, body).await
        }
    }
}

#[tokio::test]
async fn every_route_lets_in_whom_the_table_says_and_nobody_else() {
    on_both(async |db| {
        let house = House::build(db).await;
        let nobody = Client::unknown(house.db.clone());
        let mut wrong = Vec::new();
        for route in ROUTES.iter().filter(|route| route.own != OPEN) {
            let sides = [(&house.own, route.own), (&house.foreign, route.foreign)];
            // What is about no side is asked once.
            let once = !route.path.contains('{') && route.own == route.foreign;
            for (side, expected) in sides.into_iter().take(if once { 1 } else { 2 }) {
                let path = filled(&house, side, route.path).await;
                let mut found = String::new();
                for client in &house.people {
                    let path = filled(&house, side, route.path).await;
                    found.push(letter(&send(client, route, &path, side).await));
                }
                if found != expected {
                    wrong.push(format!("{} {}: {found}, not {expected}", route.method, path));
                }
                let unknown = letter(&send(&nobody, route, &path, side).await);
                if unknown != 'u' {
                    wrong.push(format!("{} {path} as nobody: {unknown}", route.method));
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    })
    .await;
}

/// Status of the five verbs, once as the table's letters.
async fn records(house: &House, kind: &str, client: &Client, side: &Side) -> [u16; 4] {
    let (many, one) = (format!("/api/v1/{kind}"), format!("/api/v1/{kind}/{}", side.id(kind)));
    let body = &side.bodies[kind];
    let stale = [("if-match", "\"999\"")];
    let made = client.post(&many, &renamed(kind, body)).await;
    let statuses = [
        made.status.as_u16(),
        client.get(&one).await.status.as_u16(),
        client.send("PUT", &one, &stale, body).await.status.as_u16(),
        client.raw("DELETE", &one, &stale, Body::empty()).await.status.as_u16(),
    ];
    assert!(house.people.len() == 5, "one of each role");
    statuses
}

/// A body that does not meet another's unique key.
fn renamed(kind: &str, body: &Value) -> Value {
    let mut body = body.clone();
    if ["bell-schedules", "students"].contains(&kind) {
        body["key"] = json!(fresh().to_string());
    }
    body
}

#[tokio::test]
async fn records_are_read_and_changed_by_whom_the_table_says_and_those_of_others_do_not_exist() {
    on_both(async |db| {
        let house = House::build(db).await;
        let nobody = Client::unknown(house.db.clone());
        let mut wrong = Vec::new();
        for (kind, read, write) in RECORDS {
            for (n, client) in house.people.iter().enumerate() {
                let (reads, writes, all) = (read.as_bytes()[n] == b'y', write.as_bytes()[n] == b'y', n < 2);
                let role = Role::ALL[n];
                for (side, own) in [(&house.own, true), (&house.foreign, false)] {
                    let sees = reads && (own || all || SHARED.contains(&kind));
                    // Made already where the key is unique, so that 409 is as good as 201.
                    let post: &[u16] = match (writes, own || all) {
                        (true, true) => &[201, 409],
                        (true, false) => &[422],
                        (false, _) => &[403],
                    };
                    let change = match (sees, writes) {
                        (true, true) => 412,
                        (true, false) => 403,
                        (false, _) => 404,
                    };
                    let found = records(&house, kind, client, side).await;
                    if !post.contains(&found[0]) || found[1..] != [if sees { 200 } else { 404 }, change, change] {
                        wrong.push(format!("{role} on {kind}, own {own}: {found:?}, not {post:?} and {sees} {change}"));
                    }
                }
                let list = client.get(&format!("/api/v1/{kind}?limit=200")).await;
                let ids: BTreeSet<&str> = list.body["items"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(|item| item["id"].as_str())
                    .collect();
                let has = |side: &Side| ids.contains(side.id(kind));
                let expected = if reads { (200, true, all || SHARED.contains(&kind)) } else { (403, false, false) };
                if (list.status.as_u16(), has(&house.own), has(&house.foreign)) != expected {
                    wrong.push(format!("{role} lists {kind}: {}, {ids:?}", list.status));
                }
            }
            for method in ["GET", "POST"] {
                nobody.raw(method, &format!("/api/v1/{kind}"), &[], Body::empty()).await.refused(401, "not_signed_in");
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    })
    .await;
}

#[tokio::test]
async fn everyone_sees_the_sessions_of_their_work_and_no_others() {
    on_both(async |db| {
        let house = House::build(db).await;
        let path = "/api/v1/sessions?from=2026-08-01T00:00:00Z&to=2026-12-31T00:00:00Z";
        let mut found = Vec::new();
        for client in &house.people {
            let answer = client.get(path).await;
            let items = answer.body["items"].as_array().expect("items");
            let of = |side: &Side| items.iter().filter(|item| item["district_id"] == side.id("districts")).count();
            let services = items.iter().filter(|item| !item["service"].is_null()).count();
            found.push((of(&house.own), of(&house.foreign), services));
        }
        // District HR sees no service lines; who coordinates special education does, and who teaches them.
        assert_eq!(found, [(2, 2, 2), (2, 2, 2), (1, 0, 0), (2, 0, 1), (2, 0, 1)]);

        // A filter by a foreign district or educator widens nothing.
        for filter in ["district_id", "educator_id", "school_id"] {
            let kind = format!("{}s", filter.trim_end_matches("_id"));
            for client in &house.people[2..] {
                let answer = client.get(&format!("{path}&{filter}={}", house.foreign.id(&kind))).await;
                assert_eq!(answer.body["items"], json!([]), "{filter}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_route_has_a_row_in_the_table() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let db =
        bellwether::store::Db::connect(&format!("sqlite:{}", dir.path().join("x.db").display())).await.expect("opens");
    db.migrate().await.expect("migrates");
    let routed = format!("{:?}", api::app(State::new(db.clone(), Settings::default()), web::router()));
    let written = routed.split('"').filter(|text| text.starts_with('/') && !text.contains("__private"));
    let routes: BTreeSet<&str> = written.collect();
    assert!(routes.len() > 60, "{routes:?}");
    let shape = |path: &str| -> String {
        let path = path.split('?').next().unwrap_or_default();
        path.split('/').map(|part| if part.starts_with('{') { "{}" } else { part }).collect::<Vec<_>>().join("/")
    };
    let mut rows: BTreeSet<(String, String)> =
        ROUTES.iter().map(|route| (route.method.to_owned(), shape(route.path))).collect();
    for (kind, ..) in RECORDS {
        for (method, path) in [("GET", ""), ("POST", ""), ("GET", "/{id}"), ("PUT", "/{id}"), ("DELETE", "/{id}")] {
            rows.insert((method.into(), shape(&format!("/api/v1/{kind}{path}"))));
        }
    }
    let admin = Client::of(db).await;
    let mut missing = Vec::new();
    for route in &routes {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            // Whatever is not refused as a method is a route.
            let nil = uuid::Uuid::nil().to_string();
            let path: String = route
                .split('/')
                .map(|part| if part.starts_with('{') { nil.as_str() } else { part })
                .collect::<Vec<_>>()
                .join("/");
            // These end what asks.
            if path == "/account/sign-out" || path == "/sign-out" {
                continue;
            }
            let answer = admin.raw(method, &path, &[], Body::empty()).await;
            if answer.status.as_u16() != 405 && !rows.contains(&(method.to_owned(), shape(route))) {
                missing.push(format!("{method} {route}: {}", answer.status));
            }
        }
    }
    for (_, path) in &rows {
        if !routes.iter().any(|route| shape(route) == *path) {
            missing.push(format!("{path} is in the table and not in the program"));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    let open: BTreeSet<String> =
        ROUTES.iter().filter(|route| route.own == OPEN).map(|route| shape(route.path)).collect();
    let said: BTreeSet<String> = bellwether::api::access::OPEN.iter().map(|path| shape(path)).collect();
    assert_eq!(open, said, "what is open to all");
}
