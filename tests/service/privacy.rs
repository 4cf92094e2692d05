//! Who students are: shown to whom it is for and recorded, exported, destroyed with a certificate; and planted names that
//! must turn up nowhere else.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use bellwether::domain::seal::{Keyring, new_key};
use bellwether::domain::time::Date;
use bellwether::store::{audit, identities};
use serde_json::{Value, json};
use tracing_subscriber::filter::dynamic_filter_fn;
use tracing_subscriber::layer::{Layer, SubscriberExt};

use crate::access::house::House;
use crate::access::table::{RECORDS, ROUTES, Sends};
use crate::api::client::Client;
use crate::fresh::{on_both, on_both_at};

const CANARY: &str = "Quillon-Zephyrine-7391";
const BORN: &str = "2016-02-29";

fn identity() -> Value {
    json!({"name": CANARY, "born_on": BORN})
}

async fn kept(house: &House) -> (Client, String) {
    let special = house.people[3].clone();
    let student = format!("/api/v1/students/{}", house.own.id("students"));
    let answer = special.send("PUT", &format!("{student}/identity"), &[], &identity()).await;
    assert_eq!(answer.status.as_u16(), 204, "{answer:?}");
    (special, student)
}

/// What the whole process says while `listening`. A subscriber of one thread would miss the call sites to which the thread
/// of another test came first.
#[derive(Clone, Default)]
struct Log {
    said: Arc<Mutex<Vec<u8>>>,
    listening: Arc<AtomicBool>,
}

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let log = Log::default();
    let (writer, listening) = (log.clone(), log.listening.clone());
    let heard = dynamic_filter_fn(move |_, _| listening.load(Ordering::Relaxed));
    let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone()).with_filter(heard);
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber).expect("no other test listens to the process");
    log
});

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.said.lock().expect("not poisoned").extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn planted_names_turn_up_nowhere_but_where_they_were_asked_for() {
    on_both_at(async |db, url| {
        LOG.listening.store(true, Ordering::Relaxed);
        let house = House::build(db).await;
        let (special, student) = kept(&house).await;
        // What is refused does not repeat what was sent, and what fails is logged without it.
        let long = json!({"name": format!("{CANARY}\u{7}")});
        let refused = special.send("PUT", &format!("{student}/identity"), &[], &long).await;
        assert!(refused.status.as_u16() == 422 && !refused.text.contains(CANARY), "{refused:?}");

        let mut paths: Vec<String> = ROUTES
            .iter()
            .filter(|route| route.method == "GET" && route.sends == Sends::Nothing)
            .map(|route| {
                house
                    .own
                    .ids
                    .iter()
                    .fold(route.path.to_owned(), |path, (kind, id)| path.replace(&format!("{{{kind}}}"), id))
            })
            .collect();
        for (kind, ..) in RECORDS {
            paths.push(format!("/api/v1/{kind}"));
            paths.push(format!("/api/v1/{kind}/{}", house.own.id(kind)));
        }
        let feed = special.post(&format!("/api/v1/schools/{}/feeds", house.own.id("schools")), &Value::Null).await;
        paths.push(feed.body["path"].as_str().expect("a path").to_owned());
        paths.retain(|path| !path.ends_with("/events"));
        for client in &house.people {
            for path in &paths {
                let answer = client.get(path).await;
                let said = format!("{:?} {}", answer.headers, answer.text);
                assert!(!said.contains(CANARY) && !said.contains(BORN), "{path}: {said}");
            }
        }
        let trail = audit::list(&mut house.db.read().await.expect("reads"), None, None, 10_000).await.expect("lists");
        assert!(trail.iter().any(|line| line.action == "keep_identity"));
        assert!(!serde_json::to_string(&trail).expect("json").contains(CANARY));
        LOG.listening.store(false, Ordering::Relaxed);
        let log = String::from_utf8_lossy(&std::mem::take(&mut *LOG.said.lock().expect("not poisoned"))).into_owned();
        assert!(
            log.contains("/api/v1/students") && !log.contains(CANARY) && !log.contains(BORN),
            "the log is watched and clean"
        );
        if let Some(path) = url.strip_prefix("sqlite:") {
            for file in [path.to_owned(), format!("{path}-wal")] {
                let bytes = std::fs::read(&file).unwrap_or_default();
                assert!(!bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()), "{file} holds the name");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn each_showing_is_recorded_with_its_fields_and_purpose() {
    on_both(async |db| {
        let house = House::build(db).await;
        let (special, student) = kept(&house).await;
        let show = async |client: &Client, fields: Value, purpose: &str| {
            client.post(&format!("{student}/identity/showings"), &json!({"fields": fields, "purpose": purpose})).await
        };
        show(&special, json!(["name"]), " ").await.refused(422, "bad_fields");
        show(&special, json!([]), "a parent called").await.refused(422, "bad_fields");
        let shown = show(&special, json!(["name"]), "a parent called").await;
        assert_eq!(
            (&shown.body, shown.header("cache-control")),
            (&json!({"name": CANARY, "born_on": null}), "no-store")
        );
        let shown = show(&house.people[4], json!(["born_on"]), "grouping by age").await;
        assert_eq!(shown.body, json!({"name": null, "born_on": BORN}));
        // Nobody else is shown anything, and that leaves no line.
        for client in &house.people[..3] {
            show(client, json!(["name"]), "curiosity").await.refused(404, "not_found");
        }
        let district = format!("/api/v1/districts/{}", house.own.id("districts"));
        for path in [format!("{student}/showings"), format!("{district}/showings")] {
            let report = special.get(&path).await.body;
            let lines: Vec<(&Value, &Value)> =
                report.as_array().expect("lines").iter().map(|line| (&line["fields"], &line["purpose"])).collect();
            assert_eq!(
                lines,
                [(&json!(["name"]), &json!("a parent called")), (&json!(["born_on"]), &json!("grouping by age"))]
            );
            assert!(!report.to_string().contains(CANARY));
        }
    })
    .await;
}

#[tokio::test]
async fn one_student_is_exported_whole_and_then_destroyed_with_a_certificate() {
    on_both(async |db| {
        let house = House::build(db).await;
        let (special, student) = kept(&house).await;
        let export = special.post(&format!("{student}/export"), &json!({"purpose": "a parent asked"})).await.body;
        assert_eq!(export["identity"], identity());
        for (part, count) in [("service_lines", 1), ("services", 3), ("sessions", 1), ("showings", 1)] {
            assert_eq!(export[part].as_array().map(Vec::len), Some(count), "{part}");
        }
        let purged = special.post(&format!("{student}/purge"), &json!({"purpose": "the parents asked for it"})).await;
        assert_eq!((purged.status.as_u16(), &purged.body["body"]["students"]), (200, &json!(1)), "{purged:?}");
        assert_eq!(purged.body["body"]["rows"]["session"], json!(1), "the session was for nobody else");
        assert_eq!(purged.body["body"]["rows"]["service_line"], json!(1));
        for path in
            [student.clone(), format!("{student}/showings"), format!("/api/v1/services/{}", house.own.id("services"))]
        {
            special.get(&path).await.refused(404, "not_found");
        }
        let certificates = special.get(&format!("/api/v1/districts/{}/purges", house.own.id("districts"))).await.body;
        assert_eq!(certificates[0]["id"], purged.body["id"]);
        // The other district's student is untouched.
        let foreign = format!("/api/v1/students/{}", house.foreign.id("students"));
        assert_eq!(house.people[0].get(&foreign).await.status.as_u16(), 200);
    })
    .await;
}

#[tokio::test]
async fn what_has_served_its_time_is_found_by_the_end_of_its_last_term() {
    on_both(async |db| {
        let house = House::build(db.clone()).await;
        let district = house.own.id("districts").parse().expect("an id");
        let mut tx = db.read().await.expect("reads");
        let early = identities::expired(&mut tx, district, Date::ymd(2026, 12, 18)).await.expect("lists");
        let late = identities::expired(&mut tx, district, Date::ymd(2026, 12, 19)).await.expect("lists");
        assert_eq!((early.len(), late.len()), (0, 1), "the term ends on December 18");
    })
    .await;
}

#[tokio::test]
async fn after_a_rotation_the_old_key_is_needed_no_more() {
    on_both(async |db| {
        let house = House::build(db.clone()).await;
        let (old, new) = (new_key("old"), new_key("new"));
        let ring = |text: String| -> Keyring { text.parse().expect("keys") };
        let student = house.own.id("students").parse().expect("an id");
        let district = house.own.id("districts").parse().expect("an id");
        let kept = serde_json::from_value(identity()).expect("an identity");
        let mut tx = db.write("test").await.expect("writes");
        identities::keep(&mut tx, &ring(old.clone()), student, &kept).await.expect("keeps");
        let moved = identities::rewrap(&mut tx, &ring(format!("{new},{old}"))).await.expect("rotates");
        let again = identities::rewrap(&mut tx, &ring(format!("{new},{old}"))).await.expect("rotates");
        assert_eq!((moved, again), (1, 0));
        let fields = [bellwether::domain::identity::IdentityField::Name];
        let shown = identities::show(&mut tx, &ring(new), student, district, &fields, "a test").await.expect("shows");
        assert_eq!(shown.name.as_deref(), Some(CANARY));
        assert!(identities::show(&mut tx, &ring(old), student, district, &fields, "a test").await.is_err());
        assert!(
            identities::keep(&mut tx, &Keyring::default(), student, &kept)
                .await
                .is_err_and(|error| error.to_string().contains("BELLWETHER_KEYS"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_feed_shows_what_its_maker_may_see_and_ends_with_the_access_of_its_educator() {
    on_both(async |db| {
        let house = House::build(db).await;
        let [administrator, .., hr, special, educator] = house.people.as_slice() else { panic!("five roles") };
        let school = format!("/api/v1/schools/{}/feeds", house.own.id("schools"));
        for (maker, services) in [(hr, 0), (special, 1)] {
            let feed = maker.post(&school, &Value::Null).await;
            let read = administrator.get(feed.body["path"].as_str().expect("a path")).await;
            assert_eq!(read.text.matches("Service session").count(), services, "{}", read.text);
            assert_eq!(read.text.matches("BEGIN:VEVENT").count(), 1 + services, "{}", read.text);
        }
        let me = educator.get("/api/v1/me").await.body;
        let own = format!("/api/v1/educators/{}/feeds", house.own.id("educators"));
        let feed = administrator.post(&own, &Value::Null).await;
        let feed = feed.body["path"].as_str().expect("a path").to_owned();
        assert_eq!(administrator.get(&feed).await.status.as_u16(), 200);
        let account = format!("/api/v1/accounts/{}", me["account_id"].as_str().expect("an id"));
        let now = administrator.get(&account).await;
        let mut body = now.body.clone();
        body["active"] = false.into();
        let kept = ["email", "name", "role", "district_ids", "educator_id", "active"];
        body.as_object_mut().expect("an object").retain(|field, _| kept.contains(&field.as_str()));
        let ended = administrator.send("PUT", &account, &[("if-match", now.header("etag"))], &body).await;
        assert_eq!(ended.status.as_u16(), 200, "{ended:?}");
        assert_eq!(administrator.get(&feed).await.status.as_u16(), 404);
    })
    .await;
}

#[tokio::test]
async fn a_service_is_its_lines_students_and_stays_with_whom_its_sessions_were() {
    on_both(async |db| {
        let house = House::build(db).await;
        let special = &house.people[3];
        let mut body = house.own.bodies["services"].clone();
        let other = json!({"district_id": house.own.id("districts"), "key": "another"});
        let other = special.post("/api/v1/students", &other).await.id();
        body["student_id"] = other.into();
        body["line_id"] = house.own.id("service-lines").into();
        special.post("/api/v1/services", &body).await.refused(422, "bad_fields");
        body.as_object_mut().expect("an object").remove("line_id");
        let path = format!("/api/v1/services/{}", house.own.id("services"));
        let tag = special.get(&path).await.header("etag").to_owned();
        special.send("PUT", &path, &[("if-match", &tag)], &body).await.refused(422, "bad_fields");
    })
    .await;
}
