//! Repair and candidates: what a coordinator asks of a schedule that is already there.

use bellwether::engine::candidates::candidates;
use bellwether::engine::outcome::{Limits, Progress, Schedule, SectionAssignment, ServiceAssignment, Status};
use bellwether::engine::problem::{Pair, Problem};
use bellwether::engine::verify::verify;
use bellwether::engine::{Watch, plan};

use crate::solving::{Patient, generated};

fn limits() -> Limits {
    Limits { nodes: Some(200), ..Limits::default() }
}

fn published(problem: &Problem) -> Schedule {
    plan(problem, &limits(), None, &Patient).expect("no pins").schedule
}

/// Without a need, or with it given to somebody else.
fn with(schedule: &Schedule, need: &str, row: Option<(&Problem, &str, ServiceAssignment)>) -> Schedule {
    let mut schedule = schedule.clone();
    let bundle = |problem: &Problem| {
        let own = problem.sections.iter().find(|s| s.id == need).and_then(|s| s.bundle.clone());
        let same = |s: &&bellwether::engine::problem::Section| s.id == need || own.is_some() && s.bundle == own;
        problem.sections.iter().filter(same).map(|s| s.id.clone()).collect::<Vec<_>>()
    };
    schedule.services.retain(|r| r.service != need);
    if let Some((problem, educator, assignment)) = row {
        let sections = bundle(problem);
        schedule.sections.retain(|r| !sections.contains(&r.section));
        let section = |section: String| SectionAssignment { section, educator: educator.into() };
        schedule.sections.extend(sections.into_iter().map(section));
        if !assignment.sessions.is_empty() {
            schedule.services.push(assignment);
        }
    }
    schedule
}

#[test]
fn a_candidate_who_displaces_nothing_costs_what_verify_counts() {
    let problem = generated(2);
    let schedule = published(&problem);
    let needs: Vec<String> =
        problem.sections.iter().map(|s| s.id.clone()).chain(problem.services.iter().map(|s| s.id.clone())).collect();
    let mut weighed = 0;
    for need in &needs {
        let found = candidates(&problem, &schedule, need).expect("the need is there");
        assert_eq!(found.len(), problem.educators.len(), "{need}: every educator is accounted for");
        assert!(found.iter().all(|c| c.marginal_cents.is_some() != c.refused.is_some()), "{need}");
        let mut without = schedule.clone();
        let mates = with(&schedule, need, Some((&problem, "nobody", empty(need))));
        without.sections = mates.sections.into_iter().filter(|row| row.educator != "nobody").collect();
        without.services.retain(|row| row.service != *need);
        let before = verify(&problem, &without).cost.total;
        for candidate in found.iter().filter(|c| c.marginal_cents.is_some() && c.displaces.is_empty()) {
            let sessions = candidate.sessions.clone();
            let row = ServiceAssignment { service: need.clone(), educator: candidate.educator.clone(), sessions };
            let after = if candidate.sessions.is_empty() {
                with(&without, need, Some((&problem, &candidate.educator, row)))
            } else {
                let mut after = without.clone();
                after.services.push(row);
                after
            };
            let verdict = verify(&problem, &after);
            assert!(verdict.valid, "{need} to {}: {:?}", candidate.educator, verdict.violations);
            assert_eq!(Some(verdict.cost.total - before), candidate.marginal_cents, "{need} to {}", candidate.educator);
            weighed += 1;
        }
    }
    assert!(weighed > 20, "only {weighed} candidates were weighed");
    assert!(candidates(&problem, &schedule, "nothing").is_none());
}

fn empty(need: &str) -> ServiceAssignment {
    ServiceAssignment { service: need.into(), educator: "nobody".into(), sessions: Vec::new() }
}

#[test]
fn a_repair_moves_what_lost_its_educator_and_leaves_the_rest() {
    let mut problem = generated(3);
    let schedule = published(&problem);
    let gone = schedule.sections.first().expect("something is taught").educator.clone();
    problem.educators.retain(|e| e.id != gone);
    let rows = schedule.sections.iter().map(|r| (&r.section, &r.educator));
    let rows = rows.chain(schedule.services.iter().map(|r| (&r.service, &r.educator)));
    problem.incumbents = rows
        .filter(|row| *row.1 != gone)
        .map(|(need, educator)| Pair { need: need.clone(), educator: educator.clone() })
        .collect();
    let anew = plan(&problem, &limits(), None, &Patient).expect("no pins").report.objective;
    let repair = Limits { repair: true, ..limits() };
    let mended = plan(&problem, &repair, Some(&schedule), &Patient).expect("no pins");
    assert!(verify(&problem, &mended.schedule).valid);
    assert!(mended.report.objective >= anew, "a full search is exact here");
    assert!(mended.report.objective <= anew + anew / 100, "{} against {anew}", mended.report.objective);
    let kept = schedule.sections.iter().filter(|row| mended.schedule.sections.contains(row)).count();
    assert!(
        kept + 4 >= schedule.sections.iter().filter(|row| row.educator != gone).count(),
        "{kept} rows are as they were"
    );
    let unchanged = plan(&problem, &repair, Some(&mended.schedule), &Patient).expect("no pins");
    assert_eq!(unchanged.schedule, mended.schedule, "nothing to repair, nothing to change");
}

/// Lets nothing but the first schedule be made.
struct Hurried;

impl Watch for Hurried {
    fn seconds_left(&self) -> f64 {
        0.0
    }
    fn should_stop(&self) -> bool {
        true
    }
    fn on_progress(&self, _: Progress<'_>) {}
}

#[test]
fn a_lock_that_displaces_others_of_the_schedule_one_starts_from_is_kept_at_once() {
    let mut problem = generated(2);
    let schedule = published(&problem);
    let mut locked = 0;
    for need in problem.sections.iter().map(|s| s.id.clone()).collect::<Vec<_>>() {
        let found = candidates(&problem, &schedule, &need).expect("the need is there");
        for candidate in found.into_iter().filter(|c| c.refused.is_none() && !c.displaces.is_empty()) {
            problem.pins = vec![Pair { need: need.clone(), educator: candidate.educator.clone() }];
            let outcome = plan(&problem, &limits(), Some(&schedule), &Hurried).expect("the lock can be kept");
            assert_ne!(outcome.report.status, Status::Defective, "{need} to {}", candidate.educator);
            assert!(verify(&problem, &outcome.schedule).valid, "{need} to {}", candidate.educator);
            locked += 1;
        }
    }
    assert!(locked > 0, "no candidate displaces anything");
}
