//! Whether a published session still fits what the records say of its educator today: what was true when it was
//! published may have changed since. Looks at single sessions; the whole of a schedule is `verify`'s to judge.

use std::collections::BTreeMap;

use crate::api::error::Error;
use crate::domain::id::{DistrictId, EducatorId, NeedId, RecordId as _, ServiceId};
use crate::domain::record::Stored;
use crate::domain::records::{Clearance, Course, District, Educator, License, Pin, Section, Service, TimeOff, Veto};
use crate::domain::session::{Meeting, Purpose, SessionStatus};
use crate::store::{self, Tx};

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    pub said: &'static str,
    pub what_to_do: &'static str,
}

/// What the records say of one educator.
pub struct Fit {
    educator: EducatorId,
    active: bool,
    licenses: Vec<Stored<License>>,
    clearances: Vec<Stored<Clearance>>,
    time_off: Vec<Stored<TimeOff>>,
    vetoes: Vec<Stored<Veto>>,
}

impl Fit {
    pub async fn read(tx: &mut Tx, educator: EducatorId) -> Result<Self, Error> {
        Ok(Self {
            educator,
            active: store::get::<Educator>(tx, educator).await?.body.active,
            licenses: store::children(tx, "educator_id", educator).await?,
            clearances: store::children(tx, "educator_id", educator).await?,
            time_off: store::children(tx, "educator_id", educator).await?,
            vetoes: store::children(tx, "educator_id", educator).await?,
        })
    }

    /// Everything that no longer fits this session.
    pub async fn of(&self, tx: &mut Tx, facts: &mut Facts, meeting: &Meeting) -> Result<Vec<Misfit>, Error> {
        let need = need(meeting);
        let state = facts.state(tx, meeting.district_id).await?;
        let Known { areas, lock } = match need {
            Some(need) => facts.need(tx, need, meeting).await?,
            None => Known::default(),
        };
        let mut found = Vec::new();
        let mut unless = |fits: bool, said, what_to_do| {
            if !fits {
                found.push(Misfit { said, what_to_do });
            }
        };
        let on = meeting.held_on;
        unless(self.active, "not active", "give the need to somebody else, or make the educator active again");
        let away = self.time_off.iter().any(|off| (off.body.first_on..=off.body.last_on).contains(&on));
        let known = meeting.status == SessionStatus::Uncovered;
        unless(!away || known, "away that day", "plan again, so that the day is covered or made up");
        let cleared = self.clearances.iter().any(|clearance| clearance.body.state == state);
        unless(cleared, "not cleared", "clear the educator in the school’s state, or give the need to somebody else");
        let licensed = self.licenses.iter().any(|license| {
            let License { state: of, area, issued_on, expires_on, .. } = &license.body;
            *of == state && areas.contains(area) && (*issued_on..=*expires_on).contains(&on)
        });
        let renew = "renew the license, or give the need to somebody else";
        unless(licensed || areas.is_empty(), "no license that day", renew);
        let banned = self.vetoes.iter().any(|veto| veto.body.school_id == meeting.school_id);
        unless(!banned, "banned from the school", "give the need to somebody else, or undo the ban");
        let elsewhere = lock.is_some_and(|lock| lock.educator_id != self.educator);
        unless(!elsewhere, "locked to somebody else", "plan again and publish, or undo the lock");
        Ok(found)
    }
}

/// The need that a session serves; of a group, the first one's.
pub fn need(meeting: &Meeting) -> Option<NeedId> {
    match &meeting.purpose {
        Purpose::Section(id) => Some(NeedId::from(*id)),
        Purpose::Service(_) => meeting.students.first().map(|student| NeedId::from(student.service_id)),
    }
}

/// What many sessions of a board have in common, read once.
#[derive(Default)]
pub struct Facts {
    states: BTreeMap<DistrictId, String>,
    needs: BTreeMap<NeedId, Known>,
}

/// License areas of which one is enough (none where the need was deleted since), and its lock.
#[derive(Clone, Default)]
struct Known {
    areas: Vec<String>,
    lock: Option<Pin>,
}

impl Facts {
    async fn state(&mut self, tx: &mut Tx, district: DistrictId) -> Result<String, Error> {
        if let Some(state) = self.states.get(&district) {
            return Ok(state.clone());
        }
        let state = store::get::<District>(tx, district).await?.body.state;
        self.states.insert(district, state.clone());
        Ok(state)
    }

    /// The lock of a need that was looked at before, where cautions were overridden for it.
    pub fn overriding(&self, need: NeedId) -> Option<&Pin> {
        self.needs.get(&need)?.lock.as_ref().filter(|lock| !lock.overrides.is_empty())
    }

    async fn need(&mut self, tx: &mut Tx, need: NeedId, meeting: &Meeting) -> Result<Known, Error> {
        if let Some(known) = self.needs.get(&need) {
            return Ok(known.clone());
        }
        let (areas, pins) = match &meeting.purpose {
            Purpose::Section(id) => {
                let areas = match store::find::<Section>(tx, *id).await? {
                    Some(section) => store::get::<Course>(tx, section.body.course_id).await?.body.areas,
                    None => Vec::new(),
                };
                (areas, store::children::<Pin>(tx, "section_id", *id).await?)
            }
            Purpose::Service(_) => {
                let id = ServiceId::from_uuid(need.uuid());
                let service = store::find::<Service>(tx, id).await?;
                let pins = store::children::<Pin>(tx, "service_id", id).await?;
                (service.map_or(Vec::new(), |service| service.body.areas), pins)
            }
        };
        let known = Known { areas, lock: pins.into_iter().next().map(|pin| pin.body) };
        self.needs.insert(need, known.clone());
        Ok(known)
    }
}
