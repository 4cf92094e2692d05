//! The only file that runs HiGHS: a [`Program`] in, values, cost and a proven bound out.
//!
//! The programme is stated with good_lp and solved on the model inside it, because good_lp itself passes on
//! neither bound nor gap. One OS thread a solve, `threads = 1`, created, run and dropped there.

use good_lp::{Expression, ProblemVariables, SolverModel, constraint, variable};
use highs::HighsModelStatus;

use super::model::Program;

/// What ends one solve.
#[derive(Clone, Copy, Debug)]
pub struct SolveLimits {
    pub seconds: f64,
    pub nodes: Option<u64>,
    /// Stop when cost − bound is at most this many cents.
    pub gap_cents: f64,
    pub seed: u32,
}

/// How one solve ended. Costs are the programme's: what the book's cost changes by.
#[derive(Debug)]
pub struct Solved {
    /// A value for every column, where a solution was found.
    pub values: Option<Vec<f64>>,
    /// No solution costs less than this; `-inf` where nothing is known.
    pub bound: f64,
    /// HiGHS found the programme to have no solution at all.
    pub infeasible: bool,
    /// HiGHS ended of its own accord, not by a limit.
    pub finished: bool,
}

/// HiGHS said something that a bounded 0-1 programme cannot be.
#[derive(Debug, thiserror::Error)]
#[error("the solver failed: {0}")]
pub struct SolverDefect(String);

/// Solves a programme, from a starting point where one is given (a value for every column).
///
/// # Errors
/// If HiGHS refuses the programme or ends in a state that is neither a solution, a limit nor infeasible.
pub fn solve(program: &Program, limits: SolveLimits, start: Option<&[f64]>) -> Result<Solved, SolverDefect> {
    let solved = attempt(program, limits, start, true)?;
    let worth =
        |values: &Vec<f64>| program.cost.iter().zip(values).map(|(&cost, value)| float(cost) * value).sum::<f64>();
    // HiGHS 1.16 now and then calls an answer optimal and reports less than that answer costs: its presolve has lost
    // a column (made-up xs problem 39, two preps of 30,000 cents). The bound is then too low to prove anything.
    let contradicts = solved.finished
        && solved.values.as_ref().is_some_and(|values| worth(values) - solved.bound > limits.gap_cents.max(0.99) + 0.5);
    if contradicts { attempt(program, limits, start, false) } else { Ok(solved) }
}

fn attempt(
    program: &Program,
    limits: SolveLimits,
    start: Option<&[f64]>,
    presolve: bool,
) -> Result<Solved, SolverDefect> {
    if program.columns.is_empty() {
        let infeasible = program.rows.iter().any(|row| row.exactly && row.at_most != 0);
        return Ok(Solved { values: (!infeasible).then(Vec::new), bound: 0.0, infeasible, finished: true });
    }
    let mut model = state(program).map_err(|e| SolverDefect(e.to_string()))?;
    model.make_quiet();
    let set = |model: &mut highs::Model| -> Result<(), highs::TrySetOptionError> {
        model.try_set_option("threads", 1)?;
        model.try_set_option("random_seed", i32::try_from(limits.seed & 0x7fff_ffff).unwrap_or(0))?;
        model.try_set_option("mip_rel_gap", 0.0)?;
        // A restart throws away the cuts of the root: at us-s they are found again in 10 s.
        model.try_set_option("mip_allow_restart", false)?;
        model.try_set_option("presolve", if presolve { "choose" } else { "off" })?;
        // Costs are integers: within 0.99 of the bound is optimal.
        model.try_set_option("mip_abs_gap", limits.gap_cents.max(0.99))?;
        if limits.seconds.is_finite() {
            model.try_set_option("time_limit", limits.seconds.max(0.05))?;
        }
        if let Some(nodes) = limits.nodes {
            model.try_set_option("mip_max_nodes", i32::try_from(nodes).unwrap_or(i32::MAX))?;
        }
        Ok(())
    };
    set(&mut model).map_err(|e| SolverDefect(format!("{e:?}")))?;
    if let Some(start) = start {
        model
            .try_set_solution(Some(start), None, None, None)
            .map_err(|e| SolverDefect(format!("start refused: {e:?}")))?;
    }
    let solved = model.try_solve().map_err(|e| SolverDefect(format!("{e:?}")))?;
    let status = solved.status();
    let infeasible = matches!(status, HighsModelStatus::Infeasible | HighsModelStatus::UnboundedOrInfeasible);
    let finished = status == HighsModelStatus::Optimal || infeasible;
    let limit = matches!(
        status,
        HighsModelStatus::ReachedTimeLimit
            | HighsModelStatus::ReachedIterationLimit
            | HighsModelStatus::ReachedSolutionLimit
            | HighsModelStatus::ReachedInterrupt
            | HighsModelStatus::ReachedMemoryLimit
    );
    if !finished && !limit {
        return Err(SolverDefect(format!("unexpected end {status:?}")));
    }
    let found = !infeasible && solved.primal_solution_status() == highs::HighsSolutionStatus::Feasible;
    let bound = solved.double_info_value(c"mip_dual_bound").unwrap_or(f64::NEG_INFINITY);
    Ok(Solved { values: found.then(|| solved.get_solution().columns().to_vec()), bound, infeasible, finished })
}

