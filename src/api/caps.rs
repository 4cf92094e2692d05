//! What papers and caps allow, asked before anybody is placed: eligibility day by day, caseloads as they are, and the
//! figures of states for groups. Nothing here changes anything.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State as Axum;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::State;
use super::access::Planner;
use super::error::Error;
use super::extract::{Json, NoQuery, Query};
use crate::domain::actor::Actor;
use crate::domain::eligibility::{Credential, Demand, Regime, Stretch, stretches};
use crate::domain::id::{EducatorId, StudentId, TermId};
use crate::domain::policy::caps::{
    self, Caseload, Held, Load, Pool, Tutoring, TutoringFault, Variance, VirginiaWeight, caseload_of,
};
use crate::domain::time::Date;
use crate::store::minutes;

/// Longest stretch of days that is asked about.
const MOST_DAYS: i64 = 800;
/// Papers and people of one question.
const MOST: usize = 1000;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new().routes(routes!(eligibility)).routes(routes!(caseloads)).routes(routes!(check))
}

/// Whose papers, for what, and when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Postal code of where the student is.
    state: String,
    /// Which papers the state's schools ask; none is not known, and then a person decides.
    #[serde(default)]
    regime: Option<Regime>,
    /// States whose part of the compact issues privileges already.
    #[serde(default)]
    live: BTreeSet<String>,
    credentials: Vec<Credential>,
    first_on: Date,
    last_on: Date,
}

/// Whether papers cover a service, day by day
///
/// Certificates, board licenses and privileges under the speech-language compact. A privilege ends with the license of
/// the home state.
#[utoipa::path(post, path = "/api/v1/eligibility", operation_id = "checkEligibility", tag = "policies", request_body = Asked, responses(
    (status = 200, description = "runs of days with the same answer; no reasons is eligible", body = Vec<Stretch>),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn eligibility(_: Actor, _: NoQuery, Json(asked): Json<Asked>) -> Result<axum::Json<Vec<Stretch>>, Error> {
    let days = asked.last_on.number() - asked.first_on.number();
    if !(0..MOST_DAYS).contains(&days) {
        return Err(Error::field(
            "/last_on",
            format!("give a last day from 0 to {} days after the first", MOST_DAYS - 1),
        ));
    }
    if asked.credentials.len() > MOST {
        return Err(Error::field("/credentials", format!("more than {MOST}")));
    }
    let demand = Demand { state: asked.state, regime: asked.regime, live: asked.live };
    Ok(axum::Json(stretches(&asked.credentials, &demand, asked.first_on, asked.last_on)))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    #[param(value_type = Option<uuid::Uuid>)]
    term_id: Option<TermId>,
}

/// The students of an educator in one state, held against its cap.
#[derive(Serialize, ToSchema)]
struct CaseloadNow {
    #[schema(value_type = uuid::Uuid)]
    educator_id: EducatorId,
    educator_name: String,
    cap: Caseload,
    /// Distinct students of published sessions. Students under evaluation and assistants are not kept here: add them.
    held: Held,
    fits: bool,
}

/// Caseloads against the states' caps
///
/// Of educators with published sessions in a state whose cap the program knows.
#[utoipa::path(get, path = "/api/v1/caseloads", operation_id = "listCaseloads", tag = "policies", params(Which), responses((status = 200, description = "the fullest first", body = Vec<CaseloadNow>)))]
async fn caseloads(
    Axum(state): Axum<State>,
    _: Planner,
    Query(which): Query<Which>,
) -> Result<axum::Json<Vec<CaseloadNow>>, Error> {
    let served = minutes::served(&mut state.db.read().await?, which.term_id).await?;
    let mut students: BTreeMap<(EducatorId, &str, &str), (String, BTreeSet<StudentId>)> = BTreeMap::new();
    for row in served {
        for area in &row.areas {
            let Some(cap) = caseload_of(&row.state, area) else { continue };
            let known = students.entry((row.educator_id, cap.state, cap.area));
            known.or_insert_with(|| (row.educator_name.clone(), BTreeSet::new())).1.insert(row.student_id);
        }
    }
    let caseload = |((educator_id, state, area), (educator_name, students)): (
        (EducatorId, &str, &str),
        (String, BTreeSet<StudentId>),
    )| {
        let cap = *caseload_of(state, area)?;
        let students = i64::try_from(students.len()).unwrap_or(i64::MAX);
        let held = cap.hold(Load { students, under_evaluation: 0, assistants: 0 });
        Some(CaseloadNow { educator_id, educator_name, cap, held, fits: held.fits() })
    };
    let mut found: Vec<CaseloadNow> = students.into_iter().filter_map(caseload).collect();
    found.sort_by_key(|row| (row.held.count - row.held.limit, row.educator_id));
    found.reverse();
    Ok(axum::Json(found))
}

