//! Reads what minutes ledgers are made of: lines and services with their school days, published sessions, log and
//! policies; and makes the ledgers.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use chrono::NaiveDate;
use serde::Serialize;
use serde_json::json;
use sqlx::types::Json as Column;
use utoipa::ToSchema;
use uuid::Uuid;

use super::entity::{self, sql};
use super::error::{Result, StoreError};
use super::tx::{Row, Statement, Tx, statements};
use super::{directory, every, log};
use crate::args;
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::calendar::{self, DateSpan};
use crate::domain::id::{
    CalendarId, DistrictId, EducatorId, LogId, RecordId, SchoolId, ServiceId, ServiceLineId, StudentId, TermId,
};
use crate::domain::ledger::{Ledger, Line, Logged, Scheduled, School, Uncovered, ledger};
use crate::domain::line::{self, Form, Interval, Minutes};
use crate::domain::log::{LogEntry, ToLog};
use crate::domain::policy::{Policies, SetFigure};
use crate::domain::record::Stored;
use crate::domain::records::{Calendar, Policy};
use crate::domain::time::{self, Clock, Date, Tz};

statements! {
    SUBJECTS = "SELECT v.id, v.line_id, v.student_id, u.key AS student_key, v.school_id, c.name AS school_name, COALESCE(c.tz, d.tz) AS tz, c.district_id, d.name AS district_name, \
                d.state, v.term_id, t.name AS term_name, t.first_on AS term_first, t.last_on AS term_last, v.service, v.minutes, v.times, v.per, \
                v.first_on, v.last_on, l.written FROM service v JOIN student u ON u.id = v.student_id JOIN school c ON c.id = v.school_id \
                JOIN district d ON d.id = c.district_id JOIN term t ON t.id = v.term_id LEFT JOIN service_line l ON l.id = v.line_id \
                WHERE (v.term_id = $1 OR $1 IS NULL) AND (c.district_id = $2 OR $2 IS NULL) AND (v.student_id = $3 OR $3 IS NULL) \
                AND ($4 OR c.district_id IN (SELECT unhex(value, '-') FROM json_each($5)) \
                OR v.id IN (SELECT x.service_id FROM session n JOIN session_student x ON x.session_id = n.id WHERE n.educator_id = $6)) \
                ORDER BY u.key, v.id"
             | "SELECT v.id, v.line_id, v.student_id, u.key AS student_key, v.school_id, c.name AS school_name, COALESCE(c.tz, d.tz) AS tz, c.district_id, d.name AS district_name, \
                d.state, v.term_id, t.name AS term_name, t.first_on AS term_first, t.last_on AS term_last, v.service, v.minutes, v.times, v.per, \
                v.first_on, v.last_on, l.written FROM service v JOIN student u ON u.id = v.student_id JOIN school c ON c.id = v.school_id \
                JOIN district d ON d.id = c.district_id JOIN term t ON t.id = v.term_id LEFT JOIN service_line l ON l.id = v.line_id \
                WHERE (v.term_id = $1 OR $1::uuid IS NULL) AND (c.district_id = $2 OR $2::uuid IS NULL) AND (v.student_id = $3 OR $3::uuid IS NULL) \
                AND ($4 OR c.district_id IN (SELECT value::uuid FROM jsonb_array_elements_text($5)) \
                OR v.id IN (SELECT x.service_id FROM session n JOIN session_student x ON x.session_id = n.id WHERE n.educator_id = $6)) \
                ORDER BY u.key, v.id";
    /// Published sessions of schedules that serve and have no entry in the log: of each service one row, with the minutes since 1970 at
    /// which each session begins and ends. A vendor's year has a hundred thousand of them: one index holds all that is
    /// needed, and a row for each would take longer than everything else.
    SCHEDULED = "SELECT x.service_id, group_concat((unixepoch(x.starts_at) / 60) || ' ' || (unixepoch(x.ends_at) / 60), ' ') AS spans FROM session_student x \
                 WHERE x.serves = 1 AND x.service_id IN (SELECT unhex(value, '-') FROM json_each($1)) \
                 AND x.session_id NOT IN (SELECT id FROM session WHERE makes_up IS NOT NULL) \
                 AND NOT EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = x.session_id AND g.service_id = x.service_id) GROUP BY x.service_id"
              | "SELECT x.service_id, string_agg((extract(epoch FROM x.starts_at)::bigint / 60) || ' ' || (extract(epoch FROM x.ends_at)::bigint / 60), ' ') AS spans \
                 FROM session_student x WHERE x.serves AND x.service_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1)) \
                 AND x.session_id NOT IN (SELECT id FROM session WHERE makes_up IS NOT NULL) \
                 AND NOT EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = x.session_id AND g.service_id = x.service_id) GROUP BY x.service_id";
    /// The same of booked make-ups, which are few: SQLite, which would look at every session of the services, begins with them
    /// (it keeps the order of a CROSS JOIN).
    BOOKED = "SELECT x.service_id, n.held_on, n.minutes, n.makes_up FROM session n CROSS JOIN session_student x ON x.session_id = n.id \
              WHERE n.makes_up IS NOT NULL AND x.serves AND x.service_id IN (SELECT unhex(value, '-') FROM json_each($1)) \
              AND NOT EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = x.session_id AND g.service_id = x.service_id) ORDER BY n.held_on, n.id"
           | "SELECT x.service_id, n.held_on, n.minutes, n.makes_up FROM session n JOIN session_student x ON x.session_id = n.id \
              WHERE n.makes_up IS NOT NULL AND x.serves AND x.service_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1)) \
              AND NOT EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = x.session_id AND g.service_id = x.service_id) ORDER BY n.held_on, n.id";
    /// Sessions that nobody holds for a student who is owed them, without an entry in the log.
    UNCOVERED = "SELECT x.service_id, n.held_on, n.minutes FROM session_student x JOIN session n ON n.id = x.session_id JOIN service v ON v.id = x.service_id \
                 WHERE x.serves = 0 AND x.due = 1 AND (v.first_on IS NULL OR v.first_on <= n.held_on) AND (v.last_on IS NULL OR n.held_on <= v.last_on) AND x.service_id IN (SELECT unhex(value, '-') FROM json_each($1)) AND n.status = 'uncovered' AND n.makes_up IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = x.session_id AND g.service_id = x.service_id) ORDER BY n.held_on, n.id"
              | "SELECT x.service_id, n.held_on, n.minutes FROM session_student x JOIN session n ON n.id = x.session_id JOIN service v ON v.id = x.service_id \
                 WHERE NOT x.serves AND x.due AND (v.first_on IS NULL OR v.first_on <= n.held_on) AND (v.last_on IS NULL OR n.held_on <= v.last_on) AND x.service_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1)) AND n.status = 'uncovered' AND n.makes_up IS NULL \
                 AND NOT EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = x.session_id AND g.service_id = x.service_id) ORDER BY n.held_on, n.id";
    /// Sessions before a day of which nothing is said.
    TO_LOG = "SELECT x.service_id, n.id, n.educator_id, e.display_name, n.held_on, n.starts, n.ends, n.tz, n.minutes, NOT x.serves AS unheld \
              FROM session_student x JOIN session n ON n.id = x.session_id JOIN service v ON v.id = x.service_id JOIN educator e ON e.id = n.educator_id \
              WHERE x.service_id IN (SELECT unhex(value, '-') FROM json_each($1)) AND n.held_on < $2 AND x.due \
              AND (x.serves OR (v.first_on IS NULL OR v.first_on <= n.held_on) AND (v.last_on IS NULL OR n.held_on <= v.last_on)) \
              AND NOT EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = x.session_id AND g.service_id = x.service_id) ORDER BY n.starts_at, n.id"
           | "SELECT x.service_id, n.id, n.educator_id, e.display_name, n.held_on, n.starts, n.ends, n.tz, n.minutes, NOT x.serves AS unheld \
              FROM session_student x JOIN session n ON n.id = x.session_id JOIN service v ON v.id = x.service_id JOIN educator e ON e.id = n.educator_id \
              WHERE x.service_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1)) AND n.held_on < $2 AND x.due \
              AND (x.serves OR (v.first_on IS NULL OR v.first_on <= n.held_on) AND (v.last_on IS NULL OR n.held_on <= v.last_on)) \
              AND NOT EXISTS (SELECT 1 FROM service_log g WHERE g.session_id = x.session_id AND g.service_id = x.service_id) ORDER BY n.starts_at, n.id";
    /// Who serves whom, with the areas that would do.
    SERVED = "SELECT DISTINCT n.educator_id, e.display_name, d.state, v.areas, x.student_id FROM session_student x JOIN session n ON n.id = x.session_id \
              JOIN service v ON v.id = x.service_id JOIN educator e ON e.id = n.educator_id JOIN district d ON d.id = n.district_id \
              WHERE n.term_id = $1 OR $1 IS NULL"
           | "SELECT DISTINCT n.educator_id, e.display_name, d.state, v.areas, x.student_id FROM session_student x JOIN session n ON n.id = x.session_id \
              JOIN service v ON v.id = x.service_id JOIN educator e ON e.id = n.educator_id JOIN district d ON d.id = n.district_id \
              WHERE n.term_id = $1 OR $1::uuid IS NULL";
}
const CALENDARS: &str = "term_id = $1 AND district_id = $2 ORDER BY id";

