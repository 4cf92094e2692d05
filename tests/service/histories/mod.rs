//! Random histories of service lines in a database: schedules published in the middle of weeks, sessions logged, missed,
//! amended and made up across lines, absences, closures, services that end. After all of it every minute is counted once.
//!
//! `BELLWETHER_HISTORIES` says how many; without it a few worlds show the way.

mod events;

use std::collections::{BTreeMap, BTreeSet};

use bellwether::domain::actor::Actor;
use bellwether::domain::id::{DistrictId, EducatorId, LogId, SchoolId, ServiceId, StudentId, TermId};
use bellwether::domain::ledger::Sums;
use bellwether::domain::log::LogEntry;
use bellwether::domain::need::Per;
use bellwether::domain::records::{
    Availability, Calendar, Clearance, District, Educator, License, School, Service, ServiceLine, Student, Term,
    TimeOff,
};
use bellwether::domain::run::RunSettings;
use bellwether::domain::session::Meeting;
use bellwether::domain::time::{Clock, Date, Weekday};
use bellwether::engine::dated;
use bellwether::engine::outcome::{Schedule, ServiceAssignment, WeeklySession};
use bellwether::store::sessions::{self, Listed, Visible, Wanted};
use bellwether::store::{self, Db, StoreError, Tx, absences, log, makeup, minutes, snapshot};
use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::fresh::on_both;
use crate::runs::written;

/// Histories of one world: students who share educators, schedules and days.
const STUDENTS: usize = 20;
/// What befalls a world.
const EVENTS: usize = 60;

const DAYS: [Weekday; 5] = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri];

fn pick<T: Copy>(rng: &mut StdRng, from: &[T]) -> T {
    from[rng.random_range(0..from.len())]
}

fn body<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"))
}

/// Somebody's weekly time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    educator: usize,
    day: usize,
    slot: u16,
}

/// How many of each kind of event changed something, and how many were refused.
#[derive(Debug, Default)]
struct Told {
    done: BTreeMap<&'static str, usize>,
    refused: BTreeMap<&'static str, usize>,
}

struct World {
    rng: StdRng,
    db: Db,
    now: DateTime<Utc>,
    term: TermId,
    district: DistrictId,
    school: SchoolId,
    educators: Vec<EducatorId>,
    services: BTreeMap<ServiceId, (StudentId, Per)>,
    places: BTreeMap<ServiceId, Place>,
    told: Told,
}

impl World {
    async fn build(db: &Db, seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut tx = db.write("test").await.expect("writes");
        let term = json!({"name": format!("T{seed}"), "first_on": "2026-08-10", "last_on": "2026-09-18"});
        let term = store::insert::<Term>(&mut tx, body(term)).await.expect("a term").id;
        let district = json!({"name": format!("D{seed}"), "state": "AZ", "tz": "America/Phoenix"});
        let district = store::insert::<District>(&mut tx, body(district)).await.expect("a district").id;
        let school = json!({"district_id": district, "name": "School"});
        let school = store::insert::<School>(&mut tx, body(school)).await.expect("a school").id;
        let calendar = json!({"term_id": term, "district_id": district, "first_on": "2026-08-10", "last_on": "2026-09-18", "closed": ["2026-09-07"],
            "bell_schedule": {"default": "regular"}});
        store::insert::<Calendar>(&mut tx, body(calendar)).await.expect("a calendar");
        let mut educators = Vec::new();
        for n in 0..3 {
            let most = pick(&mut rng, &[600, 900, 2400]);
            let who = json!({"display_name": format!("E{n}"), "tz": pick(&mut rng, &["America/Phoenix", "America/New_York"]), "max_minutes_per_week": most});
            let id = store::insert::<Educator>(&mut tx, body(who)).await.expect("an educator").id;
            let license = json!({"educator_id": id, "state": "AZ", "area": "slp", "grades": ["03"], "issued_on": "2024-07-01", "expires_on": "2027-06-30"});
            store::insert::<License>(&mut tx, body(license)).await.expect("a license");
            store::insert::<Clearance>(&mut tx, body(json!({"educator_id": id, "state": "AZ"})))
                .await
                .expect("a clearance");
            let hours = json!({"educator_id": id, "days": DAYS, "start": "07:00", "end": "20:00"});
            store::insert::<Availability>(&mut tx, body(hours)).await.expect("hours");
            educators.push(id);
        }
        let windows = json!([{"days": ["mon", "tue", "wed", "thu", "fri"], "start": "08:00", "end": "16:00"}]);
        for n in 0..STUDENTS {
            let student = json!({"district_id": district, "key": format!("s{seed}-{n}")});
            let student = store::insert::<Student>(&mut tx, body(student)).await.expect("a student").id;
            // One line that takes two services, and one service that stands by itself.
            let line = json!({"term_id": term, "student_id": student, "school_id": school, "service": "speech", "areas": ["slp"], "grade": "03",
                "written": "6 x 30 min/month", "windows": windows});
            store::insert::<ServiceLine>(&mut tx, body(line)).await.expect("a line");
            let alone = json!({"term_id": term, "student_id": student, "school_id": school, "service": "language", "areas": ["slp"], "grade": "03",
                "minutes": pick(&mut rng, &[20, 30, 45]), "times": 1, "per": "week", "windows": windows});
            store::insert::<Service>(&mut tx, body(alone)).await.expect("a service");
        }
        let of_school = store::children::<Service>(&mut tx, "school_id", school).await.expect("services");
        let services = of_school.into_iter().map(|row| (row.id, (row.body.student_id, row.body.per))).collect();
        tx.commit().await.expect("commits");
        let now = DateTime::parse_from_rfc3339("2026-08-05T12:00:00Z").expect("an instant").to_utc();
        let (db, places, told) = (db.clone(), BTreeMap::new(), Told::default());
        Self { rng, db, now, term, district, school, educators, services, places, told }
    }

