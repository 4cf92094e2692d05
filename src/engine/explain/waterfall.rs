//! The waterfall: at which filter each educator falls out for a need, counted. Only educators with a license
//! in the state and an area of the need are asked one by one; the others are counted from an index.

use std::collections::{BTreeMap, BTreeSet};

use super::Inquiry;
use super::offers::Offers;
use crate::engine::grid::{EducatorIx, Grid, Need};
use crate::engine::outcome::WaterfallStep;
use crate::engine::pairing::Filter;
use crate::engine::rule::Rule;

/// Educators by what their licenses say, and where to find a few other rows of the problem.
pub struct Pools<'p> {
    state: BTreeMap<&'p str, BTreeSet<EducatorIx>>,
    area: BTreeMap<(&'p str, &'p str), BTreeSet<EducatorIx>>,
    districts: BTreeMap<&'p str, usize>,
    pins: BTreeMap<Need, Vec<usize>>,
    vetoes: BTreeMap<&'p str, Vec<usize>>,
}

impl<'p> Pools<'p> {
    pub fn new(grid: &Grid<'p>) -> Self {
        let mut pools = Self {
            state: BTreeMap::new(),
            area: BTreeMap::new(),
            districts: grid.problem.districts.iter().enumerate().map(|(n, d)| (d.id.as_str(), n)).collect(),
            pins: BTreeMap::new(),
            vetoes: BTreeMap::new(),
        };
        for (n, pin) in grid.problem.pins.iter().enumerate() {
            if let Some(need) = grid.need(&pin.need) {
                pools.pins.entry(need).or_default().push(n);
            }
        }
        for (n, veto) in grid.problem.vetoes.iter().enumerate() {
            pools.vetoes.entry(&veto.educator).or_default().push(n);
        }
        for (e, person) in grid.problem.educators.iter().enumerate() {
            for license in &person.licenses {
                pools.state.entry(&license.state).or_default().insert(e);
                pools.area.entry((&license.state, &license.area)).or_default().insert(e);
            }
        }
        pools
    }

    pub fn district(&self, id: &str) -> usize {
        self.districts[id]
    }

    /// Rows of `pins` for these needs.
    pub fn pins<'s>(&'s self, needs: &'s BTreeSet<Need>) -> impl Iterator<Item = usize> + 's {
        needs.iter().filter_map(|need| self.pins.get(need)).flatten().copied()
    }

    /// Rows of `vetoes` that name an educator.
    pub fn vetoes(&self, educator: &str) -> &[usize] {
        self.vetoes.get(educator).map_or(&[], Vec::as_slice)
    }
}

/// How educators dropped out for one need.
pub struct Fall {
    /// Educators that remain after each of [`Filter::ALL`], and after conflicts.
    pub remaining: Vec<usize>,
    /// Licensed in the state and area, with the filter at which they fell; none: in conflict as things stand.
    pub fallen: Vec<(EducatorIx, Option<Filter>)>,
}

impl Fall {
    pub fn steps(&self) -> Vec<WaterfallStep> {
        let named = Filter::ALL.iter().map(|filter| (filter.name(), filter.rule()));
        named
            .chain([("conflicts", Rule::Overlap)])
            .zip(&self.remaining)
            .map(|((name, rule), &remaining)| WaterfallStep {
                filter: name.into(),
                rule: rule.code().into(),
                remaining,
            })
            .collect()
    }

    /// The first filter after which nobody was left, and how many were left before it (`all` at the first).
    pub fn emptied_at(&self, all: usize) -> Option<(Filter, usize)> {
        let at = self.remaining[..Filter::ALL.len()].iter().position(|&n| n == 0)?;
        Some((Filter::ALL[at], if at == 0 { all } else { self.remaining[at - 1] }))
    }
}

impl Inquiry<'_, '_> {
    pub(super) fn waterfall(&self, need: Need, offers: &Offers) -> Fall {
        let asked = self.rules.asked(need);
        let nobody = BTreeSet::new();
        let in_state = asked.first().and_then(|a| self.pools.state.get(a.state)).unwrap_or(&nobody);
        let mut states: Vec<&str> = asked.iter().map(|a| a.state).collect();
        states.dedup();
        let pool: BTreeSet<EducatorIx> = match (asked.first(), states.len()) {
            // Whoever lacks the area of the first part falls at `area` at the latest.
            (Some(first), 1) => {
                let held = first.areas.iter().filter_map(|area| self.pools.area.get(&(first.state, area.as_str())));
                held.flatten().copied().collect()
            }
            _ => in_state.clone(),
        };
        let allowed = self.pairing.of(need);
        let mut fell = vec![0; Filter::ALL.len()];
        let mut fallen = Vec::new();
        for &educator in &pool {
            let refusal = match allowed.binary_search(&educator) {
                Ok(_) => None,
                Err(_) => self.rules.refusal_of(&asked, need, educator),
            };
            match refusal {
                Some(filter) => fell[filter as usize] += 1,
                None if offers.free.iter().any(|offer| offer.educator == educator) => continue,
                None => {}
            }
            fallen.push((educator, refusal));
        }
        let mut left = in_state.len();
        let mut remaining = Vec::with_capacity(fell.len() + 1);
        for (at, out) in fell.iter().enumerate() {
            if at == Filter::Area as usize {
                left -= in_state.len() - pool.len();
            }
            left -= out;
            remaining.push(left);
        }
        remaining.push(offers.free.len().min(left));
        Fall { remaining, fallen }
    }
}
