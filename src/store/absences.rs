//! Educators who are away: reported, covered meeting by meeting, and kept covered over later publications.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::error::{Result, StoreError};
use super::tx::{Row, Tx, statements};
use super::{audit, log};
use crate::args;
use crate::domain::id::{AbsenceId, EducatorId, RecordId, SessionId, TermId};
use crate::domain::log::MissReason;
use crate::domain::session::{Meeting, SessionStatus};
use crate::domain::time::Date;

statements! {
    INSERT = "INSERT INTO absence (id, term_id, educator_id, first_on, last_on, reason, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    GET = "SELECT a.id, a.term_id, a.educator_id, e.display_name AS educator_name, a.first_on, a.last_on, a.reason, a.created_by, a.created_at, a.approved_by, \
           a.approved_at, a.withdrawn_by, a.withdrawn_at FROM absence a JOIN educator e ON e.id = a.educator_id WHERE a.id = $1";
    LIST = "SELECT a.id, a.term_id, a.educator_id, e.display_name AS educator_name, a.first_on, a.last_on, a.reason, a.created_by, a.created_at, a.approved_by, \
            a.approved_at, a.withdrawn_by, a.withdrawn_at FROM absence a JOIN educator e ON e.id = a.educator_id WHERE a.id < $1 ORDER BY a.id DESC LIMIT $2";
    OF_EDUCATOR = "SELECT a.id, a.term_id, a.educator_id, e.display_name AS educator_name, a.first_on, a.last_on, a.reason, a.created_by, a.created_at, \
                   a.approved_by, a.approved_at, a.withdrawn_by, a.withdrawn_at FROM absence a JOIN educator e ON e.id = a.educator_id \
                   WHERE a.educator_id = $1 AND a.last_on >= $2 AND a.withdrawn_at IS NULL ORDER BY a.first_on, a.id LIMIT $3";
    APPROVE = "UPDATE absence SET approved_by = $2, approved_at = $3 WHERE id = $1 AND approved_at IS NULL AND withdrawn_at IS NULL";
    /// Whoever stands in for somebody who stands in does so for the first who was away.
    COVER = "INSERT INTO cover (term_id, session_key, absence_id, away_id, educator_id) SELECT s.term_id, s.key, $1, s.educator_id, unhex(value ->> 'by', '-') \
             FROM json_each($2) JOIN session s ON s.id = unhex(value ->> 'session', '-') WHERE TRUE \
             ON CONFLICT (term_id, session_key) DO UPDATE SET absence_id = excluded.absence_id, educator_id = excluded.educator_id, \
             away_id = CASE WHEN cover.educator_id = excluded.away_id THEN cover.away_id ELSE excluded.away_id END"
          | "INSERT INTO cover (term_id, session_key, absence_id, away_id, educator_id) SELECT s.term_id, s.key, $1, s.educator_id, x.\"by\" \
             FROM jsonb_to_recordset($2) AS x(session uuid, \"by\" uuid) JOIN session s ON s.id = x.session \
             ON CONFLICT (term_id, session_key) DO UPDATE SET absence_id = excluded.absence_id, educator_id = excluded.educator_id, \
             away_id = CASE WHEN cover.educator_id = excluded.away_id THEN cover.away_id ELSE excluded.away_id END";
    /// Where nobody is due, only the slot is kept.
    HAND_OVER = "UPDATE session SET educator_id = $2, status = CASE WHEN service IS NULL OR EXISTS (SELECT 1 FROM session_student x WHERE x.session_id = session.id AND x.due) THEN 'planned' ELSE 'held' END, \
                 sequence = sequence + 1, updated_at = $3 \
                 WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))"
              | "UPDATE session SET educator_id = $2, status = CASE WHEN service IS NULL OR EXISTS (SELECT 1 FROM session_student x WHERE x.session_id = session.id AND x.due) THEN 'planned' ELSE 'held' END, \
                 sequence = sequence + 1, updated_at = $3 \
                 WHERE id IN (SELECT value::uuid FROM jsonb_array_elements_text($1))";
    LEAVE_OPEN = "UPDATE session SET status = 'uncovered', sequence = sequence + 1, updated_at = $2 WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))"
               | "UPDATE session SET status = 'uncovered', sequence = sequence + 1, updated_at = $2 WHERE id IN (SELECT value::uuid FROM jsonb_array_elements_text($1))";
    SERVE_NOBODY = "UPDATE session_student SET serves = FALSE WHERE session_id IN (SELECT unhex(value, '-') FROM json_each($1))"
                 | "UPDATE session_student SET serves = FALSE WHERE session_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1))";
    /// Before somebody takes a session, or gets it back: it gives its minutes to whoever was due in it, unless
    /// their service has ended since.
    SERVE_DUE = "UPDATE session_student SET serves = due AND NOT EXISTS (SELECT 1 FROM service v JOIN session n ON n.id = session_student.session_id \
                 WHERE v.id = session_student.service_id AND (n.held_on < v.first_on OR v.last_on < n.held_on)) WHERE session_id IN (SELECT unhex(value, '-') FROM json_each($1))"
              | "UPDATE session_student SET serves = due AND NOT EXISTS (SELECT 1 FROM service v JOIN session n ON n.id = session_student.session_id \
                 WHERE v.id = session_student.service_id AND (n.held_on < v.first_on OR v.last_on < n.held_on)) WHERE session_id IN (SELECT value::uuid FROM jsonb_array_elements_text($1))";
    STANDING_IN = "SELECT s.educator_id, s.starts_at, s.ends_at FROM session s LEFT JOIN cover c ON c.term_id = s.term_id AND c.session_key = s.key \
                   WHERE s.term_id = $1 AND s.ends_at > $2 AND s.starts_at < $3 AND (s.educator_id = c.educator_id OR s.makes_up IS NOT NULL) \
                   ORDER BY s.starts_at, s.id";
    COVERS = "SELECT session_key, away_id, educator_id FROM cover WHERE term_id = $1 ORDER BY session_key";
}

