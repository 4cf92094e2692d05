//! An office with two educators who have mail addresses, what it publishes, and the mail that comes of it.

use std::time::Duration;

use bellwether::domain::id::{DistrictId, EducatorId, SchoolId, SectionId, TermId};
use bellwether::domain::records::{Educator, Section};
use bellwether::domain::run::RunSettings;
use bellwether::domain::session::{Meeting, Purpose, SessionStatus, SessionStudent};
use bellwether::domain::time::{Date, Tz, instant, to_utc};
use bellwether::store::{self, Db, Tx, mail};

use super::{Read, Sink, deliver, mailroom};
use crate::access::house::{House, Side};
use crate::runs::written;

/// Two educators with mail addresses, a section each, and a further section of the first.
pub struct Office {
    pub house: House,
    pub db: Db,
    pub sink: Sink,
    pub further: SectionId,
    read: usize,
}

pub fn id<I: std::str::FromStr<Err: std::fmt::Debug>>(side: &Side, kind: &str) -> I {
    side.id(kind).parse().expect("an id")
}

impl Office {
    pub async fn open(db: Db) -> Self {
        let house = House::build(db.clone()).await;
        let mut tx = db.write("test").await.expect("writes");
        for (side, email) in [(&house.own, "ana@a.example"), (&house.foreign, "bo@a.example")] {
            let now = store::get::<Educator>(&mut tx, id(side, "educators")).await.expect("is there");
            let body = Educator { email: Some(email.into()), tz: Tz::America__Phoenix, ..now.body };
            store::update(&mut tx, now.id, Some(now.version), body).await.expect("is changed");
        }
        let section = store::get::<Section>(&mut tx, id(&house.own, "sections")).await.expect("is there");
        let further = store::insert(&mut tx, section.body).await.expect("is kept").id;
        tx.commit().await.expect("commits");
        Self { house, db, sink: Sink::start(), further, read: 0 }
    }

    /// Every Monday and Wednesday of September 2026 but Labor Day, at this time in New York.
    pub fn weekly(side: &Side, section: SectionId, starts: &str) -> Vec<Meeting> {
        let days = (1..=30).map(|day| Date::ymd(2026, 9, day));
        let held = days.filter(|on| ["mon", "wed"].contains(&on.weekday().name()) && *on != Date::ymd(2026, 9, 7));
        held.map(|on| Self::meeting(side, section, on, starts)).collect()
    }

    pub fn meeting(side: &Side, section: SectionId, on: Date, starts: &str) -> Meeting {
        let (tz, starts) = (Tz::America__New_York, starts.parse().expect("a clock"));
        let from = to_utc(tz, on, bellwether::domain::time::Clock::minutes(starts));
        let ends = bellwether::domain::time::Clock::from_minutes(starts.minutes() + 45).expect("a clock");
        Meeting {
            key: format!("section/{section}/{on}/P1"),
            educator_id: id::<EducatorId>(side, "educators"),
            school_id: id::<SchoolId>(side, "schools"),
            district_id: id::<DistrictId>(side, "districts"),
            purpose: Purpose::Section(section),
            students: Vec::new(),
            held_on: on,
            starts,
            ends,
            tz,
            starts_at: instant(from),
            ends_at: instant(from + 45),
            minutes: 45,
            status: SessionStatus::Planned,
        }
    }

    /// A service session, whose student and kind nobody outside may learn of.
    pub fn service(&self) -> Meeting {
        let side = &self.house.own;
        let student = SessionStudent { service_id: id(side, "services"), student_id: id(side, "students"), due: true };
        let meeting = Self::meeting(side, self.further, Date::ymd(2026, 9, 15), "09:00");
        let key = "service/x/speech CANARY-KIND/e/2026-09-15/09:00/45".into();
        Meeting { key, purpose: Purpose::Service("speech CANARY-KIND".into()), students: vec![student], ..meeting }
    }

    pub async fn write(&self, tx: &mut Tx, meetings: Vec<Meeting>) {
        let term_id = self.term();
        let districts: Vec<DistrictId> = vec![id(&self.house.own, "districts"), id(&self.house.foreign, "districts")];
        let done =
            written(tx, term_id, districts, RunSettings::default(), "{}".into(), meetings).await.expect("is published");
        mail::announce(tx, term_id, &done.touched, Duration::ZERO).await.expect("is owed");
    }

    /// Begins to write in August, before anything has begun.
    pub async fn august(&self) -> Tx {
        let mut tx = self.db.write("test").await.expect("writes");
        tx.at = chrono::DateTime::parse_from_rfc3339("2026-08-03T12:00:00Z").expect("an instant").to_utc();
        tx
    }

    /// In August.
    pub async fn publish(&self, meetings: Vec<Meeting>) {
        let mut tx = self.august().await;
        self.write(&mut tx, meetings).await;
        tx.commit().await.expect("commits");
    }

    pub fn ana(&self) -> EducatorId {
        id(&self.house.own, "educators")
    }

    pub fn term(&self) -> TermId {
        id(&self.house.own, "terms")
    }

    /// Changes Ana's record.
    pub async fn of_ana(&self, change: impl FnOnce(&mut Educator)) {
        let mut tx = self.august().await;
        let mut now = store::get::<Educator>(&mut tx, self.ana()).await.expect("is there");
        change(&mut now.body);
        store::update(&mut tx, now.id, Some(now.version), now.body).await.expect("is changed");
        tx.commit().await.expect("commits");
    }

    /// What has arrived since the last time, by recipient.
    pub async fn arrived(&mut self) -> Vec<Read> {
        deliver(&mailroom(&self.db, &self.sink)).await;
        let mut read = self.sink.read(self.read);
        self.read += read.len();
        read.sort_by_key(|mail| mail.headers["to"].clone());
        read
    }

    pub fn both(&self, at: &str) -> Vec<Meeting> {
        let (own, foreign) = (&self.house.own, &self.house.foreign);
        let mine = [Self::weekly(own, id(own, "sections"), at), Self::weekly(own, self.further, "16:00")].concat();
        [mine, Self::weekly(foreign, id(foreign, "sections"), "13:00")].concat()
    }
}

/// The value of a line of a calendar.
pub fn line<'t>(text: &'t str, name: &str) -> &'t str {
    text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in\n{text}")).trim_end()
}

pub fn calendars(mail: &Read) -> Vec<&str> {
    mail.parts.iter().filter(|part| part.kind == "text/calendar").map(|part| part.text.as_str()).collect()
}
