//! Dated sessions: replacing those of some districts at once, keeping the id of every meeting that stays the
//! same one, and listing them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::carry::{self, Ahead};
use super::directory;
use super::error::{Result, StoreError};
use super::tx::{Row, Statement, Tx, instant_text, statements};
use crate::args;
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::id::{DistrictId, EducatorId, LogId, RecordId, ScheduleId, SchoolId, ServiceId, SessionId, TermId};
use crate::domain::session::{Meeting, Purpose, Session, SessionStatus, SessionStudent};
use crate::domain::time::{Clock, Date, TZDB_VERSION, Tz};

statements! {
    /// What schedules wrote: not what somebody has booked.
    OF_DISTRICTS = "SELECT id, term_id, schedule_id, educator_id, school_id, district_id, section_id, service, key, held_on, starts, ends, tz, \
                    starts_at, ends_at, minutes, status, sequence, updated_at, makes_up FROM session \
                    WHERE term_id = $1 AND makes_up IS NULL AND district_id IN (SELECT unhex(value, '-') FROM json_each($2)) ORDER BY key"
                 | "SELECT id, term_id, schedule_id, educator_id, school_id, district_id, section_id, service, key, held_on, starts, ends, tz, \
                    starts_at, ends_at, minutes, status, sequence, updated_at, makes_up FROM session \
                    WHERE term_id = $1 AND makes_up IS NULL AND district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($2)) ORDER BY key";
    STUDENTS_OF_DISTRICTS = "SELECT x.session_id, x.service_id, x.student_id, x.due FROM session_student x JOIN session s ON s.id = x.session_id \
                             WHERE s.term_id = $1 AND s.district_id IN (SELECT unhex(value, '-') FROM json_each($2)) ORDER BY x.session_id, x.service_id"
                          | "SELECT x.session_id, x.service_id, x.student_id, x.due FROM session_student x JOIN session s ON s.id = x.session_id \
                             WHERE s.term_id = $1 AND s.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($2)) ORDER BY x.session_id, x.service_id";
    STUDENTS = "SELECT session_id, service_id, student_id, due FROM session_student \
                WHERE session_id IN (SELECT unhex(value, '-') FROM json_each($1)) ORDER BY session_id, service_id"
             | "SELECT session_id, service_id, student_id, due FROM session_student \
                WHERE session_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1)) ORDER BY session_id, service_id";
    DELETE = "DELETE FROM session WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))"
           | "DELETE FROM session WHERE id IN (SELECT value::uuid FROM jsonb_array_elements_text($1))";
    INSERT = "INSERT INTO session (id, term_id, schedule_id, educator_id, school_id, district_id, section_id, service, key, held_on, starts, ends, tz, \
              starts_at, ends_at, tzdb, minutes, status, sequence, updated_at) \
              SELECT unhex(value ->> 'id', '-'), $1, $2, unhex(value ->> 'educator_id', '-'), unhex(value ->> 'school_id', '-'), \
              unhex(value ->> 'district_id', '-'), unhex(value ->> 'section_id', '-'), value ->> 'service', value ->> 'key', value ->> 'held_on', \
              value ->> 'starts', value ->> 'ends', value ->> 'tz', value ->> 'starts_at', value ->> 'ends_at', $3, value ->> 'minutes', \
              value ->> 'status', value ->> 'sequence', $4 FROM json_each($5)"
           | "INSERT INTO session (id, term_id, schedule_id, educator_id, school_id, district_id, section_id, service, key, held_on, starts, ends, tz, \
              starts_at, ends_at, tzdb, minutes, status, sequence, updated_at) \
              SELECT id, $1, $2, educator_id, school_id, district_id, section_id, service, key, held_on, starts, ends, tz, starts_at, ends_at, $3, \
              minutes, status, sequence, $4 FROM jsonb_to_recordset($5) AS x(id uuid, educator_id uuid, school_id uuid, district_id uuid, \
              section_id uuid, service text, key text, held_on date, starts text, ends text, tz text, starts_at timestamptz, ends_at timestamptz, \
              minutes bigint, status text, sequence bigint)";
    INSERT_STUDENTS = "INSERT INTO session_student (session_id, service_id, student_id, starts_at, ends_at, due, serves) \
                       SELECT unhex(value ->> 'session_id', '-'), unhex(value ->> 'service_id', '-'), unhex(value ->> 'student_id', '-'), \
                       value ->> 'starts_at', value ->> 'ends_at', value ->> 'due', value ->> 'serves' FROM json_each($1)"
                    | "INSERT INTO session_student (session_id, service_id, student_id, starts_at, ends_at, due, serves) \
                       SELECT session_id, service_id, student_id, starts_at, ends_at, due, serves FROM jsonb_to_recordset($1) \
                       AS x(session_id uuid, service_id uuid, student_id uuid, starts_at timestamptz, ends_at timestamptz, due boolean, serves boolean)";
    NEXT_BELL = "SELECT MIN(bell) AS bell FROM (SELECT MIN(starts_at) AS bell FROM session WHERE term_id = $1 AND starts_at > $2 \
                 UNION ALL SELECT MIN(ends_at) FROM session WHERE term_id = $1 AND ends_at > $2) AS bells";
    LIST = "SELECT s.id, s.term_id, s.schedule_id, s.educator_id, s.school_id, s.district_id, s.section_id, s.service, s.key, s.held_on, s.starts, \
            s.ends, s.tz, s.starts_at, s.ends_at, s.minutes, s.status, s.sequence, s.updated_at, s.makes_up, e.display_name AS educator_name, e.tz AS educator_tz, e.join_url, \
            c.name AS school_name, o.name AS course_name FROM session s JOIN educator e ON e.id = s.educator_id JOIN school c ON c.id = s.school_id \
            LEFT JOIN section n ON n.id = s.section_id LEFT JOIN course o ON o.id = n.course_id \
            WHERE s.ends_at > $1 AND s.starts_at < $2 AND (s.educator_id = $3 OR $3 IS NULL) AND (s.school_id = $4 OR $4 IS NULL) \
            AND (s.district_id = $5 OR $5 IS NULL) AND s.starts_at >= $6 AND (s.starts_at > $6 OR s.id > $7) \
            AND ($9 OR s.educator_id = $10 OR s.district_id IN (SELECT unhex(value, '-') FROM json_each($11))) AND ($12 OR s.section_id IS NOT NULL) \
            ORDER BY s.starts_at, s.id LIMIT $8"
         | "SELECT s.id, s.term_id, s.schedule_id, s.educator_id, s.school_id, s.district_id, s.section_id, s.service, s.key, s.held_on, s.starts, \
            s.ends, s.tz, s.starts_at, s.ends_at, s.minutes, s.status, s.sequence, s.updated_at, s.makes_up, e.display_name AS educator_name, e.tz AS educator_tz, e.join_url, \
            c.name AS school_name, o.name AS course_name FROM session s JOIN educator e ON e.id = s.educator_id JOIN school c ON c.id = s.school_id \
            LEFT JOIN section n ON n.id = s.section_id LEFT JOIN course o ON o.id = n.course_id \
            WHERE s.ends_at > $1 AND s.starts_at < $2 AND (s.educator_id = $3 OR $3 IS NULL) AND (s.school_id = $4 OR $4 IS NULL) \
            AND (s.district_id = $5 OR $5 IS NULL) AND s.starts_at >= $6 AND (s.starts_at > $6 OR s.id > $7) \
            AND ($9 OR s.educator_id = $10 OR s.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($11))) AND ($12 OR s.section_id IS NOT NULL) \
            ORDER BY s.starts_at, s.id LIMIT $8";
}

