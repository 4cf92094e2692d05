//! Booked make-ups that can no longer be held: found when a schedule takes their time, or a record changes that they rest
//! on, and taken back in that transaction. Whoever is concerned is owed a mail; the minutes are to be made up again.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::error::{Result, StoreError};
use super::mail::{self, Recipient};
use super::makeup::{self, Booking};
use super::tx::{Tx, statements};
use super::{accounts, get};
use crate::args;
use crate::domain::actor::Role;
use crate::domain::id::{EducatorId, LogId, SessionId, TermId};
use crate::domain::mail::Notice;
use crate::domain::makeup::Unfit;
use crate::domain::record::Record as _;
use crate::domain::records::{Calendar, Educator, School, Service, TimeOff};
use crate::domain::session::Meeting;
use crate::domain::spoken;

statements! {
    OF_SERVICE = "SELECT n.id FROM session n JOIN session_student x ON x.session_id = n.id WHERE x.service_id = $1 AND n.makes_up IS NOT NULL AND n.starts_at > $2 ORDER BY n.starts_at, n.id";
    OF_EDUCATOR = "SELECT n.id FROM session n WHERE n.educator_id = $1 AND n.makes_up IS NOT NULL AND n.starts_at > $2 ORDER BY n.starts_at, n.id";
    OF_TIME_OFF = "SELECT n.id FROM time_off o JOIN session n ON n.educator_id = o.educator_id WHERE o.id = $1 AND n.makes_up IS NOT NULL AND n.starts_at > $2 ORDER BY n.starts_at, n.id";
    OF_CALENDAR = "SELECT n.id FROM calendar c JOIN session n ON n.term_id = c.term_id AND n.district_id = c.district_id \
                   WHERE c.id = $1 AND n.makes_up IS NOT NULL AND n.starts_at > $2 ORDER BY n.starts_at, n.id";
    /// Of a calendar, how many would have none without it.
    BEREFT = "SELECT COUNT(*) AS many FROM calendar c JOIN session n ON n.term_id = c.term_id AND n.district_id = c.district_id \
              WHERE c.id = $1 AND n.makes_up IS NOT NULL AND n.starts_at > $2 AND (c.school_id IS NULL OR c.school_id = n.school_id) \
              AND NOT EXISTS (SELECT 1 FROM calendar o WHERE o.id <> c.id AND o.term_id = c.term_id AND o.district_id = c.district_id \
              AND (o.school_id IS NULL OR o.school_id = n.school_id))";
}

/// Sessions that a mail lists.
const LISTED: usize = 12;

/// Those to come of a term that could not be held beside these meetings, or not at all any more, each with the reason.
pub async fn to_schedule(tx: &mut Tx, term: TermId, meetings: &[Meeting]) -> Result<Vec<(Booking, String)>> {
    let mut found = Vec::new();
    for booking in makeup::to_come(tx, term).await? {
        if meetings.iter().any(|meeting| meeting.meets(&booking.meeting)) {
            found.push((booking, "the schedule needs its time".to_owned()));
        } else if let Some(why) = unfit(tx, &booking).await? {
            found.push((booking, why.to_string()));
        }
    }
    Ok(found)
}

/// What a changed record takes back: an ended service, days off, an educator who leaves, a closed school; of each only what
/// such a change brings about. Licenses and hours are looked at when a schedule is published, because they are replaced in
/// steps. On what is `new` nothing rests yet, but for days off and a calendar that goes before another.
pub(super) async fn follow(tx: &mut Tx, kind: &'static str, id: Uuid, new: bool) -> Result<()> {
    if new && [Service::KIND, Educator::KIND].contains(&kind) {
        return Ok(());
    }
    let ids = resting(tx, kind, id).await?;
    judge(tx, kind, ids).await
}

/// Those to come that rest on a record which is to be deleted: days on which its calendar alone has school are days off then.
/// Services and educators on which something rests are not deleted, and without days off more can be held. The only calendar
/// there is stays for as long as something is booked by it, unless a batch brings another.
pub(super) async fn resting_on_calendar(tx: &mut Tx, kind: &'static str, id: Uuid) -> Result<Vec<SessionId>> {
    if kind != Calendar::KIND {
        return Ok(Vec::new());
    }
    let found = resting(tx, kind, id).await?;
    if tx.put_off.is_none() {
        let many: i64 = tx.row(&BEREFT, args![id, tx.at]).await?.map_or(Ok(0), |row| row.get("many"))?;
        if many > 0 {
            let booked = if many == 1 { "a make-up session is".into() } else { format!("{many} make-up sessions are") };
            let text = format!(
                "{booked} booked by this calendar, and there is no other; change it, add another first, or cancel what is booked"
            );
            return Err(StoreError::Needed(text));
        }
    }
    Ok(found)
}

/// Booked sessions to come that rest on a record.
async fn resting(tx: &mut Tx, kind: &'static str, id: Uuid) -> Result<Vec<SessionId>> {
    let statement = match kind {
        TimeOff::KIND => &OF_TIME_OFF,
        Service::KIND => &OF_SERVICE,
        Educator::KIND => &OF_EDUCATOR,
        Calendar::KIND => &OF_CALENDAR,
        _ => return Ok(Vec::new()),
    };
    let at = tx.at;
    makeup::hold_off(tx).await?;
    tx.rows(statement, args![id, at]).await?.iter().map(|row| row.id("id")).collect()
}

