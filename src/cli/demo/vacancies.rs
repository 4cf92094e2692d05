//! The vacancies of the demo, each at another stage, so that nobody's pages are empty. Their steps are dated back from now.

use std::collections::BTreeMap;

use anyhow::anyhow;
use chrono::TimeDelta;

use crate::api::vacancies::wanted;
use crate::domain::actor::Reach;
use crate::domain::id::{DistrictId, EducatorId, OfferId, SectionId, TermId, VacancyId};
use crate::domain::records::{Course, Pin, School, Section, Vacancy, VacancyStatus};
use crate::domain::time::now;
use crate::domain::vacancy::{READINESS, Stage};
use crate::store::vacancies::pipeline::{self, Wanted};
use crate::store::vacancies::{self, NewOffer};
use crate::store::{self, Db, Tx, schedules};
use Stage::{Clearing, Declined, DistrictAccepted, EducatorAccepted, Live, Offered, Onboarding, Open, Proposed};

/// Whom the demo's people are of, and the term.
#[derive(Clone, Copy)]
pub struct Place {
    pub term: TermId,
    /// The district of its HR.
    pub district: DistrictId,
    pub educator: EducatorId,
}

/// A section with who teaches it, where somebody does.
#[derive(Clone)]
struct Known {
    section: SectionId,
    course: String,
    district: DistrictId,
    educator: Option<EducatorId>,
}

/// The way of one vacancy: how many days ago each step was taken.
struct Way<'w> {
    sections: Vec<Known>,
    educator: Option<EducatorId>,
    steps: &'w [(i64, Stage)],
}

/// Posts them, unless there are some.
pub async fn post(db: &Db, place: Place) -> anyhow::Result<()> {
    let mut tx = db.read().await?;
    if !pipeline::list(&mut tx, &Reach::All, Wanted::default(), 1).await?.is_empty() {
        return Ok(());
    }
    let known = known(&mut tx, place.term).await?;
    tx.rollback().await?;
    let here = |one: &&Known| one.district == place.district;
    let by = |educator: Option<EducatorId>| known.iter().filter(move |one| one.educator == educator);
    let others = |home: bool| {
        known.iter().filter(move |one| {
            (one.district == place.district) == home && one.educator.is_some_and(|who| who != place.educator)
        })
    };
    let own: Vec<&Known> = by(Some(place.educator)).collect();
    let begun = [(40, Open), (36, Proposed), (35, DistrictAccepted), (34, Offered), (33, EducatorAccepted)];
    let live = [&begun[..], &[(31, Clearing), (29, Onboarding), (26, Live)]].concat();
    let starting = [
        (12, Open),
        (9, Proposed),
        (8, DistrictAccepted),
        (7, Offered),
        (5, EducatorAccepted),
        (3, Clearing),
        (2, Onboarding),
    ];
    let ways = [
        // The district's: one live, one proposed, one that nobody can teach, one declined.
        Way { sections: others(true).take(2).cloned().collect(), educator: None, steps: &live },
        Way {
            sections: others(true).skip(4).take(1).cloned().collect(),
            educator: None,
            steps: &[(9, Open), (1, Proposed)],
        },
        Way { sections: by(None).filter(here).take(2).cloned().collect(), educator: None, steps: &[(20, Open)] },
        Way {
            sections: others(true).skip(8).take(1).cloned().collect(),
            educator: None,
            steps: &[(16, Open), (12, Proposed), (10, Declined)],
        },
        // What the demo's educator is offered; and somewhere else, one about to begin.
        Way {
            sections: own.iter().take(2).map(|one| (*one).clone()).collect(),
            educator: Some(place.educator),
            steps: &[(6, Open), (4, Proposed), (3, DistrictAccepted), (1, Offered)],
        },
        Way { sections: others(false).take(2).cloned().collect(), educator: None, steps: &starting },
        Way { sections: others(false).skip(9).take(1).cloned().collect(), educator: None, steps: &[(3, Open)] },
    ];
    for way in ways {
        let Some(first) = way.sections.first().cloned() else { continue };
        // One vacancy is of one district and one educator.
        let educator = way.educator.or(first.educator);
        let same = |one: &Known| one.district == first.district && one.educator == first.educator;
        let sections = way.sections.into_iter().filter(same).collect();
        walk(db, place.term, Way { sections, educator, ..way }).await?;
    }
    Ok(())
}

