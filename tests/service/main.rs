//! The service with a database under it: every test runs on a fresh SQLite file and on a fresh PostgreSQL database.

mod absences;
mod access;
mod api;
mod asvs;
mod candidates;
mod doors;
mod feeds;
mod fresh;
mod mail;
mod people;
mod privacy;
mod races;
mod runs;
mod second;
mod slow;
mod store;
mod vacancies;
