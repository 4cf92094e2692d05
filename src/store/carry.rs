//! What a publication leaves alone: what has begun, and of a period that has begun what it has had, or is still owed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::tx::{Row, Tx, statements};
use super::{makeup, minutes};
use crate::args;
use crate::domain::calendar::{self, DateSpan};
use crate::domain::carry::{Accounted, Planned, carry};
use crate::domain::id::{DistrictId, RecordId, SchoolId, SectionId, ServiceId, SessionId, TermId};
use crate::domain::ledger;
use crate::domain::line::Interval;
use crate::domain::need::Per;
use crate::domain::policy::Policies;
use crate::domain::session::{Meeting, Purpose, Session, SessionStatus};
use crate::domain::time::{Date, UtcMinute};

statements! {
    SERVICES = "SELECT v.id, v.per, v.school_id, v.first_on, v.last_on, c.district_id, d.state, t.first_on AS term_first, t.last_on AS term_last FROM service v \
                JOIN school c ON c.id = v.school_id JOIN district d ON d.id = c.district_id JOIN term t ON t.id = v.term_id WHERE v.term_id = $1 ORDER BY v.id";
    /// What the log says of sessions of schedules since a day.
    LOGGED = "SELECT g.session_id, g.service_id, g.held_on FROM service v JOIN service_log g ON g.service_id = v.id \
              WHERE v.term_id = $1 AND g.session_id IS NOT NULL AND g.makes_up IS NULL AND g.held_on >= $2 ORDER BY g.id";
    /// Whose time schedules take, whatever the term and the district.
    BESIDE = "SELECT id, starts_at, ends_at FROM session WHERE educator_id = $1 AND ends_at > $2 AND starts_at < $3 AND makes_up IS NULL ORDER BY starts_at, id";
}

/// No period that is still open began earlier: a month, or a cycle with a break in it.
const DAYS_BACK: i64 = 60;

/// What is still to come of the districts of a publication.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// Sessions that have begun.
    pub history: usize,
    /// Those that stand.
    pub before: Vec<Session>,
    /// Those that are to stand.
    pub meetings: Vec<Meeting>,
    /// Of what day of a service the log speaks already, and of which of the sessions that stand.
    pub said: BTreeMap<(ServiceId, Date), BTreeSet<SessionId>>,
}

impl Ahead {
    /// What a meeting is as this session: a student of whose day the log speaks as of another session (of a group that is
    /// no more) has no second one.
    pub(super) fn held_as(&self, id: SessionId, mut meeting: Meeting) -> Meeting {
        let on = meeting.held_on;
        let of_another = |service| self.said.get(&(service, on)).is_some_and(|said| !said.contains(&id));
        for student in meeting.students.iter_mut().filter(|student| student.due) {
            student.due = !of_another(student.service_id);
        }
        if meeting.status == SessionStatus::Planned
            && !meeting.students.is_empty()
            && meeting.students.iter().all(|student| !student.due)
        {
            meeting.status = SessionStatus::Held;
        }
        meeting
    }
}

/// What is counted by itself: a section's meetings of a day, a service's of one of its periods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Section(SectionId, Date),
    /// By the place of the period among the service's.
    Service(ServiceId, usize),
}

/// Which meeting of its unit one is, in every schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Label {
    Key(String),
    On(Date),
}

/// A service, as far as its periods go.
struct Owed {
    span: [Option<NaiveDate>; 2],
    /// In order: where the policy has weeks and months begin, or the school's passes through its cycle.
    periods: Vec<DateSpan>,
}

impl Owed {
    fn on(&self, date: Date) -> bool {
        let [first, last] = self.span;
        first.is_none_or(|first| first <= *date) && last.is_none_or(|last| *date <= last)
    }

    /// Between two passes through a cycle the later one's.
    fn period(&self, date: Date) -> usize {
        self.periods.partition_point(|period| period.last < date)
    }
}

/// Leaves out what has begun, of both: what was held stays as it was held, whatever is planned now, or the log would speak
/// of sessions that are gone and sessions be counted that nobody held. A meeting whose period has had it (also as one that
/// the log says was missed) is not planned again; one whose new time has passed is held at its former one, where nothing is
/// in the way. Nobody held what lies before a district's first publication, so that is not written, but where `from_first_day`
/// says that somebody did.
pub async fn ahead(
    tx: &mut Tx,
    term: TermId,
    before: Vec<Session>,
    meetings: Vec<Meeting>,
    from_first_day: bool,
) -> Result<Ahead> {
    let at = tx.at;
    let known: BTreeSet<DistrictId> = before.iter().map(|session| session.meeting.district_id).collect();
    let brought_in = |new: &Meeting| from_first_day && !known.contains(&new.district_id);
    let (history, before): (Vec<_>, Vec<_>) = before.into_iter().partition(|s| s.meeting.has_begun(at));
    let (mut found, meetings): (Vec<_>, Vec<_>) = meetings.into_iter().partition(brought_in);
    let mut said: BTreeMap<(ServiceId, Date), BTreeSet<SessionId>> = BTreeMap::new();
    if !meetings.is_empty() {
        let mut book = Book::read(tx, term).await?;
        let to_come: BTreeSet<SessionId> = before.iter().map(|session| session.id).collect();
        book.account(&history, &to_come);
        for (id, service, on) in book.logged.iter().filter(|(id, ..)| to_come.contains(id)) {
            said.entry((*service, *on)).or_default().insert(*id);
        }
        let lost = book.settle(possible(at, &history, meetings), &mut found);
        restore(tx, &book, lost, &before, &mut found).await?;
    }
    found.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(Ahead { history: history.len(), before, meetings: found, said })
}

