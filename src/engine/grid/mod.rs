//! The grid: a problem expanded once into numbered needs, slots and educators with their dated holds.
//!
//! Everything later works on small indices. A *block* is what is given to one educator as a whole: a
//! bundle of sections, or a section alone. A *slot* is a possible group session: all services that
//! share its key (school, service, minutes, day, start, weeks) can sit in it together.

mod services;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};

use crate::domain::calendar::{BellSchedule, Period};
use crate::domain::time::{Clock, Date, UtcMinute};

use super::chunks::in_chunks;
use super::holds::Hold;
use super::holds::days::Horizon;
use super::holds::timeline::{Loads, Shape, SharedLoads, Timeline, Zone};
use super::problem::{Educator, Pair, Problem, Section, Tz};

pub type BlockIx = usize;
pub type ServiceIx = usize;
pub type EducatorIx = usize;
pub type SlotIx = usize;
pub type HoldIx = usize;

/// A block or a service, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    Block(BlockIx),
    Service(ServiceIx),
}

/// Sections that go to one educator, all or none.
pub struct Block {
    /// Positions in `problem.sections`.
    pub sections: Vec<usize>,
    pub hold: HoldIx,
    /// Positions in `problem.courses`, distinct.
    pub courses: Vec<usize>,
    /// Cents owed while nobody teaches it.
    pub owed_cents: i64,
    pub owed_minutes: i64,
    /// By meeting, in order of time: its date and the cents that it leaves unserved when missed.
    pub worth: Vec<(Date, i64)>,
}

/// A possible session of the week, cycle or month.
pub struct Slot<'p> {
    pub school: usize,
    pub day: &'p str,
    pub start: Clock,
    pub weeks: Option<&'static [u8]>,
    /// Number of the day name within its timeline, so that "distinct days" is a comparison of numbers.
    pub day_number: usize,
    pub hold: HoldIx,
    /// Services that may sit in it.
    pub members: Vec<ServiceIx>,
}

pub struct ServiceRow {
    /// Slots it may use, ascending.
    pub slots: Vec<SlotIx>,
    /// By slot: minutes it serves with an educator who is never away.
    pub offered: Vec<i64>,
    /// Whether some other service could share a session with it.
    pub shareable: bool,
    /// Most sessions it may have.
    pub wanted: usize,
    /// Cents for one minute unserved.
    pub weight: i64,
    pub owed_minutes: i64,
    /// Distinct students, numbered.
    pub student: usize,
    /// First and last instructional day of the need; none where nothing is owed.
    pub span: Option<(Date, Date)>,
}

pub struct EducatorRow {
    /// Position in `zones`.
    pub zone: usize,
    /// Educators of one kind have the same clock and hours, and limits on minutes that are the same to a single slot.
    kind: usize,
    pub buffer: i64,
}

/// One meeting: its date at the school, its start and its end.
type Met = (Date, UtcMinute, UtcMinute);

/// A hold with the dates, on the school's calendar, of its occurrences.
struct Dated {
    hold: Hold,
    dates: Arc<[Date]>,
}

pub struct Grid<'p> {
    pub problem: &'p Problem,
    horizon: Horizon,
    pub blocks: Vec<Block>,
    pub services: Vec<ServiceRow>,
    pub slots: Vec<Slot<'p>>,
    pub educators: Vec<EducatorRow>,
    pub students: usize,
    /// By position in `problem.schools`: state and timeline.
    pub state_of_school: Vec<&'p str>,
    timeline_of_school: Vec<usize>,
    timelines: Vec<Timeline<'p>>,
    zones: Vec<Arc<Zone>>,
    holds: Vec<Dated>,
    /// By hold and zone: what clocks show, and the minutes that it takes.
    shapes: Vec<OnceLock<Box<[Shape]>>>,
    loads: Vec<OnceLock<Arc<Loads>>>,
    /// By hold of a slot and kind of educator: whether they can hold it with nothing else to do; 0 where nobody has asked
    /// yet. Most who ask go through the educators of one hold.
    usable: Vec<OnceLock<Box<[AtomicU8]>>>,
    /// Kinds of educators.
    kinds: usize,
    shared_loads: SharedLoads,
    /// By section: first and last meeting, none where it never meets.
    pub section_span: Vec<Option<(Date, Date)>>,
    pub section_minutes: Vec<i64>,
    pub index: Index<'p>,
    links: Links,
}