/// Sessions as a publication left them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Tally {
    pub unchanged: usize,
    pub changed: usize,
    pub added: usize,
    pub removed: usize,
}

/// A session with the names that a reader wants beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub session: Session,
    pub educator_name: String,
    pub educator_tz: Tz,
    /// Where it is joined.
    pub join_url: Option<String>,
    pub school_name: String,
    /// None for a service session.
    pub course_name: Option<String>,
}

impl Listed {
    /// What it is called where nobody may learn who is taught.
    #[must_use]
    pub fn title(&self) -> String {
        let service = if self.session.makes_up.is_some() { "Make-up session" } else { "Service session" };
        self.course_name.clone().unwrap_or_else(|| service.into())
    }
}

/// Which sessions may be seen.
#[derive(Clone, Debug)]
pub struct Visible {
    pub reach: Reach,
    /// Also those of services.
    pub services: bool,
}

impl Visible {
    /// To commands of this program, and to feeds, whose address is the right to see them.
    pub const ALL: Self = Self { reach: Reach::All, services: true };

    /// To an actor.
    #[must_use]
    pub fn to(actor: &Actor) -> Self {
        Self {
            reach: actor.reach(Verb::Read, Thing::SectionSessions),
            services: actor.may(Verb::Read, Thing::ServiceSessions),
        }
    }
}