/// Each meeting, and whether it can still be held: nobody leaves a session that is being held for one that another schedule
/// has at the same time.
fn possible(at: DateTime<Utc>, history: &[Session], meetings: Vec<Meeting>) -> Vec<(Meeting, bool)> {
    let running: Vec<&Meeting> = history.iter().map(|s| &s.meeting).filter(|meeting| meeting.ends_at > at).collect();
    let until = running.iter().map(|meeting| meeting.ends_at).max().unwrap_or(at);
    let free = |new: &Meeting| new.starts_at >= until || !running.iter().any(|held| held.meets(new));
    let judged = meetings.into_iter().map(|new| {
        let possible = !new.has_begun(at) && free(&new);
        (new, possible)
    });
    judged.collect()
}

/// The services of a term, what is logged of them, and what is accounted for.
struct Book {
    services: BTreeMap<ServiceId, Owed>,
    logged: Vec<(SessionId, ServiceId, Date)>,
    since: Date,
    accounted: BTreeMap<Unit, Vec<Accounted<Label>>>,
}

impl Book {
    async fn read(tx: &mut Tx, term: TermId) -> Result<Self> {
        let mut services = BTreeMap::new();
        let mut cycles: BTreeMap<SchoolId, Vec<DateSpan>> = BTreeMap::new();
        let set = minutes::set_figures(tx).await?;
        let mut policies: BTreeMap<DistrictId, Policies> = BTreeMap::new();
        for row in tx.rows(&SERVICES, args![term]).await? {
            let per: Per = serde_json::from_value(row.get::<String>("per")?.into())
                .map_err(|error| StoreError::Corrupt(format!("per: {error}")))?;
            let (school, district): (SchoolId, DistrictId) = (row.id("school_id")?, row.id("district_id")?);
            if per == Per::Cycle && !cycles.contains_key(&school) {
                let kept = minutes::calendar_of(tx, term, district, school).await?;
                cycles.insert(school, kept.map_or_else(Vec::new, |kept| passes(&kept.into())));
            }
            let state: String = row.get("state")?;
            let policies = policies.entry(district).or_insert_with(|| Policies::of(&set, &state, district));
            let span: [Option<NaiveDate>; 2] = [row.get("first_on")?, row.get("last_on")?];
            let (first, last) = (row.get::<NaiveDate>("term_first")?, row.get::<NaiveDate>("term_last")?);
            let within = DateSpan {
                first: Date(span[0].unwrap_or(first).max(first)),
                last: Date(span[1].unwrap_or(last).min(last)),
            };
            let policy = policies.on(within.first);
            let periods = match per {
                Per::Week => ledger::wholes(Interval::Week, within, &[], policy),
                Per::Month => ledger::wholes(Interval::Month, within, &[], policy),
                Per::Cycle => cycles.get(&school).cloned().unwrap_or_default(),
            };
            services.insert(row.id("id")?, Owed { span, periods });
        }
        let since = Date(tx.at.date_naive()).plus_days(-DAYS_BACK);
        let entry = |row: &Row| {
            let id = SessionId::from_uuid(row.get::<Option<Uuid>>("session_id")?.unwrap_or_default());
            Ok((id, row.id("service_id")?, Date(row.get::<NaiveDate>("held_on")?)))
        };
        let logged = tx.rows(&LOGGED, args![term, since]).await?.iter().map(entry).collect::<Result<_>>()?;
        Ok(Self { services, logged, since, accounted: BTreeMap::new() })
    }

    /// The units of a meeting, each with what it is called there; of a service those in which minutes are owed.
    fn units(&self, meeting: &Meeting) -> Vec<(Unit, Label)> {
        match &meeting.purpose {
            Purpose::Section(id) => vec![(Unit::Section(*id, meeting.held_on), Label::Key(meeting.key.clone()))],
            Purpose::Service(_) => {
                let owed = meeting.students.iter().filter_map(|s| self.unit(s.service_id, meeting.held_on));
                owed.map(|unit| (unit, Label::On(meeting.held_on))).collect()
            }
        }
    }