    async fn tx(&self) -> Tx {
        let mut tx = self.db.write("test").await.expect("writes");
        tx.at = self.now;
        tx
    }

    /// Commits what was done, or counts it as refused.
    async fn end<T>(&mut self, what: &'static str, tx: Tx, done: Result<T, StoreError>) -> Option<T> {
        match done {
            Ok(done) => {
                tx.commit().await.expect("commits");
                *self.told.done.entry(what).or_default() += 1;
                Some(done)
            }
            Err(StoreError::Invalid(_) | StoreError::Overlap(_)) => {
                tx.rollback().await.expect("is undone");
                *self.told.refused.entry(what).or_default() += 1;
                None
            }
            Err(other) => panic!("{what}: {other}"),
        }
    }

    /// Gives some services, or all that have none, another time: nobody is in two places in any week.
    fn move_some(&mut self) {
        let services: Vec<ServiceId> = self.services.keys().copied().collect();
        for id in services {
            if self.places.contains_key(&id) && self.rng.random_bool(0.7) {
                continue;
            }
            self.places.remove(&id);
            for _ in 0..20 {
                let place = Place {
                    educator: self.rng.random_range(0..self.educators.len()),
                    day: self.rng.random_range(0..DAYS.len()),
                    slot: self.rng.random_range(0..8),
                };
                let student = self.services[&id].0;
                let meets = |(other, at): (&ServiceId, &Place)| {
                    let same = (at.day, at.slot) == (place.day, place.slot);
                    same && (at.educator == place.educator || self.services[other].0 == student)
                };
                if !self.places.iter().any(meets) {
                    self.places.insert(id, place);
                    break;
                }
            }
        }
    }

    async fn publish(&mut self) {
        let mut tx = self.tx().await;
        let districts = vec![self.district];
        let problem = snapshot::within(&mut tx, self.term, &districts).await.expect("a problem");
        let mut schedule = Schedule::default();
        for service in &problem.services {
            let Some(place) = self.places.get(&service.id.parse::<ServiceId>().expect("an id")) else { continue };
            let weeks = service.per.week_patterns(u32::try_from(service.times).expect("few"));
            let weeks = weeks.first().copied().flatten().map(<[u8]>::to_vec);
            let start = Clock::from_minutes(480 + 60 * place.slot).expect("a clock");
            schedule.services.push(ServiceAssignment {
                service: service.id.clone(),
                educator: self.educators[place.educator].to_string(),
                sessions: vec![WeeklySession { day: DAYS[place.day].name().into(), start, weeks }],
            });
        }
        let mut meetings = dated::meetings(&problem, &schedule).expect("meetings");
        absences::apply(&mut tx, self.term, &mut meetings).await.expect("covers");
        let planned = meetings.clone();
        let before = self.sessions(&mut tx).await;
        let done = written(&mut tx, self.term, districts, RunSettings::default(), "{}".into(), meetings).await;
        // Nothing that befell a term may stand in the way of its next schedule.
        done.unwrap_or_else(|error| panic!("a publication is refused at {}: {error}", self.now));
        self.neither_twice_nor_lost(&mut tx, &before, &planned).await;
        tx.commit().await.expect("commits");
        *self.told.done.entry("publish").or_default() += 1;
    }

