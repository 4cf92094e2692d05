//! Delivers mail that is owed, one after the other: take it up, fix what it says, hand it over, note that.
//!
//! At least once: whoever dies between the server's answer and the note leaves one mail that is sent again, under the
//! same Message-ID. One at a time, so that a death can repeat only one.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use crate::domain::id::{self, EducatorId, TermId};
use crate::domain::mail::{self as letters, Dated, Digest, Letter, Span, Told};
use crate::domain::records as kept;
use crate::domain::session::SessionStatus;
use crate::notify::post::{Cover, Failure, Post};
use crate::notify::render::{Frame, render};
use crate::store::mail::{self, Due, Ending};
use crate::store::sessions::{self, Listed, Visible, Wanted};
use crate::store::told::{self, Known};
use crate::store::{self, Db, Result, Tx};

/// How long a worker may be silent before its mail is sent by another.
pub const LEASE: Duration = Duration::from_secs(6);
const BEAT: Duration = Duration::from_secs(2);
/// Between two looks at what is due.
const LOOK: Duration = Duration::from_secs(1);
/// After a failure that says nothing about the mail: the server is away, or does not know us.
const PAUSE: Duration = Duration::from_secs(5);
/// Longest for one mail, whatever the server does: a tarpit holds up nobody longer.
const LONGEST: Duration = Duration::from_mins(5);
/// Attempts that fail before a mail is given up, about three days after the first.
const MOST: i64 = 15;
const ACTOR: &str = "mail";

/// What a mailroom needs.
#[derive(Clone, Debug)]
pub struct Mailroom {
    db: Db,
    post: Post,
    /// Where people reach the server.
    origin: String,
    closing: CancellationToken,
}

/// What one look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nothing is due.
    Idle,
    /// A mail was dealt with.
    Done,
    /// The server takes nothing now.
    Closed,
}

impl Mailroom {
    #[must_use]
    pub fn new(db: Db, post: Post, origin: String, closing: CancellationToken) -> Self {
        Self { db, post, origin, closing }
    }

