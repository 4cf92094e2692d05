//! The service with a database under it: every test runs on a fresh SQLite file and on a fresh PostgreSQL database.

mod api;
mod feeds;
mod fresh;
mod runs;
mod store;