    fn unit(&self, service: ServiceId, on: Date) -> Option<Unit> {
        let owed = self.services.get(&service).filter(|owed| owed.on(on))?;
        Some(Unit::Service(service, owed.period(on)))
    }

    /// What was held or logged. A session that nobody held is neither: its minutes are still owed.
    fn account(&mut self, history: &[Session], to_come: &BTreeSet<SessionId>) {
        let said: BTreeSet<(SessionId, ServiceId)> =
            self.logged.iter().map(|(id, service, _)| (*id, *service)).collect();
        let mut found: Vec<(Unit, Accounted<Label>)> = Vec::new();
        for Session { id, meeting, .. } in history.iter().filter(|s| s.meeting.held_on >= self.since) {
            let on = meeting.held_on;
            if let Purpose::Section(section) = &meeting.purpose {
                found.push((
                    Unit::Section(*section, on),
                    Accounted { label: Label::Key(meeting.key.clone()), begun: true },
                ));
            }
            let held = meeting.served().filter(|s| !said.contains(&(*id, s.service_id)));
            let units = held.filter_map(|student| self.unit(student.service_id, on));
            found.extend(units.map(|unit| (unit, Accounted { label: Label::On(on), begun: true })));
        }
        for (id, service, on) in &self.logged {
            let accounted = Accounted { label: Label::On(*on), begun: !to_come.contains(id) };
            found.extend(self.unit(*service, *on).map(|unit| (unit, accounted)));
        }
        for (unit, accounted) in found {
            self.accounted.entry(unit).or_default().push(accounted);
        }
    }

    /// Adds those of the planned meetings that are to be held, each with those whom it still serves. Returns how many of
    /// each service's periods are lost.
    fn settle(&self, mut planned: Vec<(Meeting, bool)>, found: &mut Vec<Meeting>) -> BTreeMap<Unit, usize> {
        planned.retain(|(meeting, possible)| *possible || meeting.held_on >= self.since);
        planned.sort_by(|(a, _), (b, _)| (a.starts_at, &a.key).cmp(&(b.starts_at, &b.key)));
        let mut units: BTreeMap<Unit, Vec<(usize, Planned<Label>)>> = BTreeMap::new();
        for (n, (meeting, possible)) in planned.iter().enumerate() {
            let serves = meeting.status == SessionStatus::Planned;
            for (unit, label) in self.units(meeting) {
                units.entry(unit).or_default().push((n, Planned { label, possible: *possible, serves }));
            }
        }
        let mut refused: BTreeSet<(usize, Unit)> = BTreeSet::new();
        let mut lost: BTreeMap<Unit, usize> = BTreeMap::new();
        for (unit, of_unit) in units {
            let accounted = self.accounted.get(&unit).map_or(&[][..], Vec::as_slice);
            let (places, plans): (Vec<usize>, Vec<Planned<Label>>) = of_unit.into_iter().unzip();
            let carried = carry(accounted, &plans);
            refused.extend(places.iter().zip(&carried.held).filter(|(_, held)| !**held).map(|(n, _)| (*n, unit)));
            if matches!(unit, Unit::Service(..)) && carried.lost > 0 {
                lost.insert(unit, carried.lost);
            }
        }
        for (n, (mut meeting, possible)) in planned.into_iter().enumerate() {
            let of = self.units(&meeting);
            let left = of.is_empty() || of.iter().any(|(unit, _)| !refused.contains(&(n, *unit)));
            if !possible || !left {
                continue;
            }
            let on = meeting.held_on;
            for student in &mut meeting.students {
                let had = self.unit(student.service_id, on).is_some_and(|unit| refused.contains(&(n, unit)));
                student.due &= !had;
            }
            found.push(meeting);
        }
        lost
    }
}

