//! The service log: one entry for each session and student, amended in place with its history in the audit trail.

use chrono::NaiveDate;
use serde_json::{Value as Json, json};
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::tx::{Row, Tx, Value, statements};
use super::{audit, giving_way};
use crate::args;
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::closure::Closure;
use crate::domain::id::{DistrictId, EducatorId, LogId, RecordId, SchoolId, ServiceId, SessionId, StudentId, TermId};
use crate::domain::line::Grouping;
use crate::domain::log::{LogEntry, MissReason, Outcome, Said};
use crate::domain::record::FieldIssue;
use crate::domain::session::SessionStatus;
use crate::domain::time::{Clock, Date};

statements! {
    SESSION = "SELECT n.id, n.educator_id, n.district_id, n.held_on, n.starts, n.ends, n.starts_at, n.status, n.makes_up FROM session n \
               WHERE n.id = $1 AND n.service IS NOT NULL";
    STUDENTS = "SELECT service_id, student_id, due FROM session_student WHERE session_id = $1 ORDER BY service_id";
    INSERT = "INSERT INTO service_log (id, version, created_at, updated_at, service_id, student_id, district_id, educator_id, session_id, held_on, \
              outcome, reason, starts, ends, planned_minutes, delivered_minutes, \"grouping\", makes_up, logged_by) \
              VALUES ($1, 1, $2, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    /// An amendment is about the session as it is by then: it may have been handed over or moved since the first entry.
    UPDATE = "UPDATE service_log SET version = $2, updated_at = $3, outcome = $4, reason = $5, starts = $6, ends = $7, delivered_minutes = $8, \
              \"grouping\" = $9, makes_up = $10, logged_by = $11, educator_id = $12, district_id = $13, held_on = $14, planned_minutes = $15 WHERE id = $1";
    OF_SESSION = "SELECT id, version, service_id, student_id, district_id, educator_id, session_id, held_on, outcome, reason, starts, ends, \
                  planned_minutes, delivered_minutes, \"grouping\", makes_up, logged_by, updated_at FROM service_log WHERE session_id = $1 ORDER BY service_id";
    GET = "SELECT id, version, service_id, student_id, district_id, educator_id, session_id, held_on, outcome, reason, starts, ends, \
           planned_minutes, delivered_minutes, \"grouping\", makes_up, logged_by, updated_at FROM service_log WHERE id = $1";
    OF_SERVICES = "SELECT id, version, service_id, student_id, district_id, educator_id, session_id, held_on, outcome, reason, starts, ends, \
                   planned_minutes, delivered_minutes, \"grouping\", makes_up, logged_by, updated_at FROM service_log \
                   WHERE service_id IN (SELECT unhex(value, '-') FROM json_each($1)) ORDER BY held_on, id"
                | "SELECT id, version, service_id, student_id, district_id, educator_id, session_id, held_on, outcome, reason, starts, ends, \
                   planned_minutes, delivered_minutes, \"grouping\", makes_up, logged_by, updated_at FROM service_log \
                   WHERE service_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1)) ORDER BY held_on, id";
    OF_SESSIONS = "SELECT id, version, service_id, student_id, district_id, educator_id, session_id, held_on, outcome, reason, starts, ends, \
                   planned_minutes, delivered_minutes, \"grouping\", makes_up, logged_by, updated_at FROM service_log \
                   WHERE session_id IN (SELECT unhex(value, '-') FROM json_each($1)) ORDER BY session_id, service_id"
                | "SELECT id, version, service_id, student_id, district_id, educator_id, session_id, held_on, outcome, reason, starts, ends, \
                   planned_minutes, delivered_minutes, \"grouping\", makes_up, logged_by, updated_at FROM service_log \
                   WHERE session_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1)) ORDER BY session_id, service_id";
    OF_SCHOOL_DAY = "SELECT n.id FROM session n WHERE n.school_id = $1 AND n.held_on = $2 AND n.service IS NOT NULL ORDER BY n.starts_at, n.id";
    SCHOOL = "SELECT district_id FROM school WHERE id = $1";
    TERM = "SELECT term_id FROM service WHERE id = $1";
    /// Whether two services deliver the same line: one that stands by itself is its own.
    SAME_LINE = "SELECT 1 AS one FROM service v JOIN service w ON (v.id = w.id OR v.line_id = w.line_id) WHERE v.id = $1 AND w.id = $2";
    /// Whether anything makes up for an entry, or is booked to.
    MADE_UP = "SELECT 1 AS one FROM service_log m WHERE m.id = $1 AND (EXISTS (SELECT 1 FROM service_log g WHERE g.makes_up = m.id) \
               OR EXISTS (SELECT 1 FROM session n WHERE n.makes_up = m.id))";
    /// A service with its student and district, and whether an educator has sessions of it.
    SERVICE = "SELECT v.student_id, c.district_id, EXISTS (SELECT 1 FROM session_student x JOIN session n ON n.id = x.session_id \
               WHERE x.service_id = v.id AND n.educator_id = $2) AS serves FROM service v JOIN school c ON c.id = v.school_id WHERE v.id = $1";
}