/// What ties needs to educators and to each other, by need: blocks first, then services.
#[derive(Default)]
struct Links {
    /// Who serves it in the published schedule, once for each row.
    incumbents: Vec<Vec<EducatorIx>>,
    pins: Vec<Option<EducatorIx>>,
    /// Positions in `problem.together`, distinct.
    together: Vec<Vec<usize>>,
}

/// From ids to positions.
pub struct Index<'p> {
    pub schools: BTreeMap<&'p str, usize>,
    pub courses: BTreeMap<&'p str, usize>,
    pub sections: BTreeMap<&'p str, usize>,
    pub services: BTreeMap<&'p str, ServiceIx>,
    pub educators: BTreeMap<&'p str, EducatorIx>,
    /// By section.
    pub block_of_section: Vec<BlockIx>,
}

impl<'p> Grid<'p> {
    /// Expands a problem that `validate` found nothing wrong with.
    pub fn new(problem: &'p Problem) -> Self {
        Self::on_threads(problem, 1)
    }

    /// The same, on so many threads.
    pub fn on_threads(problem: &'p Problem, threads: usize) -> Self {
        let mut grid = Self::frame(problem);
        grid.expand_sections(threads);
        grid.expand_services(threads);
        grid.link();
        let views = grid.holds.len() * grid.zones.len();
        grid.shapes = (0..views).map(|_| OnceLock::new()).collect();
        grid.loads = (0..views).map(|_| OnceLock::new()).collect();
        grid.usable = grid.holds.iter().map(|_| OnceLock::new()).collect();
        grid
    }

    /// Frees the large tables beside whatever follows: at us-l that takes half a second, and somebody waits for a repair.
    pub fn discard(self) {
        let tables = (self.shapes, self.loads, self.usable, self.holds);
        drop(std::thread::Builder::new().spawn(move || drop(tables)));
    }

    fn frame(problem: &'p Problem) -> Self {
        let numbered = |ids: Vec<&'p str>| -> BTreeMap<&'p str, usize> {
            ids.into_iter().enumerate().map(|(n, id)| (id, n)).collect()
        };
        let horizon = Horizon::new(problem.term);
        let districts = numbered(problem.districts.iter().map(|d| d.id.as_str()).collect());
        let mut clocks = Clocks::default();
        let (mut timelines, mut timeline_of_school, mut state_of_school) = (Vec::new(), Vec::new(), Vec::new());
        let mut shared: BTreeMap<(usize, Option<&str>), usize> = BTreeMap::new();
        for school in &problem.schools {
            let d = districts[school.district.as_str()];
            let district = &problem.districts[d];
            let (tz, calendar) =
                (school.tz.unwrap_or(district.tz), school.calendar.as_ref().unwrap_or(&district.calendar));
            let mut expand = || {
                timelines.push(Timeline::new(clocks.of(tz, horizon).0, calendar, problem.term));
                timelines.len() - 1
            };
            let timeline = if school.calendar.is_some() {
                expand()
            } else {
                *shared.entry((d, school.tz.map(Tz::name))).or_insert_with(expand)
            };
            timeline_of_school.push(timeline);
            state_of_school.push(district.state.as_str());
        }
        let mut kinds: Vec<(usize, &Educator)> = Vec::new();
        // No slot takes more than a session a school day: limits above that are alike to it.
        let longest = problem.services.iter().map(|s| s.minutes).max().unwrap_or(0);
        let felt = |e: &Educator| (e.max_minutes_per_week.min(8 * longest), e.max_minutes_per_day.min(2 * longest));
        let educators = problem
            .educators
            .iter()
            .map(|e| {
                let zone = clocks.of(e.tz, horizon).1;
                let alike = |(of, o): &(usize, &Educator)| {
                    (*of, felt(o), o.buffer_minutes) == (zone, felt(e), e.buffer_minutes)
                        && o.availability == e.availability
                };
                let kind = kinds.iter().position(alike).unwrap_or_else(|| {
                    kinds.push((zone, e));
                    kinds.len() - 1
                });
                EducatorRow { zone, kind, buffer: e.buffer_minutes }
            })
            .collect();
        let index = Index {
            schools: numbered(problem.schools.iter().map(|s| s.id.as_str()).collect()),
            courses: numbered(problem.courses.iter().map(|c| c.id.as_str()).collect()),
            sections: numbered(problem.sections.iter().map(|s| s.id.as_str()).collect()),
            services: numbered(problem.services.iter().map(|s| s.id.as_str()).collect()),
            educators: numbered(problem.educators.iter().map(|e| e.id.as_str()).collect()),
            block_of_section: Vec::new(),
        };
        Self {
            problem,
            horizon,
            blocks: Vec::new(),
            services: Vec::new(),
            slots: Vec::new(),
            educators,
            students: 0,
            state_of_school,
            timeline_of_school,
            timelines,
            zones: clocks.zones,
            holds: Vec::new(),
            shapes: Vec::new(),
            loads: Vec::new(),
            kinds: kinds.len(),
            usable: Vec::new(),
            shared_loads: SharedLoads::default(),
            section_span: Vec::new(),
            section_minutes: Vec::new(),
            index,
            links: Links::default(),
        }
    }

