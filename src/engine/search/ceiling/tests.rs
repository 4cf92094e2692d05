//! Terms of a few sections by lot, beside the best of all choices that obey the rules.

use super::*;
use crate::engine::search::rng::SplitMix;

/// Minutes of two weeks of five days; a section meets on some of them.
fn loads(rng: &mut SplitMix) -> Loads {
    let minutes = 10 * u32::try_from(3 + rng.below(4)).expect("few");
    let by_day: Vec<(u32, u32)> =
        [0, 1, 2, 3, 4, 7, 8, 9, 10, 11].into_iter().filter(|_| rng.below(3) > 0).map(|day| (day, minutes)).collect();
    Loads::new(by_day)
}

/// A ceiling, the minutes of its sections, and the limits of a week and of a day.
fn by_lot(rng: &mut SplitMix) -> (Ceiling, Vec<Loads>, [i64; 2]) {
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
        tight: Tight::default(),
        unit: 1.0,
    };
    let loads: Vec<Loads> = (0..count).map(|_| loads(rng)).collect();
    for (block, loads) in loads.iter().enumerate() {
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
    for service in 0..rng.below(4) {
        let [worth, load] = [20 + rng.below(200), 30 + rng.below(300)].map(|n| float(i64::try_from(n).expect("few")));
        ceiling.services.push(Service { need: count + service, steps: vec![(worth, load)] });
    }
    let minutes: Vec<f64> = ceiling.blocks.iter().map(Block::whole_load).collect();
    ceiling.unit = unit(ceiling.whole_room(), &minutes);
    let most = usize::try_from(ceiling.max_sections).expect("few");
    ceiling.tight = Tight::new(&loads.iter().collect::<Vec<_>>(), most, limits);
    ceiling.share_preps();
    ceiling.find_rivals();
    (ceiling, loads, limits)
}

/// What some sections and the services beside them are worth, where the rules allow the sections together.
fn worth((ceiling, loads, limits): &(Ceiling, Vec<Loads>, [i64; 2]), blocks: &[usize], prices: &[f64]) -> Option<f64> {
    let rows = || blocks.iter().map(|&b| &ceiling.blocks[b]);
    let courses: BTreeSet<usize> = rows().flat_map(|row| row.courses.iter().copied()).collect();
    let clash = blocks.iter().any(|&a| blocks.iter().any(|&b| a < b && ceiling.clashes.between(a, b)));
    let (&[week, day], taken) = (limits, || blocks.iter().map(|&b| &loads[b]));
    let mut sums = Vec::new();
    let allowed = !clash
        && rows().map(|row| row.sections).sum::<i64>() <= ceiling.max_sections
        && courses.len() <= ceiling.max_preps
        && fits(taken().map(|loads| &*loads.by_week), week, &mut sums)
        && fits(taken().map(|loads| &*loads.by_day), day, &mut sums);
    let mut earned: f64 = rows().map(|row| row.worth - prices[row.need]).sum();
    let (mut room, mut pieces) = (ceiling.whole_room() - rows().map(Block::whole_load).sum::<f64>(), Vec::new());
    ceiling.pieces(prices, &mut pieces);
    for piece in pieces {
        earned += piece.worth * (room / piece.load).clamp(0.0, 1.0);
        room -= piece.load;
    }
    allowed.then(|| earned - ceiling.prep * count(courses.len().saturating_sub(1)) - ceiling.activation)
}

#[test]
fn no_term_is_worth_more_than_its_ceiling_and_with_nodes_enough_the_two_are_one() {
    let mut rng = SplitMix::new(1);
    let (mut terms, mut met) = (0, 0);
    for _ in 0..2_000 {
        let all_of_it = by_lot(&mut rng);
        let ceiling = &all_of_it.0;
        let (blocks, needs) = (ceiling.blocks.len(), ceiling.needs().count());
        let prices: Vec<f64> = (0..needs).map(|_| float(i64::try_from(rng.below(150)).expect("few"))).collect();
        let all: Vec<Vec<usize>> =
            (0..1_usize << blocks).map(|bits| (0..blocks).filter(|b| bits >> b & 1 == 1).collect()).collect();
        let most = |must: Option<usize>| {
            let has = |blocks: &&Vec<usize>| must.is_none_or(|b| blocks.contains(&b));
            all.iter()
                .filter(has)
                .filter_map(|blocks| worth(&all_of_it, blocks, &prices))
                .fold(f64::NEG_INFINITY, f64::max)
        };
        let mut scratch = Scratch::default();
        for (nodes, steps) in [(1, 0), (2, 3), (5, 0), (20, 10), (2_000, 0), (2_000, 1_000)] {
            let effort = Effort { nodes, steps, slack: 0.0 };
            let choice = ceiling.choose(&prices, effort, &mut scratch);
            assert!(choice.worth >= most(None).max(0.0) - 1e-3, "{} of {}", choice.worth, most(None));
            if choice.worth > 0.0 {
                assert!(worth(&all_of_it, &choice.blocks, &prices).is_some(), "{:?} breaks a rule", choice.blocks);
            }
            if nodes == 2_000 {
                terms += 1;
                met += usize::from(choice.worth - most(None).max(0.0) < 1e-2);
            }
            for block in 0..blocks {
                let with = ceiling.worth_with(block, &prices, choice.worth, effort, &mut scratch);
                assert!(with >= most(Some(block)) - 1e-3, "with {block} {with} of {}", most(Some(block)));
            }
        }
    }
    assert!(met * 100 >= terms * 98, "{met} of {terms} ceilings are met");
}
