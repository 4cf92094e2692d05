//! Rich small problems, good schedules for them, and ways to spoil a schedule, rule by rule.

use bellwether::domain::time::{Clock, Date};
use bellwether::engine::outcome::{Schedule, SectionAssignment, ServiceAssignment, WeeklySession};
use bellwether::engine::problem::{DateSpan, Pair, Per, Problem, Service, Together, Veto};
use bellwether::engine::verify::verify;

use crate::shared::{Dice, generate};

/// A small problem in which every rule can be broken: groups, cycles, months, bundles, buffers, time off,
/// languages, vetoes, and a term of six weeks that a change of clocks falls into.
pub fn rich_problem(seed: u64) -> Problem {
    let dice = &mut Dice(seed);
    let mut problem = generate(3, 12, 10, 7, seed);
    let terms = [((2026, 10, 12), (2026, 11, 20)), ((2027, 2, 22), (2027, 4, 2)), ((2026, 12, 7), (2027, 1, 22))];
    let (first, last) = terms[dice.below(terms.len())];
    problem.term = DateSpan { first: Date::ymd(first.0, first.1, first.2), last: Date::ymd(last.0, last.1, last.2) };
    for district in &mut problem.districts {
        district.calendar.cycle = ["A", "B", "C"].map(String::from).to_vec();
    }
    for n in 0..problem.services.len() {
        let mut twin = problem.services[n].clone();
        if twin.per == Per::Week && dice.one_in(3) {
            (twin.per, twin.times) = (Per::Cycle, 1 + i64::from(dice.one_in(2)));
            twin.windows.iter_mut().for_each(|window| window.days = ["A", "B", "C"].map(String::from).to_vec());
        }
        problem.services[n] = twin.clone();
        (twin.id, twin.max_group) = (format!("{}-twin", twin.id), 2);
        twin.student = if dice.one_in(4) { twin.student } else { format!("{}-twin", twin.student) };
        problem.services.push(twin);
    }
    for section in problem.sections.iter_mut().filter(|_| dice.one_in(3)) {
        section.languages = vec!["es".into()];
    }
    enrich_educators(&mut problem, dice);
    let needs: Vec<String> = problem.sections.iter().map(|row| row.id.clone()).collect();
    problem.together.push(Together { id: "vacancy".into(), needs, cents: 7_777 });
    for _ in 0..4 {
        if let (Some(educator), Some(school)) = (dice.pick(&problem.educators), dice.pick(&problem.sections)) {
            problem.vetoes.push(Veto { educator: educator.id.clone(), school: school.school.clone() });
        }
    }
    problem
}

fn enrich_educators(problem: &mut Problem, dice: &mut Dice) {
    let areas: Vec<String> = problem.services.iter().flat_map(|row| row.areas.clone()).collect();
    let areas: Vec<String> = problem.courses.iter().flat_map(|row| row.areas.clone()).chain(areas).collect();
    for educator in &mut problem.educators {
        educator.tz = [educator.tz, chrono_tz::America::Phoenix, chrono_tz::Pacific::Honolulu][dice.below(3)];
        educator.clearances =
            problem.districts.iter().map(|row| row.state.clone()).filter(|_| !dice.one_in(5)).collect();
        let Some(model) = educator.licenses.first().cloned() else { continue };
        for district in &problem.districts {
            for area in &areas {
                if dice.one_in(3) {
                    continue;
                }
                let mut license = model.clone();
                (license.state, license.area) = (district.state.clone(), area.clone());
                license.grades = problem.services.iter().map(|row| row.grade).collect();
                license.grades.extend(problem.sections.iter().flat_map(|row| row.grades.clone()));
                if dice.one_in(4) {
                    license.expires = problem.term.first.plus_days(20);
                }
                educator.licenses.push(license);
            }
        }
        if dice.one_in(2) {
            educator.availability[0].start = Clock::from_minutes(0).expect("midnight");
            educator.availability[0].end = Clock::from_minutes(1320).expect("ten in the evening");
        }
        educator.languages = if dice.one_in(2) { vec!["es".into()] } else { Vec::new() };
        (educator.max_preps, educator.max_sections) = (2, 3);
        educator.max_students = Some(3);
        educator.max_minutes_per_week = 480 + 60 * i64::from(dice.one_in(2));
        educator.max_minutes_per_day = 180;
        educator.buffer_minutes = [0, 5, 10][dice.below(3)];
        if dice.one_in(2) {
            let first = problem.term.first.plus_days(i64::try_from(dice.below(40)).expect("small"));
            educator.time_off.push(DateSpan { first, last: first.plus_days(2) });
        }
    }
}