/// Takes back those of these sessions that a change of a record of this kind prevents, at once or when [`look_again`] ends
/// what [`put_off`] began.
pub(super) async fn judge(tx: &mut Tx, kind: &'static str, ids: Vec<SessionId>) -> Result<()> {
    let changed = ids.into_iter().map(|id| (id, BTreeSet::from([kind])));
    match &mut tx.put_off {
        Some(noted) => {
            changed.for_each(|(id, kinds)| noted.entry(id).or_default().extend(kinds));
            Ok(())
        }
        None => take_back_of(tx, changed.collect()).await,
    }
}

/// From here on nothing is taken back: a batch replaces records in steps.
pub(super) fn put_off(tx: &mut Tx) {
    tx.put_off = Some(BTreeMap::new());
}

/// Takes back what was put off and is prevented by the records as they are now.
pub(super) async fn look_again(tx: &mut Tx) -> Result<()> {
    let noted = tx.put_off.take().unwrap_or_default();
    take_back_of(tx, noted).await
}

/// Of these sessions, each with the kinds of record that changed under it.
async fn take_back_of(tx: &mut Tx, changed: BTreeMap<SessionId, BTreeSet<&'static str>>) -> Result<()> {
    let mut found = Vec::new();
    for (id, kinds) in changed {
        // Somebody else may have taken it back meanwhile.
        let Some(booking) = makeup::find(tx, id).await.map(Some).or_else(missing)? else { continue };
        let why = unfit(tx, &booking).await?;
        if let Some(why) = why.filter(|why| kinds.iter().any(|kind| brings(kind, *why))) {
            found.push((booking, why.to_string()));
        }
    }
    take_back(tx, &found).await
}

/// Whether a change of a record of this kind can be why a session does not suit any more.
fn brings(kind: &str, why: Unfit) -> bool {
    match why {
        Unfit::NotOwed => kind == Service::KIND,
        // Windows may name days of a calendar's cycle.
        Unfit::Window => [Service::KIND, Calendar::KIND].contains(&kind),
        Unfit::Away => kind == TimeOff::KIND,
        Unfit::Closed => kind == Calendar::KIND,
        Unfit::Inactive => kind == Educator::KIND,
        Unfit::Past
        | Unfit::Student
        | Unfit::Educator
        | Unfit::Unlicensed
        | Unfit::Hours
        | Unfit::Week(..)
        | Unfit::Day(..) => false,
    }
}

/// Takes back what is still to come of what was booked for an entry that lacks nothing any more.
pub(super) async fn settled(tx: &mut Tx, entry: LogId) -> Result<()> {
    makeup::hold_off(tx).await?;
    let mut booked = makeup::of_entries(tx, &[entry]).await?;
    booked.retain(|booking| !booking.logged && !booking.meeting.has_begun(tx.at));
    let why = "nothing is left to make up";
    let found: Vec<(Booking, String)> = booked.into_iter().map(|booking| (booking, why.to_owned())).collect();
    take_back(tx, &found).await
}

fn missing(error: StoreError) -> Result<Option<Booking>> {
    if matches!(error, StoreError::NotFound { .. }) { Ok(None) } else { Err(error) }
}

async fn unfit(tx: &mut Tx, booking: &Booking) -> Result<Option<Unfit>> {
    let Some(student) = booking.meeting.students.first() else { return Ok(None) };
    makeup::prevented(tx, &booking.meeting, student.service_id).await
}

/// Takes booked sessions that have not begun out of the calendar, whatever is logged of them ahead, and owes their
/// educators and, once the transaction commits, the special-education coordinators of their districts a mail.
pub async fn take_back(tx: &mut Tx, found: &[(Booking, String)]) -> Result<()> {
    let mut educators: BTreeMap<TermId, BTreeSet<EducatorId>> = BTreeMap::new();
    for (booking, why) in found {
        if !makeup::take_out(tx, booking, why).await? {
            continue;
        }
        let Meeting { district_id, school_id, tz, held_on, starts, ends, .. } = booking.meeting;
        educators.entry(booking.term_id).or_default().insert(booking.educator_id);
        let school = get::<School>(tx, school_id).await?.body.name;
        let when = spoken::meeting(tz, held_on, starts, ends);
        tx.taken_back.entry(district_id).or_default().push((format!("{when}, {school}"), why.clone()));
    }
    let Some(hold) = tx.mail_hold else { return Ok(()) };
    for (term, educators) in educators {
        mail::announce(tx, term, &educators, hold).await?;
    }
    Ok(())
}

/// Owes special education one notice for each district of what a transaction has taken back, however many changes did.
pub(super) async fn tell(tx: &mut Tx) -> Result<()> {
    let taken_back = std::mem::take(&mut tx.taken_back);
    if tx.mail_hold.is_none() {
        return Ok(());
    }
    for (district, mut facts) in taken_back {
        let many = facts.len();
        let more = many.saturating_sub(LISTED);
        facts.truncate(LISTED);
        if more > 0 {
            facts.push(("And".into(), format!("{more} more")));
        }
        let notice = Notice {
            subject: if many == 1 { "A make-up session was taken back".into() } else { format!("{many} make-up sessions were taken back") },
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
