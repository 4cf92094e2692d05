//! Large neighborhoods: a few related educators and every need they could take, solved exactly, kept if better.

use super::book::Book;
use super::part::{Part, check_cost};
use super::rng::SplitMix;
use super::{Context, Defect};
use crate::engine::decode::{decode, encode};
use crate::engine::grid::{EducatorIx, Need};
use crate::engine::model::{self, Scope};
use crate::engine::solve::{SolveLimits, solve};

/// Columns of one neighborhood's programme, about.
const COLUMNS: usize = 2_500;
/// Branch-and-bound nodes and seconds for one neighborhood.
const NODES: u64 = 200;
const SECONDS: f64 = 4.0;
/// Rounds without an improvement, per educator of the part, before a provable part is handed over.
const PATIENCE: usize = 1;

/// Improves a roster until a limit, or, where the whole part can be proven afterwards, until it stalls.
pub fn improve(
    context: &Context<'_, '_, '_>,
    part: &Part,
    best: &mut Book<'_, '_>,
    then_prove: bool,
    mut on_better: impl FnMut(&Book<'_, '_>),
) -> Result<(), Defect> {
    let mut rng = SplitMix::new(u64::from(context.limits.seed));
    let takers = Takers::new(context, part);
    let patience = PATIENCE * part.educators.len().max(8);
    let rounds = if context.limits.nodes.is_some() { 4 * patience } else { usize::MAX };
    // A proof wants most of the time: root LP, cuts, and the tree.
    let reserve =
        if then_prove && context.watch.seconds_left().is_finite() { context.watch.seconds_left() * 0.7 } else { 0.0 };
    let mut stalled = 0;
    for _ in 0..rounds {
        if context.stopped()
            || context.watch.seconds_left() < reserve
            || stalled >= patience && (then_prove || context.limits.nodes.is_some())
        {
            break;
        }
        let (educators, needs) = takers.around(context, part, best, &mut rng);
        let before = best.cost();
        resolve(context, best, educators, needs)?;
        if best.cost() < before {
            stalled = 0;
            on_better(best);
        } else {
            stalled += 1;
        }
    }
    Ok(())
}

/// Needs that each educator could take, of the part.
struct Takers {
    needs: Vec<(EducatorIx, Vec<Need>)>,
}

impl Takers {
    fn new(context: &Context<'_, '_, '_>, part: &Part) -> Self {
        let mut needs: Vec<(EducatorIx, Vec<Need>)> = part.educators.iter().map(|&e| (e, Vec::new())).collect();
        for &need in &part.needs {
            for educator in context.pairing.of(need) {
                if let Ok(at) = needs.binary_search_by_key(educator, |(e, _)| *e) {
                    needs[at].1.push(need);
                }
            }
        }
        Self { needs }
    }

    fn of(&self, educator: EducatorIx) -> &[Need] {
        self.needs.binary_search_by_key(&educator, |(e, _)| *e).map_or(&[], |at| &self.needs[at].1)
    }

    /// A random educator, others who share needs with them, and what is theirs or nobody's.
    fn around(
        &self,
        context: &Context<'_, '_, '_>,
        part: &Part,
        book: &Book<'_, '_>,
        rng: &mut SplitMix,
    ) -> (Vec<bool>, Vec<Need>) {
        let mut chosen = vec![false; context.grid.educators.len()];
        let (mut needs, mut columns) = (Vec::new(), 0);
        let mut next = rng.pick(&part.educators).copied();
        while let Some(educator) = next {
            chosen[educator] = true;
            let new: Vec<Need> = self
                .of(educator)
                .iter()
                .copied()
                .filter(|&n| book.roster.educator(n).is_none_or(|e| e == educator))
                .collect();
            columns += new.iter().map(|&n| weight(context, n)).sum::<usize>();
            needs.extend(new);
            if columns > COLUMNS {
                break;
            }
            // Most neighbors share a need; now and then anybody, so that nothing is out of reach.
            let shared = rng.pick(self.of(educator)).and_then(|&need| rng.pick(context.pairing.of(need)).copied());
            let neighbor = if rng.below(8) == 0 { rng.pick(&part.educators).copied() } else { shared };
            next =
                neighbor.filter(|&e| !chosen[e]).or_else(|| rng.pick(&part.educators).copied().filter(|&e| !chosen[e]));
        }
        needs.sort_unstable();
        needs.dedup();
        (chosen, needs)
    }
}

fn weight(context: &Context<'_, '_, '_>, need: Need) -> usize {
    match need {
        Need::Block(_) => 1,
        Need::Service(service) => context.grid.services[service].slots.len(),
    }
}

/// Solves the scope exactly (within limits) and keeps the answer if it is no worse.
pub fn resolve(
    context: &Context<'_, '_, '_>,
    best: &mut Book<'_, '_>,
    educators: Vec<bool>,
    needs: Vec<Need>,
) -> Result<(), Defect> {
    let mut base = best.clone();
    needs.iter().for_each(|&need| base.drop_need(need));
    let scope = Scope { book: &base, pairing: context.pairing, educators, needs, active: false };
    let program = model::build(&scope);
    let from = encode(&program, &base, best);
    let seconds =
        if context.limits.nodes.is_some() { f64::INFINITY } else { context.watch.seconds_left().min(SECONDS) };
    let limits = SolveLimits { seconds, nodes: Some(NODES), gap_cents: 0.0, seed: context.limits.seed };
    let Some(values) = solve(&program, limits, Some(&from))?.values else { return Ok(()) };
    let mut book = base.clone();
    decode(&program, &values, &mut book)?;
    check_cost(&program, &values, &base, &book)?;
    if book.cost() <= best.cost() {
        *best = book;
    }
    Ok(())
}
