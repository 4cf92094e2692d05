//! Floor 2: the only SQL. SQLite or PostgreSQL behind one set of functions; no type of this floor appears in JSON.

pub mod absences;
pub mod accounts;
pub mod audit;
pub mod carry;
pub mod db;
pub mod directory;
pub mod entities;
pub mod entity;
pub mod error;
pub mod factors;
pub mod feeds;
pub mod giving_way;
pub mod idempotency;
pub mod identities;
pub mod import;
pub mod invitations;
mod lines;
pub mod links;
pub mod log;
pub mod logins;
pub mod mail;
pub mod makeup;
pub mod minutes;
pub mod passkeys;
pub mod queue;
pub mod runs;
pub mod schedules;
pub mod scope;
pub mod sessions;
pub mod snapshot;
pub mod tokens;
pub mod told;
pub mod tx;
pub mod vacancies;
pub mod withdrawals;

pub use db::Db;
pub use entity::{Entity, children, delete, every, find, get, hold, insert, insert_as, list, update};
pub use error::{Result, StoreError};
pub use scope::{get_for, list_for, permit};
pub use snapshot::snapshot;
pub use tx::{Row, Statement, Tx, Value};

/// Every statement of this floor, for the test that prepares each on both engines.
#[must_use]
pub fn statements() -> Vec<Statement> {
    let records = [db::STATEMENTS, audit::STATEMENTS, idempotency::STATEMENTS, snapshot::STATEMENTS];
    let answers =
        [runs::STATEMENTS, schedules::STATEMENTS, sessions::STATEMENTS, feeds::STATEMENTS, directory::STATEMENTS];
    let people = [
        accounts::STATEMENTS,
        invitations::STATEMENTS,
        logins::STATEMENTS,
        tokens::STATEMENTS,
        factors::STATEMENTS,
        passkeys::STATEMENTS,
        links::STATEMENTS,
        identities::STATEMENTS,
        mail::STATEMENTS,
        told::STATEMENTS,
        absences::STATEMENTS,
        withdrawals::STATEMENTS,
        vacancies::STATEMENTS,
        vacancies::pipeline::STATEMENTS,
    ];
    let minutes = [lines::STATEMENTS, log::STATEMENTS, minutes::STATEMENTS, makeup::STATEMENTS];
    let change = [carry::STATEMENTS, giving_way::STATEMENTS];
    let written = records.into_iter().chain(answers).chain(people).chain(minutes).chain(change);
    let written = written.flatten().map(|(_, statement)| statement.clone());
    written
        .chain(entities::statements())
        .chain(snapshot::composed())
        .chain(sessions::composed())
        .chain(minutes::composed())
        .chain(scope::statements())
        .collect()
}
