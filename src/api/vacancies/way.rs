//! The way of vacancies: whoever may take a step takes it here, by page or by program, and everybody concerned is written
//! to in the same transaction.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::fitness::{self, Fitness, Wanted};
use crate::api::State;
use crate::api::error::Error;
use crate::domain::actor::{Actor, Reach, Role, Thing, Verb};
use crate::domain::id::{EducatorId, OfferId, VacancyId};
use crate::domain::record::Stored;
use crate::domain::records as kept;
use crate::domain::vacancy::letters::{self, About, Outcome, moment};
use crate::domain::vacancy::terms::Class;
use crate::domain::vacancy::timers::{History, Timers};
use crate::domain::vacancy::{Party, READINESS, Stage};
use crate::store::mail::{self, Recipient};
use crate::store::vacancies::{self, Done, NewOffer, Offer, Step};
use crate::store::{self, Tx, accounts};

/// Longest reason, in characters.
const REASON: usize = 500;

/// A vacancy as it stands, for whoever may see it.
pub struct Standing {
    pub vacancy: Stored<kept::Vacancy>,
    pub district: kept::District,
    pub term: kept::Term,
    /// Its sections on the district's clock, from now on.
    pub classes: Vec<Class>,
    pub stage: Stage,
    pub steps: Vec<Step>,
    /// To the office all; to a district the proposals.
    pub offers: Vec<Offer>,
    pub timers: Timers,
    /// Item, title, and who readied it.
    pub readiness: Vec<(&'static str, &'static str, Option<Done>)>,
    /// Whoever is proposed, offered or has accepted, as their papers are now.
    pub taker: Option<(EducatorId, Fitness)>,
}

/// How somebody answers.
#[derive(Clone, Debug)]
pub enum Answer {
    Accept,
    Decline {
        reason: String,
        /// Never match these two again: a ban in every later run.
        veto: bool,
    },
}

fn bounded(reason: &str) -> Result<&str, Error> {
    let good = reason.chars().count() <= REASON && !reason.contains('\0');
    if good { Ok(reason.trim()) } else { Err(Error::field("/reason", format!("give at most {REASON} characters"))) }
}

/// Whose step this is, from where the vacancy stands; refused if it does not follow, or is not this actor's.
async fn may_follow(tx: &mut Tx, actor: &Actor, id: VacancyId, to: Stage) -> Result<Stage, Error> {
    let stage = vacancies::stage(tx, id).await?;
    match stage.mover(to) {
        None => {
            let next: Vec<&str> = stage.steps().iter().map(|(stage, _)| stage.name()).collect();
            let next = if next.is_empty() {
                "nothing follows that".into()
            } else {
                format!("it may become {}", next.join(", "))
            };
            Err(Error::Conflict(format!("the vacancy is {stage}, and cannot become {to}; {next}")))
        }
        Some(Party::Office) if !actor.may(Verb::Write, Thing::Planning) => Err(Error::Forbidden),
        Some(_) => Ok(stage),
    }
}

fn in_time(tx: &Tx, deadline: DateTime<Utc>) -> Result<(), Error> {
    if deadline > tx.at && deadline < tx.at + TimeDelta::days(366) {
        return Ok(());
    }
    Err(Error::field("/deadline_at", "give an instant ahead of now, within a year"))
}

/// Whom the vacancy was given to, as far as it has come.
fn taker(stage: Stage, offers: &[Offer]) -> Option<&Offer> {
    let of = |kind: &str, state: &str| offers.iter().rev().find(|offer| offer.kind == kind && offer.state == state);
    match stage {
        Stage::Proposed => of("proposal", "waiting"),
        Stage::DistrictAccepted => of("proposal", "accepted"),
        Stage::Offered => of("offer", "waiting"),
        stage if stage.is_taken() => of("offer", "accepted"),
        _ => None,
    }
}

fn about(offer: &Offer) -> About<'_> {
    About { id: offer.vacancy_id, title: &offer.title, district: &offer.district_name }
}