    /// What a service has to come in a period is never more than planned, less what was held or logged; where nothing was,
    /// and an old session could be kept, it is never less than both schedules had.
    async fn neither_twice_nor_lost(&self, tx: &mut Tx, before: &[Listed], planned: &[Meeting]) {
        if before.is_empty() {
            return;
        }
        let ids: Vec<ServiceId> = self.services.keys().copied().collect();
        let log = log::of_services(tx, &ids).await.expect("the log");
        let after = self.sessions(tx).await;
        let period = |service: ServiceId, on: Date| match self.services[&service].1 {
            Per::Week => on.monday(),
            _ => Date(chrono::Datelike::with_day(&*on, 1).expect("the first")),
        };
        let owed = |meeting: &Meeting| -> Vec<(ServiceId, Date)> {
            let due = meeting.students.iter().filter(|student| student.due);
            due.map(|s| (s.service_id, meeting.held_on)).collect()
        };
        let mut new: BTreeMap<(ServiceId, Date), BTreeSet<Date>> = BTreeMap::new();
        for (service, on) in planned.iter().flat_map(owed) {
            new.entry((service, period(service, on))).or_default().insert(on);
        }
        let of_session = |entry: &&LogEntry| entry.makes_up.is_none() && entry.session_id.is_some();
        let logged: BTreeSet<_> = log.iter().filter(of_session).map(|e| (e.session_id, e.service_id)).collect();
        let mut had: BTreeMap<(ServiceId, Date), usize> = BTreeMap::new();
        for entry in log.iter().filter(of_session) {
            *had.entry((entry.service_id, period(entry.service_id, entry.held_on))).or_default() += 1;
        }
        let mut ahead: BTreeMap<(ServiceId, Date), usize> = BTreeMap::new();
        for Listed { session, .. } in after.iter().filter(|l| l.session.makes_up.is_none()) {
            for student in session.meeting.served() {
                if logged.contains(&(Some(session.id), student.service_id)) {
                    continue;
                }
                let of = (student.service_id, period(student.service_id, session.meeting.held_on));
                let count = if session.meeting.has_begun(self.now) { &mut had } else { &mut ahead };
                *count.entry(of).or_default() += 1;
            }
        }
        for (of, ahead) in &ahead {
            let (new, had) = (new.get(of).map_or(0, BTreeSet::len), had.get(of).copied().unwrap_or(0));
            assert!(ahead + had <= new.max(had), "{of:?} at {}: {ahead} to come and {had} had of {new}", self.now);
        }
    }