    /// Delivers until it is told to stop; a mail in hand is finished first.
    pub async fn run(self) {
        while !self.closing.is_cancelled() {
            let pause = match self.turn().await {
                Ok(Turn::Done) => continue,
                Ok(Turn::Idle) => LOOK,
                Ok(Turn::Closed) => PAUSE,
                Err(error) => {
                    tracing::warn!(%error, "cannot look for mail");
                    PAUSE
                }
            };
            tokio::select! {
                () = self.closing.cancelled() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Deals with the mail that is due first.
    pub async fn turn(&self) -> Result<Turn> {
        let mut tx = self.db.write(ACTOR).await?;
        let Some(mut due) = mail::claim(&mut tx, LEASE).await? else {
            tx.rollback().await?;
            return Ok(Turn::Idle);
        };
        let mut unwanted = match &due.address {
            None => Some((Ending::Failed, mail::NO_ADDRESS)),
            Some(address) if mail::is_refused(&mut tx, address, due.about.is_some()).await? => {
                Some((Ending::Dropped, "this address gets no such mail"))
            }
            Some(_) => None,
        };
        // Only what is sent is written: what somebody does not get is not told.
        if due.letter.is_none() && unwanted.is_none() {
            due.letter = digest(&mut tx, &due).await?;
            match &due.letter {
                Some(letter) => mail::freeze(&mut tx, &due, letter).await?,
                None => unwanted = Some((Ending::Dropped, "nothing is different from what was told before")),
            }
        }
        if let Some((ending, cause)) = unwanted {
            mail::end(&mut tx, &due, ending, Some(cause.into())).await?;
            tx.commit().await?;
            return Ok(Turn::Done);
        }
        tx.commit().await?;
        let sent = self.deliver(&due).await;
        self.note(&due, sent).await
    }

    /// Sends a mail, and says every now and then that it is still in hand.
    async fn deliver(&self, due: &Due) -> std::result::Result<(), Failure> {
        let (Some(letter), Some(address)) = (&due.letter, &due.address) else { return Ok(()) };
        let id = due.id.to_string();
        let path = format!("/unsubscribe/{id}");
        let unsubscribe = due.about.map(|_| format!("{}{path}", self.origin));
        let rendered = render(
            letter,
            Frame {
                name: &due.name,
                from: self.post.sender(),
                to: address,
                origin: &self.origin,
                unsubscribe: due.about.map(|_| path.as_str()),
                at: due.created_at,
            },
        );
        let cover = Cover {
            id: &id,
            to: address,
            name: &due.name,
            at: due.created_at.into(),
            unsubscribe: unsubscribe.as_deref(),
        };
        let folded = self.post.fold(&rendered, cover)?;
        let sending = tokio::time::timeout(LONGEST, self.post.send(&id, folded));
        tokio::pin!(sending);
        let mut beats = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                sent = &mut sending => {
                    let late = || Failure::ForNow { for_all: false, cause: "the server took too long".into() };
                    return sent.unwrap_or_else(|_| Err(late()));
                }
                _ = beats.tick() => if let Err(error) = self.beat(due).await {
                    tracing::warn!(mail = %due.id, %error, "cannot keep a mail in hand");
                },
            }
        }
    }

    async fn beat(&self, due: &Due) -> Result<()> {
        let mut tx = self.db.write(ACTOR).await?;
        mail::beat(&mut tx, due, LEASE).await?;
        tx.commit().await
    }

    /// Writes down what became of a mail. Nobody's name or address is logged.
    async fn note(&self, due: &Due, sent: std::result::Result<(), Failure>) -> Result<Turn> {
        let mut tx = self.db.write(ACTOR).await?;
        let (held, turn) = match sent {
            Ok(()) => (mail::end(&mut tx, due, Ending::Sent, None).await?, Turn::Done),
            Err(Failure::ForGood { nobody_there, cause }) => {
                if let Some(address) = due.address.as_ref().filter(|_| nobody_there) {
                    mail::refuse(&mut tx, address, false, &cause).await?;
                }
                tracing::warn!(mail = %due.id, "a mail was refused for good");
                (mail::end(&mut tx, due, Ending::Failed, Some(cause)).await?, Turn::Done)
            }
            Err(Failure::ForNow { cause, .. }) if due.attempt % MOST == 0 => {
                tracing::warn!(mail = %due.id, attempts = due.attempt, "a mail is given up");
                (mail::end(&mut tx, due, Ending::Failed, Some(cause)).await?, Turn::Done)
            }
            Err(Failure::ForNow { for_all, cause }) => {
                tracing::warn!(mail = %due.id, attempts = due.attempt, cause, "a mail was not taken; it is tried again");
                let at = tx.at + backoff(due.attempt);
                (mail::again(&mut tx, due, at, cause).await?, if for_all { Turn::Closed } else { Turn::Done })
            }
        };
        tx.commit().await?;
        if !held {
            tracing::warn!(mail = %due.id, "another worker has this mail; nothing noted");
        }
        Ok(turn)
    }
}

/// Until the next attempt: 1, 2, 4 … minutes, at most twelve hours.
fn backoff(attempt: i64) -> TimeDelta {
    let doublings = u32::try_from((attempt - 1) % MOST).unwrap_or_default();
    TimeDelta::minutes(2_i64.saturating_pow(doublings).min(720))
}

/// What an educator has not been told of a term, and counts that it is being told; none if there is nothing.
async fn digest(tx: &mut Tx, due: &Due) -> Result<Option<Letter>> {
    let Some((term, educator)) = due.about else { return Ok(None) };
    let told = untold(tx, term, educator).await?;
    if told.is_empty() {
        return Ok(None);
    }
    let tz = store::get::<kept::Educator>(tx, educator).await?.body.tz;
    let term = store::get::<kept::Term>(tx, term).await?.body.name;
    Ok(Some(Letter::Digest(Digest { term, tz, week: format!("/educators/{educator}/week"), told })))
}

async fn untold(tx: &mut Tx, term: TermId, educator: EducatorId) -> Result<Vec<Told>> {
    let wanted = Wanted {
        from: chrono::DateTime::UNIX_EPOCH,
        to: tx.at + TimeDelta::days(3660),
        educator_id: Some(educator),
        school_id: None,
        district_id: None,
    };
    let listed = sessions::list(tx, &Visible::ALL, wanted, None, i64::MAX).await?;
    let held = listed.into_iter().filter(|l| l.session.term_id == term);
    let mut now = letters::gather(held.filter(|l| l.session.meeting.status == SessionStatus::Planned).map(dated));
    let (mut keys, mut told) = (Vec::new(), Vec::new());
    for Known { uid, key, sequence, series: before, doubt } in told::series(tx, term, educator).await? {
        let now = now.remove(&key);
        // What may not have arrived is said in full, or taken back.
        let before_surely = before.as_ref().filter(|_| !doubt || now.is_none());
        let Some(change) = letters::compare(before_surely, now.as_ref()) else { continue };
        // One of the two is there, or nothing would have changed.
        let Some(series) = now.or(before) else { continue };
        keys.push(key);
        told.push(Told { uid, sequence: sequence + 1, series, change });
    }
    for (key, series) in now {
        keys.push(key);
        told.push(Told { uid: id::fresh(), sequence: 0, series, change: letters::Change::New });
    }
    let said: Vec<(String, &Told)> = keys.into_iter().zip(&told).collect();
    told::count(tx, term, educator, &said).await?;
    Ok(told)
}

fn dated(listed: Listed) -> Dated {
    // What is delivered to whom stays out of mail, as it does out of feeds.
    let title = listed.title();
    let meeting = listed.session.meeting;
    Dated {
        key: meeting.key,
        title,
        place: listed.school_name,
        tz: meeting.tz,
        on: meeting.held_on,
        span: Span { starts: meeting.starts, ends: meeting.ends },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_for_about_three_days() {
        let all: TimeDelta = (1..MOST).map(backoff).sum();
        assert!((40..80).contains(&all.num_hours()), "{all}");
        assert_eq!(backoff(1), backoff(MOST + 1), "sent again, it is tried as often once more");
    }
}
