//! Absences that are taken back: the days are no time off any more, and meetings return to whose they were.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::json;
use uuid::Uuid;

use super::absences::{self, Absence};
use super::error::Result;
use super::tx::{Tx, statements};
use super::{audit, children, delete, schedules};
use crate::args;
use crate::domain::calendar::DateSpan;
use crate::domain::id::{AbsenceId, DistrictId, EducatorId, NeedId, RecordId, SessionId};
use crate::domain::records::TimeOff;
use crate::domain::time::Date;

statements! {
    /// Meetings that nobody holds for whoever is away, that somebody holds for them, or that they would hold for another.
    CONCERNED = "SELECT s.id, s.key, s.educator_id, s.district_id, s.held_on, s.starts_at, s.status, c.away_id, c.educator_id AS cover_id, c.absence_id, \
                 COALESCE(s.section_id, (SELECT x.service_id FROM session_student x WHERE x.session_id = s.id ORDER BY x.service_id LIMIT 1)) AS need_id \
                 FROM session s LEFT JOIN cover c ON c.term_id = s.term_id AND c.session_key = s.key \
                 WHERE s.term_id = $1 AND s.held_on >= $3 AND s.held_on <= $4 \
                 AND ((s.educator_id = $2 AND s.status = 'uncovered') OR c.away_id = $2 OR c.absence_id = $5) ORDER BY s.starts_at, s.id";
    FIRST = "SELECT MIN(s.starts_at) AS at FROM session s LEFT JOIN cover c ON c.term_id = s.term_id AND c.session_key = s.key \
             WHERE s.term_id = $1 AND s.held_on >= $3 AND s.held_on <= $4 AND s.status <> 'held' AND (s.educator_id = $2 OR c.away_id = $2)";
    GIVE_BACK = "UPDATE session SET educator_id = $2, status = CASE WHEN service IS NULL OR EXISTS (SELECT 1 FROM session_student x WHERE x.session_id = session.id AND x.due) THEN 'planned' ELSE 'held' END, \
                 sequence = sequence + 1, updated_at = $3 \
                 WHERE id IN (SELECT unhex(value, '-') FROM json_each($1))"
              | "UPDATE session SET educator_id = $2, status = CASE WHEN service IS NULL OR EXISTS (SELECT 1 FROM session_student x WHERE x.session_id = session.id AND x.due) THEN 'planned' ELSE 'held' END, \
                 sequence = sequence + 1, updated_at = $3 \
                 WHERE id IN (SELECT value::uuid FROM jsonb_array_elements_text($1))";
    UNCOVER = "DELETE FROM cover WHERE term_id = $1 AND session_key IN (SELECT value FROM json_each($2))"
            | "DELETE FROM cover WHERE term_id = $1 AND session_key IN (SELECT value FROM jsonb_array_elements_text($2))";
    /// The absence for which somebody stood in before they were away themselves.
    STAND_IN_AGAIN = "UPDATE cover SET educator_id = $3, absence_id = $4 WHERE term_id = $1 AND session_key = $2";
    OF_ANOTHER = "SELECT id FROM absence WHERE term_id = $1 AND educator_id = $2 AND first_on <= $3 AND last_on >= $3 AND approved_at IS NOT NULL \
                  AND withdrawn_at IS NULL ORDER BY id DESC LIMIT 1";
    WITHDRAW = "UPDATE absence SET withdrawn_by = $2, withdrawn_at = $3 WHERE id = $1 AND withdrawn_at IS NULL";
}

/// A meeting that returns to whoever was to be away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returning {
    pub session_id: SessionId,
    pub key: String,
    pub district_id: DistrictId,
    pub held_on: Date,
    pub starts_at: DateTime<Utc>,
    /// Who stands in; none is an adult in the room, or nobody yet.
    pub from: Option<EducatorId>,
    /// For whom they would hold it: it is not their own.
    pub of: Option<EducatorId>,
}

/// When the first meeting of an absence begins; none if it has none.
pub async fn begins_at(tx: &mut Tx, absence: &Absence) -> Result<Option<DateTime<Utc>>> {
    let args = args![absence.term_id, absence.educator_id, absence.first_on, absence.last_on];
    tx.row(&FIRST, args).await?.map_or(Ok(None), |row| row.get("at"))
}

