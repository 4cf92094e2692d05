//! Candidates: for one need, every educator, with what giving it to them would cost in the schedule as it is and what
//! it would displace, or with the rule that refuses them.

use serde::{Deserialize, Serialize};

use super::Quiet;
use super::answer;
use super::cautions;
use super::grid::{BlockIx, EducatorIx, Grid, Need};
use super::outcome::{Limits, Schedule, WeeklySession};
use super::pairing::{Asked, Pairing, Rules};
use super::problem::Problem;
use super::rule::Rule;
use super::search::book::Book;
use super::search::{self, Context, Dish, Inserter, Menu, Offer, accept};

/// Needs that one candidate may displace.
const DISPLACED: usize = 6;

/// One educator for a need. Costs in cents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub educator: String,
    /// Serves the need in the schedule today.
    pub serves: bool,
    /// What the schedule would cost more (less than 0: it would cost less) than with the need unserved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marginal_cents: Option<i64>,
    /// Weekly sessions, for a service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<WeeklySession>,
    /// What would have to leave the educator's desk, and where it would go.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub displaces: Vec<Displaced>,
    /// What no rule forbids and somebody should know before they decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// Why not, where they may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Refused>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Displaced {
    pub need: String,
    /// Who would serve it then; none if nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// A caution about one educator for a need; it may be overridden with a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// `W…`, of [`Caution`](super::rule::Caution).
    pub code: String,
    pub said: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The rule's code.
    pub rule: String,
    /// `state`, `area`, `grade`, `validity`, `clearance`, `language`, `veto`, `availability`, `load`, or `conflicts`.
    pub filter: String,
}

/// A schedule opened for questions: what costs seconds at the size of a vendor is done once.
pub struct Candidates<'g, 'p> {
    grid: &'g Grid<'p>,
    menu: Menu<'g>,
    book: Book<'g, 'p>,
    inserter: Inserter,
}

/// The candidates of one need, for somebody who asks only once.
#[must_use]
pub fn candidates(problem: &Problem, schedule: &Schedule, need: &str) -> Option<Vec<Candidate>> {
    let grid = Grid::new(problem);
    Candidates::new(&grid, schedule).of(need)
}

impl<'g, 'p> Candidates<'g, 'p> {
    /// `schedule` is one of the problem that `grid` expands, and obeys its rules.
    #[must_use]
    pub fn new(grid: &'g Grid<'p>, schedule: &Schedule) -> Self {
        let pairing = Pairing::new(grid);
        let limits = Limits::default();
        let context = Context { grid, pairing: &pairing, limits: &limits, watch: &Quiet };
        let menu = Menu::of_all(&context);
        let book = Book::of(grid, &answer::roster(grid, schedule));
        Self { grid, menu, book, inserter: Inserter::new(1) }
    }

    /// Every educator: the cheapest first, then those refused, by rule. None if there is no such need. For a
    /// section of a bundle the answer is for the whole bundle. A pin of the need itself refuses nobody, for whoever asks may
    /// replace it; no other need leaves the educator to whom it is pinned.
    pub fn of(&mut self, id: &str) -> Option<Vec<Candidate>> {
        let need = self.grid.need(id)?;
        let serves = self.book.roster.educator(need);
        let before = self.lift(need);
        let rules = Rules::new(self.grid);
        let asked = rules.asked(need);
        let mut found: Vec<Candidate> = Vec::with_capacity(self.grid.educators.len());
        for educator in 0..self.grid.educators.len() {
            let mut candidate = match rules.refusal_of(&asked, need, educator) {
                Some(filter) => self.refused(educator, filter.rule(), filter.name()),
                None => self.weigh(need, educator, &asked),
            };
            candidate.serves = serves == Some(educator);
            found.push(candidate);
        }
        self.restore(need, before);
        let order =
            |c: &Candidate| (c.marginal_cents.is_none(), c.marginal_cents, c.refused.as_ref().map(|r| r.rule.clone()));
        found.sort_by_cached_key(order);
        Some(found)
    }

    fn refused(&self, educator: EducatorIx, rule: Rule, filter: &str) -> Candidate {
        let refused = Refused { rule: rule.code().to_owned(), filter: filter.to_owned() };
        Candidate { refused: Some(refused), ..self.named(educator) }
    }

