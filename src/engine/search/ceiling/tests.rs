//! Terms of a few sections by lot, beside the best of all choices that obey the rules.

use super::*;
use crate::engine::search::rng::SplitMix;

/// Minutes of two weeks of five days; a section meets on some of them.
fn loads(rng: &mut SplitMix) -> Loads {
    let minutes = 10 * u32::try_from(3 + rng.below(4)).expect("few");
    let by_day: Vec<(u32, u32)> =
        [0, 1, 2, 3, 4, 7, 8, 9, 10, 11].into_iter().filter(|_| rng.below(3) > 0).map(|day| (day, minutes)).collect();
    let of_week = |week: u32| (week, by_day.iter().filter(|row| row.0 / 7 == week).map(|row| row.1).sum::<u32>());
    let by_week: Vec<(u32, u32)> = [of_week(0), of_week(1)].into_iter().filter(|row| row.1 > 0).collect();
    let peak = |rows: &[(u32, u32)]| rows.iter().map(|row| i64::from(row.1)).max().unwrap_or(0);
    let total = by_day.iter().map(|row| i64::from(row.1)).sum();
    Loads { day_peak: peak(&by_day), week_peak: peak(&by_week), total, by_day: by_day.into(), by_week: by_week.into() }
}

fn by_lot(rng: &mut SplitMix) -> Ceiling {
    let count = rng.below(10);
    let limits = [300 + 100 * rng.below(4), 90 + 30 * rng.below(3)].map(|most| i64::try_from(most).expect("few"));
    let mut ceiling = Ceiling {
        educator: 0,
        blocks: Vec::new(),
        clashes: Clashes::new(count),
        services: Vec::new(),
        courses: 3,
        room: [float(limits[0]); 2],
        activation: 20.0,
        prep: [0.0, 30.0, 200.0][rng.below(3)],
        max_preps: 1 + rng.below(3),
        max_sections: 2 + i64::try_from(rng.below(4)).expect("few"),
        limits,
    };
    for block in 0..count {
        let loads = loads(rng);
        let week = |week| f64::from(loads.by_week.iter().find(|row| row.0 == week).map_or(0, |row| row.1));
        let mut courses: Vec<usize> = (0..3).filter(|_| rng.below(3) == 0).collect();
        if courses.is_empty() {
            courses.push(rng.below(3));
        }
        ceiling.blocks.push(Block {
            need: block,
            block,
            worth: float(i64::try_from(20 + rng.below(400)).expect("few")),
            load: [week(0), week(1)],
            loads: Arc::new(loads),
            sections: i64::try_from(courses.len()).expect("few"),
            courses,
            preps: 0.0,
            rivals: Vec::new(),
        });
        for other in 0..block {
            if rng.below(3) == 0 {
                ceiling.clashes.mark(other, block);
            }
        }
    }
    ceiling.share_preps();
    ceiling.find_rivals();
    ceiling
}

/// What some sections are worth, where the rules allow them together.
fn worth(ceiling: &Ceiling, blocks: &[usize], prices: &[f64]) -> Option<f64> {
    let rows = || blocks.iter().map(|&b| &ceiling.blocks[b]);
    let courses: BTreeSet<usize> = rows().flat_map(|row| row.courses.iter().copied()).collect();
    let clash = blocks.iter().any(|&a| blocks.iter().any(|&b| a < b && ceiling.clashes.between(a, b)));
    let [week, day] = ceiling.limits;
    let mut sums = Vec::new();
    let allowed = !clash
        && rows().map(|row| row.sections).sum::<i64>() <= ceiling.max_sections
        && courses.len() <= ceiling.max_preps
        && fits(rows().map(|row| &*row.loads.by_week), week, &mut sums)
        && fits(rows().map(|row| &*row.loads.by_day), day, &mut sums);
    let earned: f64 = rows().map(|row| row.worth - prices[row.need]).sum();
    allowed.then(|| earned - ceiling.prep * count(courses.len().saturating_sub(1)) - ceiling.activation)
}

#[test]
fn no_term_is_worth_more_than_its_ceiling_and_with_nodes_enough_the_two_are_one() {
    let mut rng = SplitMix::new(1);
    let (mut terms, mut met) = (0, 0);
    for _ in 0..2_000 {
        let ceiling = by_lot(&mut rng);
        let prices: Vec<f64> =
            ceiling.blocks.iter().map(|_| float(i64::try_from(rng.below(150)).expect("few"))).collect();
        let all: Vec<Vec<usize>> = (0..1_usize << prices.len())
            .map(|bits| (0..prices.len()).filter(|b| bits >> b & 1 == 1).collect())
            .collect();
        let most = |must: Option<usize>| {
            let has = |blocks: &&Vec<usize>| must.is_none_or(|b| blocks.contains(&b));
            all.iter()
                .filter(has)
                .filter_map(|blocks| worth(&ceiling, blocks, &prices))
                .fold(f64::NEG_INFINITY, f64::max)
        };
        let mut scratch = Scratch::default();
        for (nodes, steps) in [(1, 0), (2, 3), (5, 0), (20, 10), (2_000, 0), (2_000, 1_000)] {
            let effort = Effort { nodes, steps, slack: 0.0 };
            let choice = ceiling.choose(&prices, effort, &mut scratch);
            assert!(choice.worth >= most(None).max(0.0) - 1e-3, "{} of {}", choice.worth, most(None));
            if choice.worth > 0.0 {
                assert!(worth(&ceiling, &choice.blocks, &prices).is_some(), "{:?} breaks a rule", choice.blocks);
            }
            if nodes == 2_000 {
                terms += 1;
                met += usize::from(choice.worth - most(None).max(0.0) < 1e-2);
            }
            for block in 0..prices.len() {
                let with = ceiling.worth_with(block, &prices, choice.worth, effort, &mut scratch);
                assert!(with >= most(Some(block)) - 1e-3, "with {block} {with} of {}", most(Some(block)));
            }
        }
    }
    assert!(met * 100 >= terms * 98, "{met} of {terms} ceilings are met");
}