/// What is to be held against a figure.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum Question {
    /// Distinct students of one educator.
    Caseload { state: String, area: String, students: i64, under_evaluation: i64, assistants: i64 },
    /// Virginia's twenty points: students of Level I; of Level II (autism, multiple disabilities) with and without a
    /// full-time paraprofessional.
    VirginiaPoints { level_one: u16, with_paraprofessional: u16, without: u16 },
    /// Months between the oldest and the youngest of a period.
    AgeSpan { born_on: Vec<Date>, on: Date, limit_months: i64 },
    /// Students with disabilities on the roster of an integrated co-teaching class in New York.
    IntegratedClass { students: i64 },
    /// Another student for a pool that runs whoever is in it.
    Pool { students: i64, most: i64 },
    /// High-dosage tutoring.
    Tutoring { students: i64, sessions_a_week: i64, tutors: i64 },
}

/// What the figure says.
#[derive(Default, Serialize, ToSchema)]
struct Answer {
    fits: bool,
    /// The count and its limit; tenths of a point for Virginia. None where there is no count.
    held: Option<Held>,
    /// What it takes, or what is wrong.
    says: Vec<String>,
    citation: &'static str,
}

/// Hold a group or a caseload against a figure
#[utoipa::path(post, path = "/api/v1/caps/check", operation_id = "checkCap", tag = "policies", request_body = Question, responses(
    (status = 200, description = "whether it fits", body = Answer),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn check(_: Actor, _: NoQuery, Json(question): Json<Question>) -> Result<axum::Json<Answer>, Error> {
    let of = |held: Held, citation| Answer { fits: held.fits(), held: Some(held), says: Vec::new(), citation };
    Ok(axum::Json(match question {
        Question::Caseload { state, area, students, under_evaluation, assistants } => {
            let load = Load {
                students: counted("/students", students)?,
                under_evaluation: counted("/under_evaluation", under_evaluation)?,
                assistants: counted("/assistants", assistants)?,
            };
            let Some(cap) = caseload_of(&state, &area) else {
                return Err(Error::field("/state", format!("no figure is known for {area} in {state}; ask the state")));
            };
            of(cap.hold(load), cap.citation)
        }
        Question::VirginiaPoints { level_one, with_paraprofessional, without } => {
            let many = |weight, n: u16| std::iter::repeat_n(weight, usize::from(n));
            let students = many(VirginiaWeight::LevelOne, level_one)
                .chain(many(VirginiaWeight::LevelTwo { paraprofessional: true }, with_paraprofessional))
                .chain(many(VirginiaWeight::LevelTwo { paraprofessional: false }, without));
            of(caps::virginia(&students.collect::<Vec<_>>()), "8VAC20-81-340")
        }
        Question::AgeSpan { born_on, on, limit_months } => {
            if born_on.is_empty() || born_on.len() > MOST {
                return Err(Error::field("/born_on", format!("give from 1 to {MOST} dates")));
            }
            of(
                caps::age_span(&born_on, on, limit_months),
                "OAC 3301-51-09: 60 months, 48 for ED and sensory or orthopedic impairments",
            )
        }
        Question::IntegratedClass { students } => {
            let (fits, says) = match caps::integrated_class(students) {
                Variance::None => (true, None),
                Variance::Notice => (false, Some("a variance by notice to the state")),
                Variance::Approval => (false, Some("a variance that the state approves")),
                Variance::Refused => (false, Some("no variance goes so far; open another class")),
            };
            Answer {
                fits,
                says: says.into_iter().map(Into::into).collect(),
                citation: "New York, integrated co-teaching: 12",
                ..Answer::default()
            }
        }
        Question::Pool { students, most } => {
            let pool = Pool { students: counted("/students", students)?, most: counted("/most", most)? };
            let says =
                if pool.needs_educator() { vec!["its educator stays, whoever is in it".into()] } else { Vec::new() };
            Answer {
                fits: pool.admit().is_some(),
                held: Some(Held { count: students + 1, limit: most }),
                says,
                citation: "the district's pool",
            }
        }
        Question::Tutoring { students, sessions_a_week, tutors } => {
            let faults = Tutoring { students, sessions_a_week, tutors }.faults();
            let says = faults.iter().map(|fault| match fault {
                TutoringFault::GroupTooLarge => "more than four students with one tutor".to_owned(),
                TutoringFault::TooFewSessions => "fewer than three sessions a week".to_owned(),
                TutoringFault::ChangingTutor => "not the same tutor each time".to_owned(),
            });
            Answer {
                fits: faults.is_empty(),
                says: says.collect(),
                citation: "National Student Support Accelerator",
                ..Answer::default()
            }
        }
    }))
}

fn counted(pointer: &str, number: i64) -> Result<i64, Error> {
    if (0..=100_000).contains(&number) {
        Ok(number)
    } else {
        Err(Error::field(pointer, "give a number from 0 to 100000"))
    }
}