/// A session as the log sees it.
#[derive(Clone, Debug)]
pub struct LogSession {
    pub id: SessionId,
    pub educator_id: EducatorId,
    pub district_id: DistrictId,
    pub held_on: Date,
    pub starts: Clock,
    pub ends: Clock,
    pub begun: bool,
    pub status: SessionStatus,
    /// The entry that it was booked to make up for.
    pub makes_up: Option<LogId>,
    pub students: Vec<LogStudent>,
}

/// A student of such a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogStudent {
    pub service_id: ServiceId,
    pub student_id: StudentId,
    /// The session gives them minutes, or would if its educator were there: not of a service that has ended, nor of one
    /// that has had its session of the week.
    pub due: bool,
}

impl LogSession {
    /// Those of whom something is to be said; everybody where nobody is due.
    #[must_use]
    pub fn due(&self) -> Vec<ServiceId> {
        let any = self.students.iter().any(|student| student.due);
        self.students.iter().filter(|student| student.due || !any).map(|student| student.service_id).collect()
    }
}

/// Whoever may not do this learns nothing, unless they may look.
fn permit(actor: &Actor, verb: Verb, educator: EducatorId, district: DistrictId, missing: StoreError) -> Result<()> {
    let may = |verb| actor.reach(verb, Thing::ServiceLog).covers(educator, district);
    match (may(verb), may(Verb::Read)) {
        (true, _) => Ok(()),
        (false, true) => Err(StoreError::Forbidden),
        (false, false) => Err(missing),
    }
}

/// A session of a service that the actor may read or write the log of.
pub async fn session(tx: &mut Tx, actor: &Actor, verb: Verb, id: SessionId) -> Result<LogSession> {
    let missing = || StoreError::NotFound { what: "session", id: id.uuid() };
    let session = find(tx, id).await?.ok_or_else(missing)?;
    permit(actor, verb, session.educator_id, session.district_id, missing())?;
    Ok(session)
}

/// The same for whoever may already: none where there is no such session of a service.
pub(super) async fn find(tx: &mut Tx, id: SessionId) -> Result<Option<LogSession>> {
    let Some(row) = tx.row(&SESSION, args![id]).await? else { return Ok(None) };
    let students = tx.rows(&STUDENTS, args![id]).await?;
    let student = |row: &Row| {
        Ok(LogStudent { service_id: row.id("service_id")?, student_id: row.id("student_id")?, due: row.get("due")? })
    };
    Ok(Some(LogSession {
        id,
        educator_id: row.id("educator_id")?,
        district_id: row.id("district_id")?,
        held_on: Date(row.get::<NaiveDate>("held_on")?),
        starts: parsed(&row, "starts")?,
        ends: parsed(&row, "ends")?,
        begun: row.get::<chrono::DateTime<chrono::Utc>>("starts_at")? <= tx.at,
        status: parsed(&row, "status")?,
        makes_up: row.get::<Option<Uuid>>("makes_up")?.map(LogId::from_uuid),
        students: students.iter().map(student).collect::<Result<_>>()?,
    }))
}

