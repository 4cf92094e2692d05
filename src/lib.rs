//! Bellwether matches licensed virtual educators to US school sections and IEP services, and builds the dated calendar.
//!
//! # The map
//!
//! A file may name only what lies on a lower floor (`tests/tidy.rs` holds the exact table and enforces it):
//!
//! | floor | modules | what is there |
//! |---|---|---|
//! | 0 | [`domain`] | what the words mean: dates, clocks, zones, calendars, licenses, the kinds of record |
//! | 1 | [`engine`] | a [`Problem`](engine::problem::Problem) in, an [`Outcome`](engine::outcome::Outcome) out |
//! | 2 | [`store`], [`exchange`], [`notify`] | the only SQL; files in and out; mail |
//! | 3 | [`api`] | JSON over HTTP |
//! | 4 | [`web`], [`jobs`], [`cli`] | pages on the same store calls; runs in child processes, mail; the commands |
//!
//! [`config`] stands beside the floors: settings from the environment and the command line, read once.
//! Inside the engine the way of a problem is `pairing` (who may, and by which rule not), `holds` (which dates and
//! times each choice occupies), `model` and `search` (the integer programme and how large ones are solved), `solve`
//! (the only file that runs HiGHS for it), `decode` (the only rounding), `verify` (recounts everything, knowing nothing
//! of a model) and `explain` (what blocks each unfilled need).
//!
//! # The invariants
//!
//! - The engine never touches a clock, a file, a socket, a random source or a hash order: seed, limits and a
//!   [`Watch`](engine::Watch) are arguments. Equal problems and equal node limits give equal schedules, byte for byte.
//! - An unfilled need is not an error: it is a line of the outcome with its reasons. Only a defect is an error.
//! - A schedule that fails `verify` is `defective`: never shown as an answer, never published.
//! - SQL appears in [`store`] only; no type of the store appears in JSON.
//! - Nobody is let in by a handler: `api::access` knows who asks before any runs, [`domain::actor`] says what they may,
//!   lists take their rows from its [`Reach`](domain::actor::Reach), and a change looks again when it is made.
//! - No student's name in a feed, a log line, a problem file or an error text: students are pseudonymous keys. Who they
//!   are is sealed ([`domain::seal`]) and opened only by a call that records it.
//! - Everything costs integer cents; dates are local dates, and wall time at the school is the truth from which
//!   instants are derived.
//!
//! # From a vacancy to a calendar
//!
//! A district in New York posts three sections of Algebra I. They reach the store as rows, or arrive in a problem file
//! ([`engine::problem::read`] refuses it with every fault it has, each with a place and a remedy). A solve takes the
//! rows of a term as one [`Problem`](engine::problem::Problem) and hands it to [`engine::plan`]. Pairing finds an educator in
//! Arizona with a New York license in mathematics that is valid through the last meeting; holds turn each period into the
//! dates on which it rings, in her clock, so that the hour by which New York moves in November is already in the
//! sums. The model weighs her against everyone else in one sum of cents; what comes back is decoded, and recounted from
//! dates and people by `verify`, which shares no code with the model. What nobody may teach is listed with the
//! rule that stopped each educator. A coordinator publishes the schedule: the inputs are read and verified afresh, and
//! every meeting becomes a dated row that the database itself keeps from overlapping another.

pub mod api;
pub mod cli;
pub mod config;
pub mod domain;
pub mod engine;
pub mod exchange;
pub mod jobs;
pub mod notify;
pub mod store;
pub mod web;
