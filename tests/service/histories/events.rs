//! What befalls a world besides schedules: the log, sessions beside it, bookings, absences, closed days, services that end.

use bellwether::domain::actor::{Actor, Verb};
use bellwether::domain::calendar::DateSpan;
use bellwether::domain::closure::Closure;
use bellwether::domain::id::{LogId, ServiceId};
use bellwether::domain::log::{LogEntry, MissReason, Outcome, Said};
use bellwether::domain::records::{Calendar, Educator, Service, ServiceLine, TimeOff};
use bellwether::domain::session::{Meeting, SessionStatus};
use bellwether::domain::time::{Clock, Date};
use bellwether::store::absences::{self, Report};
use bellwether::store::log::Extra;
use bellwether::store::sessions::Listed;
use bellwether::store::{self, StoreError, log, makeup};
use chrono::TimeDelta;
use rand::RngExt as _;
use rand::rngs::StdRng;

use super::{World, pick};

impl World {
    fn said(&mut self, meeting: &Meeting, makes_up: Option<LogId>) -> Said {
        let reason = Some(pick(&mut self.rng, &MissReason::ALL));
        let half = Clock::from_minutes(meeting.starts.minutes() + 10).expect("a clock");
        match self.rng.random_range(0..10) {
            0..5 => Said { makes_up, ..Said::delivered() },
            5..7 => Said {
                outcome: Outcome::Partly,
                reason,
                starts: Some(meeting.starts),
                ends: Some(half),
                makes_up,
                ..Said::delivered()
            },
            _ => Said { outcome: Outcome::Missed, reason, makes_up, ..Said::delivered() },
        }
    }

    /// Logs or amends some sessions of the last ten days, or one to come; now and then as a make-up of anything at all.
    pub(super) async fn log(&mut self) {
        let mut tx = self.tx().await;
        let all = self.sessions(&mut tx).await;
        let entries = self.entries(&mut tx).await;
        drop(tx);
        let begun = self.rng.random_bool(0.85);
        let near = |l: &&Listed| {
            let meeting = &l.session.meeting;
            meeting.has_begun(self.now) == begun && (meeting.starts_at - self.now).abs() < TimeDelta::days(10)
        };
        let near: Vec<Listed> = all.iter().filter(near).cloned().collect();
        for _ in 0..6 {
            let Some(listed) = (!near.is_empty()).then(|| near[self.rng.random_range(0..near.len())].clone()) else {
                return;
            };
            // Of anything at all, or of what lacks minutes in the same service.
            let service = listed.session.meeting.students[0].service_id;
            let lacks = |e: &&LogEntry| e.service_id == service && e.delivered_minutes < e.planned_minutes;
            let own: Vec<LogEntry> = entries.iter().filter(lacks).cloned().collect();
            let from = if own.is_empty() || self.rng.random_bool(0.5) { &entries } else { &own };
            let makes_up = (!from.is_empty() && self.rng.random_bool(0.3)).then(|| pick_entry(&mut self.rng, from));
            let said = self.said(&listed.session.meeting, makes_up);
            let mut tx = self.tx().await;
            let session = log::session(&mut tx, &Actor::program("test"), Verb::Write, listed.session.id).await;
            let done = match session {
                Ok(session) => {
                    let said: Vec<_> = session.students.iter().map(|one| (one.service_id, said.clone())).collect();
                    log::write(&mut tx, &session, &said).await
                }
                // What was amended meanwhile took a booked one back.
                Err(StoreError::NotFound { .. }) => Ok(Vec::new()),
                Err(other) => Err(other),
            };
            self.end(if makes_up.is_some() { "log as a make-up" } else { "log" }, tx, done).await;
        }
    }

    /// Logs a session beside the schedule that says it makes up an entry, of whatever line and student.
    pub(super) async fn extra(&mut self) {
        let mut tx = self.tx().await;
        let entries = self.entries(&mut tx).await;
        let all = self.sessions(&mut tx).await;
        if entries.is_empty() || all.is_empty() {
            return;
        }
        let missed = entries[self.rng.random_range(0..entries.len())].clone();
        // Half of them in the line that lacks the minutes.
        let of_service = |l: &&Listed| l.session.meeting.students.iter().any(|s| s.service_id == missed.service_id);
        let own: Vec<&Listed> = all.iter().filter(of_service).collect();
        let listed = if self.rng.random_bool(0.5) && !own.is_empty() {
            own[0]
        } else {
            &all[self.rng.random_range(0..all.len())]
        };
        let student = listed.session.meeting.students[0];
        let said = Said {
            starts: Some("16:30".parse().expect("a clock")),
            ends: Some("17:00".parse().expect("a clock")),
            makes_up: Some(missed.id),
            ..Said::delivered()
        };
        let extra = Extra {
            service_id: student.service_id,
            educator_id: listed.session.meeting.educator_id,
            held_on: Date(self.now.date_naive()).plus_days(-1),
            said,
        };
        let done = log::write_extra(&mut tx, &Actor::program("test"), &extra).await;
        let done = self.end("extra", tx, done).await;
        if done.is_some() {
            let line = |id: ServiceId| (self.services[&id].0, self.services[&id].1);
            assert_eq!(line(student.service_id), line(missed.service_id), "minutes of one line are those of no other");
        }
    }