    async fn sessions(&self, tx: &mut Tx) -> Vec<Listed> {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).expect("an instant").to_utc();
        let wanted = Wanted {
            from: at("2026-08-01T00:00:00Z"),
            to: at("2026-12-01T00:00:00Z"),
            educator_id: None,
            school_id: Some(self.school),
            district_id: None,
        };
        sessions::list(tx, &Visible::ALL, wanted, None, 10_000).await.expect("lists")
    }

    async fn entries(&self, tx: &mut Tx) -> Vec<LogEntry> {
        let ids: Vec<ServiceId> = self.services.keys().copied().collect();
        log::of_services(tx, &ids).await.expect("the log")
    }

    async fn befall(&mut self) {
        self.now += TimeDelta::minutes(self.rng.random_range(20..1800));
        match self.rng.random_range(0..24) {
            0..2 => self.publish().await,
            2..5 => {
                self.move_some();
                self.publish().await;
            }
            5..12 => self.log().await,
            12..14 => self.extra().await,
            14..18 => self.book().await,
            18 => self.cancel().await,
            19..21 => self.absence().await,
            21 => self.close().await,
            22 => self.end_service().await,
            _ => {}
        }
    }

    /// Every line adds up, and what the rows hold is in the ledgers, each minute once.
    async fn adds_up(&self, seed: u64) {
        let mut tx = self.tx().await;
        let today = Date(self.now.date_naive());
        let wanted = minutes::Wanted { term: Some(self.term), ..minutes::Wanted::default() };
        let subjects = minutes::subjects(&mut tx, &Actor::program("test"), wanted).await.expect("lines");
        let accounts = minutes::accounts(&mut tx, subjects, today).await.expect("ledgers");
        assert_eq!(accounts.len(), 2 * STUDENTS, "two lines of each student");
        let all = self.sessions(&mut tx).await;
        let booked = makeup::to_come(&mut tx, self.term).await.expect("lists");
        let mut unheld = 0;
        for account in &accounts {
            let (ledger, ids) = (&account.ledger, &account.subject.service_ids);
            let what = format!("world {seed} at {}, {ids:?}", self.now);
            ledger
                .periods
                .iter()
                .map(|period| &period.sums)
                .chain([&ledger.total])
                .for_each(|sums| identity(sums, &what));
            let total = &ledger.total;
            unheld += total.unheld;
            let delivered: i64 = account.log.iter().map(|entry| entry.delivered_minutes).sum();
            assert_eq!(total.delivered + total.beyond.delivered, delivered, "{what}");
            let logged: BTreeSet<_> = account.log.iter().map(|entry| (entry.session_id, entry.service_id)).collect();
            let mut scheduled = 0;
            for Listed { session, .. } in &all {
                let serves = |s: &&bellwether::domain::session::SessionStudent| {
                    ids.contains(&s.service_id) && !logged.contains(&(Some(session.id), s.service_id))
                };
                scheduled += session.meeting.served().filter(serves).map(|_| session.meeting.minutes).sum::<i64>();
            }
            assert_eq!(total.scheduled + total.beyond.scheduled, scheduled, "{what}");
            // What is missing, less what was given or is booked in the same line.
            let mut missing = 0;
            for entry in account.log.iter().filter(|entry| entry.makes_up.is_none()) {
                let lacks = (entry.planned_minutes - entry.delivered_minutes).max(0);
                let of = |id: Option<LogId>| id == Some(entry.id);
                let given: i64 = account.log.iter().filter(|e| of(e.makes_up)).map(|e| e.delivered_minutes).sum();
                let to_give = |l: &&Listed| {
                    let id = l.session.meeting.students[0].service_id;
                    of(l.session.makes_up) && !logged.contains(&(Some(l.session.id), id))
                };
                let to_give: i64 = all.iter().filter(to_give).map(|l| l.session.meeting.minutes).sum();
                missing += lacks - lacks.min(given + to_give);
                let open = makeup::open_minutes(&mut tx, entry).await.expect("reads");
                assert_eq!(open, (lacks - given - to_give).max(0), "{what}: what is left to book of {}", entry.id);
                for makes_up in account.log.iter().filter(|e| of(e.makes_up)) {
                    assert!(ids.contains(&makes_up.service_id), "{what}: of another line");
                }
            }
            assert_eq!(total.missed() + total.beyond.missed, missing, "{what}");
        }
        let to_log =
            minutes::to_log(&mut tx, &self.services.keys().copied().collect::<Vec<_>>(), today).await.expect("reads");
        let named: i64 = to_log.iter().filter(|one| one.unheld).map(|one| one.minutes).sum();
        assert!(unheld <= named, "world {seed}: {unheld} minutes unheld, {named} of them named");
        for booking in booked {
            let service =
                store::get::<Service>(&mut tx, booking.meeting.students[0].service_id).await.expect("is there").body;
            assert!(
                service.last_on.is_none_or(|last| booking.held_on <= last),
                "world {seed}: {booking:?} outlives its service"
            );
            let off = store::children::<TimeOff>(&mut tx, "educator_id", booking.educator_id).await.expect("lists");
            let away =
                off.iter().any(|row| row.body.first_on <= booking.held_on && booking.held_on <= row.body.last_on);
            assert!(!away, "world {seed}: {booking:?} is of somebody who is away");
        }
    }
}

fn identity(sums: &Sums, what: &str) {
    assert_eq!(sums.owed, sums.delivered + sums.missed() + sums.scheduled + sums.unscheduled, "{what}: {sums:?}");
    assert_eq!(sums.missed(), sums.to_make_up + sums.to_review + sums.excused, "{what}: {sums:?}");
    assert!(sums.unheld <= sums.unscheduled && sums.unlogged <= sums.scheduled, "{what}: {sums:?}");
}

#[tokio::test]
async fn whatever_befalls_lines_every_minute_is_counted_once() {
    let histories: usize = std::env::var("BELLWETHER_HISTORIES").map_or(Ok(60), |text| text.parse()).expect("a number");
    on_both(async |db| {
        let (mut told, began) = (Told::default(), std::time::Instant::now());
        for seed in 0..u64::try_from(histories.div_ceil(STUDENTS)).expect("few") {
            let mut world = World::build(&db, seed).await;
            world.move_some();
            world.publish().await;
            for event in 1..=EVENTS {
                world.befall().await;
                if event % 15 == 0 {
                    world.adds_up(seed).await;
                }
            }
            for (all, of) in [(&mut told.done, world.told.done), (&mut told.refused, world.told.refused)] {
                of.into_iter().for_each(|(what, count)| *all.entry(what).or_default() += count);
            }
        }
        println!("{histories} histories in {:?}: done {:?}, refused {:?}", began.elapsed(), told.done, told.refused);
        for what in ["publish", "log", "log as a make-up", "extra", "book", "absence", "close", "end a service"] {
            assert!(told.done.get(what).is_some_and(|count| *count > 0), "{what} never succeeded: {told:?}");
        }
        for what in ["log as a make-up", "extra"] {
            assert!(told.refused.get(what).is_some_and(|count| *count > 0), "{what} was never refused: {told:?}");
        }
    })
    .await;
}
