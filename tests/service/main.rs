//! The service with a database under it: every test runs on a fresh SQLite file and on a fresh PostgreSQL database.

mod absences;
mod access;
mod api;
mod asvs;
mod candidates;
mod crash;
mod doors;
mod feeds;
mod fresh;
mod hours;
mod instance;
mod keeping;
mod mail;
mod make_ups;
mod minutes;
mod people;
mod privacy;
mod profile;
mod providers;
mod races;
mod runs;
mod second;
mod slow;
mod store;
mod unwritable;
mod vacancies;