    pub(super) async fn book(&mut self) {
        let mut tx = self.tx().await;
        let mut lacking = self.entries(&mut tx).await;
        lacking.retain(|entry| entry.delivered_minutes < entry.planned_minutes && entry.makes_up.is_none());
        for _ in 0..3.min(lacking.len()) {
            let entry = lacking[self.rng.random_range(0..lacking.len())].clone();
            let found = makeup::proposals(&mut tx, &entry, self.now, 10).await.expect("proposals");
            let Some(slot) = (!found.is_empty()).then(|| found[self.rng.random_range(0..found.len())].clone()) else {
                continue;
            };
            let made =
                makeup::book(&mut tx, &entry, slot.held_on, slot.starts).await.expect("what is proposed can be booked");
            let educator = store::get::<Educator>(&mut tx, made.educator_id).await.expect("is there").body;
            let monday = Date(made.meeting.starts_at.with_timezone(&educator.tz).date_naive()).monday();
            let all = self.sessions(&mut tx).await;
            let of_week = all.iter().map(|l| &l.session.meeting).filter(|m| {
                m.educator_id == made.educator_id
                    && Date(m.starts_at.with_timezone(&educator.tz).date_naive()).monday() == monday
            });
            let minutes: i64 = of_week.map(|meeting| meeting.minutes).sum();
            assert!(minutes <= educator.max_minutes_per_week, "{minutes} in the week of {monday}");
            *self.told.done.entry("book").or_default() += 1;
        }
        tx.commit().await.expect("commits");
    }

    pub(super) async fn cancel(&mut self) {
        let mut tx = self.tx().await;
        let booked = makeup::to_come(&mut tx, self.term).await.expect("lists");
        if booked.is_empty() {
            return;
        }
        let one = booked[self.rng.random_range(0..booked.len())].clone();
        let done = makeup::cancel(&mut tx, &one, "a test").await;
        self.end("cancel", tx, done).await;
    }

    /// An educator is away, sometimes since yesterday: who can stands in, the others' rooms have an adult.
    pub(super) async fn absence(&mut self) {
        let mut tx = self.tx().await;
        let educator_id = pick(&mut self.rng, &self.educators);
        let first_on = Date(self.now.date_naive()).plus_days(self.rng.random_range(-2..6));
        let last_on = first_on.plus_days(self.rng.random_range(0..3));
        let off = TimeOff { educator_id, first_on, last_on, source: None, source_id: None };
        store::insert(&mut tx, off).await.expect("is kept");
        let report = Report { term_id: self.term, educator_id, first_on, last_on, reason: String::new() };
        let id = absences::report(&mut tx, &report).await.expect("is kept");
        let absence = absences::get(&mut tx, id).await.expect("is there");
        let all = self.sessions(&mut tx).await;
        let days = DateSpan { first: first_on, last: last_on };
        let concerned = all.iter().map(|l| &l.session).filter(|s| {
            s.meeting.educator_id == educator_id
                && days.contains(s.meeting.held_on)
                && s.meeting.status != SessionStatus::Held
        });
        let (mut covers, mut missed) = (Vec::new(), Vec::new());
        for session in concerned {
            if absences::was_missed(&absence, &session.meeting, self.now) {
                missed.push(session.id);
            } else if !session.meeting.has_begun(self.now) {
                let by = pick(&mut self.rng, &self.educators);
                let taken = |l: &Listed| {
                    let other = &l.session.meeting;
                    other.educator_id == by
                        && other.starts_at < session.meeting.ends_at
                        && session.meeting.starts_at < other.ends_at
                };
                let free =
                    by != educator_id && !all.iter().any(taken) && covers.iter().all(|(_, other)| *other != Some(by));
                covers.push((session.id, free.then_some(by)));
            }
        }
        let done = absences::approve(&mut tx, id, &covers).await;
        absences::log_missed(&mut tx, &missed).await.expect("is logged");
        self.end("absence", tx, done).await;
    }

    pub(super) async fn close(&mut self) {
        let mut tx = self.tx().await;
        let on = Date(self.now.date_naive()).plus_days(self.rng.random_range(-1..8));
        if self.rng.random_bool(0.5) {
            let mut calendar =
                store::children::<Calendar>(&mut tx, "district_id", self.district).await.expect("lists").remove(0);
            calendar.body.closed.push(on.min(Date::ymd(2026, 9, 18)));
            calendar.body.closed.sort_unstable();
            calendar.body.closed.dedup();
            store::update(&mut tx, calendar.id, None, calendar.body).await.expect("is changed");
        }
        let closed = Closure::Closed;
        let done = log::close(&mut tx, &Actor::program("test"), self.school, on, closed).await;
        self.end("close", tx, done).await;
    }

    pub(super) async fn end_service(&mut self) {
        let mut tx = self.tx().await;
        let ids: Vec<ServiceId> = self.services.keys().copied().collect();
        let service = store::get::<Service>(&mut tx, pick(&mut self.rng, &ids)).await.expect("is there");
        let last_on = Date(self.now.date_naive()).plus_days(self.rng.random_range(0..10));
        if service.body.last_on.is_some() || last_on > Date::ymd(2026, 9, 18) {
            return;
        }
        let done = if let Some(line) = service.body.line_id {
            let line = store::get::<ServiceLine>(&mut tx, line).await.expect("is there");
            let body = ServiceLine { last_on: Some(last_on), ..line.body };
            store::update(&mut tx, line.id, None, body).await.map(drop)
        } else {
            let body = Service { last_on: Some(last_on), ..service.body };
            store::update(&mut tx, service.id, None, body).await.map(drop)
        };
        self.end("end a service", tx, done).await;
    }
}

fn pick_entry(rng: &mut StdRng, entries: &[LogEntry]) -> LogId {
    entries[rng.random_range(0..entries.len())].id
}