async fn known(tx: &mut Tx, term: TermId) -> anyhow::Result<Vec<Known>> {
    let standing = schedules::standing(tx, term).await?;
    let taught: BTreeMap<String, String> =
        standing.sections.into_iter().map(|one| (one.section, one.educator)).collect();
    let mut known = Vec::new();
    for section in store::every::<Section>(tx).await? {
        known.push(Known {
            course: store::get::<Course>(tx, section.body.course_id).await?.body.name,
            district: store::get::<School>(tx, section.body.school_id).await?.body.district_id,
            educator: taught.get(&section.id.to_string()).and_then(|id| id.parse().ok()),
            section: section.id,
        });
    }
    Ok(known)
}

async fn walk(db: &Db, term: TermId, way: Way<'_>) -> anyhow::Result<()> {
    let (Some(first), Some((days, _))) = (way.sections.first(), way.steps.first()) else { return Ok(()) };
    let mut tx = db.write(super::SOURCE).await?;
    let today = now();
    tx.at = today - TimeDelta::days(*days);
    let mut courses: Vec<&str> = way.sections.iter().map(|one| one.course.as_str()).collect();
    courses.dedup();
    let body = Vacancy {
        district_id: first.district,
        term_id: term,
        title: courses.join(", "),
        status: VacancyStatus::Draft,
        opened_at: None,
        source: None,
        source_id: None,
    };
    let id = store::insert(&mut tx, body).await?.id;
    for one in &way.sections {
        let section = store::get::<Section>(&mut tx, one.section).await?.body;
        store::update(&mut tx, one.section, None, Section { vacancy_id: Some(id), ..section }).await?;
    }
    let mut last: Option<OfferId> = None;
    for (days, stage) in way.steps {
        tx.at = today - TimeDelta::days(*days);
        let educator = || way.educator.ok_or_else(|| anyhow!("nobody to propose"));
        match stage {
            Stage::Proposed | Stage::Offered => last = Some(ask(&mut tx, id, educator()?, *stage).await?),
            Stage::DistrictAccepted | Stage::EducatorAccepted | Stage::Declined => {
                let reason = (*stage == Stage::Declined).then_some("the principal knows somebody nearby");
                let state = if reason.is_some() { "declined" } else { "accepted" };
                let last = last.ok_or_else(|| anyhow!("nothing to answer"))?;
                vacancies::answer(&mut tx, last, state, reason).await?;
            }
            _ => {}
        }
        if *stage == Stage::EducatorAccepted {
            for one in &way.sections {
                let reason = Some("accepted the offer".to_owned());
                let (section_id, educator_id) = (Some(one.section), educator()?);
                let pin = Pin {
                    term_id: term,
                    section_id,
                    service_id: None,
                    educator_id,
                    reason,
                    overrides: Vec::new(),
                    source: None,
                    source_id: None,
                };
                store::insert(&mut tx, pin).await?;
            }
        }
        if matches!(stage, Stage::Live | Stage::Onboarding) {
            let ready = if *stage == Stage::Live { READINESS.len() } else { 4 };
            for (item, _) in &READINESS[..ready] {
                vacancies::set_ready(&mut tx, id, item, true).await?;
            }
        }
        let reason = if *stage == Stage::Declined { "the principal knows somebody nearby" } else { "" };
        vacancies::step(&mut tx, id, *stage, reason).await?;
    }
    tx.at = today;
    tx.commit().await?;
    Ok(())
}

async fn ask(tx: &mut Tx, id: VacancyId, educator_id: EducatorId, stage: Stage) -> anyhow::Result<OfferId> {
    let is_proposal = stage == Stage::Proposed;
    let wanted = wanted(tx, id).await.map_err(|error| anyhow!("{error}"))?;
    let fitness = wanted.fitness(tx, educator_id).await.map_err(|error| anyhow!("{error}"))?;
    let terms = if is_proposal { fitness.terms } else { fitness.with_pay() };
    let deadline_at = tx.at + TimeDelta::days(5);
    Ok(vacancies::make(tx, NewOffer { vacancy_id: id, educator_id, is_proposal, terms, deadline_at }).await?)
}