impl State {
    /// A vacancy as it stands. To whoever may not see it, it does not exist.
    pub async fn vacancy(&self, actor: &Actor, id: VacancyId) -> Result<Standing, Error> {
        let mut tx = self.db.read().await?;
        let vacancy = store::get_for::<kept::Vacancy>(&mut tx, actor, id).await?;
        let mut steps = vacancies::steps(&mut tx, id).await?;
        let stage = steps.last().map(|step| step.stage).ok_or_else(|| Error::internal("a vacancy without a step"))?;
        let mut offers = vacancies::of_vacancy(&mut tx, id).await?;
        let wanted = Wanted::read(&mut tx, vacancy).await?;
        let dated: Vec<(Stage, DateTime<Utc>)> = steps.iter().map(|step| (step.stage, step.at)).collect();
        let (calendar, needed) = wanted.school_time();
        let timers = History { steps: &dated, calendar, needed, tz: wanted.district.tz }.timers(tx.at);
        let mut done = vacancies::ready(&mut tx, id).await?;
        let taker = match taker(stage, &offers).map(|offer| offer.educator_id) {
            Some(educator) => Some((educator, wanted.fitness(&mut tx, educator).await?)),
            None => None,
        };
        // What others were offered is the office's to know; the district sees whom it was proposed.
        if !actor.may(Verb::Read, Thing::Planning) {
            offers.retain(Offer::is_proposal);
            // Nor why an educator declined.
            for at in 1..steps.len() {
                if steps[at].stage == Stage::Declined && steps[at - 1].stage == Stage::Offered {
                    steps[at].reason.clear();
                }
            }
        }
        let classes = wanted.terms(wanted.district.tz).sections;
        let Wanted { vacancy, district, term, .. } = wanted;
        let readiness = READINESS.iter().map(|&(item, title)| (item, title, done.remove(item))).collect();
        Ok(Standing { vacancy, district, term, classes, stage, steps, offers, timers, readiness, taker })
    }

