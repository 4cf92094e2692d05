//! Two districts with one record of each kind, an educator and published sessions each, and somebody of every role in
//! the first of them.

use std::collections::BTreeMap;

use bellwether::domain::actor::{Actor, Role, Verb};
use bellwether::domain::id::{DistrictId, EducatorId, SchoolId, SectionId, ServiceId, StudentId, TermId};
use bellwether::domain::log::{LogEntry, Said};
use bellwether::domain::run::RunSettings;
use bellwether::domain::session::{Meeting, Purpose, SessionStatus, SessionStudent};
use bellwether::domain::time::Date;
use bellwether::store::Db;
use bellwether::store::log;
use bellwether::store::{runs, schedules, snapshot};
use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use crate::api::client::Client;
use crate::people::person;
use crate::runs::written;

/// What belongs to one district.
pub struct Side {
    /// Ids by kind, as in paths: `students`.
    pub ids: BTreeMap<&'static str, String>,
    /// A body that could be sent, by kind.
    pub bodies: BTreeMap<&'static str, Value>,
}

impl Side {
    pub fn id(&self, kind: &str) -> &str {
        self.ids.get(kind).unwrap_or_else(|| panic!("no {kind} in the house"))
    }

    pub fn parsed<I: std::str::FromStr<Err: std::fmt::Debug>>(&self, kind: &str) -> I {
        self.id(kind).parse().expect("an id")
    }
}

pub struct House {
    pub db: Db,
    /// In the order of `Role::ALL`; those of districts and the educator are of the first side.
    pub people: Vec<Client>,
    pub own: Side,
    pub foreign: Side,
}

/// Kinds of which both sides share one record.
pub const SHARED: [&str; 2] = ["terms", "courses"];

impl House {
    pub async fn build(db: Db) -> Self {
        let admin = Client::of(db.clone()).await;
        let own = side(&admin, "A", None).await;
        let foreign = side(&admin, "B", Some(&own)).await;
        publish(&db, &own, &foreign).await;
        let mut people = Vec::new();
        for role in Role::ALL {
            let districts: Vec<DistrictId> =
                if role.of_districts() { vec![own.parsed("districts")] } else { Vec::new() };
            let educator = (role == Role::Educator).then(|| own.parsed("educators"));
            let (_, secret) = person(&db, role, &districts, educator).await;
            people.push(admin.signed_in(&secret));
        }
        let mut house = Self { db, people, own, foreign };
        let run = runs::list(&mut house.db.read().await.expect("reads"), None, None, None, 1).await.expect("lists");
        let schedule = schedules::list(&mut house.db.read().await.expect("reads"), None, None, 1).await.expect("lists");
        let sessions = admin.get("/api/v1/sessions?from=2026-08-01T00:00:00Z&to=2026-12-31T00:00:00Z").await;
        for side in [&mut house.own, &mut house.foreign] {
            let of_a_service =
                |item: &&Value| item["district_id"] == side.id("districts") && !item["service"].is_null();
            let session =
                sessions.body["items"].as_array().into_iter().flatten().find(of_a_service).expect("a session");
            side.ids.insert("service-sessions", session["id"].as_str().expect("an id").to_owned());
            side.ids.insert("runs", run[0].id.to_string());
            side.ids.insert("schedules", schedule[0].id.to_string());
        }
        house
    }
}

