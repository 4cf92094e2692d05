//! The integer programme of a scope: some educators, and the needs that are free to move among them.
//!
//! Everything outside the scope stays as the [`Book`] has it, so the same programme serves a whole
//! component, a neighborhood, a repair and a candidate. Its objective is what the book's cost changes by.
//! One file a family of rules: `sections`, `services`, `groups`, `people` (overlap, load, preps, caseload),
//! `ties` (students, together). Coefficients are integers; rounding is `decode`'s.

mod groups;
mod people;
mod sections;
mod services;
mod ties;

use std::collections::BTreeMap;

use super::grid::{BlockIx, EducatorIx, Grid, HoldIx, Need, ServiceIx, SlotIx};
use super::pairing::Pairing;
use super::search::book::Book;

/// A column's number.
pub type Col = usize;

/// What a column of value 1 means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    Teach {
        block: BlockIx,
        educator: EducatorIx,
    },
    /// The educator serves the service; only where it may have more than one session.
    Serve {
        service: ServiceIx,
        educator: EducatorIx,
    },
    Place {
        service: ServiceIx,
        educator: EducatorIx,
        slot: SlotIx,
    },
    /// The educator holds a session that several services may share.
    Meet {
        educator: EducatorIx,
        slot: SlotIx,
    },
    /// An educator who was idle has work.
    Used {
        educator: EducatorIx,
    },
    Prep {
        educator: EducatorIx,
        course: usize,
    },
    /// The first course is free of preparation cost.
    Teaches {
        educator: EducatorIx,
    },
    Student {
        educator: EducatorIx,
        student: usize,
    },
    /// The educator serves a need of a `together` row.
    Together {
        row: usize,
        educator: EducatorIx,
    },
    /// Somebody serves a need of a `together` row: the first educator is free.
    Served {
        row: usize,
    },
}

/// `Σ coefficient × column ≤ at_most` (or `=` where `exactly`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub terms: Vec<(Col, i64)>,
    pub at_most: i64,
    pub exactly: bool,
}

/// A 0-1 programme: minimise `Σ cost × column`.
#[derive(Default)]
pub struct Program {
    pub columns: Vec<Column>,
    pub cost: Vec<i64>,
    pub rows: Vec<Row>,
}

impl Program {
    fn column(&mut self, column: Column, cost: i64) -> Col {
        self.columns.push(column);
        self.cost.push(cost);
        self.columns.len() - 1
    }

    fn at_most(&mut self, at_most: i64, terms: Vec<(Col, i64)>) {
        self.rows.push(Row { terms, at_most, exactly: false });
    }

    /// `Σ columns ≤ bound`, where the bound is a column or, without one, 1.
    fn at_most_column(&mut self, columns: impl IntoIterator<Item = Col>, bound: Option<Col>) {
        let terms = columns.into_iter().map(|c| (c, 1)).chain(bound.map(|b| (b, -1))).collect();
        self.at_most(i64::from(bound.is_none()), terms);
    }
}

/// What may change: these needs, among these educators. The book has the needs unassigned.
pub struct Scope<'s, 'g, 'p> {
    pub book: &'s Book<'g, 'p>,
    pub pairing: &'s Pairing,
    /// By educator: whether they are in the scope.
    pub educators: Vec<bool>,
    pub needs: Vec<Need>,
}

/// The programme under construction, with what the families of rules share.
struct Builder<'s, 'g, 'p> {
    scope: &'s Scope<'s, 'g, 'p>,
    grid: &'g Grid<'p>,
    program: Program,
    /// By educator: columns that take their time, by hold.
    taking: BTreeMap<EducatorIx, BTreeMap<HoldIx, Vec<Col>>>,
    teaching: BTreeMap<EducatorIx, Vec<(BlockIx, Col)>>,
    /// By (need, educator): columns of which at most one is 1, and one is 1 iff the educator serves it.
    serving: BTreeMap<(Need, EducatorIx), Vec<Col>>,
    /// By (educator, slot): the services that may sit in it.
    sitting: BTreeMap<(EducatorIx, SlotIx), Vec<(ServiceIx, Col)>>,
}

/// Builds the exact programme of a scope.
pub fn build(scope: &Scope<'_, '_, '_>) -> Program {
    let mut builder = Builder {
        scope,
        grid: scope.book.grid,
        program: Program::default(),
        taking: BTreeMap::new(),
        teaching: BTreeMap::new(),
        serving: BTreeMap::new(),
        sitting: BTreeMap::new(),
    };
    for &need in &scope.needs {
        match need {
            Need::Block(block) => builder.add_block(block),
            Need::Service(service) => builder.add_service(service),
        }
    }
    builder.add_sessions();
    builder.add_people();
    builder.add_students();
    builder.add_together();
    builder.program
}

impl Builder<'_, '_, '_> {
    /// Educators of the scope that the static rules (and a pin) allow for a need.
    fn allowed(&self, need: Need) -> Vec<EducatorIx> {
        let pin = self.grid.pin_of(need);
        let open = |e: &EducatorIx| self.scope.educators[*e] && pin.is_none_or(|pinned| pinned == *e);
        self.scope.pairing.of(need).iter().copied().filter(open).collect()
    }

    /// Cents saved by leaving the need with who serves it today.
    fn stays(&self, need: Need, educator: EducatorIx) -> i64 {
        let rows = self.grid.incumbents_of(need).iter().filter(|&&e| e == educator).count();
        self.grid.problem.weights.change_cents * i64::try_from(rows).unwrap_or(0)
    }

    /// At most one educator serves the need; exactly one where it is pinned.
    fn add_choice(&mut self, need: Need, columns: Vec<Col>) {
        let exactly = self.grid.pin_of(need).is_some();
        if exactly || columns.len() > 1 {
            self.program.rows.push(Row { terms: columns.into_iter().map(|c| (c, 1)).collect(), at_most: 1, exactly });
        }
    }
}
