//! An educator's availability as a whole: rewritten at once, over the records that it is kept in, provided they are
//! still those that were seen.

use super::State;
use super::error::Error;
use crate::domain::actor::Actor;
use crate::domain::calendar::DateSpan;
use crate::domain::educator;
use crate::domain::id::{AvailabilityId, EducatorId, TimeOffId};
use crate::domain::record::Stored;
use crate::domain::records::{Availability, Educator, TimeOff};
use crate::domain::session::SessionStatus;
use crate::domain::time;
use crate::store::sessions::{self, Visible, Wanted};
use crate::store::{self, Tx, absences};

/// Stretches of one educator.
const MOST: usize = 200;
/// Absences that are looked at.
const ABSENCES: i64 = 100;

/// What is kept of when an educator can be placed.
#[derive(Clone, Debug)]
pub struct Hours {
    pub educator: Educator,
    pub stretches: Vec<Stored<Availability>>,
    /// Days off from today on, with whether an absence was reported for them.
    pub off: Vec<(Stored<TimeOff>, bool)>,
}

impl Hours {
    /// Names every record and its version: it changes when one of them does.
    #[must_use]
    pub fn seen(&self) -> String {
        let one = |row: &Stored<Availability>| format!("{}:{}", row.id, row.version);
        self.stretches.iter().map(one).collect::<Vec<_>>().join(",")
    }

    /// The stretches as the engine takes them.
    #[must_use]
    pub fn offered(&self) -> Vec<educator::Availability> {
        self.stretches.iter().map(|row| offered(&row.body)).collect()
    }
}

fn offered(row: &Availability) -> educator::Availability {
    educator::Availability { days: row.days.clone(), start: row.start, end: row.end }
}

async fn read(tx: &mut Tx, actor: &Actor, id: EducatorId) -> Result<Hours, Error> {
    let educator = store::get_for::<Educator>(tx, actor, id).await?.body;
    let stretches = store::children::<Availability>(tx, "educator_id", id).await?;
    let today = time::Date(time::now().with_timezone(&educator.tz).date_naive());
    let reported = absences::of_educator(tx, id, today, ABSENCES).await?;
    let mut off = Vec::new();
    for row in store::children::<TimeOff>(tx, "educator_id", id).await? {
        let of_absence = reported.iter().any(|a| a.first_on == row.body.first_on && a.last_on == row.body.last_on);
        if row.body.last_on >= today {
            off.push((row, of_absence));
        }
    }
    off.sort_by_key(|(row, _)| row.body.first_on);
    Ok(Hours { educator, stretches, off })
}

impl State {
    pub async fn hours(&self, actor: &Actor, id: EducatorId) -> Result<Hours, Error> {
        read(&mut self.db.read().await?, actor, id).await
    }

    /// Makes the availability of an educator be these stretches, in one commit. Rows that say the same stay as they are.
    /// A conflict if the rows are not those of `seen` any more.
    pub async fn set_hours(
        &self,
        actor: &Actor,
        id: EducatorId,
        seen: &str,
        wanted: Vec<educator::Availability>,
    ) -> Result<(), Error> {
        if wanted.len() > MOST {
            return Err(Error::field("/on", format!("give at most {MOST} stretches")));
        }
        let mut tx = self.write(actor).await?;
        // Else two who only add would both find what they have seen.
        store::hold::<Educator>(&mut tx, id).await?;
        let hours = read(&mut tx, actor, id).await?;
        if hours.seen() != seen {
            let why = "these hours were changed by somebody else since you opened the page";
            return Err(Error::Conflict(why.into()));
        }
        let mut wanted = wanted;
        for row in &hours.stretches {
            let kept = offered(&row.body);
            if let Some(place) = wanted.iter().position(|one| *one == kept) {
                wanted.remove(place);
                continue;
            }
            store::permit::<Availability>(&mut tx, actor, Some(row.id), None).await?;
            store::delete::<Availability>(&mut tx, row.id, Some(row.version)).await?;
        }
        for one in wanted {
            let body = Availability {
                educator_id: id,
                days: one.days,
                start: one.start,
                end: one.end,
                source: None,
                source_id: None,
            };
            store::permit::<Availability>(&mut tx, actor, None::<AvailabilityId>, Some(&body)).await?;
            store::insert(&mut tx, body).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Keeps days on which an educator cannot be placed. Days with published sessions want an absence instead.
    pub async fn add_days_off(&self, actor: &Actor, id: EducatorId, days: DateSpan) -> Result<(), Error> {
        let body = TimeOff { educator_id: id, first_on: days.first, last_on: days.last, source: None, source_id: None };
        let mut tx = self.write(actor).await?;
        let educator = read(&mut tx, actor, id).await?.educator;
        store::permit::<TimeOff>(&mut tx, actor, None::<TimeOffId>, Some(&body)).await?;
        let midnight = |on| time::instant(time::to_utc(educator.tz, on, 0));
        let (from, to) = (midnight(days.first), midnight(days.last.plus_days(1)));
        let wanted = Wanted { from, to, educator_id: Some(id), school_id: None, district_id: None };
        let held = sessions::list(&mut tx, &Visible::ALL, wanted, None, 1000).await?;
        if held.iter().any(|listed| listed.session.meeting.status == SessionStatus::Planned) {
            let why = "there are published sessions on these days; report an absence from the week instead, so that somebody can stand in";
            return Err(Error::field("/first_on", why));
        }
        store::insert(&mut tx, body).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes days off back, provided they are still what was seen.
    pub async fn drop_days_off(&self, actor: &Actor, id: TimeOffId, version: i64) -> Result<(), Error> {
        let mut tx = self.write(actor).await?;
        store::permit::<TimeOff>(&mut tx, actor, Some(id), None).await?;
        store::delete::<TimeOff>(&mut tx, id, Some(version)).await?;
        tx.commit().await?;
        Ok(())
    }
}
