//! Pairing: which educators the static rules allow for each need, and at which filter the others fall out.
//!
//! Static means: true whatever else is scheduled. The same filters, in the same order, make the waterfall
//! that explains an unserved need, so the refusals are never stored, only asked for again.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::time::Date;

use super::chunks::in_chunks;
use super::grid::{EducatorIx, Grid, HoldIx, Need};
use super::problem::{Educator, Grade, License};
use super::rule::Rule;

/// The steps of the waterfall, in the order in which they are applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Filter {
    State,
    Area,
    Grade,
    Validity,
    Clearance,
    Language,
    Veto,
    Availability,
    Load,
}

impl Filter {
    pub const ALL: [Self; 9] = [
        Self::State,
        Self::Area,
        Self::Grade,
        Self::Validity,
        Self::Clearance,
        Self::Language,
        Self::Veto,
        Self::Availability,
        Self::Load,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Area => "area",
            Self::Grade => "grade",
            Self::Validity => "validity",
            Self::Clearance => "clearance",
            Self::Language => "language",
            Self::Veto => "veto",
            Self::Availability => "availability",
            Self::Load => "load",
        }
    }

    pub fn rule(self) -> Rule {
        match self {
            Self::State | Self::Area | Self::Grade | Self::Validity => Rule::License,
            Self::Clearance => Rule::Clearance,
            Self::Language => Rule::Language,
            Self::Veto => Rule::Veto,
            Self::Availability => Rule::Availability,
            Self::Load => Rule::Week,
        }
    }
}

/// Educators by need, ascending.
pub struct Pairing {
    pub blocks: Vec<Vec<EducatorIx>>,
    pub services: Vec<Vec<EducatorIx>>,
}

/// What a license must cover for one section or service.
pub struct Asked<'p> {
    pub state: &'p str,
    pub school: usize,
    pub areas: &'p [String],
    pub grades: &'p [Grade],
    pub languages: &'p [String],
    pub first: Date,
    pub last: Date,
}

/// The static rules over one problem.
pub struct Rules<'g, 'p> {
    grid: &'g Grid<'p>,
    vetoes: BTreeSet<(&'p str, &'p str)>,
}

impl<'g, 'p> Rules<'g, 'p> {
    pub fn new(grid: &'g Grid<'p>) -> Self {
        Self { grid, vetoes: grid.problem.vetoes.iter().map(|v| (v.educator.as_str(), v.school.as_str())).collect() }
    }

