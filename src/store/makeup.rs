//! Reads when a student and an educator are free, to propose make-up sessions.

use chrono::{DateTime, TimeDelta, Utc};

use super::error::{Result, StoreError};
use super::tx::{Row, Tx, statements};
use super::{children, get, minutes};
use crate::args;
use crate::domain::calendar::{self, DateSpan};
use crate::domain::educator;
use crate::domain::id::StudentId;
use crate::domain::log::LogEntry;
use crate::domain::makeup::{Free, Missing, Slot, slots};
use crate::domain::records::{Availability, Clearance, District, Educator, License, School, Service, Term, TimeOff};
use crate::domain::time::{Date, UtcMinute};

statements! {
    OF_EDUCATOR = "SELECT starts_at, ends_at FROM session WHERE educator_id = $1 AND ends_at > $2 AND starts_at < $3 ORDER BY starts_at";
    OF_STUDENT = "SELECT starts_at, ends_at FROM session_student WHERE student_id = $1 AND ends_at > $2 AND starts_at < $3 ORDER BY starts_at";
}

/// Days ahead that are looked at.
const AHEAD: i64 = 60;

/// At most `most` times after `now` at which what an entry lacks can be made up by the same educator.
pub async fn proposals(tx: &mut Tx, entry: &LogEntry, now: DateTime<Utc>, most: usize) -> Result<Vec<Slot>> {
    let lacks = entry.planned_minutes - entry.delivered_minutes;
    let service = get::<Service>(tx, entry.service_id).await?.body;
    let school = get::<School>(tx, service.school_id).await?.body;
    let district = get::<District>(tx, school.district_id).await?.body;
    let term = get::<Term>(tx, service.term_id).await?.body;
    let Some(kept) = minutes::calendar_of(tx, service.term_id, school.district_id, service.school_id).await? else {
        return Ok(Vec::new());
    };
    if lacks <= 0 {
        return Ok(Vec::new());
    }
    let days = calendar::Calendar::from(kept);
    let last = service.last_on.unwrap_or(term.last_on).min(term.last_on);
    let first = Date(now.date_naive()).plus_days(-1);
    let days = days.instructional_days(DateSpan { first, last: last.min(first.plus_days(AHEAD)) });

    let educator = get::<Educator>(tx, entry.educator_id).await?.body;
    let cleared = children::<Clearance>(tx, "educator_id", entry.educator_id).await?;
    let cleared = cleared.iter().any(|row| row.body.state == district.state);
    let licenses = children::<License>(tx, "educator_id", entry.educator_id).await?;
    let covers = |license: &License| {
        cleared
            && license.state == district.state
            && service.areas.contains(&license.area)
            && license.grades.contains(&service.grade)
    };
    let licensed: Vec<DateSpan> = licenses
        .iter()
        .filter(|row| covers(&row.body))
        .map(|row| DateSpan { first: row.body.issued_on, last: row.body.expires_on })
        .collect();
    let away = children::<TimeOff>(tx, "educator_id", entry.educator_id).await?;
    let away: Vec<DateSpan> =
        away.iter().map(|row| DateSpan { first: row.body.first_on, last: row.body.last_on }).collect();
    let availability = children::<Availability>(tx, "educator_id", entry.educator_id).await?;
    let availability: Vec<educator::Availability> = availability
        .into_iter()
        .map(|row| educator::Availability { days: row.body.days, start: row.body.start, end: row.body.end })
        .collect();
    let until = now + TimeDelta::days(AHEAD + 2);
    let busy = busy(&tx.rows(&OF_EDUCATOR, args![entry.educator_id, now - TimeDelta::days(1), until]).await?)?;
    let student_busy = of_student(tx, entry.student_id, now, until).await?;
    let missing = Missing {
        minutes: lacks,
        tz: school.tz.unwrap_or(district.tz),
        windows: &service.windows,
        grid: term.grid_minutes,
        student_busy: &student_busy,
    };
    let free = Free {
        tz: educator.tz,
        availability: &availability,
        away: &away,
        licensed: &licensed,
        buffer: educator.buffer_minutes,
        busy: &busy,
    };
    Ok(slots(&missing, &days, &free, now.timestamp().div_euclid(60) + 1, most))
}

async fn of_student(
    tx: &mut Tx,
    id: StudentId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<Vec<(UtcMinute, UtcMinute)>> {
    busy(&tx.rows(&OF_STUDENT, args![id, now - TimeDelta::days(1), until]).await?)
}

fn busy(rows: &[Row]) -> Result<Vec<(UtcMinute, UtcMinute)>> {
    let minute =
        |row: &Row, column: &str| Ok::<_, StoreError>(row.get::<DateTime<Utc>>(column)?.timestamp().div_euclid(60));
    rows.iter().map(|row| Ok((minute(row, "starts_at")?, minute(row, "ends_at")?))).collect()
}