/// Which sessions are wanted: those that touch `[from, to)`.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub educator_id: Option<EducatorId>,
    pub school_id: Option<SchoolId>,
    pub district_id: Option<DistrictId>,
}

/// What stands of these districts' sessions and is to come, beside what `meetings` would have there; see
/// [`carry`]. Make-ups are in neither.
pub async fn ahead(
    tx: &mut Tx,
    term: TermId,
    districts: &[DistrictId],
    meetings: Vec<Meeting>,
    history: bool,
) -> Result<Ahead> {
    let args = args![term, json!(districts)];
    let rows = tx.rows(&OF_DISTRICTS, args).await?;
    let students = by_session(&tx.rows(&STUDENTS_OF_DISTRICTS, args).await?)?;
    let before: Vec<Session> = rows.iter().map(|row| session(row, &students)).collect::<Result<_>>()?;
    carry::ahead(tx, term, before, meetings, history).await
}

/// Makes what is to come be as planned; what has begun stays. A meeting that was there keeps its id; one that changed gets
/// a higher sequence. Says also whose calendars are different now.
pub async fn replace(
    tx: &mut Tx,
    term: TermId,
    schedule: ScheduleId,
    ahead: Ahead,
) -> Result<(Tally, BTreeSet<EducatorId>)> {
    let former: BTreeMap<SessionId, EducatorId> = ahead.before.iter().map(|s| (s.id, s.meeting.educator_id)).collect();
    let (written, gone, tally) = reconcile(ahead);
    let new = written.iter().map(|(_, _, meeting)| meeting.educator_id);
    let touched = gone.iter().filter_map(|id| former.get(id).copied()).chain(new).collect();
    // Everything that leaves or moves is taken out first: then no order of insertion can overlap.
    for ids in gone.chunks(1000) {
        tx.execute(&DELETE, args![json!(ids)]).await?;
    }
    for batch in written.chunks(1000) {
        let rows: Vec<Json> = batch.iter().map(|(id, sequence, meeting)| encoded(*id, *sequence, meeting)).collect();
        tx.execute(&INSERT, args![term, schedule, TZDB_VERSION, tx.at, json!(rows)]).await?;
        let students: Vec<Json> = batch.iter().flat_map(|(id, _, meeting)| encoded_students(*id, meeting)).collect();
        tx.execute(&INSERT_STUDENTS, args![json!(students)]).await?;
    }
    Ok((tally, touched))
}

/// One meeting that a publication would change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// None: it is new.
    pub before: Option<Meeting>,
    /// None: it is gone.
    pub after: Option<Meeting>,
}

/// How many meetings would stay as they are if what is to come were as planned, and those that would not.
#[must_use]
pub fn differences(ahead: Ahead) -> (usize, Vec<Difference>) {
    let mut old: BTreeMap<SessionId, Meeting> = ahead.before.iter().map(|s| (s.id, s.meeting.clone())).collect();
    let (written, gone, tally) = reconcile(ahead);
    let mut found = Vec::with_capacity(written.len());
    for (id, _, meeting) in written {
        found.push(Difference { before: old.remove(&id), after: Some(meeting) });
    }
    for id in gone {
        if let Some(meeting) = old.remove(&id) {
            found.push(Difference { before: Some(meeting), after: None });
        }
    }
    (tally.unchanged, found)
}

/// When the next session of a term begins or ends.
pub async fn next_bell(tx: &mut Tx, term: TermId) -> Result<Option<DateTime<Utc>>> {
    let at = tx.at;
    tx.row(&NEXT_BELL, args![term, at]).await?.map_or(Ok(None), |row| row.get("bell"))
}