/// The meetings that would return. Those stay as they are on days on which the educator is off for another reason, and
/// those whose need has been given to somebody else meanwhile.
pub async fn returning(tx: &mut Tx, absence: &Absence) -> Result<Vec<Returning>> {
    let mut off: Vec<DateSpan> = Vec::new();
    let mut own = true;
    for row in children::<TimeOff>(tx, "educator_id", absence.educator_id).await? {
        // One row of these days is the absence's own.
        let same = row.body.first_on == absence.first_on && row.body.last_on == absence.last_on;
        if own && same {
            own = false;
        } else {
            off.push(DateSpan { first: row.body.first_on, last: row.body.last_on });
        }
    }
    let serving: BTreeMap<NeedId, EducatorId> = schedules::serving(tx, absence.term_id).await?.into_iter().collect();
    let args = args![absence.term_id, absence.educator_id, absence.first_on, absence.last_on, absence.id];
    let mut found = Vec::new();
    for row in tx.rows(&CONCERNED, args).await? {
        let held_on = Date(row.get::<NaiveDate>("held_on")?);
        if off.iter().any(|span| span.contains(held_on)) {
            continue;
        }
        let (holder, need): (EducatorId, NeedId) = (row.id("educator_id")?, row.id("need_id")?);
        let away = row.get::<Option<Uuid>>("away_id")?.map_or(absence.educator_id, RecordId::from_uuid);
        let cover: Option<EducatorId> = row.get::<Option<Uuid>>("cover_id")?.map(RecordId::from_uuid);
        let as_covered = cover.is_none_or(|cover| holder == cover) || holder == absence.educator_id;
        if serving.get(&need) != Some(&away) || !as_covered {
            continue;
        }
        found.push(Returning {
            session_id: row.id("id")?,
            key: row.get("key")?,
            district_id: row.id("district_id")?,
            held_on,
            starts_at: row.get("starts_at")?,
            from: Some(holder).filter(|holder| *holder != absence.educator_id),
            of: Some(away).filter(|away| *away != absence.educator_id),
        });
    }
    Ok(found)
}

/// Takes an absence back, with the meetings that [`returning`] found. False if it was taken back before. An educator who
/// is busy at the time of one of them is refused by the database.
pub async fn withdraw(tx: &mut Tx, absence: &Absence, meetings: &[Returning]) -> Result<bool> {
    let (actor, at) = (tx.actor.clone(), tx.at);
    if tx.execute(&WITHDRAW, args![absence.id, actor, at]).await? == 0 {
        return Ok(false);
    }
    let days = children::<TimeOff>(tx, "educator_id", absence.educator_id).await?;
    let own = days.iter().find(|row| row.body.first_on == absence.first_on && row.body.last_on == absence.last_on);
    if let Some(row) = own {
        delete::<TimeOff>(tx, row.id, None).await?;
    }
    for some in meetings.chunks(1000) {
        let ids: Vec<SessionId> = some.iter().map(|meeting| meeting.session_id).collect();
        let own: Vec<&str> = some.iter().filter(|m| m.of.is_none()).map(|meeting| meeting.key.as_str()).collect();
        absences::serve_due(tx, &ids).await?;
        tx.execute(&GIVE_BACK, args![json!(ids), absence.educator_id, at]).await?;
        tx.execute(&UNCOVER, args![absence.term_id, json!(own)]).await?;
    }
    for meeting in meetings {
        let Some(of) = meeting.of else { continue };
        if let Some(row) = tx.row(&OF_ANOTHER, args![absence.term_id, of, meeting.held_on]).await? {
            let other: AbsenceId = row.id("id")?;
            let args = args![absence.term_id, meeting.key.clone(), absence.educator_id, other];
            tx.execute(&STAND_IN_AGAIN, args).await?;
        }
    }
    let body = json!({ "educator_id": absence.educator_id, "returned": meetings.len() });
    audit::write(tx, "withdraw", "absence", absence.id.uuid(), None, Some(body)).await?;
    Ok(true)
}
