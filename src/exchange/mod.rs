//! Floor 2: files in and out, and problems made up. It knows the words and the problem format, no database and no engine.

pub mod bounce;
pub mod fidelity;
pub mod ics;
pub mod itip;
pub mod places;
pub mod problem;
pub mod sample;
pub mod vacancies;
mod vtimezone;