/// Statements composed here.
pub(super) fn composed() -> [Statement; 1] {
    [sql::select::<Calendar>(CALENDARS)]
}

/// Which lines are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub term: Option<TermId>,
    pub district: Option<DistrictId>,
    pub student: Option<StudentId>,
}

/// One line of what a student is owed: a service line, or a service that stands by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Subject {
    /// The line's id; none for a service that stands by itself.
    #[schema(value_type = Option<Uuid>)]
    pub line_id: Option<ServiceLineId>,
    /// The services that deliver it.
    #[schema(value_type = Vec<Uuid>)]
    pub service_ids: Vec<ServiceId>,
    #[schema(value_type = Uuid)]
    pub student_id: StudentId,
    pub student_key: String,
    #[schema(value_type = Uuid)]
    pub school_id: SchoolId,
    pub school_name: String,
    #[schema(value_type = Uuid)]
    pub district_id: DistrictId,
    pub district_name: String,
    #[schema(value_type = Uuid)]
    pub term_id: TermId,
    pub term_name: String,
    /// The kind of service.
    pub service: String,
    /// As the IEP says it; none for a service that stands by itself.
    pub written: Option<String>,
    #[serde(skip)]
    pub state: String,
    #[serde(skip)]
    pub span: DateSpan,
    /// Of the school's clock.
    #[serde(skip)]
    pub tz: Tz,
    #[serde(skip)]
    pub form: Form,
}