/// At most `limit` sessions after `after` of those that may be seen, in the order of their starts.
pub async fn list(
    tx: &mut Tx,
    visible: &Visible,
    wanted: Wanted,
    after: Option<(DateTime<Utc>, SessionId)>,
    limit: i64,
) -> Result<Vec<Listed>> {
    // No session lasts longer than a day: earlier ones need not be looked at.
    let earliest = wanted.from.checked_sub_signed(TimeDelta::days(1)).unwrap_or(wanted.from);
    let (at, id) = after.map_or((earliest, Uuid::nil()), |(at, id)| (at, id.uuid()));
    let (all, own, districts) = directory::parts(&visible.reach);
    let args = args![
        wanted.from,
        wanted.to,
        wanted.educator_id.map(RecordId::uuid),
        wanted.school_id.map(RecordId::uuid),
        wanted.district_id.map(RecordId::uuid),
        at,
        id,
        limit,
        all,
        own,
        districts,
        visible.services
    ];
    let rows = tx.rows(&listing(&wanted), args).await?;
    let ids: Vec<SessionId> = rows.iter().map(|row| row.id("id")).collect::<Result<_>>()?;
    let students = by_session(&tx.rows(&STUDENTS, args![json!(ids)]).await?)?;
    let listed = |row: &Row| {
        Ok(Listed {
            session: session(row, &students)?,
            educator_name: row.get("educator_name")?,
            educator_tz: parsed(row, "educator_tz")?,
            join_url: row.get("join_url")?,
            school_name: row.get("school_name")?,
            course_name: row.get("course_name")?,
        })
    };
    rows.iter().map(listed).collect()
}

/// The list with every condition that may be absent made one that is there: only so does either engine take the index of
/// an educator, a school or a district.
fn listing(wanted: &Wanted) -> Statement {
    let given = [
        ("s.educator_id = $3", wanted.educator_id.is_some()),
        ("s.school_id = $4", wanted.school_id.is_some()),
        ("s.district_id = $5", wanted.district_id.is_some()),
    ];
    let mut statement = LIST.clone();
    for (condition, _) in given.into_iter().filter(|(_, given)| *given) {
        let open = format!("({condition} OR {} IS NULL)", &condition[condition.len() - 2..]);
        statement.sqlite = statement.sqlite.replace(&open, condition).into();
        statement.postgres = statement.postgres.replace(&open, condition).into();
    }
    statement
}

/// Statements composed here, for the test that prepares them.
pub(super) fn composed() -> impl Iterator<Item = Statement> {
    let none = Wanted {
        from: DateTime::UNIX_EPOCH,
        to: DateTime::UNIX_EPOCH,
        educator_id: None,
        school_id: None,
        district_id: None,
    };
    let educator = Wanted { educator_id: Some(EducatorId::from_uuid(Uuid::nil())), ..none };
    let school = Wanted { school_id: Some(SchoolId::from_uuid(Uuid::nil())), ..none };
    let district = Wanted { district_id: Some(DistrictId::from_uuid(Uuid::nil())), ..none };
    [educator, school, district].into_iter().map(|wanted| listing(&wanted))
}

type Written = Vec<(SessionId, i64, Meeting)>;

/// Which sessions to write, under which id and sequence, and which to take out.
fn reconcile(mut ahead: Ahead) -> (Written, Vec<SessionId>, Tally) {
    let mut tally = Tally { unchanged: ahead.history, ..Tally::default() };
    let before = std::mem::take(&mut ahead.before);
    let meetings = std::mem::take(&mut ahead.meetings);
    let mut old: BTreeMap<String, Session> = before.into_iter().map(|s| (s.meeting.key.clone(), s)).collect();
    let (mut written, mut gone, mut unmatched) = (Vec::new(), Vec::new(), Vec::new());
    for meeting in meetings {
        match old.remove(&meeting.key) {
            Some(session) => {
                let meeting = ahead.held_as(session.id, meeting);
                if session.meeting == meeting {
                    tally.unchanged += 1;
                } else {
                    gone.push(session.id);
                    written.push((session.id, session.sequence + 1, meeting));
                }
            }
            None => unmatched.push(meeting),
        }
    }
    // A service that moved to another time or educator is still that day's session of it.
    let mut moved: BTreeMap<(Date, ServiceId), String> = BTreeMap::new();
    for (key, session) in &old {
        for student in &session.meeting.students {
            moved.entry((session.meeting.held_on, student.service_id)).or_insert_with(|| key.clone());
        }
    }
    for meeting in unmatched {
        let keys: BTreeSet<&String> =
            meeting.students.iter().filter_map(|s| moved.get(&(meeting.held_on, s.service_id))).collect();
        if let Some(session) = keys.into_iter().find_map(|key| old.remove(key)) {
            gone.push(session.id);
            written.push((session.id, session.sequence + 1, ahead.held_as(session.id, meeting)));
        } else {
            tally.added += 1;
            let id = SessionId::fresh();
            written.push((id, 0, ahead.held_as(id, meeting)));
        }
    }
    tally.changed = written.len() - tally.added;
    tally.removed = old.len();
    gone.extend(old.into_values().map(|session| session.id));
    (written, gone, tally)
}