/// Writes what became of a session, for each student named; what was written before is amended. Returns all its entries.
pub async fn write(tx: &mut Tx, session: &LogSession, said: &[(ServiceId, Said)]) -> Result<Vec<LogEntry>> {
    let before = of_session(tx, session.id).await?;
    let mut wrong = Vec::new();
    for (n, (service_id, said)) in said.iter().enumerate() {
        let at = format!("/entries/{n}");
        let Some(LogStudent { student_id, .. }) = session.students.iter().find(|one| one.service_id == *service_id)
        else {
            wrong.push(FieldIssue {
                pointer: format!("{at}/service_id"),
                message: "not a service of this session".into(),
            });
            continue;
        };
        if !session.begun && said.outcome != Outcome::Missed {
            let message = format!("the session of {} has not begun; log it then", session.held_on);
            wrong.push(FieldIssue { pointer: format!("{at}/outcome"), message });
            continue;
        }
        let delivered = match said.minutes((session.starts, session.ends), &at) {
            Ok(minutes) => minutes,
            Err(issues) => {
                wrong.extend(issues);
                continue;
            }
        };
        let whole = said.outcome == Outcome::Delivered && said.starts.is_none();
        let grouping = if session.students.len() > 1 { Grouping::Group } else { Grouping::Individual };
        let entry = LogEntry {
            id: LogId::fresh(),
            version: 1,
            service_id: *service_id,
            student_id: *student_id,
            district_id: session.district_id,
            educator_id: session.educator_id,
            session_id: Some(session.id),
            held_on: session.held_on,
            outcome: said.outcome,
            reason: said.reason,
            starts: if whole { Some(session.starts) } else { said.starts },
            ends: if whole { Some(session.ends) } else { said.ends },
            planned_minutes: i64::from(session.ends.minutes()) - i64::from(session.starts.minutes()),
            delivered_minutes: delivered,
            grouping: said.grouping.unwrap_or(grouping),
            makes_up: session.makes_up.or(said.makes_up),
            logged_by: tx.actor.clone(),
            updated_at: tx.at,
        };
        match (session.makes_up, said.makes_up) {
            // What a session was booked for is settled, also where the entry has been amended since.
            (Some(of), said) if said.is_some_and(|said| said != of) => wrong.push(FieldIssue {
                pointer: format!("{at}/makes_up"),
                message: "this session was booked to make up for another; leave it out".into(),
            }),
            (Some(_), _) => {}
            (None, _) => made_up(tx, &entry, &format!("{at}/makes_up"), &mut wrong).await?,
        }
        let kept = before.iter().find(|kept| kept.service_id == *service_id);
        if let (Some(kept), Some(_)) = (kept, entry.makes_up)
            && tx.row(&MADE_UP, args![kept.id]).await?.is_some()
        {
            let message = "another session makes up for this one; amend that first, or leave it out";
            wrong.push(FieldIssue { pointer: format!("{at}/makes_up"), message: message.into() });
        }
        if wrong.is_empty() {
            keep(tx, kept, entry).await?;
        }
    }
    if !wrong.is_empty() {
        return Err(StoreError::Invalid(wrong));
    }
    of_session(tx, session.id).await
}

/// Whoever logs for a whole school: of a district or of all; an educator logs their own sessions.
pub async fn permit_school(tx: &mut Tx, actor: &Actor, id: SchoolId) -> Result<()> {
    let missing = || StoreError::NotFound { what: "school", id: id.uuid() };
    let district: DistrictId = tx.row(&SCHOOL, args![id]).await?.ok_or_else(missing)?.id("district_id")?;
    match actor.reach(Verb::Write, Thing::ServiceLog) {
        Reach::All => Ok(()),
        Reach::Districts(ids) if ids.contains(&district) => Ok(()),
        _ => Err(missing()),
    }
}