    /// Takes a step that is neither a proposal nor an offer nor an answer.
    pub async fn step_vacancy(&self, actor: &Actor, id: VacancyId, to: Stage, reason: &str) -> Result<(), Error> {
        let mut tx = self.write(actor).await?;
        store::permit::<kept::Vacancy>(&mut tx, actor, Some(id), None).await?;
        let reason = bounded(reason)?;
        if !to.is_taken_by_hand() {
            return Err(Error::field("/stage", "make a proposal or an offer, or answer it"));
        }
        let from = may_follow(&mut tx, actor, id, to).await?;
        if reason.is_empty() && from.needs_reason(to) {
            return Err(Error::field("/reason", "say why, in a word or two"));
        }
        if matches!(to, Stage::Onboarding | Stage::Live) {
            let missing = self.missing(&mut tx, id, from, to).await?;
            if !missing.is_empty() {
                return Err(Error::Conflict(format!("not yet {to}: {}", missing.join("; "))));
            }
        }
        if matches!(to, Stage::Open | Stage::Withdrawn | Stage::Cancelled) {
            self.let_go(&mut tx, id, from).await?;
        }
        vacancies::step(&mut tx, id, to, reason).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What stands between a vacancy and this step.
    async fn missing(&self, tx: &mut Tx, id: VacancyId, from: Stage, to: Stage) -> Result<Vec<String>, Error> {
        let offers = vacancies::of_vacancy(tx, id).await?;
        let Some(taken) = taker(from, &offers) else { return Ok(vec!["nobody has accepted an offer".into()]) };
        let mut missing = fitness::wanted(tx, id).await?.fitness(tx, taken.educator_id).await?.missing;
        if to == Stage::Live {
            let ready = vacancies::ready(tx, id).await?;
            let open = READINESS.iter().filter(|(item, _)| !ready.contains_key(*item));
            missing.extend(open.map(|(_, title)| format!("{title}: not ready")));
        }
        Ok(missing)
    }

    /// Nobody is asked any more, and nobody is locked to the sections any more.
    async fn let_go(&self, tx: &mut Tx, id: VacancyId, from: Stage) -> Result<(), Error> {
        let offers = vacancies::of_vacancy(tx, id).await?;
        for offer in offers.iter().filter(|offer| offer.waits()) {
            vacancies::answer(tx, offer.id, "withdrawn", None).await?;
            if self.settings.mail.is_some() {
                let notice = letters::taken_back(about(offer), offer.is_proposal());
                tell_asked(tx, offer, &notice).await?;
            }
        }
        if let Some(taken) = taker(from, &offers).filter(|_| from.is_taken()) {
            for section in store::children::<kept::Section>(tx, "vacancy_id", id).await? {
                for pin in store::children::<kept::Pin>(tx, "section_id", section.id).await? {
                    if pin.body.educator_id == taken.educator_id {
                        store::delete::<kept::Pin>(tx, pin.id, Some(pin.version)).await?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Proposes somebody to the district.
    pub async fn propose(
        &self,
        actor: &Actor,
        id: VacancyId,
        educator_id: EducatorId,
        deadline_at: DateTime<Utc>,
    ) -> Result<Offer, Error> {
        let mut tx = self.write(actor).await?;
        let wanted = fitness::wanted(&mut tx, id).await?;
        in_time(&tx, deadline_at)?;
        may_follow(&mut tx, actor, id, Stage::Proposed).await?;
        let terms = fit(wanted.fitness(&mut tx, educator_id).await?)?.terms;
        let new = NewOffer { vacancy_id: id, educator_id, is_proposal: true, terms, deadline_at };
        self.ask_for_answer(tx, new, Stage::Proposed).await
    }

    /// Offers it to whom the district accepted.
    pub async fn offer_vacancy(
        &self,
        actor: &Actor,
        id: VacancyId,
        deadline_at: DateTime<Utc>,
    ) -> Result<Offer, Error> {
        let mut tx = self.write(actor).await?;
        let wanted = fitness::wanted(&mut tx, id).await?;
        in_time(&tx, deadline_at)?;
        let stage = may_follow(&mut tx, actor, id, Stage::Offered).await?;
        let offers = vacancies::of_vacancy(&mut tx, id).await?;
        let accepted =
            taker(stage, &offers).ok_or_else(|| Error::Conflict("the district has accepted nobody".into()))?;
        let educator_id = accepted.educator_id;
        let terms = fit(wanted.fitness(&mut tx, educator_id).await?)?.with_pay();
        let new = NewOffer { vacancy_id: id, educator_id, is_proposal: false, terms, deadline_at };
        self.ask_for_answer(tx, new, Stage::Offered).await
    }

    async fn ask_for_answer(&self, mut tx: Tx, new: NewOffer, to: Stage) -> Result<Offer, Error> {
        let vacancy = new.vacancy_id;
        let made = vacancies::make(&mut tx, new).await?;
        vacancies::step(&mut tx, vacancy, to, "").await?;
        let offer = vacancies::get(&mut tx, made).await?;
        if self.settings.mail.is_some() {
            let notice = if offer.is_proposal() {
                let deadline = moment(offer.deadline_at, offer.district_tz);
                letters::proposal(about(&offer), &offer.educator_name, &offer.terms, &deadline)
            } else {
                letters::offer(about(&offer), &offer.terms, &moment(offer.deadline_at, offer.educator_tz))
            };
            tell_asked(&mut tx, &offer, &notice).await?;
        }
        tx.commit().await?;
        Ok(offer)
    }

    /// Takes an answer to a proposal or an offer, if it is this actor's to give and in time.
    pub async fn answer_offer(&self, actor: &Actor, id: OfferId, answer: Answer) -> Result<Offer, Error> {
        let mut tx = self.write(actor).await?;
        let offer = mine(&mut tx, actor, id).await?;
        let (to, state, reason) = match &answer {
            Answer::Accept if offer.is_proposal() => (Stage::DistrictAccepted, "accepted", ""),
            Answer::Accept => (Stage::EducatorAccepted, "accepted", ""),
            Answer::Decline { reason, .. } => (Stage::Declined, "declined", bounded(reason)?),
        };
        if matches!(answer, Answer::Decline { .. }) && reason.is_empty() {
            return Err(Error::field("/reason", "say why, in a word or two"));
        }
        // Locks the vacancy: whoever answers at the same time waits.
        let stage = vacancies::stage(&mut tx, offer.vacancy_id).await?;
        let late = offer.deadline_at <= tx.at;
        if late || !vacancies::answer(&mut tx, id, state, Some(reason).filter(|why| !why.is_empty())).await? {
            let how = if late && offer.waits() { "its deadline has passed" } else { "it waits for no answer any more" };
            return Err(Error::Conflict(how.into()));
        }
        if stage.mover(to).is_none() {
            return Err(Error::Conflict(format!("the vacancy is {stage}, and cannot become {to}")));
        }
        vacancies::step(&mut tx, offer.vacancy_id, to, reason).await?;
        let outcome = match answer {
            Answer::Accept => Outcome::Accepted,
            Answer::Decline { veto, .. } => {
                if veto {
                    ban(&mut tx, &offer, reason).await?;
                }
                Outcome::Declined
            }
        };
        if to == Stage::EducatorAccepted {
            lock(&mut tx, &offer).await?;
        }
        if self.settings.mail.is_some() {
            let notice = letters::answered(about(&offer), &offer.educator_name, offer.is_proposal(), outcome);
            vacancies::tell_office(&mut tx, &offer, &notice).await?;
        }
        let offer = vacancies::get(&mut tx, id).await?;
        tx.commit().await?;
        Ok(offer)
    }

    /// Notes that something is ready before a class begins, or is not.
    pub async fn ready_vacancy(&self, actor: &Actor, id: VacancyId, item: &str, is_ready: bool) -> Result<(), Error> {
        let mut tx = self.write(actor).await?;
        store::permit::<kept::Vacancy>(&mut tx, actor, Some(id), None).await?;
        if !READINESS.iter().any(|(known, _)| *known == item) {
            let items: Vec<&str> = READINESS.iter().map(|(item, _)| *item).collect();
            return Err(Error::field("/item", format!("give one of {}", items.join(", "))));
        }
        vacancies::set_ready(&mut tx, id, item, is_ready).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn fit(fitness: Fitness) -> Result<Fitness, Error> {
    if fitness.missing.is_empty() { Ok(fitness) } else { Err(Error::Conflict(fitness.missing.join("; "))) }
}

/// The offer, if it is this actor's to answer; to others it does not exist.
async fn mine(tx: &mut Tx, actor: &Actor, id: OfferId) -> Result<Offer, Error> {
    let offer = vacancies::get(tx, id).await?;
    let own = match actor.reach(Verb::Write, Thing::Offers) {
        Reach::All => true,
        Reach::Districts(districts) => offer.is_proposal() && districts.contains(&offer.district_id),
        Reach::Own(educator) => !offer.is_proposal() && offer.educator_id == educator,
        Reach::Nothing => false,
    };
    if own { Ok(offer) } else { Err(Error::NotFound { kind: "offer", id: id.to_string() }) }
}

/// Writes to whoever is asked: a district's HR, or the educator.
async fn tell_asked(tx: &mut Tx, offer: &Offer, notice: &crate::domain::mail::Notice) -> Result<(), Error> {
    if !offer.is_proposal() {
        mail::notify(tx, Recipient::Educator(offer.educator_id), notice.clone()).await?;
        return Ok(());
    }
    for account in accounts::of_role(tx, Role::DistrictHr, &BTreeSet::from([offer.district_id])).await? {
        mail::notify(tx, Recipient::Account(account.id), notice.clone()).await?;
    }
    Ok(())
}

/// Bans the educator from the schools of the vacancy, in the next run and every later one.
async fn ban(tx: &mut Tx, offer: &Offer, reason: &str) -> Result<(), Error> {
    let known = store::children::<kept::Veto>(tx, "educator_id", offer.educator_id).await?;
    let known: BTreeSet<_> = known.into_iter().map(|veto| veto.body.school_id).collect();
    for school_id in fitness::wanted(tx, offer.vacancy_id).await?.schools().difference(&known) {
        let veto = kept::Veto {
            educator_id: offer.educator_id,
            school_id: *school_id,
            reason: Some(reason.to_owned()),
            source: None,
            source_id: None,
        };
        store::insert(tx, veto).await?;
    }
    Ok(())
}

/// Locks the sections of the vacancy to whoever has accepted it, in the next run and every later one.
async fn lock(tx: &mut Tx, offer: &Offer) -> Result<(), Error> {
    for section in store::children::<kept::Section>(tx, "vacancy_id", offer.vacancy_id).await? {
        let pin = kept::Pin {
            term_id: section.body.term_id,
            section_id: Some(section.id),
            service_id: None,
            educator_id: offer.educator_id,
            reason: Some(format!("accepted the offer: {}", offer.title)),
            overrides: Vec::new(),
            source: None,
            source_id: None,
        };
        match store::children::<kept::Pin>(tx, "section_id", section.id).await?.into_iter().next() {
            Some(before) if before.body.educator_id == offer.educator_id => {}
            Some(before) => drop(store::update(tx, before.id, Some(before.version), pin).await?),
            None => drop(store::insert(tx, pin).await?),
        }
    }
    Ok(())
}
