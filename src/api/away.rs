//! The meetings of whoever is away: those for which somebody can still stand in, and those that nobody held.

use std::collections::BTreeSet;

use super::error::Error;
use crate::domain::calendar::DateSpan;
use crate::domain::id::SessionId;
use crate::domain::session::{Session, SessionStatus};
use crate::domain::time::{self, Date};
use crate::store::absences::{self, Absence};
use crate::store::sessions::{self, Listed, Visible, Wanted};
use crate::store::{Tx, log};

/// Most meetings of one absence: eight a day for a school year.
const MOST: i64 = 5000;

/// What the educator should hold in those days, or have held, and nobody has taken: sessions in which somebody is due.
async fn all(tx: &mut Tx, absence: &Absence) -> Result<Vec<Listed>, Error> {
    let noon = |on: Date| time::instant(on.number() * i64::from(time::DAY_MINUTES));
    let wanted = Wanted {
        from: noon(absence.first_on.plus_days(-2)),
        to: noon(absence.last_on.plus_days(2)),
        educator_id: Some(absence.educator_id),
        school_id: None,
        district_id: None,
    };
    let span = DateSpan { first: absence.first_on, last: absence.last_on };
    let mut listed = sessions::list(tx, &Visible::ALL, wanted, None, MOST).await?;
    listed.retain(|l| {
        let meeting = &l.session.meeting;
        let wanted = meeting.students.is_empty() || meeting.students.iter().any(|student| student.due);
        l.session.term_id == absence.term_id
            && span.contains(meeting.held_on)
            && meeting.status != SessionStatus::Held
            && wanted
    });
    Ok(listed)
}

/// Of [`all`], what has not begun: somebody can still stand in. Not make-ups, which days off take back.
pub async fn left(tx: &mut Tx, absence: &Absence) -> Result<Vec<Listed>, Error> {
    let mut listed = all(tx, absence).await?;
    listed.retain(|l| l.session.makes_up.is_none() && !l.session.meeting.has_begun(tx.at));
    Ok(listed)
}

/// Of [`all`], sessions of services that nobody held and of which nothing is logged.
pub async fn missed(tx: &mut Tx, absence: &Absence) -> Result<Vec<Listed>, Error> {
    let mut listed = all(tx, absence).await?;
    listed.retain(|l| l.course_name.is_none() && absences::was_missed(absence, &l.session.meeting, tx.at));
    let ids: Vec<SessionId> = listed.iter().map(|l| l.session.id).collect();
    let said: BTreeSet<_> =
        log::of_sessions(tx, &ids).await?.iter().map(|entry| (entry.session_id, entry.service_id)).collect();
    listed.retain(|l| {
        let Session { id, meeting, .. } = &l.session;
        let mut due = meeting.students.iter().filter(|student| student.due);
        due.any(|student| !said.contains(&(Some(*id), student.service_id)))
    });
    Ok(listed)
}