/// A line with its ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Account {
    #[serde(flatten)]
    pub subject: Subject,
    pub ledger: Ledger,
    /// Its entries, in the order in which the sessions were held.
    #[serde(skip)]
    pub log: Vec<LogEntry>,
}

/// The lines within the actor's reach, by the students' keys.
pub async fn subjects(tx: &mut Tx, actor: &Actor, wanted: Wanted) -> Result<Vec<Subject>> {
    subjects_within(tx, &actor.reach(Verb::Read, Thing::ServiceLog), wanted).await
}

/// The lines of which the actor may know how many fall short, and no more.
pub async fn subjects_at_risk(tx: &mut Tx, actor: &Actor, wanted: Wanted) -> Result<Vec<Subject>> {
    subjects_within(tx, &actor.reach(Verb::Read, Thing::MinutesAtRisk), wanted).await
}

async fn subjects_within(tx: &mut Tx, reach: &Reach, wanted: Wanted) -> Result<Vec<Subject>> {
    let (all, own, districts) = directory::parts(reach);
    let args = args![
        wanted.term.map(RecordId::uuid),
        wanted.district.map(RecordId::uuid),
        wanted.student.map(RecordId::uuid),
        all,
        districts,
        own
    ];
    let mut found: Vec<Subject> = Vec::new();
    let mut lines: BTreeMap<ServiceLineId, usize> = BTreeMap::new();
    for row in tx.rows(&SUBJECTS, args).await? {
        let subject = subject(&row)?;
        if let Some(place) = subject.line_id.and_then(|line| lines.get(&line)) {
            found[*place].service_ids.extend(subject.service_ids);
        } else {
            lines.extend(subject.line_id.map(|line| (line, found.len())));
            found.push(subject);
        }
    }
    Ok(found)
}