/// Logs every session of a school's services that a closed day removes and of which nothing is logged. Returns the new
/// entries. The caller has asked [`permit_school`].
pub async fn close(tx: &mut Tx, actor: &Actor, school: SchoolId, on: Date, closure: Closure) -> Result<Vec<LogEntry>> {
    let mut made = Vec::new();
    for row in tx.rows(&OF_SCHOOL_DAY, args![school, on]).await? {
        let session = session(tx, actor, Verb::Write, row.id("id")?).await?;
        let Some(reason) = closure.misses(session.starts, session.ends) else { continue };
        made.extend(miss(tx, &session, reason).await?);
    }
    Ok(made)
}

/// Logs a session as missed for those students who were due in it and of whom nothing is said. Returns the new entries.
pub(super) async fn miss(tx: &mut Tx, session: &LogSession, reason: MissReason) -> Result<Vec<LogEntry>> {
    let known = of_session(tx, session.id).await?;
    let open = |student: &&LogStudent| student.due && known.iter().all(|entry| entry.service_id != student.service_id);
    let said: Vec<(ServiceId, Said)> =
        session.students.iter().filter(open).map(|student| (student.service_id, Said::missed(reason))).collect();
    let mut entries = write(tx, session, &said).await?;
    entries.retain(|entry| said.iter().any(|(id, _)| *id == entry.service_id));
    Ok(entries)
}

/// A session that was held beside the schedule, mostly to make another up.
#[derive(Clone, Debug)]
pub struct Extra {
    pub service_id: ServiceId,
    pub educator_id: EducatorId,
    pub held_on: Date,
    pub said: Said,
}

/// Writes an entry for a session that no schedule has.
pub async fn write_extra(tx: &mut Tx, actor: &Actor, extra: &Extra) -> Result<LogEntry> {
    let missing = || StoreError::NotFound { what: "service", id: extra.service_id.uuid() };
    let row = tx.row(&SERVICE, args![extra.service_id, extra.educator_id]).await?.ok_or_else(missing)?;
    let (district_id, serves) = (row.id("district_id")?, row.get::<bool>("serves")?);
    let own = actor.reach(Verb::Write, Thing::ServiceLog);
    if matches!(own, Reach::Own(_)) && !serves {
        return Err(missing());
    }
    permit(actor, Verb::Write, extra.educator_id, district_id, missing())?;
    if !serves {
        return Err(StoreError::invalid("/educator_id", "this educator has no sessions of the service"));
    }
    if extra.held_on.number() > Date(tx.at.date_naive()).number() + 1 {
        return Err(StoreError::invalid("/held_on", "lies in the future; log it when it was held"));
    }
    let (Some(starts), Some(ends), Outcome::Delivered) = (extra.said.starts, extra.said.ends, extra.said.outcome)
    else {
        return Err(StoreError::invalid(
            "/starts",
            "say when it began and ended; only what was delivered is logged here",
        ));
    };
    let delivered = extra.said.minutes((starts, ends), "").map_err(StoreError::Invalid)?;
    let entry = LogEntry {
        id: LogId::fresh(),
        version: 1,
        service_id: extra.service_id,
        student_id: row.id("student_id")?,
        district_id,
        educator_id: extra.educator_id,
        session_id: None,
        held_on: extra.held_on,
        outcome: Outcome::Delivered,
        reason: None,
        starts: Some(starts),
        ends: Some(ends),
        planned_minutes: 0,
        delivered_minutes: delivered,
        grouping: extra.said.grouping.unwrap_or(Grouping::Individual),
        makes_up: extra.said.makes_up,
        logged_by: tx.actor.clone(),
        updated_at: tx.at,
    };
    let mut wrong = Vec::new();
    made_up(tx, &entry, "/makes_up", &mut wrong).await?;
    if !wrong.is_empty() {
        return Err(StoreError::Invalid(wrong));
    }
    keep(tx, None, entry.clone()).await?;
    Ok(entry)
}