    /// The parts of a need that ask for a license; empty where it never meets or owes nothing.
    pub fn asked(&self, need: Need) -> Vec<Asked<'p>> {
        let problem = self.grid.problem;
        match need {
            Need::Block(block) => {
                let sections = self.grid.blocks[block].sections.iter();
                sections
                    .filter_map(|&s| {
                        let (first, last) = self.grid.section_span[s]?;
                        let section = &problem.sections[s];
                        let school = self.grid.index.schools[section.school.as_str()];
                        let course = &problem.courses[self.grid.index.courses[section.course.as_str()]];
                        let state = self.grid.state_of_school[school];
                        Some(Asked {
                            state,
                            school,
                            areas: &course.areas,
                            grades: &section.grades,
                            languages: &section.languages,
                            first,
                            last,
                        })
                    })
                    .collect()
            }
            Need::Service(service) => {
                let Some((first, last)) = self.grid.services[service].span else { return Vec::new() };
                let row = &problem.services[service];
                let school = self.grid.index.schools[row.school.as_str()];
                let grades = std::slice::from_ref(&row.grade);
                vec![Asked {
                    state: self.grid.state_of_school[school],
                    school,
                    areas: &row.areas,
                    grades,
                    languages: &row.languages,
                    first,
                    last,
                }]
            }
        }
    }

    /// The first filter at which `educator` falls out for `need`.
    pub fn refusal(&self, need: Need, educator: EducatorIx) -> Option<Filter> {
        self.refusal_of(&self.asked(need), need, educator)
    }

    /// The same, for somebody who asks about many educators.
    pub fn refusal_of(&self, asked: &[Asked<'p>], need: Need, educator: EducatorIx) -> Option<Filter> {
        let person = self.grid.educator(educator);
        let licenses = asked.iter().filter_map(|a| Self::license_refusal(a, person)).min();
        licenses.or_else(|| {
            Filter::ALL.into_iter().find(|&filter| match filter {
                Filter::State | Filter::Area | Filter::Grade | Filter::Validity => false,
                Filter::Availability => !self.is_available(need, educator),
                Filter::Load => !self.bears(need, educator),
                _ => asked.iter().any(|a| !self.passes(filter, a, person)),
            })
        })
    }

    /// The first of the four filters on licenses that none of a person's passes.
    fn license_refusal(asked: &Asked<'_>, person: &Educator) -> Option<Filter> {
        let mut furthest = Filter::State;
        for license in &person.licenses {
            furthest = furthest.max(Self::refusal_of_license(asked, license)?);
        }
        Some(furthest)
    }

    /// The first of the four that a license does not pass.
    fn refusal_of_license(asked: &Asked<'_>, license: &License) -> Option<Filter> {
        if license.state != asked.state {
            Some(Filter::State)
        } else if !asked.areas.contains(&license.area) {
            Some(Filter::Area)
        } else if !asked.grades.iter().all(|g| license.grades.contains(g)) {
            Some(Filter::Grade)
        } else {
            (license.issued > asked.first || asked.last > license.expires).then_some(Filter::Validity)
        }
    }

    /// Whether one license passes this filter and those before it; the other filters do not ask for one.
    pub fn serves(filter: Filter, asked: &Asked<'_>, license: &License) -> bool {
        Self::refusal_of_license(asked, license).is_none_or(|refused| refused > filter)
    }

    pub fn passes(&self, filter: Filter, asked: &Asked<'p>, person: &Educator) -> bool {
        match filter {
            Filter::State | Filter::Area | Filter::Grade | Filter::Validity => {
                person.licenses.iter().any(|license| Self::serves(filter, asked, license))
            }
            Filter::Clearance => person.clearances.iter().any(|state| state == asked.state),
            Filter::Language => asked.languages.iter().all(|l| person.languages.contains(l)),
            Filter::Veto => {
                self.vetoes.is_empty()
                    || !self.vetoes.contains(&(person.id.as_str(), self.grid.problem.schools[asked.school].id.as_str()))
            }
            Filter::Availability | Filter::Load => true,
        }
    }

    /// Whether somebody passes every filter that knows neither hours nor loads.
    fn is_qualified(&self, asked: &Asked<'p>, person: &Educator) -> bool {
        Filter::ALL.into_iter().all(|filter| self.passes(filter, asked, person))
    }

    /// Whether somebody passes the two that do: the hours and the load of the need alone.
    fn can_hold(&self, need: Need, educator: EducatorIx) -> bool {
        match need {
            Need::Block(_) => self.is_available(need, educator) && self.bears(need, educator),
            // A slot that can be held is one within the educator's hours.
            Need::Service(_) => self.bears(need, educator),
        }
    }

    fn is_available(&self, need: Need, educator: EducatorIx) -> bool {
        match need {
            Need::Block(block) => fits(self.grid, self.grid.blocks[block].hold, educator),
            Need::Service(service) => self.grid.services[service]
                .slots
                .iter()
                .any(|&slot| fits(self.grid, self.grid.slots[slot].hold, educator)),
        }
    }

    /// Whether the educator could carry the need with nothing else to do.
    fn bears(&self, need: Need, educator: EducatorIx) -> bool {
        let person = self.grid.educator(educator);
        match need {
            Need::Block(block) => {
                let row = &self.grid.blocks[block];
                let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
                carries(self.grid, row.hold, educator)
                    && !self.grid.hold(row.hold).collides_with_itself(person.buffer_minutes)
                    && count(row.courses.len()) <= person.max_preps
                    && count(row.sections.len()) <= person.max_sections
            }
            Need::Service(service) => {
                person.max_students.is_none_or(|most| most > 0)
                    && self.grid.services[service].slots.iter().any(|&slot| usable(self.grid, slot, educator))
            }
        }
    }
}

/// Every occurrence lies inside one availability window on the educator's clock.
pub fn fits(grid: &Grid<'_>, hold: HoldIx, educator: EducatorIx) -> bool {
    let windows = &grid.educator(educator).availability;
    grid.shapes(hold, educator).iter().all(|&(day, start, end)| {
        windows.iter().any(|w| {
            i64::from(w.start.minutes()) <= start && end <= i64::from(w.end.minutes()) && w.days.contains(&day)
        })
    })
}

/// The hold alone breaks neither the weekly nor the daily limit.
fn carries(grid: &Grid<'_>, hold: HoldIx, educator: EducatorIx) -> bool {
    let (person, loads) = (grid.educator(educator), grid.loads(hold, educator));
    loads.week_peak <= person.max_minutes_per_week && loads.day_peak <= person.max_minutes_per_day
}

