//! An absence taken back, by the educator or by whoever plans, before its first meeting begins: what that would mean,
//! and doing it.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State as Axum;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::absences::permit;
use super::again::again;
use super::error::Error;
use super::extract::{NoQuery, Path};
use super::room::{self, Rooms};
use crate::domain::actor::{Actor, Role, Verb};
use crate::domain::id::{AbsenceId, EducatorId};
use crate::domain::mail::Notice;
use crate::domain::records::Educator;
use crate::domain::spoken;
use crate::domain::time;
use crate::store::absences::{self, Absence};
use crate::store::mail::Recipient;
use crate::store::sessions::{self, Listed, Visible, Wanted};
use crate::store::withdrawals::{self, Returning};
use crate::store::{self, Tx, accounts, mail, schedules};

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(withdraw))
}

/// What taking an absence back would mean
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TakingBack {
    /// Meetings that return to the educator.
    pub meetings: usize,
    /// Of them, those for which an adult was to be in the room.
    pub rooms: usize,
    /// Who stands in no more.
    pub released: Vec<Released>,
}

/// Somebody who stands in no more
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Released {
    #[schema(value_type = Uuid)]
    pub educator_id: EducatorId,
    pub name: String,
    pub meetings: usize,
}

/// None where it is too late, or it was taken back before.
pub(super) async fn meaning(tx: &mut Tx, absence: &Absence) -> Result<Option<TakingBack>, Error> {
    if absence.withdrawn_at.is_some() || begun(tx, absence).await? {
        return Ok(None);
    }
    let meetings = withdrawals::returning(tx, absence).await?;
    let mut by: BTreeMap<EducatorId, usize> = BTreeMap::new();
    for from in meetings.iter().filter_map(|meeting| meeting.from) {
        *by.entry(from).or_default() += 1;
    }
    let mut released = Vec::new();
    for (educator_id, meetings) in by {
        let name = store::get::<Educator>(tx, educator_id).await?.body.display_name;
        released.push(Released { educator_id, name, meetings });
    }
    let rooms = if absence.approved_at.is_some() { meetings.iter().filter(|m| m.from.is_none()).count() } else { 0 };
    Ok(Some(TakingBack { meetings: meetings.len(), rooms, released }))
}

/// Whether its first meeting, or where it has none its first day, has begun.
async fn begun(tx: &mut Tx, absence: &Absence) -> Result<bool, Error> {
    let tz = store::get::<Educator>(tx, absence.educator_id).await?.body.tz;
    let day = time::to_utc(tz, absence.first_on, time::DAY_MINUTES);
    Ok(withdrawals::begins_at(tx, absence).await?.unwrap_or_else(|| time::instant(day)) <= time::now())
}

impl State {
    /// Takes an absence back; whoever is concerned is owed a mail.
    pub async fn withdraw_absence(&self, actor: &Actor, id: AbsenceId) -> Result<Absence, Error> {
        again(Error::is_busy, || self.try_to_withdraw(actor, id)).await
    }

    async fn try_to_withdraw(&self, actor: &Actor, id: AbsenceId) -> Result<Absence, Error> {
        let mut tx = self.write(actor).await?;
        let absence = absences::get(&mut tx, id).await?;
        permit(actor, Verb::Write, absence.educator_id, "absence", &id.to_string())?;
        schedules::lock(&mut tx, absence.term_id).await?;
        if absence.withdrawn_at.is_some() {
            return Err(Error::Conflict("it was taken back before".into()));
        }
        if begun(&mut tx, &absence).await? {
            let why =
                "it has begun; the staffing office can shorten the days off in the records, and repair the schedule";
            return Err(Error::Conflict(why.into()));
        }
        let meetings = withdrawals::returning(&mut tx, &absence).await?;
        let rooms =
            if absence.approved_at.is_some() { rooms(&mut tx, &absence, &meetings).await? } else { Rooms::new() };
        if !withdrawals::withdraw(&mut tx, &absence, &meetings).await? {
            return Err(Error::Conflict("it was taken back meanwhile".into()));
        }
        if let Some(settings) = &self.settings.mail {
            let mut touched: BTreeSet<EducatorId> = meetings.iter().filter_map(|meeting| meeting.from).collect();
            if !meetings.is_empty() {
                touched.insert(absence.educator_id);
            }
            mail::announce(&mut tx, absence.term_id, &touched, settings.hold).await?;
            room::need_no_adults(&mut tx, rooms).await?;
            if actor.educator.is_some() {
                tell_planners(&mut tx, &absence, "has taken an absence back").await?;
            }
        }
        let absence = absences::get(&mut tx, id).await?;
        tx.commit().await?;
        Ok(absence)
    }
}

/// The rooms for which an adult was asked.
async fn rooms(tx: &mut Tx, absence: &Absence, meetings: &[Returning]) -> Result<Rooms, Error> {
    let open: BTreeSet<_> = meetings.iter().filter(|m| m.from.is_none()).map(|meeting| meeting.session_id).collect();
    let (Some(first), Some(last)) = (meetings.first(), meetings.last()) else { return Ok(Rooms::new()) };
    let wanted = Wanted {
        from: first.starts_at,
        to: last.starts_at + chrono::TimeDelta::minutes(1),
        educator_id: Some(absence.educator_id),
        school_id: None,
        district_id: None,
    };
    let mut rooms = Rooms::new();
    let all: Vec<Listed> = sessions::list(tx, &Visible::ALL, wanted, None, 5000).await?;
    for listed in all.iter().filter(|listed| open.contains(&listed.session.id)) {
        rooms.entry(listed.session.meeting.district_id).or_default().push(room::line(listed));
    }
    Ok(rooms)
}

/// Owes those who plan a notice of what an educator did themselves. Why somebody is away is told by no mail.
pub(super) async fn tell_planners(tx: &mut Tx, absence: &Absence, did: &str) -> Result<(), Error> {
    let days = if absence.first_on == absence.last_on {
        spoken::long_date(absence.first_on)
    } else {
        format!("{} to {}", spoken::long_date(absence.first_on), spoken::long_date(absence.last_on))
    };
    let notice = Notice {
        subject: format!("{} {did}", absence.educator_name),
        text: vec![format!("{} {did}.", absence.educator_name)],
        facts: vec![("Days".into(), days)],
        link: Some(("Open it".into(), format!("/absences/{}", absence.id))),
    };
    for account in accounts::of_role(tx, Role::Coordinator, &BTreeSet::new()).await? {
        mail::notify(tx, Recipient::Account(account.id), notice.clone()).await?;
    }
    Ok(())
}

/// Take an absence back
///
/// Until its first meeting begins. The days are no time off any more; its meetings return to the educator, whoever stood
/// in is released, and everybody concerned gets an updated invitation or a cancellation.
#[utoipa::path(post, path = "/api/v1/absences/{id}/withdraw", operation_id = "withdrawAbsence", tag = "absences", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "it is taken back", body = Absence),
    (status = 404, description = "there is no such absence"),
    (status = 409, description = "it has begun, it was taken back before, or the educator has another session at that time"),
))]
async fn withdraw(
    Axum(state): Axum<State>,
    actor: Actor,
    Path(id): Path<AbsenceId>,
    _: NoQuery,
) -> Result<axum::Json<Absence>, Error> {
    state.withdraw_absence(&actor, id).await.map(axum::Json)
}
