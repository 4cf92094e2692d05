//! What people do on the pages, in a real browser, against the real program.

mod browser;
mod hostile;
mod house;
mod journey;
mod passkeys;
mod providers;