/// A valid schedule by trial: each need is offered to a few educators and kept where every rule holds.
/// A few of its assignments are pinned in the problem.
pub fn good_schedule(problem: &mut Problem, dice: &mut Dice) -> Schedule {
    let mut schedule = Schedule::default();
    for section in &problem.sections {
        for _ in 0..4 {
            let mut trial = schedule.clone();
            let Some(educator) = dice.pick(&problem.educators) else { break };
            let linked =
                |row: &&_| std::ptr::eq(*row, section) || (section.bundle.is_some() && row.bundle == section.bundle);
            let rows = problem.sections.iter().filter(linked);
            trial
                .sections
                .extend(rows.map(|row| SectionAssignment { section: row.id.clone(), educator: educator.id.clone() }));
            if verify(problem, &trial).valid {
                schedule = trial;
                break;
            }
        }
    }
    for service in &problem.services {
        for _ in 0..10 {
            let mut trial = schedule.clone();
            let Some(row) = random_placement(problem, service, dice) else { break };
            let join = schedule.services.iter().find(|other| twins(&other.service, &service.id));
            let joined = join.map(|other| ServiceAssignment { service: service.id.clone(), ..other.clone() });
            trial.services.push(joined.filter(|_| dice.one_in(2)).unwrap_or(row));
            if verify(problem, &trial).valid {
                schedule = trial;
                break;
            }
        }
    }
    let sections = schedule.sections.iter().map(|row| (&row.section, &row.educator));
    let services = schedule.services.iter().map(|row| (&row.service, &row.educator));
    let pin = |(need, educator): (&String, &String)| Pair { need: need.clone(), educator: educator.clone() };
    problem.pins = sections.step_by(2).chain(services.step_by(2)).map(pin).collect();
    schedule
}

fn twins(one: &str, other: &str) -> bool {
    one.trim_end_matches("-twin") == other.trim_end_matches("-twin")
}

fn random_placement(problem: &Problem, service: &Service, dice: &mut Dice) -> Option<ServiceAssignment> {
    let educator = dice.pick(&problem.educators)?.id.clone();
    let wanted = if service.per == Per::Month { 1 } else { usize::try_from(service.times).ok()? };
    let window = dice.pick(&service.windows)?;
    let first = dice.below(window.days.len());
    let room = i64::from(window.end.minutes()) - i64::from(window.start.minutes()) - service.minutes;
    let steps = usize::try_from(room / problem.grid_minutes).ok()?;
    let start = i64::from(window.start.minutes()) + problem.grid_minutes * i64::try_from(dice.below(steps + 1)).ok()?;
    let patterns = service.per.week_patterns(u32::try_from(service.times).ok()?);
    let weeks = patterns[dice.below(patterns.len())].map(<[u8]>::to_vec);
    let session = |n: usize| WeeklySession {
        day: window.days[(first + n) % window.days.len()].clone(),
        start: Clock::from_minutes(u16::try_from(start).unwrap_or(0)).unwrap_or(window.start),
        weeks: weeks.clone(),
    };
    let sessions = (0..wanted.min(window.days.len())).map(session).collect();
    Some(ServiceAssignment { service: service.id.clone(), educator, sessions })
}

/// Spoil a schedule in the manner that tends to break a rule; what it breaks is for the judges to say.
pub fn spoil(rule: &str, problem: &Problem, schedule: &mut Schedule, dice: &mut Dice) {
    match rule {
        "H00" => spoil_form(schedule, dice),
        "H06" | "H07" | "H08" | "H09" | "H10" => pile_up(problem, schedule, dice),
        "H11" => copy_slot(schedule, dice, |_, _| true),
        "H12" => copy_slot(schedule, dice, |one, other| student(problem, one) == student(problem, other)),
        "H13" => spoil_session(schedule, dice),
        "H14" | "H15" if dice.one_in(2) => {
            let at = dice.below(schedule.sections.len());
            schedule.sections.truncate(at);
        }
        _ => reassign(problem, schedule, dice),
    }
    while dice.one_in(3) {
        match dice.below(6) {
            0 => spoil_form(schedule, dice),
            1 => pile_up(problem, schedule, dice),
            2 => spoil_session(schedule, dice),
            3 => copy_slot(schedule, dice, |_, _| true),
            4 if !schedule.services.is_empty() => {
                let at = dice.below(schedule.services.len());
                schedule.services.remove(at);
            }
            _ => reassign(problem, schedule, dice),
        }
    }
}

