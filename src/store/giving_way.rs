//! Booked make-ups that can no longer be held: found when a schedule takes their time, or a record changes that they rest
//! on, and taken back in that transaction. Whoever is concerned is owed a mail; the minutes are to be made up again.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::error::Result;
use super::mail::{self, Recipient};
use super::makeup::{self, Booking};
use super::tx::{Link, Tx, statements};
use super::{accounts, get, schedules};
use crate::args;
use crate::domain::actor::Role;
use crate::domain::id::{DistrictId, EducatorId, LogId, SessionId, TermId};
use crate::domain::mail::Notice;
use crate::domain::record::Record as _;
use crate::domain::records::{Calendar, Educator, School, Service, TimeOff};
use crate::domain::session::Meeting;
use crate::domain::spoken;

statements! {
    /// Terms in which something may be booked.
    TERMS = "SELECT id FROM term WHERE last_on >= $1 ORDER BY id";
    OF_SERVICE = "SELECT n.id FROM session n JOIN session_student x ON x.session_id = n.id WHERE x.service_id = $1 AND n.makes_up IS NOT NULL AND n.starts_at > $2 ORDER BY n.starts_at, n.id";
    OF_EDUCATOR = "SELECT n.id FROM session n WHERE n.educator_id = $1 AND n.makes_up IS NOT NULL AND n.starts_at > $2 ORDER BY n.starts_at, n.id";
    OF_TIME_OFF = "SELECT n.id FROM time_off o JOIN session n ON n.educator_id = o.educator_id WHERE o.id = $1 AND n.makes_up IS NOT NULL AND n.starts_at > $2 ORDER BY n.starts_at, n.id";
    OF_CALENDAR = "SELECT n.id FROM calendar c JOIN session n ON n.term_id = c.term_id AND n.district_id = c.district_id \
                   WHERE c.id = $1 AND n.makes_up IS NOT NULL AND n.starts_at > $2 ORDER BY n.starts_at, n.id";
}

/// Sessions that a mail lists.
const LISTED: usize = 30;

/// Those to come of a term that could not be held beside these meetings, or not at all any more, each with the reason.
pub async fn to_schedule(tx: &mut Tx, term: TermId, meetings: &[Meeting]) -> Result<Vec<(Booking, String)>> {
    let mut found = Vec::new();
    for booking in makeup::to_come(tx, term).await? {
        if meetings.iter().any(|meeting| meeting.meets(&booking.meeting)) {
            found.push((booking, "the schedule needs its time".to_owned()));
        } else if let Some(why) = prevented(tx, &booking).await? {
            found.push((booking, why));
        }
    }
    Ok(found)
}

/// What a changed record takes back: an ended service, days off, an educator who leaves, a closed school. What is needed
/// to judge other records (licenses, hours) is looked at when a schedule is published, because they are replaced in steps.
/// On what is `new` nothing rests yet, but for days off.
pub(super) async fn follow(tx: &mut Tx, kind: &'static str, id: Uuid, new: bool) -> Result<()> {
    let statement = match kind {
        TimeOff::KIND => &OF_TIME_OFF,
        Service::KIND if !new => &OF_SERVICE,
        Educator::KIND if !new => &OF_EDUCATOR,
        Calendar::KIND if !new => &OF_CALENDAR,
        _ => return Ok(()),
    };
    let at = tx.at;
    // Whoever books meanwhile has either done so before this looks, or knows of the change. SQLite has one writer.
    if matches!(tx.link, Link::Pg(_)) {
        for term in tx.rows(&TERMS, args![at.date_naive()]).await? {
            schedules::lock(tx, term.id("id")?).await?;
        }
    }
    let ids: Vec<SessionId> =
        tx.rows(statement, args![id, at]).await?.iter().map(|row| row.id("id")).collect::<Result<_>>()?;
    let mut found = Vec::new();
    for id in ids {
        let booking = makeup::find(tx, id).await?;
        if let Some(why) = prevented(tx, &booking).await? {
            found.push((booking, why));
        }
    }
    take_back(tx, &found).await
}

/// Takes back what is still to come of what was booked for an entry that lacks nothing any more.
pub(super) async fn settled(tx: &mut Tx, entry: LogId) -> Result<()> {
    let mut booked = makeup::of_entries(tx, &[entry]).await?;
    booked.retain(|booking| !booking.logged && !booking.meeting.has_begun(tx.at));
    let why = "nothing is left to make up";
    let found: Vec<(Booking, String)> = booked.into_iter().map(|booking| (booking, why.to_owned())).collect();
    take_back(tx, &found).await
}

async fn prevented(tx: &mut Tx, booking: &Booking) -> Result<Option<String>> {
    let Some(student) = booking.meeting.students.first() else { return Ok(None) };
    let why = makeup::prevented(tx, &booking.meeting, student.service_id, false).await?;
    Ok(why.map(|why| why.to_string()))
}

/// Takes booked sessions that have not begun out of the calendar, whatever is logged of them ahead, and owes their
/// educators and the special-education coordinators of their districts a mail.
pub async fn take_back(tx: &mut Tx, found: &[(Booking, String)]) -> Result<()> {
    let mut educators: BTreeMap<TermId, BTreeSet<EducatorId>> = BTreeMap::new();
    let mut districts: BTreeMap<DistrictId, Vec<(String, String)>> = BTreeMap::new();
    for (booking, why) in found {
        makeup::take_out(tx, booking, why).await?;
        let Meeting { district_id, school_id, tz, held_on, starts, ends, .. } = booking.meeting;
        educators.entry(booking.term_id).or_default().insert(booking.educator_id);
        let school = get::<School>(tx, school_id).await?.body.name;
        let when = spoken::meeting(tz, held_on, starts, ends);
        districts.entry(district_id).or_default().push((format!("{when}, {school}"), why.clone()));
    }
    let Some(hold) = tx.mail_hold else { return Ok(()) };
    for (term, educators) in educators {
        mail::announce(tx, term, &educators, hold).await?;
    }
    for (district, mut facts) in districts {
        let more = facts.len().saturating_sub(LISTED);
        facts.truncate(LISTED);
        if more > 0 {
            facts.push(("And".into(), format!("{more} more")));
        }
        let notice = Notice {
            subject: "Make-up sessions were taken back".into(),
            text: vec!["These booked make-up sessions can no longer be held. What they were to give is to be made up again, where it is still owed; times are the school's.".into()],
            facts,
            link: Some(("Service minutes".into(), "/minutes".into())),
        };
        for account in accounts::of_role(tx, Role::SpecialEducation, &BTreeSet::from([district])).await? {
            mail::notify(tx, Recipient::Account(account.id), notice.clone()).await?;
        }
    }
    Ok(())
}
