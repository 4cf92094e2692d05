//! Floor 0: what the words mean. No I/O, no solver, no database; it names nothing else of ours.

pub mod account;
pub mod actor;
pub mod batch;
pub mod calendar;
pub mod educator;
pub mod hash;
pub mod id;
pub mod identity;
pub mod license;
pub mod mail;
pub mod need;
pub mod record;
pub mod records;
pub mod run;
pub mod schema;
pub mod seal;
pub mod session;
pub mod time;
pub mod vacancy;
