//! Educators: one place at a time (H06), weekly and daily minutes (H07, H08), preps and sections (H09),
//! caseload (H10), and what it costs to use somebody who is idle.

use std::collections::BTreeMap;

use super::{Builder, Col, Column};
use crate::engine::grid::{EducatorIx, HoldIx, Need};
use crate::engine::holds::cliques::cliques;

impl Builder<'_, '_, '_> {
    pub(super) fn add_people(&mut self) {
        for (educator, taking) in std::mem::take(&mut self.taking) {
            let person = self.grid.educator(educator);
            let used = (self.scope.book.is_idle(educator) && person.activation_cents > 0)
                .then(|| self.program.column(Column::Used { educator }, person.activation_cents));
            self.add_overlaps(educator, &taking, used);
            let loads = || taking.iter().map(|(&hold, cols)| (self.grid.loads(hold, educator), cols.as_slice()));
            let weeks = table(loads().map(|(loads, cols)| (&*loads.by_week, cols)));
            let days = table(loads().map(|(loads, cols)| (&*loads.by_day, cols)));
            let (by_week, by_day) = self.scope.book.minutes_of(educator);
            let rows = limited(weeks, by_week, person.max_minutes_per_week).into_iter();
            for (terms, at_most) in rows.chain(limited(days, by_day, person.max_minutes_per_day)) {
                self.program.at_most(at_most, terms);
            }
        }
        for (educator, teaching) in std::mem::take(&mut self.teaching) {
            self.add_preps(educator, &teaching);
        }
        self.add_caseloads();
    }

    fn add_overlaps(&mut self, educator: EducatorIx, taking: &BTreeMap<HoldIx, Vec<Col>>, used: Option<Col>) {
        let holds: Vec<_> = taking.keys().map(|&hold| self.grid.hold(hold)).collect();
        let columns: Vec<&[Col]> = taking.values().map(Vec::as_slice).collect();
        let mut covered = vec![false; holds.len()];
        for clique in cliques(&holds, self.grid.educators[educator].buffer) {
            for &n in &clique {
                covered[n as usize] = true;
            }
            let members: Vec<Col> = clique.iter().flat_map(|&n| columns[n as usize]).copied().collect();
            self.program.at_most_column(members, used);
        }
        for (n, cols) in columns.iter().enumerate() {
            // Columns of one hold exclude each other even where nothing else overlaps them.
            if !covered[n] && (cols.len() > 1 || used.is_some()) {
                self.program.at_most_column(cols.iter().copied(), used);
            }
        }
    }

    fn add_preps(&mut self, educator: EducatorIx, teaching: &[(usize, Col)]) {
        let (person, book) = (self.grid.educator(educator), self.scope.book);
        let int = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let sections: Vec<(Col, i64)> =
            teaching.iter().map(|&(block, col)| (col, int(self.grid.blocks[block].sections.len()))).collect();
        let room = person.max_sections - int(book.sections_of(educator));
        if sections.iter().map(|(_, n)| n).sum::<i64>() > room {
            self.program.at_most(room, sections);
        }
        let mut by_course: BTreeMap<usize, Vec<Col>> = BTreeMap::new();
        for &(block, col) in teaching {
            for &course in self.grid.blocks[block].courses.iter().filter(|&&c| !book.has_course(educator, c)) {
                by_course.entry(course).or_default().push(col);
            }
        }
        let (known, room) = (book.courses_of(educator), person.max_preps - int(book.courses_of(educator)));
        if by_course.is_empty() || (person.prep_cents == 0 && int(by_course.len()) <= room) {
            return;
        }
        let mut preps = Vec::new();
        for (course, columns) in by_course {
            let prep = self.program.column(Column::Prep { educator, course }, person.prep_cents);
            for col in columns {
                self.program.at_most_column([col], Some(prep));
            }
            preps.push(prep);
        }
        if int(preps.len()) > room {
            self.program.at_most(room, preps.iter().map(|&p| (p, 1)).collect());
        }
        if known == 0 && person.prep_cents > 0 {
            let teaches = self.program.column(Column::Teaches { educator }, -person.prep_cents);
            self.program.at_most(0, [(teaches, 1)].into_iter().chain(preps.iter().map(|&p| (p, -1))).collect());
        }
    }

    fn add_caseloads(&mut self) {
        let mut students: BTreeMap<EducatorIx, BTreeMap<usize, Vec<Vec<Col>>>> = BTreeMap::new();
        for (&(need, educator), columns) in &self.serving {
            let Need::Service(service) = need else { continue };
            let student = self.grid.services[service].student;
            if self.grid.educator(educator).max_students.is_some() && !self.scope.book.has_student(educator, student) {
                students.entry(educator).or_default().entry(student).or_default().push(columns.clone());
            }
        }
        for (educator, students) in students {
            let most = self.grid.educator(educator).max_students.unwrap_or(i64::MAX);
            let room = most - i64::try_from(self.scope.book.caseload(educator)).unwrap_or(0);
            if i64::try_from(students.len()).unwrap_or(i64::MAX) <= room {
                continue;
            }
            let mut terms = Vec::new();
            for (student, services) in students {
                if let [only] = services.as_slice() {
                    terms.extend(only.iter().map(|&c| (c, 1)));
                } else {
                    let col = self.program.column(Column::Student { educator, student }, 0);
                    for columns in services {
                        self.program.at_most_column(columns, Some(col));
                    }
                    terms.push((col, 1));
                }
            }
            self.program.at_most(room, terms);
        }
    }
}