fn encoded(id: SessionId, sequence: i64, meeting: &Meeting) -> Json {
    let (section, service) = match &meeting.purpose {
        Purpose::Section(section) => (Some(*section), None),
        Purpose::Service(service) => (None, Some(service)),
    };
    json!({
        "id": id, "educator_id": meeting.educator_id, "school_id": meeting.school_id, "district_id": meeting.district_id,
        "section_id": section, "service": service, "key": meeting.key, "held_on": meeting.held_on, "starts": meeting.starts,
        "ends": meeting.ends, "tz": meeting.tz, "starts_at": instant_text(meeting.starts_at), "ends_at": instant_text(meeting.ends_at),
        "minutes": meeting.minutes, "status": meeting.status, "sequence": sequence,
    })
}

fn encoded_students(id: SessionId, meeting: &Meeting) -> impl Iterator<Item = Json> {
    let held = meeting.status != SessionStatus::Uncovered;
    meeting.students.iter().map(move |student| {
        json!({
            "session_id": id, "service_id": student.service_id, "student_id": student.student_id, "due": student.due, "serves": held && student.due,
            "starts_at": instant_text(meeting.starts_at), "ends_at": instant_text(meeting.ends_at),
        })
    })
}

fn by_session(rows: &[Row]) -> Result<BTreeMap<Uuid, Vec<SessionStudent>>> {
    let mut students: BTreeMap<Uuid, Vec<SessionStudent>> = BTreeMap::new();
    for row in rows {
        let student = SessionStudent {
            service_id: row.id("service_id")?,
            student_id: row.id("student_id")?,
            due: row.get("due")?,
        };
        students.entry(row.get("session_id")?).or_default().push(student);
    }
    Ok(students)
}

fn session(row: &Row, students: &BTreeMap<Uuid, Vec<SessionStudent>>) -> Result<Session> {
    let id: SessionId = row.id("id")?;
    let purpose = match row.get::<Option<Uuid>>("section_id")? {
        Some(section) => Purpose::Section(RecordId::from_uuid(section)),
        None => Purpose::Service(row.get("service")?),
    };
    let meeting = Meeting {
        key: row.get("key")?,
        educator_id: row.id("educator_id")?,
        school_id: row.id("school_id")?,
        district_id: row.id("district_id")?,
        purpose,
        students: students.get(&id.uuid()).cloned().unwrap_or_default(),
        held_on: Date(row.get::<NaiveDate>("held_on")?),
        starts: parsed::<Clock>(row, "starts")?,
        ends: parsed::<Clock>(row, "ends")?,
        tz: parsed(row, "tz")?,
        starts_at: row.get("starts_at")?,
        ends_at: row.get("ends_at")?,
        minutes: row.get("minutes")?,
        status: parsed(row, "status")?,
    };
    Ok(Session {
        id,
        term_id: row.id("term_id")?,
        schedule_id: row.id("schedule_id")?,
        makes_up: row.get::<Option<Uuid>>("makes_up")?.map(LogId::from_uuid),
        sequence: row.get("sequence")?,
        updated_at: row.get("updated_at")?,
        meeting,
    })
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row, column: &str) -> Result<T> {
    row.get::<String>(column)?.parse().map_err(|error| StoreError::Corrupt(format!("{column}: {error}")))
}