/// A linear packing programme that grows: columns of a worth, each in some rows, and no row takes more than one in all.
pub struct Packing {
    /// Gone only while it is being solved.
    model: Option<highs::Model>,
    rows: Vec<highs::Row>,
    columns: Vec<Column>,
}

struct Column {
    column: highs::Col,
    worth: f64,
    rows: Vec<usize>,
    is_taken: bool,
}

/// Values by column, duals by row, and what the columns are worth.
type Packed = (Vec<f64>, Vec<f64>, f64);

impl Packing {
    pub fn new(rows: usize) -> Result<Self, SolverDefect> {
        let mut problem = highs::ColProblem::new();
        let rows = (0..rows).map(|_| problem.add_row(..=1.0)).collect();
        let mut model = problem.try_optimise(highs::Sense::Minimise).map_err(status)?;
        model.make_quiet();
        model.try_set_option("threads", 1).map_err(|e| SolverDefect(format!("{e:?}")))?;
        Ok(Self { model: Some(model), rows, columns: Vec::new() })
    }

    fn model(&mut self) -> Result<&mut highs::Model, SolverDefect> {
        self.model.as_mut().ok_or_else(|| SolverDefect(FAILED.to_owned()))
    }

    pub fn add(&mut self, worth: f64, rows: Vec<usize>) -> Result<(), SolverDefect> {
        let factors: Vec<_> = rows.iter().map(|&row| (self.rows[row], 1.0)).collect();
        let column = self.model()?.try_add_column(-worth, 0.0.., factors).map_err(status)?;
        self.columns.push(Column { column, worth, rows, is_taken: false });
        Ok(())
    }

    /// Takes a column whole, for good.
    pub fn fix(&mut self, column: usize) -> Result<(), SolverDefect> {
        self.columns[column].is_taken = true;
        let column = self.columns[column].column;
        self.model()?.change_column_bounds(column, 1.0..=1.0);
        Ok(())
    }

    /// The same programme stated anew, without what HiGHS knows of it.
    fn anew(&self) -> Result<Self, SolverDefect> {
        let mut packing = Self::new(self.rows.len())?;
        for (n, column) in self.columns.iter().enumerate() {
            packing.add(column.worth, column.rows.clone())?;
            if column.is_taken {
                packing.fix(n)?;
            }
        }
        Ok(packing)
    }

    pub fn solve(&mut self) -> Result<Packed, SolverDefect> {
        if self.columns.is_empty() {
            // HiGHS has no answer to that.
            return Ok((Vec::new(), vec![0.0; self.rows.len()], 0.0));
        }
        let mut solved = self.attempt("ipm")?;
        if solved.status() != HighsModelStatus::Optimal {
            self.model = Some(solved.into());
            solved = self.attempt("simplex")?;
        }
        if solved.status() != HighsModelStatus::Optimal {
            // HiGHS 1.16 now and then ends in a state that it calls unknown, as while the mathematics of us-l are dived for.
            *self = self.anew()?;
            solved = self.attempt("simplex")?;
        }
        if solved.status() != HighsModelStatus::Optimal {
            return Err(SolverDefect(format!("unexpected end {:?}", solved.status())));
        }
        let solution = solved.get_solution();
        let duals = solution.dual_rows().iter().map(|dual| (-dual).max(0.0)).collect();
        let packed = (solution.columns().to_vec(), duals, -solved.objective_value());
        self.model = Some(solved.into());
        Ok(packed)
    }

    /// These programmes are degenerate: from its last basis the simplex method takes several times as long as an interior
    /// point and a crossover, but it gets to the end where they do not.
    fn attempt(&mut self, solver: &str) -> Result<highs::SolvedModel, SolverDefect> {
        self.model()?.try_set_option("solver", solver).map_err(|e| SolverDefect(format!("{e:?}")))?;
        let model = self.model.take().ok_or_else(|| SolverDefect(FAILED.to_owned()))?;
        model.try_solve().map_err(status)
    }
}

const FAILED: &str = "a programme that failed is asked again";

fn status(status: highs::HighsStatus) -> SolverDefect {
    SolverDefect(format!("{status:?}"))
}

/// Column i of the model is column i of the programme; rows keep their order.
fn state(program: &Program) -> Result<highs::Model, good_lp::ResolutionError> {
    let mut variables = ProblemVariables::new();
    let columns: Vec<_> = program.columns.iter().map(|_| variables.add(variable().binary())).collect();
    let mut objective = Expression::with_capacity(columns.len());
    for (&column, &cost) in columns.iter().zip(&program.cost) {
        objective.add_mul(float(cost), column);
    }
    let mut model = variables.minimise(objective).using(good_lp::highs);
    for row in &program.rows {
        let mut sum = Expression::with_capacity(row.terms.len());
        for &(col, coefficient) in &row.terms {
            sum.add_mul(float(coefficient), columns[col]);
        }
        model.add_constraint(if row.exactly {
            constraint!(sum == float(row.at_most))
        } else {
            constraint!(sum <= float(row.at_most))
        });
    }
    model.try_into_inner()
}

/// Exact below 2^53, which `validate` sees to.
#[expect(clippy::cast_precision_loss, reason = "validated problems stay far below 2^53")]
fn float(n: i64) -> f64 {
    n as f64
}