/// Keeps former sessions for what is lost: those of the same period that the schedule moves to a time that has passed, and
/// for which their educators have the time beside all that is to stand, within their limits.
async fn restore(
    tx: &mut Tx,
    book: &Book,
    mut lost: BTreeMap<Unit, usize>,
    before: &[Session],
    found: &mut Vec<Meeting>,
) -> Result<()> {
    if lost.is_empty() {
        return Ok(());
    }
    let served = |meeting: &Meeting| -> Vec<(ServiceId, Date)> {
        meeting.served().map(|s| (s.service_id, meeting.held_on)).collect()
    };
    let mut taken: BTreeSet<(ServiceId, Date)> = found.iter().flat_map(served).collect();
    let mut keys: BTreeSet<String> = found.iter().map(|meeting| meeting.key.clone()).collect();
    let replaced: BTreeSet<SessionId> = before.iter().map(|session| session.id).collect();
    let mut former: Vec<&Session> = before.iter().collect();
    former.sort_by_key(|session| (session.meeting.starts_at, session.id));
    for session in former {
        let meeting = &session.meeting;
        if keys.contains(&meeting.key) {
            continue;
        }
        let mut students = Vec::new();
        for student in meeting.served() {
            let Some(unit) = book.unit(student.service_id, meeting.held_on) else { continue };
            let accounted = book.accounted.get(&unit).map_or(&[][..], Vec::as_slice);
            let is_logged = accounted.iter().any(|one| one.label == Label::On(meeting.held_on));
            let wanted = lost.get(&unit).is_some_and(|lost| *lost > 0)
                && !is_logged
                && !taken.contains(&(student.service_id, meeting.held_on));
            if wanted {
                let beside = beside(tx, meeting, &replaced, found).await?;
                if makeup::prevented_beside(tx, meeting, student.service_id, beside).await?.is_none() {
                    students.push(*student);
                }
            }
        }
        let kept = Meeting { students, ..meeting.clone() };
        if kept.students.is_empty() || found.iter().any(|new| new.meets(&kept)) {
            continue;
        }
        for student in &kept.students {
            taken.insert((student.service_id, kept.held_on));
            if let Some(lost) = book.unit(student.service_id, kept.held_on).and_then(|unit| lost.get_mut(&unit)) {
                *lost -= 1;
            }
        }
        keys.insert(kept.key.clone());
        found.push(kept);
    }
    Ok(())
}

/// What the educator of a session holds in the days around it once those sessions are replaced by what is found.
async fn beside(
    tx: &mut Tx,
    meeting: &Meeting,
    replaced: &BTreeSet<SessionId>,
    found: &[Meeting],
) -> Result<Vec<(UtcMinute, UtcMinute)>> {
    // The whole week of their clock.
    let (from, to) = (meeting.starts_at - TimeDelta::days(9), meeting.ends_at + TimeDelta::days(9));
    let mut rows = Vec::new();
    for row in tx.rows(&BESIDE, args![meeting.educator_id, from, to]).await? {
        if !replaced.contains(&row.id("id")?) {
            rows.push(row);
        }
    }
    let mut beside = makeup::taken(&rows)?;
    let near = |new: &&Meeting| new.educator_id == meeting.educator_id && new.ends_at > from && new.starts_at < to;
    let minute = |at: DateTime<Utc>| at.timestamp().div_euclid(60);
    beside.extend(found.iter().filter(near).map(|new| (minute(new.starts_at), minute(new.ends_at))));
    Ok(beside)
}

/// The passes through a school's cycle.
fn passes(calendar: &calendar::Calendar) -> Vec<DateSpan> {
    let whole = DateSpan { first: calendar.first, last: calendar.last };
    let days = calendar.instructional_days(whole);
    ledger::wholes(Interval::Cycle, whole, &days, Policies::default().on(whole.first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{EducatorId, StudentId};
    use crate::domain::session::SessionStudent;
    use crate::domain::time::Tz;

    #[test]
    fn a_student_of_whose_day_another_session_is_logged_is_not_served_a_second_time() {
        let on = Date::ymd(2026, 9, 17);
        let (kept, other) = (SessionId::fresh(), SessionId::fresh());
        let student = || SessionStudent { service_id: ServiceId::fresh(), student_id: StudentId::fresh(), due: true };
        let (one, two) = (student(), student());
        let meeting = |students: &[SessionStudent]| Meeting {
            key: "k".into(),
            educator_id: EducatorId::fresh(),
            school_id: SchoolId::fresh(),
            district_id: DistrictId::fresh(),
            purpose: Purpose::Service("speech".into()),
            students: students.to_vec(),
            held_on: on,
            starts: "10:00".parse().expect("a clock"),
            ends: "10:30".parse().expect("a clock"),
            tz: Tz::America__Phoenix,
            starts_at: DateTime::UNIX_EPOCH,
            ends_at: DateTime::UNIX_EPOCH,
            minutes: 30,
            status: SessionStatus::Planned,
        };
        // A group was logged ahead, and is held apart by now.
        let said = [one, two].map(|student| ((student.service_id, on), BTreeSet::from([kept]))).into();
        let ahead = Ahead { said, ..Ahead::default() };
        let serves = |id, students: &[SessionStudent]| {
            let held = ahead.held_as(id, meeting(students));
            (held.status, held.students.iter().map(|student| student.due).collect::<Vec<_>>())
        };
        assert_eq!(serves(kept, &[one]), (SessionStatus::Planned, vec![true]));
        assert_eq!(serves(other, &[two]), (SessionStatus::Held, vec![false]));
        assert_eq!(serves(other, &[two, student()]), (SessionStatus::Planned, vec![false, true]));
    }
}
