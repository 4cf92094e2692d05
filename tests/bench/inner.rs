//! `cargo bench`: the engine's inner loops on a made-up problem the size of us-s. Compares with the last run on this machine.

use std::hint::black_box;

use bellwether::engine::answer;
use bellwether::engine::grid::{Grid, Need};
use bellwether::engine::holds::cliques::cliques;
use bellwether::engine::outcome::{Limits, Progress, Schedule};
use bellwether::engine::pairing::Pairing;
use bellwether::engine::problem::Problem;
use bellwether::engine::search::book::Book;
use bellwether::engine::verify::verify;
use bellwether::engine::{Watch, plan};
use bellwether::exchange::sample::{self, Request};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

fn us_s() -> Problem {
    sample::problem(&Request::us_s(1))
}

/// A schedule is wanted, not a good one.
struct Hasty;

impl Watch for Hasty {
    fn seconds_left(&self) -> f64 {
        f64::INFINITY
    }
    fn should_stop(&self) -> bool {
        true
    }
    fn on_progress(&self, _: Progress<'_>) {}
}

fn schedule(problem: &Problem) -> Schedule {
    plan(problem, &Limits::default(), None, &Hasty).expect("nothing is pinned").schedule
}

/// From dates and zones to holds, and what every educator's clock shows of them.
fn holds(c: &mut Criterion) {
    let problem = us_s();
    c.bench_function("holds: expand a problem", |b| b.iter(|| Grid::new(black_box(&problem))));
    let grid = Grid::new(&problem);
    let some: Vec<usize> = (0..grid.slots.len()).step_by(grid.slots.len() / 200).collect();
    c.bench_function("holds: 200 slots against each other", |b| {
        b.iter(|| {
            let meets = |&a: &usize, &b: &usize| grid.slot_hold(a).collides(grid.slot_hold(b), 5);
            some.iter().map(|a| some.iter().filter(|b| meets(a, b)).count()).sum::<usize>()
        });
    });
    c.bench_function("holds: 200 slots on one educator's clock", |b| {
        let views =
            |grid: Grid<'_>| some.iter().map(|&slot| grid.shapes(grid.slots[slot].hold, 0).len()).sum::<usize>();
        b.iter_batched(|| Grid::new(&problem), views, BatchSize::LargeInput);
    });
}

fn pairing(c: &mut Criterion) {
    let problem = us_s();
    c.bench_function("pairing: every need and educator", |b| {
        b.iter_batched_ref(|| Grid::new(&problem), |grid| Pairing::new(grid), BatchSize::LargeInput);
    });
}

fn cliques_of_one(c: &mut Criterion) {
    let problem = us_s();
    let grid = Grid::new(&problem);
    let pairing = Pairing::new(&grid);
    let takes = |educator: &usize| -> Vec<usize> {
        let blocks = (0..grid.blocks.len()).filter(|&b| pairing.of(Need::Block(b)).contains(educator));
        let services = (0..grid.services.len()).filter(|&s| pairing.of(Need::Service(s)).contains(educator));
        let slots = services.flat_map(|s| grid.services[s].slots.iter().map(|&slot| grid.slots[slot].hold));
        let mut holds: Vec<usize> = blocks.map(|b| grid.blocks[b].hold).chain(slots).collect();
        holds.sort_unstable();
        holds.dedup();
        holds
    };
    let busiest = (0..grid.educators.len()).max_by_key(|e| takes(e).len()).expect("there are educators");
    let holds: Vec<_> = takes(&busiest).into_iter().map(|hold| grid.hold(hold)).collect();
    c.bench_function(&format!("cliques: the {} holds of one educator", holds.len()), |b| {
        b.iter(|| cliques(black_box(&holds), 5));
    });
}

fn book(c: &mut Criterion) {
    let problem = us_s();
    let grid = Grid::new(&problem);
    let pairing = Pairing::new(&grid);
    let schedule = schedule(&problem);
    let book = Book::of(&grid, &answer::roster(&grid, &schedule));
    c.bench_function("book: every open session of every service", |b| {
        b.iter(|| {
            let open = |service: usize, educator: usize| {
                let slots = grid.services[service].slots.iter();
                slots.filter(|&&slot| book.place_refusal(service, educator, slot).is_none()).count()
            };
            let of = |s: usize| pairing.services[s].iter().map(|&e| open(s, e)).sum::<usize>();
            (0..grid.services.len()).map(of).sum::<usize>()
        });
    });
    c.bench_function("verify: recount a schedule", |b| b.iter(|| verify(&problem, black_box(&schedule))));
}

criterion_group!(inner, holds, pairing, cliques_of_one, book);
criterion_main!(inner);
