//! Where an educator's sessions are joined: theirs to say, and the office's.

use super::State;
use super::error::Error;
use crate::domain::actor::{Actor, Reach, Thing, Verb};
use crate::domain::id::EducatorId;
use crate::domain::record::Stored;
use crate::domain::records::Educator;
use crate::store;

/// An address as it is kept; nothing is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinUrl(pub Option<String>);

impl JoinUrl {
    #[must_use]
    pub fn typed(text: &str) -> Self {
        Self(Some(text.trim()).filter(|text| !text.is_empty()).map(str::to_owned))
    }

    /// Whoever writes when an educator can teach writes this too.
    #[must_use]
    pub fn may_change(actor: &Actor, id: EducatorId) -> bool {
        match actor.reach(Verb::Write, Thing::Record("availability")) {
            Reach::All => true,
            Reach::Own(own) => own == id,
            Reach::Districts(_) | Reach::Nothing => false,
        }
    }
}

impl State {
    /// Keeps the address, provided the record is still the version that was seen.
    pub async fn set_join_url(
        &self,
        actor: &Actor,
        id: EducatorId,
        seen: i64,
        url: &JoinUrl,
    ) -> Result<Stored<Educator>, Error> {
        if !JoinUrl::may_change(actor, id) {
            return Err(Error::NotFound { kind: "educator", id: id.to_string() });
        }
        let mut tx = self.write(actor).await?;
        let kept = store::get::<Educator>(&mut tx, id).await?;
        let body = Educator { join_url: url.0.clone(), ..kept.body };
        let now = store::update(&mut tx, id, Some(seen), body).await?;
        tx.commit().await?;
        Ok(now)
    }
}
