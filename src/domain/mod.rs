//! Floor 0: what the words mean. No I/O, no solver, no database; it names nothing else of ours.

pub mod account;
pub mod actor;
pub mod batch;
pub mod calendar;
pub mod closure;
pub mod educator;
pub mod eligibility;
pub mod hash;
pub mod id;
pub mod identity;
pub mod ledger;
pub mod license;
pub mod line;
pub mod log;
pub mod mail;
pub mod makeup;
pub mod need;
pub mod policy;
pub mod record;
pub mod records;
pub mod run;
pub mod schema;
pub mod seal;
pub mod session;
pub mod spoken;
pub mod time;
