//! What people do on the pages, in a real browser, against the real program.

mod browser;
mod clearing;
mod deciding;
mod every;
mod hostile;
mod house;
mod journey;
#[path = "../service/mock.rs"]
mod mock;
mod overriding;
mod passkeys;
mod printed;
mod providers;
mod sent;
#[path = "../service/access/table.rs"]
#[expect(dead_code, reason = "the table says more than which pages there are")]
mod table;
mod vacancies;
mod working;