/// What an entry says it makes up must be an entry of the same student and service line that lacks minutes and makes nothing
/// up itself: minutes of one line are never those of another.
async fn made_up(tx: &mut Tx, entry: &LogEntry, pointer: &str, wrong: &mut Vec<FieldIssue>) -> Result<()> {
    let Some(id) = entry.makes_up else { return Ok(()) };
    let missed = tx.row(&GET, args![id]).await?.as_ref().map(read).transpose()?;
    let missed = missed.filter(|missed| {
        missed.student_id == entry.student_id
            && missed.makes_up.is_none()
            && missed.delivered_minutes < missed.planned_minutes
            && (missed.session_id.is_none() || missed.session_id != entry.session_id)
    });
    let message = match missed {
        None => {
            "not an entry of this student that lacks minutes; leave it out, or name the entry of the missed session"
        }
        Some(missed) if tx.row(&SAME_LINE, args![entry.service_id, missed.service_id]).await?.is_none() => {
            "an entry of another service line; leave it out, or name one of the line that this session serves"
        }
        Some(_) => return Ok(()),
    };
    wrong.push(FieldIssue { pointer: pointer.into(), message: message.into() });
    Ok(())
}

async fn keep(tx: &mut Tx, before: Option<&LogEntry>, entry: LogEntry) -> Result<()> {
    let (outcome, grouping) = (entry.outcome.name(), grouping_name(entry.grouping));
    let reason = entry.reason.map(MissReason::name);
    let (starts, ends) = (entry.starts.map(|at| at.to_string()), entry.ends.map(|at| at.to_string()));
    let makes_up = entry.makes_up.map(RecordId::uuid);
    match before {
        Some(before) if same(before, &entry) => Ok(()),
        Some(before) => {
            let after = LogEntry { id: before.id, version: before.version + 1, ..entry };
            let args: [Value; 15] = [
                after.id.into(),
                after.version.into(),
                tx.at.into(),
                outcome.into(),
                reason.into(),
                starts.into(),
                ends.into(),
                after.delivered_minutes.into(),
                grouping.into(),
                makes_up.into(),
                after.logged_by.clone().into(),
                after.educator_id.into(),
                after.district_id.into(),
                after.held_on.into(),
                after.planned_minutes.into(),
            ];
            tx.execute(&UPDATE, &args).await?;
            audit::write(tx, "update", "service_log", after.id.uuid(), Some(told(before)?), Some(told(&after)?))
                .await?;
            if after.delivered_minutes >= after.planned_minutes {
                giving_way::settled(tx, after.id).await
            } else {
                Ok(())
            }
        }
        None => {
            let (at, session) = (tx.at, entry.session_id.map(RecordId::uuid));
            let args: [Value; 17] = [
                entry.id.into(),
                at.into(),
                entry.service_id.into(),
                entry.student_id.into(),
                entry.district_id.into(),
                entry.educator_id.into(),
                session.into(),
                entry.held_on.into(),
                outcome.into(),
                reason.into(),
                starts.into(),
                ends.into(),
                entry.planned_minutes.into(),
                entry.delivered_minutes.into(),
                grouping.into(),
                makes_up.into(),
                entry.logged_by.clone().into(),
            ];
            tx.execute(&INSERT, &args).await?;
            audit::write(tx, "create", "service_log", entry.id.uuid(), None, Some(told(&entry)?)).await
        }
    }
}