fn subject(row: &Row) -> Result<Subject> {
    let date = |column: &str| row.get::<NaiveDate>(column).map(Date);
    let own = |column: &str| Ok::<_, StoreError>(row.get::<Option<NaiveDate>>(column)?.map(Date));
    let term = DateSpan { first: date("term_first")?, last: date("term_last")? };
    let span = DateSpan {
        first: own("first_on")?.unwrap_or(term.first).max(term.first),
        last: own("last_on")?.unwrap_or(term.last).min(term.last),
    };
    let written: Option<String> = row.get("written")?;
    let form = if let Some(written) = &written {
        line::read(written).map_err(|issue| StoreError::Corrupt(issue.to_string()))?
    } else {
        let interval = match row.get::<String>("per")?.as_str() {
            "week" => Interval::Week,
            "month" => Interval::Month,
            "cycle" => Interval::Cycle,
            other => return Err(StoreError::Corrupt(format!("per {other:?}"))),
        };
        Form::sessions(row.get("times")?, interval, Minutes::exactly(row.get("minutes")?))
    };
    Ok(Subject {
        line_id: row.get::<Option<Uuid>>("line_id")?.map(ServiceLineId::from_uuid),
        service_ids: vec![row.id("id")?],
        student_id: row.id("student_id")?,
        student_key: row.get("student_key")?,
        school_id: row.id("school_id")?,
        school_name: row.get("school_name")?,
        district_id: row.id("district_id")?,
        district_name: row.get("district_name")?,
        term_id: row.id("term_id")?,
        term_name: row.get("term_name")?,
        service: row.get("service")?,
        written,
        state: row.get("state")?,
        span,
        tz: super::accounts::zone(row)?.ok_or_else(|| StoreError::Corrupt("a school without a zone".into()))?,
        form,
    })
}