    fn link(&mut self) {
        let needs = self.blocks.len() + self.services.len();
        let (mut incumbents, mut pins, mut together) =
            (vec![Vec::new(); needs], vec![None; needs], vec![Vec::new(); needs]);
        let pair = |p: &Pair| self.need(&p.need).zip(self.index.educators.get(p.educator.as_str()).copied());
        for (need, educator) in self.problem.incumbents.iter().filter_map(pair) {
            incumbents[self.number(need)].push(educator);
        }
        for (need, educator) in self.problem.pins.iter().filter_map(pair) {
            pins[self.number(need)] = Some(educator);
        }
        for (row, of) in self.problem.together.iter().enumerate() {
            for need in of.needs.iter().filter_map(|id| self.need(id)) {
                let rows = &mut together[self.number(need)];
                if rows.last() != Some(&row) {
                    rows.push(row);
                }
            }
        }
        self.links = Links { incumbents, pins, together };
    }

    fn number(&self, need: Need) -> usize {
        match need {
            Need::Block(block) => block,
            Need::Service(service) => self.blocks.len() + service,
        }
    }

    /// The block or service that an id of the problem belongs to.
    pub fn need(&self, id: &str) -> Option<Need> {
        let section = self.index.sections.get(id).map(|&s| Need::Block(self.index.block_of_section[s]));
        section.or_else(|| self.index.services.get(id).map(|&s| Need::Service(s)))
    }

    /// Who serves the need in the published schedule, once for each section of a block.
    pub fn incumbents_of(&self, need: Need) -> &[EducatorIx] {
        &self.links.incumbents[self.number(need)]
    }

    pub fn pin_of(&self, need: Need) -> Option<EducatorIx> {
        self.links.pins[self.number(need)]
    }

    /// Rows of `together` that the need is in.
    pub fn together_of(&self, need: Need) -> &[usize] {
        &self.links.together[self.number(need)]
    }

    fn expand_sections(&mut self, threads: usize) {
        let problem = self.problem;
        let all = |sections: &[Section]| sections.iter().map(|section| self.meetings(section, |_| true)).collect();
        let meetings: Vec<Vec<Met>> = in_chunks(&problem.sections, threads, all);
        for dated in &meetings {
            self.section_span.push(dated.first().zip(dated.last()).map(|(a, b)| (a.0, b.0)));
            self.section_minutes.push(dated.iter().map(|d| d.2 - d.1).sum());
        }
        let mut bundles: BTreeMap<&str, BlockIx> = BTreeMap::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        for (n, section) in problem.sections.iter().enumerate() {
            let block = match &section.bundle {
                Some(bundle) => *bundles.entry(bundle).or_insert(members.len()),
                None => members.len(),
            };
            if block == members.len() {
                members.push(Vec::new());
            }
            members[block].push(n);
            self.index.block_of_section.push(block);
        }
        let expand = |members: &[Vec<usize>]| members.iter().map(|sections| self.block(sections, &meetings)).collect();
        let expanded: Vec<(Block, Dated)> = in_chunks(&members, threads, expand);
        for (hold, (block, dated)) in expanded.into_iter().enumerate() {
            self.blocks.push(Block { hold, ..block });
            self.holds.push(dated);
        }
    }