async fn side(admin: &Client, name: &str, other: Option<&Side>) -> Side {
    let mut side = Side { ids: BTreeMap::new(), bodies: BTreeMap::new() };
    if let Some(other) = other {
        for kind in SHARED {
            side.ids.insert(kind, other.id(kind).to_owned());
            side.bodies.insert(kind, other.bodies[kind].clone());
        }
    } else {
        let term = json!({"name": "Fall", "first_on": "2026-08-10", "last_on": "2026-12-18"});
        make(admin, &mut side, "terms", term).await;
        make(admin, &mut side, "courses", json!({"name": "Algebra", "areas": ["math"]})).await;
    }
    make(admin, &mut side, "districts", json!({"name": name, "state": "AZ", "tz": "America/Phoenix"})).await;
    let (term, course, district) =
        (side.id("terms").to_owned(), side.id("courses").to_owned(), side.id("districts").to_owned());
    make(admin, &mut side, "schools", json!({"district_id": district, "name": format!("{name} High")})).await;
    let school = side.id("schools").to_owned();
    make(
        admin,
        &mut side,
        "educators",
        json!({"display_name": format!("Educator {name}"), "tz": "America/Phoenix", "max_minutes_per_week": 1500}),
    )
    .await;
    let educator = side.id("educators").to_owned();
    make(admin, &mut side, "calendars", json!({"term_id": term, "district_id": district, "first_on": "2026-08-10", "last_on": "2026-12-18", "bell_schedule": {"default": "regular"}})).await;
    make(
        admin,
        &mut side,
        "bell-schedules",
        json!({"school_id": school, "key": "regular", "periods": [{"id": "P1", "start": "08:00", "end": "08:50"}]}),
    )
    .await;
    make(admin, &mut side, "vacancies", json!({"district_id": district, "term_id": term, "title": "Algebra"})).await;
    make(admin, &mut side, "sections", json!({"term_id": term, "school_id": school, "course_id": course, "grades": ["09"], "meets": [{"period": "P1", "days": ["mon"]}]})).await;
    make(admin, &mut side, "students", json!({"district_id": district, "key": format!("k-{name}")})).await;
    let (section, student) = (side.id("sections").to_owned(), side.id("students").to_owned());
    make(admin, &mut side, "services", json!({"term_id": term, "student_id": student, "school_id": school, "service": "speech", "areas": ["slp"],
        "grade": "03", "minutes": 30, "times": 1, "per": "week", "windows": [{"days": ["tue"], "start": "09:00", "end": "11:00"}]})).await;
    make(admin, &mut side, "service-lines", json!({"term_id": term, "student_id": student, "school_id": school, "service": "speech", "areas": ["slp"],
        "grade": "03", "written": "6 x 30 min/month", "windows": [{"days": ["wed"], "start": "09:00", "end": "11:00"}]})).await;
    make(
        admin,
        &mut side,
        "policies",
        json!({"district_id": district, "key": "short_period", "value": "prorate", "effective_on": "2026-07-01",
        "standing": "district_policy", "citation": "board"}),
    )
    .await;
    make(admin, &mut side, "licenses", json!({"educator_id": educator, "state": "AZ", "area": "math", "grades": ["09"], "issued_on": "2024-07-01", "expires_on": "2027-06-30"})).await;
    make(admin, &mut side, "clearances", json!({"educator_id": educator, "state": "AZ"})).await;
    make(
        admin,
        &mut side,
        "availability",
        json!({"educator_id": educator, "days": ["mon"], "start": "08:00", "end": "16:00"}),
    )
    .await;
    make(
        admin,
        &mut side,
        "time-off",
        json!({"educator_id": educator, "first_on": "2026-10-05", "last_on": "2026-10-09"}),
    )
    .await;
    for kind in ["pins", "incumbents"] {
        make(admin, &mut side, kind, json!({"term_id": term, "section_id": section, "educator_id": educator})).await;
    }
    make(admin, &mut side, "vetoes", json!({"educator_id": educator, "school_id": school})).await;
    make(admin, &mut side, "together", json!({"term_id": term, "needs": [section], "cents": 5})).await;
    side
}

/// The entry of a side's session of a service, saying this.
pub async fn logged(db: &Db, side: &Side, said: &Said) -> LogEntry {
    let mut tx = db.write("test").await.expect("writes");
    let session = log::session(&mut tx, &Actor::program("test"), Verb::Write, side.parsed("service-sessions")).await;
    let entries = log::write(&mut tx, &session.expect("a session"), &[(side.parsed("services"), said.clone())]).await;
    tx.commit().await.expect("commits");
    entries.expect("is logged").remove(0)
}

async fn make(admin: &Client, side: &mut Side, kind: &'static str, body: Value) {
    let answer = admin.post(&format!("/api/v1/{kind}"), &body).await;
    assert_eq!(answer.status.as_u16(), 201, "{kind}: {answer:?}");
    side.ids.insert(kind, answer.id());
    side.bodies.insert(kind, body);
}

/// Publishes one session of a section and one of a service on each side.
async fn publish(db: &Db, own: &Side, foreign: &Side) {
    let term: TermId = own.parsed("terms");
    let districts: Vec<DistrictId> = vec![own.parsed("districts"), foreign.parsed("districts")];
    let mut tx = db.write("test").await.expect("writes");
    let problem = snapshot::within(&mut tx, term, &districts).await.expect("the records make a problem");
    let problem = serde_json::to_string(&problem).expect("plain data");
    let meetings = [own, foreign].into_iter().flat_map(meetings).collect();
    let settings = RunSettings { history: true, ..RunSettings::default() };
    written(&mut tx, term, districts, settings, problem, meetings).await.expect("is published");
    tx.commit().await.expect("commits");
}

fn meetings(side: &Side) -> [Meeting; 2] {
    let starts_at = DateTime::parse_from_rfc3339("2026-09-01T15:00:00Z").expect("an instant").to_utc();
    let section = Meeting {
        key: format!("section {}", side.id("sections")),
        educator_id: side.parsed::<EducatorId>("educators"),
        school_id: side.parsed::<SchoolId>("schools"),
        district_id: side.parsed("districts"),
        purpose: Purpose::Section(side.parsed::<SectionId>("sections")),
        students: Vec::new(),
        held_on: Date::ymd(2026, 9, 1),
        starts: "08:00".parse().expect("a clock"),
        ends: "08:50".parse().expect("a clock"),
        tz: "America/Phoenix".parse().expect("a zone"),
        starts_at,
        ends_at: starts_at + TimeDelta::minutes(50),
        minutes: 50,
        status: SessionStatus::Planned,
    };
    let (student_id, service_id) = (side.parsed::<StudentId>("students"), side.parsed::<ServiceId>("services"));
    let service = Meeting {
        key: format!("service {}", side.id("services")),
        purpose: Purpose::Service("speech".into()),
        students: vec![SessionStudent { service_id, student_id, due: true }],
        starts: "10:00".parse().expect("a clock"),
        ends: "10:50".parse().expect("a clock"),
        starts_at: starts_at + TimeDelta::hours(2),
        ends_at: starts_at + TimeDelta::minutes(170),
        ..section.clone()
    };
    [section, service]
}