/// The ledgers of these lines as they stand on `today`. A line whose district keeps no calendar in its term has none.
pub async fn accounts(tx: &mut Tx, subjects: Vec<Subject>, today: Date) -> Result<Vec<Account>> {
    let services: Vec<ServiceId> = subjects.iter().flat_map(|subject| subject.service_ids.clone()).collect();
    let mut scheduled: BTreeMap<ServiceId, String> = BTreeMap::new();
    let mut booked: BTreeMap<ServiceId, Vec<Scheduled>> = BTreeMap::new();
    let mut uncovered: BTreeMap<ServiceId, Vec<Uncovered>> = BTreeMap::new();
    let mut logged: BTreeMap<ServiceId, Vec<LogEntry>> = BTreeMap::new();
    for services in services.chunks(1000) {
        for row in tx.rows(&SCHEDULED, args![json!(services)]).await? {
            scheduled.insert(row.id("service_id")?, row.get("spans")?);
        }
        for row in tx.rows(&BOOKED, args![json!(services)]).await? {
            let session = Scheduled {
                held_on: Date(row.get::<NaiveDate>("held_on")?),
                minutes: row.get("minutes")?,
                makes_up: row.get::<Option<Uuid>>("makes_up")?.map(LogId::from_uuid),
            };
            booked.entry(row.id("service_id")?).or_default().push(session);
        }
        for row in tx.rows(&UNCOVERED, args![json!(services)]).await? {
            let session = Uncovered { held_on: Date(row.get::<NaiveDate>("held_on")?), minutes: row.get("minutes")? };
            uncovered.entry(row.id("service_id")?).or_default().push(session);
        }
        for entry in log::of_services(tx, services).await? {
            logged.entry(entry.service_id).or_default().push(entry);
        }
    }
    let set = set_figures(tx).await?;
    let calendars = calendars(tx, &subjects).await?;
    // Thousands of lines are counted by dozens of calendars.
    let mut schools: BTreeMap<(CalendarId, Date, Date), School<'_>> = BTreeMap::new();
    let mut policies: BTreeMap<(String, DistrictId), Policies> = BTreeMap::new();
    let mut found = Vec::new();
    for subject in subjects {
        let kept = calendars.get(&(subject.term_id, subject.district_id));
        let Some((id, days)) = kept.and_then(|kept| of_school(kept, subject.school_id)) else { continue };
        let mut sessions: Vec<Scheduled> = Vec::new();
        for spans in subject.service_ids.iter().filter_map(|id| scheduled.get(id)) {
            held(spans, subject.tz, &mut sessions)?;
        }
        sessions.extend(subject.service_ids.iter().filter_map(|id| booked.get(id)).flatten().copied());
        let nobody: Vec<Uncovered> =
            subject.service_ids.iter().filter_map(|id| uncovered.get(id)).flatten().copied().collect();
        let mut log: Vec<LogEntry> =
            subject.service_ids.iter().filter_map(|id| logged.get(id)).flatten().cloned().collect();
        log.sort_by_key(|entry| (entry.held_on, entry.id));
        let entries: Vec<Logged> = log.iter().map(entry).collect();
        let policies = policies
            .entry((subject.state.clone(), subject.district_id))
            .or_insert_with(|| Policies::of(&set, &subject.state, subject.district_id));
        // Whole periods around the line's ends are needed to know how much of them it takes.
        let around = DateSpan { first: subject.span.first.plus_days(-366), last: subject.span.last.plus_days(366) };
        let line = Line {
            form: &subject.form,
            span: subject.span,
            logged: &entries,
            scheduled: &sessions,
            uncovered: &nobody,
            policies,
        };
        let school = schools.entry((*id, around.first, around.last)).or_insert_with(|| School::new(days, around));
        let ledger = ledger(&line, school, today);
        found.push(Account { subject, ledger, log });
    }
    Ok(found)
}

/// The sessions of `SCHEDULED`'s `spans`, on the dates of a school's clock.
fn held(spans: &str, tz: Tz, sessions: &mut Vec<Scheduled>) -> Result<()> {
    let corrupt = || StoreError::Corrupt("a session that begins or ends at no minute".into());
    let mut minutes = spans.split(' ').map(|minute| minute.parse::<i64>().map_err(|_| corrupt()));
    while let Some(from) = minutes.next() {
        let (from, to) = (from?, minutes.next().ok_or_else(corrupt)??);
        let held_on = Date(time::instant(from).with_timezone(&tz).date_naive());
        sessions.push(Scheduled { held_on, minutes: to - from, makes_up: None });
    }
    Ok(())
}

fn entry(entry: &LogEntry) -> Logged {
    Logged {
        id: entry.id,
        held_on: entry.held_on,
        planned: entry.planned_minutes,
        delivered: entry.delivered_minutes,
        reason: entry.reason,
        makes_up: entry.makes_up,
    }
}