/// From when to when somebody is busy.
pub type Taken = (DateTime<Utc>, DateTime<Utc>);

/// Somebody is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Absence {
    #[schema(value_type = Uuid)]
    pub id: AbsenceId,
    #[schema(value_type = Uuid)]
    pub term_id: TermId,
    #[schema(value_type = Uuid)]
    pub educator_id: EducatorId,
    pub educator_name: String,
    pub first_on: Date,
    pub last_on: Date,
    pub reason: String,
    pub created_by: String,
    pub created_at: DateTime<Utc>,
    pub approved_by: Option<String>,
    /// When it was decided who stands in.
    pub approved_at: Option<DateTime<Utc>>,
    pub withdrawn_by: Option<String>,
    /// When it was taken back.
    pub withdrawn_at: Option<DateTime<Utc>>,
}

/// What is reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    pub term_id: TermId,
    pub educator_id: EducatorId,
    pub first_on: Date,
    pub last_on: Date,
    pub reason: String,
}

/// Keeps a report. That the days are time off is for the caller to write as well.
pub async fn report(tx: &mut Tx, new: &Report) -> Result<AbsenceId> {
    let id = AbsenceId::fresh();
    let (actor, at) = (tx.actor.clone(), tx.at);
    let args = args![id, new.term_id, new.educator_id, new.first_on, new.last_on, new.reason.clone(), actor, at];
    tx.execute(&INSERT, args).await?;
    let body = json!({ "educator_id": new.educator_id, "first_on": new.first_on, "last_on": new.last_on });
    audit::write(tx, "report", "absence", id.uuid(), None, Some(body)).await?;
    Ok(id)
}

pub async fn get(tx: &mut Tx, id: AbsenceId) -> Result<Absence> {
    let row = tx.row(&GET, args![id]).await?;
    absence(&row.ok_or(StoreError::NotFound { what: "absence", id: id.uuid() })?)
}

/// At most `limit` absences before `before`, newest first.
pub async fn list(tx: &mut Tx, before: Option<AbsenceId>, limit: i64) -> Result<Vec<Absence>> {
    let before = before.map_or(Uuid::max(), RecordId::uuid);
    tx.rows(&LIST, args![before, limit]).await?.iter().map(absence).collect()
}

/// At most `limit` absences of an educator that end on `day` or later and were not taken back, the first first.
pub async fn of_educator(tx: &mut Tx, educator: EducatorId, day: Date, limit: i64) -> Result<Vec<Absence>> {
    tx.rows(&OF_EDUCATOR, args![educator, day, limit]).await?.iter().map(absence).collect()
}

/// Decides who stands in: meetings of the educator who is away that have not begun, each with who takes it (nobody is an
/// adult in the room). False if it was decided before. A substitute who is busy is refused by the database.
pub async fn approve(tx: &mut Tx, id: AbsenceId, covers: &[(SessionId, Option<EducatorId>)]) -> Result<bool> {
    let (actor, at) = (tx.actor.clone(), tx.at);
    if tx.execute(&APPROVE, args![id, actor, at]).await? == 0 {
        return Ok(false);
    }
    let rows: Vec<Json> = covers.iter().map(|(session, by)| json!({ "session": session, "by": by })).collect();
    for rows in rows.chunks(1000) {
        tx.execute(&COVER, args![id, json!(rows)]).await?;
    }
    let mut of: BTreeMap<Option<EducatorId>, Vec<SessionId>> = BTreeMap::new();
    for (session, by) in covers {
        of.entry(*by).or_default().push(*session);
    }
    for (by, sessions) in &of {
        for sessions in sessions.chunks(1000) {
            if let Some(by) = by {
                serve_due(tx, sessions).await?;
                tx.execute(&HAND_OVER, args![json!(sessions), *by, at]).await?;
            } else {
                tx.execute(&LEAVE_OPEN, args![json!(sessions), at]).await?;
                tx.execute(&SERVE_NOBODY, args![json!(sessions)]).await?;
            }
        }
    }
    let count: BTreeMap<String, usize> =
        of.iter().map(|(by, all)| (by.map_or("in the room".into(), |by| by.to_string()), all.len())).collect();
    audit::write(tx, "approve", "absence", id.uuid(), None, Some(json!({ "covers": count }))).await?;
    Ok(true)
}