    /// A block of some sections, with its hold, which has no number yet.
    fn block(&self, sections: &[usize], meetings: &[Vec<Met>]) -> (Block, Dated) {
        let problem = self.problem;
        let weight = |s: usize| problem.weights.unserved_cents_per_minute * problem.sections[s].priority;
        let mut dated: Vec<_> =
            sections.iter().flat_map(|&s| meetings[s].iter().map(move |m| (*m, weight(s)))).collect();
        dated.sort_by_key(|(meeting, _)| meeting.1);
        let worth: Vec<(Date, i64)> =
            dated.iter().map(|((date, start, end), weight)| (*date, weight * (end - start))).collect();
        let mut courses: Vec<usize> =
            sections.iter().map(|&s| self.index.courses[problem.sections[s].course.as_str()]).collect();
        courses.sort_unstable();
        courses.dedup();
        let owed_minutes = sections.iter().map(|&s| self.section_minutes[s]).sum();
        let owed_cents = worth.iter().map(|w| w.1).sum();
        let hold = Hold::new(self.horizon, dated.iter().map(|((_, start, end), _)| (*start, *end)));
        let dates = dated.iter().map(|((date, ..), _)| *date).collect();
        let sections = sections.to_vec();
        (Block { sections, hold: HoldIx::MAX, courses, owed_cents, owed_minutes, worth }, Dated { hold, dates })
    }

    /// The meetings of a section on some dates, in order of time.
    fn meetings(&self, section: &Section, on: impl Fn(Date) -> bool) -> Vec<Met> {
        let school_ix = self.index.schools[section.school.as_str()];
        let school = &self.problem.schools[school_ix];
        let timeline = &self.timelines[self.timeline_of_school[school_ix]];
        let (first, last) =
            (section.first.unwrap_or(self.problem.term.first), section.last.unwrap_or(self.problem.term.last));
        // By bell schedule: when each of the section's meets is in it.
        let periods = |bell: &'p BellSchedule| section.meets.iter().map(|meet| bell.period(&meet.period)).collect();
        let bells: Vec<(&str, Vec<Option<&Period>>)> =
            school.bell_schedules.iter().map(|bell| (bell.id.as_str(), periods(bell))).collect();
        let mut dated = Vec::new();
        for day in timeline.days.iter().filter(|d| first <= d.date && d.date <= last && on(d.date)) {
            let rung = timeline.calendar.bell_schedule.on(day.date);
            let Some((_, periods)) = bells.iter().find(|bell| bell.0 == rung) else { continue };
            for (meet, period) in section.meets.iter().zip(periods) {
                let on_day = meet.days.as_ref().is_none_or(|days| days.contains(&day.date.weekday()));
                let on_cycle =
                    meet.cycle_days.as_ref().is_none_or(|days| days.iter().any(|d| Some(d.as_str()) == day.cycle_day));
                if let (true, true, Some(period)) = (on_day, on_cycle, period) {
                    let at = |clock: Clock| timeline.zone.to_utc(day.date, clock.minutes());
                    dated.push((day.date, at(period.start), at(period.end)));
                }
            }
        }
        dated.sort_by_key(|d| d.1);
        dated
    }

    pub fn hold(&self, hold: HoldIx) -> &Hold {
        &self.holds[hold].hold
    }

    pub fn slot_hold(&self, slot: SlotIx) -> &Hold {
        self.hold(self.slots[slot].hold)
    }

    /// What `educator`'s clock shows during a hold; computed once per zone.
    pub fn shapes(&self, hold: HoldIx, educator: EducatorIx) -> &[Shape] {
        let zone = self.educators[educator].zone;
        self.shapes[hold * self.zones.len() + zone].get_or_init(|| self.zones[zone].shapes(self.hold(hold)))
    }