/// Sessions of these services before `today` of which nothing is said, in the order of time.
pub async fn to_log(tx: &mut Tx, services: &[ServiceId], today: Date) -> Result<Vec<ToLog>> {
    let parsed = |row: &Row, column: &str| -> Result<Clock> {
        row.get::<String>(column)?.parse().map_err(|error| StoreError::Corrupt(format!("{column}: {error}")))
    };
    let one = |row: &Row| {
        Ok(ToLog {
            service_id: row.id("service_id")?,
            session_id: row.id("id")?,
            educator_id: row.id("educator_id")?,
            educator_name: row.get("display_name")?,
            held_on: Date(row.get::<NaiveDate>("held_on")?),
            starts: parsed(row, "starts")?,
            ends: parsed(row, "ends")?,
            tz: super::accounts::zone(row)?.ok_or_else(|| StoreError::Corrupt("a session without a zone".into()))?,
            minutes: row.get("minutes")?,
            unheld: row.get("unheld")?,
        })
    };
    tx.rows(&TO_LOG, args![json!(services), today]).await?.iter().map(one).collect()
}

/// A student whom an educator serves in a state.
#[derive(Clone, Debug)]
pub struct Served {
    pub educator_id: EducatorId,
    pub educator_name: String,
    pub state: String,
    /// License areas that would do for the service.
    pub areas: Vec<String>,
    pub student_id: StudentId,
}

/// Who serves whom by published sessions, of a term or of all.
pub async fn served(tx: &mut Tx, term: Option<TermId>) -> Result<Vec<Served>> {
    let served = |row: &Row| {
        Ok(Served {
            educator_id: row.id("educator_id")?,
            educator_name: row.get("display_name")?,
            state: row.get("state")?,
            areas: row.get::<Column<Vec<String>>>("areas")?.0,
            student_id: row.id("student_id")?,
        })
    };
    tx.rows(&SERVED, args![term.map(RecordId::uuid)]).await?.iter().map(served).collect()
}

/// What a district keeps in a term: the school whose own it is (none is the district's), the record, and its days.
type Kept = Vec<(Option<SchoolId>, CalendarId, calendar::Calendar)>;

/// The calendars of the places of these lines.
async fn calendars(tx: &mut Tx, subjects: &[Subject]) -> Result<BTreeMap<(TermId, DistrictId), Kept>> {
    let mut found = BTreeMap::new();
    for subject in subjects {
        let place = (subject.term_id, subject.district_id);
        if let Entry::Vacant(new) = found.entry(place) {
            let rows = entity::matching::<Calendar>(tx, CALENDARS, args![place.0, place.1]).await?;
            new.insert(rows.into_iter().map(|row| (row.body.school_id, row.id, row.body.into())).collect());
        }
    }
    Ok(found)
}

/// The calendar that a school keeps: its own, else its district's.
fn of_school(kept: &Kept, school: SchoolId) -> Option<(&CalendarId, &calendar::Calendar)> {
    let own = kept.iter().find(|(of, ..)| *of == Some(school));
    own.or_else(|| kept.iter().find(|(of, ..)| of.is_none())).map(|(_, id, days)| (id, days))
}

/// The calendar that a school keeps in a term, where there is one.
pub(super) async fn calendar_of(
    tx: &mut Tx,
    term: TermId,
    district: DistrictId,
    school: SchoolId,
) -> Result<Option<Calendar>> {
    let kept = entity::matching::<Calendar>(tx, CALENDARS, args![term, district]).await?;
    let own = kept.iter().find(|calendar| calendar.body.school_id == Some(school));
    let found = own.or_else(|| kept.iter().find(|calendar| calendar.body.school_id.is_none()));
    Ok(found.map(|calendar| calendar.body.clone()))
}

/// Every figure that states and districts have set.
pub(super) async fn set_figures(tx: &mut Tx) -> Result<Vec<SetFigure>> {
    let figure = |row: Stored<Policy>| {
        let Policy { key, value, state, district_id, effective_on, ends_on, standing, citation, .. } = row.body;
        SetFigure { key, value, state, district_id, effective_on, ends_on, standing, citation }
    };
    Ok(every::<Policy>(tx).await?.into_iter().map(figure).collect())
}
