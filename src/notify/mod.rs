//! Floor 2: mail, and nothing else: a letter as text, HTML and invitations, and the way to the server that takes it.
//!
//! It knows no database: what to send, to whom and how often is for `jobs` to say.

pub mod post;
pub mod render;