/// Whether `educator`, with nothing else to do, can hold `slot`. Asked again and again, so the answer is kept.
pub fn usable(grid: &Grid<'_>, slot: usize, educator: EducatorIx) -> bool {
    let hold = grid.slots[slot].hold;
    let person = grid.educator(educator);
    grid.usable(hold, educator, || {
        // Once a school day is at most twice a date and eight times a week on any clock: rarely is more to be looked at.
        let longest = grid.hold(hold).pieces.iter().map(|piece| piece.end - piece.start).max().unwrap_or(0);
        let is_little = 8 * longest <= person.max_minutes_per_week && 2 * longest <= person.max_minutes_per_day;
        fits(grid, hold, educator)
            && (is_little || carries(grid, hold, educator))
            && !grid.hold(hold).collides_with_itself(person.buffer_minutes)
    })
}

/// What a license and a person must be for a need, but for its dates and its school.
type Terms<'p> = (&'p str, &'p [String], &'p [Grade], &'p [String]);

/// Who is licensed and cleared for what many needs ask alike: found once for all of them.
struct Licensed<'p>(BTreeMap<Terms<'p>, Vec<(EducatorIx, bool)>>);

fn terms<'p>(asked: &Asked<'p>) -> Terms<'p> {
    (asked.state, asked.areas, asked.grades, asked.languages)
}

impl<'p> Licensed<'p> {
    fn new(rules: &Rules<'_, 'p>, needs: &[Need]) -> Self {
        let problem = rules.grid.problem;
        let mut holders: BTreeMap<(&str, &str), Vec<EducatorIx>> = BTreeMap::new();
        for (e, person) in problem.educators.iter().enumerate() {
            for license in &person.licenses {
                holders.entry((&license.state, &license.area)).or_default().push(e);
            }
        }
        let mut found = BTreeMap::new();
        for need in needs {
            let Some(asked) = rules.asked(*need).into_iter().next() else { continue };
            found.entry(terms(&asked)).or_insert_with(|| {
                let held = asked.areas.iter().filter_map(|area| holders.get(&(asked.state, area.as_str())));
                let mut held: Vec<EducatorIx> = held.flatten().copied().collect();
                held.sort_unstable();
                held.dedup();
                let whole_term = Asked { first: problem.term.first, last: problem.term.last, ..asked };
                let passes = |e: EducatorIx, filter| rules.passes(filter, &whole_term, rules.grid.educator(e));
                held.retain(|&e| {
                    [Filter::Grade, Filter::Clearance, Filter::Language].into_iter().all(|f| passes(e, f))
                });
                held.into_iter().map(|e| (e, passes(e, Filter::Validity))).collect()
            });
        }
        Self(found)
    }

    /// Who is qualified for a part of a need, ascending.
    fn of<'l>(&'l self, rules: &'l Rules<'_, 'p>, asked: &'l Asked<'p>) -> impl Iterator<Item = EducatorIx> + 'l {
        let rows = self.0.get(&terms(asked)).map_or(&[][..], Vec::as_slice);
        let passes = |e, filter| rules.passes(filter, asked, rules.grid.educator(e));
        rows.iter()
            .filter(move |&&(e, always)| (always || passes(e, Filter::Validity)) && passes(e, Filter::Veto))
            .map(|row| row.0)
    }
}

impl Pairing {
    pub fn new(grid: &Grid<'_>) -> Self {
        Self::on_threads(grid, 1)
    }

    pub fn on_threads(grid: &Grid<'_>, threads: usize) -> Self {
        let rules = Rules::new(grid);
        let needs: Vec<Need> =
            (0..grid.blocks.len()).map(Need::Block).chain((0..grid.services.len()).map(Need::Service)).collect();
        let licensed = Licensed::new(&rules, &needs);
        let allowed = |need: Need| -> Vec<EducatorIx> {
            let asked = rules.asked(need);
            if let Some((first, rest)) = asked.split_first() {
                let all = |e: &EducatorIx| rest.iter().all(|asked| rules.is_qualified(asked, grid.educator(*e)));
                return licensed.of(&rules, first).filter(all).filter(|&e| rules.can_hold(need, e)).collect();
            }
            // A need that never meets earns nothing; only somebody pinned or already there has a use for it.
            let mut wanted: Vec<EducatorIx> =
                grid.incumbents_of(need).iter().copied().chain(grid.pin_of(need)).collect();
            wanted.sort_unstable();
            wanted.dedup();
            wanted.retain(|&e| rules.refusal(need, e).is_none());
            wanted
        };
        let mut blocks = in_chunks(&needs, threads, |needs| needs.iter().map(|&need| allowed(need)).collect());
        let services = blocks.split_off(grid.blocks.len());
        Self { blocks, services }
    }

    pub fn of(&self, need: Need) -> &[EducatorIx] {
        match need {
            Need::Block(block) => &self.blocks[block],
            Need::Service(service) => &self.services[service],
        }
    }

    /// (need, educator) pairs.
    pub fn count(&self) -> usize {
        self.blocks.iter().chain(&self.services).map(Vec::len).sum()
    }
}