/// Serves those who are due in these sessions, because somebody takes them.
pub(super) async fn serve_due(tx: &mut Tx, sessions: &[SessionId]) -> Result<()> {
    tx.execute(&SERVE_DUE, args![json!(sessions)]).await.map(drop)
}

/// Whether a meeting that has begun was not held, because the educator was away: it was reported before it began, or on a
/// later day. What had begun when somebody fell ill in the middle of a day may have been held: its educator says so in
/// the log.
#[must_use]
pub fn was_missed(absence: &Absence, meeting: &Meeting, at: DateTime<Utc>) -> bool {
    let reported = absence.created_at;
    let reported_on = reported.with_timezone(&meeting.tz).date_naive();
    meeting.has_begun(at)
        && meeting.educator_id == absence.educator_id
        && (!meeting.has_begun(reported) || *meeting.held_on < reported_on)
}

/// Logs these sessions as missed because the educator was absent, for those students of whom nothing is said.
pub async fn log_missed(tx: &mut Tx, sessions: &[SessionId]) -> Result<()> {
    for id in sessions {
        if let Some(session) = log::find(tx, *id).await? {
            log::miss(tx, &session, MissReason::ProviderAbsent).await?;
        }
    }
    Ok(())
}

/// Who stands in for somebody or makes something up in `[from, to)`, and when: what the standing schedule does not say.
pub async fn standing_in(
    tx: &mut Tx,
    term: TermId,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<(EducatorId, Taken)>> {
    let one = |row: &Row| Ok((row.id("educator_id")?, (row.get("starts_at")?, row.get("ends_at")?)));
    tx.rows(&STANDING_IN, args![term, from, to]).await?.iter().map(one).collect()
}

/// Keeps meetings that are to be published with whoever stands in for them: those that are still of the educator who is
/// away, and for whom who stands in has the time. The others stay uncovered.
pub async fn apply(tx: &mut Tx, term: TermId, meetings: &mut [Meeting]) -> Result<()> {
    let mut covers: BTreeMap<String, (EducatorId, EducatorId)> = BTreeMap::new();
    for row in tx.rows(&COVERS, args![term]).await? {
        if let Some(by) = row.get::<Option<Uuid>>("educator_id")? {
            covers.insert(row.get("session_key")?, (row.id("away_id")?, RecordId::from_uuid(by)));
        }
    }
    if covers.is_empty() {
        return Ok(());
    }
    let helpers: BTreeSet<EducatorId> = covers.values().map(|(_, by)| *by).collect();
    let mut busy: BTreeMap<EducatorId, Vec<Taken>> = BTreeMap::new();
    for meeting in meetings.iter().filter(|meeting| helpers.contains(&meeting.educator_id)) {
        busy.entry(meeting.educator_id).or_default().push((meeting.starts_at, meeting.ends_at));
    }
    for meeting in meetings.iter_mut().filter(|meeting| meeting.status == SessionStatus::Uncovered) {
        let Some((away, by)) = covers.get(&meeting.key) else { continue };
        let taken = busy.entry(*by).or_default();
        let free = taken.iter().all(|(from, to)| *to <= meeting.starts_at || *from >= meeting.ends_at);
        if meeting.educator_id == *away && free {
            taken.push((meeting.starts_at, meeting.ends_at));
            (meeting.educator_id, meeting.status) = (*by, SessionStatus::Planned);
        }
    }
    Ok(())
}

fn absence(row: &Row) -> Result<Absence> {
    Ok(Absence {
        id: row.id("id")?,
        term_id: row.id("term_id")?,
        educator_id: row.id("educator_id")?,
        educator_name: row.get("educator_name")?,
        first_on: Date(row.get::<NaiveDate>("first_on")?),
        last_on: Date(row.get::<NaiveDate>("last_on")?),
        reason: row.get("reason")?,
        created_by: row.get("created_by")?,
        created_at: row.get("created_at")?,
        approved_by: row.get("approved_by")?,
        approved_at: row.get("approved_at")?,
        withdrawn_by: row.get("withdrawn_by")?,
        withdrawn_at: row.get("withdrawn_at")?,
    })
}