    /// The minutes that a hold takes on `educator`'s clock; computed once per zone.
    pub fn loads(&self, hold: HoldIx, educator: EducatorIx) -> &Loads {
        let zone = self.educators[educator].zone;
        let of = || self.shared_loads.of(&self.zones[zone], self.hold(hold));
        self.loads[hold * self.zones.len() + zone].get_or_init(of)
    }

    /// What `find` says of a hold and educators of one kind: asked once.
    pub fn usable(&self, hold: HoldIx, educator: EducatorIx, find: impl FnOnce() -> bool) -> bool {
        let by_kind = self.usable[hold].get_or_init(|| (0..self.kinds).map(|_| AtomicU8::new(0)).collect());
        let of_kind = &by_kind[self.educators[educator].kind];
        match of_kind.load(Ordering::Relaxed) {
            0 => {
                let found = find();
                of_kind.store(1 + u8::from(found), Ordering::Relaxed);
                found
            }
            known => known == 2,
        }
    }

    pub fn educator(&self, educator: EducatorIx) -> &'p Educator {
        &self.problem.educators[educator]
    }

    /// Cents that a block leaves unserved on the educator's time off.
    pub fn block_away_cents(&self, block: BlockIx, educator: EducatorIx) -> i64 {
        let off = &self.educator(educator).time_off;
        if off.is_empty() {
            return 0;
        }
        let away = self.blocks[block].worth.iter().filter(|(date, _)| off.iter().any(|span| span.contains(*date)));
        away.map(|(_, cents)| cents).sum()
    }

    /// Minutes of a section that fall on the educator's time off.
    pub fn section_away_minutes(&self, section: usize, educator: EducatorIx) -> i64 {
        let off = &self.educator(educator).time_off;
        if off.is_empty() {
            return 0;
        }
        let away = |date| off.iter().any(|span| span.contains(date));
        self.meetings(&self.problem.sections[section], away).iter().map(|m| m.2 - m.1).sum()
    }

    /// Minutes of `service` that `slot` serves when `educator` holds it.
    pub fn served_minutes(&self, service: ServiceIx, slot: SlotIx, educator: EducatorIx) -> i64 {
        self.offered_minutes(service, slot) - self.away_minutes(service, slot, educator)
    }

    /// Minutes of `service` in one of its slots, with an educator who is never away.
    pub fn offered_minutes(&self, service: ServiceIx, slot: SlotIx) -> i64 {
        let row = &self.services[service];
        row.slots.binary_search(&slot).map_or(0, |at| row.offered[at])
    }

    /// Minutes of `service` in `slot` that fall on the educator's time off.
    pub fn away_minutes(&self, service: ServiceIx, slot: SlotIx, educator: EducatorIx) -> i64 {
        let off = &self.educator(educator).time_off;
        if off.is_empty() {
            return 0;
        }
        let active = self.active_dates(service, slot);
        let away = active.iter().filter(|d| off.iter().any(|span| span.contains(**d))).count();
        self.problem.services[service].minutes * i64::try_from(away).unwrap_or(0)
    }

    /// The dates that a slot holds within the service's own dates.
    fn active_dates(&self, service: ServiceIx, slot: SlotIx) -> &[Date] {
        let Some((first, last)) = self.services[service].span else { return &[] };
        let dates = &self.holds[self.slots[slot].hold].dates;
        &dates[dates.partition_point(|d| *d < first)..dates.partition_point(|d| *d <= last)]
    }
}

/// Zones by name, and one of each that show the same time all year.
#[derive(Default)]
struct Clocks {
    zones: Vec<Arc<Zone>>,
    known: BTreeMap<&'static str, (Arc<Zone>, usize)>,
}

impl Clocks {
    /// A zone, and the position of the one that shows the same time.
    fn of(&mut self, tz: Tz, horizon: Horizon) -> (Arc<Zone>, usize) {
        let found = self.known.entry(tz.name()).or_insert_with(|| {
            let zone = Arc::new(Zone::new(tz, horizon));
            let same = self.zones.iter().position(|other| other.agrees_with(&zone));
            let at = same.unwrap_or_else(|| {
                self.zones.push(Arc::clone(&zone));
                self.zones.len() - 1
            });
            (zone, at)
        });
        found.clone()
    }
}
