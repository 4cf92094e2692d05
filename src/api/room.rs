//! Where nobody can teach: an adult in the room, whom the district is asked for in the transaction that leaves it so.

use std::collections::{BTreeMap, BTreeSet};

use super::error::Error;
use crate::domain::actor::Role;
use crate::domain::id::{DistrictId, NeedId, RecordId as _};
use crate::domain::mail::Notice;
use crate::domain::session::{Meeting, Purpose, SessionStatus};
use crate::domain::spoken;
use crate::engine::difference::{self, Change};
use crate::engine::outcome::Schedule;
use crate::engine::problem::Problem;
use crate::store::mail::Recipient;
use crate::store::schedules::Publication;
use crate::store::sessions::{self, Listed, Visible, Wanted};
use crate::store::{Tx, accounts, mail, schedules};

/// Rooms that a mail lists.
const LISTED: usize = 30;
/// Most meetings of one district that are looked at.
const MOST: i64 = 20_000;

/// By district, one line for each room.
pub type Rooms = BTreeMap<DistrictId, Vec<String>>;

/// `Wed, Sep 16, 9:00–9:45 AM EDT, Physics, Hudson High School`.
pub fn line(listed: &Listed) -> String {
    let meeting = &listed.session.meeting;
    let what = listed.title();
    let when = spoken::meeting(meeting.tz, meeting.held_on, meeting.starts, meeting.ends);
    format!("{when}, {what}, {}", listed.school_name)
}

/// The needs of a problem that are served as it stands, and that nobody would serve any more.
pub fn left(standing: &Schedule, next: &Schedule, problem: &Problem) -> BTreeSet<String> {
    let sections = problem.sections.iter().map(|section| section.id.as_str());
    let owed: BTreeSet<&str> = sections.chain(problem.services.iter().map(|service| service.id.as_str())).collect();
    let changes = difference::between(standing, next).needs.into_iter();
    changes.filter(|c| c.change == Change::Dropped && owed.contains(c.need.as_str())).map(|c| c.need).collect()
}

/// The rooms that a publication leaves without an educator from now on, before it is written.
pub async fn left_by(tx: &mut Tx, new: &Publication, problem: &Problem) -> Result<Rooms, Error> {
    let next: Schedule = serde_json::from_str(&new.schedule).map_err(Error::internal)?;
    let left = left(&schedules::standing(tx, new.term_id).await?, &next, problem);
    let mut rooms = Rooms::new();
    if left.is_empty() {
        return Ok(rooms);
    }
    let to = problem.term.last.plus_days(2).0.and_time(chrono::NaiveTime::MIN).and_utc();
    for district in &new.districts {
        let wanted = Wanted { from: tx.at, to, educator_id: None, school_id: None, district_id: Some(*district) };
        let mut of_need: BTreeMap<String, (String, usize)> = BTreeMap::new();
        for listed in sessions::list(tx, &Visible::ALL, wanted, None, MOST).await? {
            let meeting = &listed.session.meeting;
            let Some(need) = needs(meeting).into_iter().find(|need| left.contains(need)) else { continue };
            if listed.session.term_id == new.term_id && meeting.status == SessionStatus::Planned {
                of_need.entry(need).or_insert_with(|| (line(&listed), 0)).1 += 1;
            }
        }
        let said = of_need.into_values().map(|(first, count)| match count {
            1 => first,
            _ => format!("{first}, and the {} after it", count - 1),
        });
        let lines: Vec<String> = said.collect();
        if !lines.is_empty() {
            rooms.insert(*district, lines);
        }
    }
    Ok(rooms)
}

/// The ids of the needs that a meeting serves.
pub fn needs(meeting: &Meeting) -> Vec<String> {
    match &meeting.purpose {
        Purpose::Section(id) => vec![NeedId::from_uuid(id.uuid()).to_string()],
        Purpose::Service(_) => meeting.students.iter().map(|student| student.service_id.to_string()).collect(),
    }
}

/// Owes the HR of each district a notice of its rooms.
pub async fn ask_for_adults(tx: &mut Tx, rooms: Rooms, why: &str) -> Result<(), Error> {
    let text = format!(
        "{why}, and nobody with the license and clearance has the time to stand in. Please send an adult into these rooms; times are the school's."
    );
    tell(tx, rooms, "An adult is needed in the room", &text, "In the room").await
}

/// The same of rooms for which one was asked and that need none any more.
pub async fn need_no_adults(tx: &mut Tx, rooms: Rooms) -> Result<(), Error> {
    let text = "The educator is there after all. No adult is needed in these rooms; times are the school's.";
    tell(tx, rooms, "No adult is needed in the room after all", text, "Taught").await
}

async fn tell(tx: &mut Tx, rooms: Rooms, subject: &str, text: &str, each: &str) -> Result<(), Error> {
    for (district, mut lines) in rooms {
        let more = lines.len().saturating_sub(LISTED);
        lines.truncate(LISTED);
        let mut facts: Vec<(String, String)> = lines.into_iter().map(|line| (each.to_owned(), line)).collect();
        if more > 0 {
            facts.push(("And".into(), format!("{more} more, on the page")));
        }
        let notice = Notice {
            subject: subject.to_owned(),
            text: vec![text.to_owned()],
            facts,
            link: Some(("The week".into(), format!("/districts/{district}/week"))),
        };
        for account in accounts::of_role(tx, Role::DistrictHr, &BTreeSet::from([district])).await? {
            mail::notify(tx, Recipient::Account(account.id), notice.clone()).await?;
        }
    }
    Ok(())
}