fn student<'p>(problem: &'p Problem, service: &str) -> Option<&'p str> {
    problem.services.iter().find(|row| row.id == service).map(|row| row.student.as_str())
}

fn spoil_form(schedule: &mut Schedule, dice: &mut Dice) {
    let (section, service) = (dice.pick(&schedule.sections).cloned(), dice.pick(&schedule.services).cloned());
    let unknown = ["nobody", "", "e0"][dice.below(3)].to_owned();
    match (dice.below(5), section, service) {
        (0, Some(row), _) => schedule.sections.push(row),
        (1, _, Some(row)) => schedule.services.push(row),
        (2, Some(row), _) => schedule.sections.insert(0, SectionAssignment { educator: unknown, ..row }),
        (3, _, Some(row)) => schedule.services.insert(0, ServiceAssignment { service: unknown, ..row }),
        (_, _, Some(row)) => schedule.services.insert(0, ServiceAssignment { sessions: Vec::new(), ..row }),
        _ => {}
    }
}

fn reassign(problem: &Problem, schedule: &mut Schedule, dice: &mut Dice) {
    let Some(educator) = dice.pick(&problem.educators).map(|row| row.id.clone()) else { return };
    if dice.one_in(2) {
        let Some(section) = dice.pick(&problem.sections).map(|row| row.id.clone()) else { return };
        schedule.sections.retain(|row| row.section != section);
        schedule.sections.push(SectionAssignment { section, educator });
    } else {
        let Some(service) = dice.pick(&problem.services) else { return };
        let Some(row) = random_placement(problem, service, dice) else { return };
        schedule.services.retain(|row| row.service != service.id);
        schedule.services.push(ServiceAssignment { educator, ..row });
    }
}

/// Half of everything goes to one educator.
fn pile_up(problem: &Problem, schedule: &mut Schedule, dice: &mut Dice) {
    let Some(educator) = dice.pick(&problem.educators).map(|row| row.id.clone()) else { return };
    for _ in 0..6 {
        reassign(problem, schedule, dice);
    }
    let sections = schedule.sections.iter_mut().map(|row| &mut row.educator);
    for place in sections.chain(schedule.services.iter_mut().map(|row| &mut row.educator)) {
        if dice.one_in(2) {
            place.clone_from(&educator);
        }
    }
}

/// One service takes over the slots, and mostly the educator, of another that is like it.
fn copy_slot(schedule: &mut Schedule, dice: &mut Dice, alike: impl Fn(&str, &str) -> bool) {
    let Some(from) = dice.pick(&schedule.services).cloned() else { return };
    let others = schedule.services.iter_mut();
    let others = others.filter(|row| {
        row.service != from.service && (twins(&row.service, &from.service) || alike(&row.service, &from.service))
    });
    for row in others {
        row.sessions.clone_from(&from.sessions);
        if !dice.one_in(4) {
            row.educator.clone_from(&from.educator);
        }
    }
}

fn spoil_session(schedule: &mut Schedule, dice: &mut Dice) {
    let at = dice.below(schedule.services.len());
    let Some(sessions) = schedule.services.get_mut(at).map(|row| &mut row.sessions) else { return };
    let which = dice.below(sessions.len());
    let Some(session) = sessions.get(which).cloned() else { return };
    let shifted = |by: usize| Clock::from_minutes((session.start.minutes() + u16::try_from(by).unwrap_or(0)) % 1441);
    let changed = match dice.below(6) {
        0 => WeeklySession { start: shifted(1 + dice.below(90)).unwrap_or(session.start), ..session },
        1 => WeeklySession { start: shifted(15 * dice.below(60)).unwrap_or(session.start), ..session },
        2 => WeeklySession { day: ["mon", "sat", "A", "Z", ""][dice.below(5)].into(), ..session },
        3 => WeeklySession {
            weeks: [None, Some(vec![]), Some(vec![2, 1]), Some(vec![1, 3]), Some(vec![4])][dice.below(5)].clone(),
            ..session
        },
        4 => return sessions.push(session),
        _ => return sessions.push(WeeklySession { day: "tue".into(), ..session }),
    };
    sessions[which] = changed;
}