type Terms = Vec<(Col, i64)>;

/// Minutes by week (or day): the columns that fall in it.
fn table<'v>(loads: impl Iterator<Item = (&'v [(u32, u32)], &'v [Col])>) -> BTreeMap<u32, Terms> {
    let mut table: BTreeMap<u32, Terms> = BTreeMap::new();
    for (minutes, columns) in loads {
        for &(key, m) in minutes {
            table.entry(key).or_default().extend(columns.iter().map(|&c| (c, i64::from(m))));
        }
    }
    table
}

/// The rows that can bind, none implied by another, divided by what their minutes have in common.
fn limited(table: BTreeMap<u32, Terms>, taken: &[i64], limit: i64) -> Vec<(Terms, i64)> {
    let mut rows: BTreeMap<Terms, i64> = BTreeMap::new();
    for (key, mut terms) in table {
        let room = limit - taken.get(key as usize).copied().unwrap_or(0);
        terms.sort_unstable();
        if terms.iter().map(|t| t.1).sum::<i64>() > room {
            rows.entry(terms).and_modify(|known| *known = room.min(*known)).or_insert(room);
        }
    }
    let mut rows: Vec<(Terms, i64)> = rows.into_iter().collect();
    rows.sort_by_key(|(terms, _)| std::cmp::Reverse(terms.len()));
    let mut kept: Vec<(Terms, i64)> = Vec::new();
    for (terms, room) in rows {
        if !kept.iter().any(|(wide, tight)| *tight <= room && is_within(&terms, wide)) {
            kept.push((terms, room));
        }
    }
    for (terms, room) in &mut kept {
        let common = terms.iter().fold(0, |g, t| gcd(g, t.1));
        for term in terms.iter_mut() {
            term.1 /= common;
        }
        *room = room.div_euclid(common);
    }
    kept
}

/// Both sorted by column: every term of `narrow` is in `wide`, there at least as heavy.
fn is_within(narrow: &[(Col, i64)], wide: &[(Col, i64)]) -> bool {
    let mut rest = wide.iter();
    narrow.iter().all(|n| rest.by_ref().find(|w| w.0 >= n.0).is_some_and(|w| w.0 == n.0 && w.1 >= n.1))
}

fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