    fn named(&self, educator: EducatorIx) -> Candidate {
        Candidate {
            educator: self.grid.educator(educator).id.clone(),
            serves: false,
            marginal_cents: None,
            sessions: Vec::new(),
            displaces: Vec::new(),
            warnings: Vec::new(),
            refused: None,
        }
    }

    /// Puts the need on the educator's desk, clears what is in the way, finds it another place, and counts.
    fn weigh(&mut self, need: Need, educator: EducatorIx, asked: &[Asked<'_>]) -> Candidate {
        let before = self.book.cost();
        let mut gone: Vec<(Need, Before)> = Vec::new();
        let mut offer = self.offer(need, educator);
        while offer.is_none() && gone.len() < DISPLACED {
            let Some(next) = self.next_to_go(need, educator) else { break };
            let was = self.lift(next);
            gone.push((next, was));
            offer = self.offer(need, educator);
        }
        let candidate = match offer {
            None => self.refused(educator, Rule::Overlap, "conflicts"),
            Some(offer) => {
                accept(&mut self.book, need, &offer);
                let mut displaces = Vec::new();
                for (other, _) in &gone {
                    let place = self.inserter.best(&mut self.book, &self.menu, *other).filter(|o| o.delta < 0);
                    if let Some(place) = &place {
                        accept(&mut self.book, *other, place);
                    }
                    let to = place.map(|p| self.grid.educator(p.educator).id.clone());
                    displaces.push(Displaced { need: answer::id(self.grid, *other), to });
                }
                let sessions = offer.slots.iter().map(|&slot| answer::session(self.grid, slot)).collect();
                let marginal_cents = Some(self.book.cost() - before);
                let left = displaces.iter().filter(|other| other.to.is_none()).count();
                let warnings = cautions::of(&self.book, asked, (need, &offer), left);
                self.book.drop_need(need);
                Candidate { marginal_cents, sessions, displaces, warnings, ..self.named(educator) }
            }
        };
        for (other, _) in &gone {
            self.book.drop_need(*other);
        }
        for (other, was) in gone.into_iter().rev() {
            self.restore(other, was);
        }
        candidate
    }

    fn offer(&mut self, need: Need, educator: EducatorIx) -> Option<Offer> {
        match need {
            Need::Block(block) => search::offer_block(&self.book, block, educator),
            Need::Service(service) => {
                // Whoever a pin keeps from it is not on the menu.
                let pinned_away = self.grid.pin_of(need).is_some_and(|pin| pin != educator);
                let other = pinned_away.then(|| Dish::new(self.grid, need, educator));
                let dish = match &other {
                    Some(dish) => dish,
                    None => self.menu.of(need).iter().find(|dish| dish.educator == educator)?,
                };
                self.inserter.sessions(&mut self.book, service, dish, i64::MAX)
            }
        }
    }

    /// What to clear from a desk next: the least of what collides, or else the least of all; never what is pinned.
    fn next_to_go(&self, need: Need, educator: EducatorIx) -> Option<Need> {
        let in_the_way: Vec<Need> = match need {
            Need::Block(block) => self.book.in_the_way(educator, self.hold(block)),
            Need::Service(service) => {
                let slots = &self.grid.services[service].slots;
                let ways = slots.iter().map(|&slot| self.book.in_the_way(educator, self.grid.slots[slot].hold));
                ways.filter(|way| !way.is_empty()).min_by_key(|way| self.stake(way)).unwrap_or_default()
            }
        };
        let desk = if in_the_way.is_empty() { self.book.needs_of(educator) } else { in_the_way };
        desk.into_iter().filter(|&n| self.grid.pin_of(n).is_none()).min_by_key(|&n| (search::stake(self.grid, n), n))
    }

    fn stake(&self, needs: &[Need]) -> i64 {
        needs.iter().map(|&n| search::stake(self.grid, n)).sum()
    }

    fn hold(&self, block: BlockIx) -> usize {
        self.grid.blocks[block].hold
    }

    fn lift(&mut self, need: Need) -> Before {
        let before = match need {
            Need::Block(block) => self.book.roster.blocks[block].map(|e| (e, Vec::new())),
            Need::Service(service) => self.book.roster.services[service].clone(),
        };
        self.book.drop_need(need);
        before
    }

    fn restore(&mut self, need: Need, before: Before) {
        if let Some((educator, slots)) = before {
            accept(&mut self.book, need, &Offer { delta: 0, educator, slots });
        }
    }
}

/// Where a need was.
type Before = Option<(EducatorIx, Vec<usize>)>;