/// Whether an amendment says nothing new, of a session that is as it was.
fn same(before: &LogEntry, after: &LogEntry) -> bool {
    let said = |e: &LogEntry| (e.outcome, e.reason, e.starts, e.ends, e.delivered_minutes, e.grouping, e.makes_up);
    let of = |e: &LogEntry| (e.educator_id, e.district_id, e.held_on, e.planned_minutes);
    said(before) == said(after) && of(before) == of(after)
}

fn told(entry: &LogEntry) -> Result<Json> {
    serde_json::to_value(entry).map_err(|error| StoreError::Corrupt(error.to_string()))
}

fn grouping_name(grouping: Grouping) -> &'static str {
    match grouping {
        Grouping::Individual => "individual",
        Grouping::Group => "group",
    }
}

/// An entry that the actor may read, or write.
pub async fn get(tx: &mut Tx, actor: &Actor, verb: Verb, id: LogId) -> Result<LogEntry> {
    let missing = || StoreError::NotFound { what: "log entry", id: id.uuid() };
    let entry = read(&tx.row(&GET, args![id]).await?.ok_or_else(missing)?)?;
    permit(actor, verb, entry.educator_id, entry.district_id, missing())?;
    Ok(entry)
}

/// The term of an entry's service.
pub async fn term_of(tx: &mut Tx, entry: &LogEntry) -> Result<TermId> {
    let missing = || StoreError::NotFound { what: "service", id: entry.service_id.uuid() };
    tx.row(&TERM, args![entry.service_id]).await?.ok_or_else(missing)?.id("term_id")
}

/// What an entry has said, oldest first.
pub async fn history(tx: &mut Tx, id: LogId) -> Result<Vec<audit::Entry>> {
    audit::list(tx, Some(("service_log", id.uuid())), None, 1000).await
}

pub async fn of_session(tx: &mut Tx, id: SessionId) -> Result<Vec<LogEntry>> {
    tx.rows(&OF_SESSION, args![id]).await?.iter().map(read).collect()
}

/// Entries of these sessions.
pub async fn of_sessions(tx: &mut Tx, ids: &[SessionId]) -> Result<Vec<LogEntry>> {
    tx.rows(&OF_SESSIONS, args![json!(ids)]).await?.iter().map(read).collect()
}

/// Entries of these services, in the order in which the sessions were held.
pub async fn of_services(tx: &mut Tx, ids: &[ServiceId]) -> Result<Vec<LogEntry>> {
    tx.rows(&OF_SERVICES, args![json!(ids)]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<LogEntry> {
    let clock = |column: &str| -> Result<Option<Clock>> {
        let text: Option<String> = row.get(column)?;
        text.map(|text| text.parse().map_err(StoreError::Corrupt)).transpose()
    };
    let reason: Option<String> = row.get("reason")?;
    Ok(LogEntry {
        id: row.id("id")?,
        version: row.get("version")?,
        service_id: row.id("service_id")?,
        student_id: row.id("student_id")?,
        district_id: row.id("district_id")?,
        educator_id: row.id("educator_id")?,
        session_id: row.get::<Option<Uuid>>("session_id")?.map(SessionId::from_uuid),
        held_on: Date(row.get::<NaiveDate>("held_on")?),
        outcome: parsed(row, "outcome")?,
        reason: reason.map(|text| text.parse().map_err(StoreError::Corrupt)).transpose()?,
        starts: clock("starts")?,
        ends: clock("ends")?,
        planned_minutes: row.get("planned_minutes")?,
        delivered_minutes: row.get("delivered_minutes")?,
        grouping: if row.get::<String>("grouping")? == "group" { Grouping::Group } else { Grouping::Individual },
        makes_up: row.get::<Option<Uuid>>("makes_up")?.map(LogId::from_uuid),
        logged_by: row.get("logged_by")?,
        updated_at: row.get("updated_at")?,
    })
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(row: &Row, column: &str) -> Result<T> {
    row.get::<String>(column)?.parse().map_err(|error| StoreError::Corrupt(format!("{column}: {error}")))
}
