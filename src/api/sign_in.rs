//! The ways in and out: a password, a link that works once, and the end of a login. Pages call these; nothing here is
//! a page.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::State;
use super::error::Error;
use super::{access, passwords};
use crate::domain::account::{Account, normal_email};
use crate::domain::actor::{Actor, Credential};
use crate::domain::id::{AccountId, LoginId};
use crate::store::{accounts, factors, invitations, logins};

/// Who knocks: the headers they came with, and from where.
pub struct Knock {
    pub headers: HeaderMap,
    pub address: IpAddr,
}

/// A login that has begun.
pub struct Entered {
    /// What its cookie holds.
    pub secret: String,
    /// It opens nothing until a code is given.
    pub owes_code: bool,
}

impl FromRequestParts<State> for Knock {
    type Rejection = Infallible;
    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Infallible> {
        let address = access::address(&parts.headers, &parts.extensions, &state.settings.proxies);
        Ok(Self { headers: parts.headers.clone(), address })
    }
}

/// No mail address is longer, in bytes (RFC 5321).
const LONGEST: usize = 254;

impl State {
    /// A new login, if this is the password of this account. It takes as long to say no.
    pub async fn sign_in(&self, knock: &Knock, email: &str, password: String) -> Result<Option<Entered>, Error> {
        let email = normal_email(email);
        if email.len() > LONGEST {
            return Ok(None);
        }
        self.doors.attempt(&email, knock.address)?;
        let found = accounts::by_email(&mut self.db.read().await?, &email).await?;
        let (account, hash) = found.map_or((None, None), |(account, hash)| (Some(account), hash));
        let right = passwords::matches(password, hash.clone()).await?;
        let known = account.as_ref().map(|account| account.id);
        let Some(account) = account.filter(|account| right && account.body.active) else {
            // The address that was typed may be a password in the wrong field: it is not said.
            tracing::warn!(account = ?known, from = %knock.address, "a password was refused");
            return Ok(None);
        };
        let mut tx = self.db.write(&format!("account:{}", account.id)).await?;
        // Looked at again where nobody can change it meanwhile.
        let same = accounts::password(&mut tx, account.id).await? == hash;
        let now = accounts::get(&mut tx, account.id).await?;
        if !same || !now.body.active || now.version != account.version {
            return Ok(None);
        }
        // The browser's former login, if it still has one, ends: a secret never outlives a sign-in.
        self.end_former(&mut tx, &knock.headers).await?;
        let entered = self.begin_by(&mut tx, account.id, "password", knock).await?;
        tx.commit().await?;
        Ok(Some(entered))
    }

    /// Whose link this is.
    pub async fn invited(&self, token: &str) -> Result<Account, Error> {
        invitations::find(&mut self.db.read().await?, token).await?.ok_or(Error::NoRoute)
    }

    /// Sets the password of a link's account and signs in: the secret of the login, or why the password is refused.
    pub async fn accept(&self, knock: &Knock, token: &str, password: String) -> Result<Result<Entered, String>, Error> {
        let account = self.invited(token).await?;
        let owes_code = factors::required(&mut self.db.read().await?, account.id).await?;
        if let Some(why) = passwords::refuse(&password, &[&account.body.email, &account.body.name], owes_code) {
            return Ok(Err(why));
        }
        let hash = passwords::hash(password).await?;
        let mut tx = self.db.write(&format!("account:{}", account.id)).await?;
        if !invitations::spend(&mut tx, token).await? || !accounts::get(&mut tx, account.id).await?.body.active {
            return Err(Error::NoRoute);
        }
        accounts::set_password(&mut tx, account.id, &hash).await?;
        let entered = self.begin_by(&mut tx, account.id, "invitation", knock).await?;
        tx.commit().await?;
        Ok(Ok(entered))
    }

    /// Changes one's own password: every other login ends. The secret of the new one, or why it is refused.
    pub async fn change_password(
        &self,
        actor: &Actor,
        knock: &Knock,
        old: String,
        new: String,
    ) -> Result<Result<String, String>, Error> {
        if !self.proves_to_be(actor, knock, old).await? {
            return Ok(Err("the present password is not right".into()));
        }
        let account = accounts::get(&mut self.db.read().await?, actor.account).await?;
        let beside = factors::required(&mut self.db.read().await?, actor.account).await?;
        if let Some(why) = passwords::refuse(&new, &[&account.body.email, &account.body.name], beside) {
            return Ok(Err(why));
        }
        let hash = passwords::hash(new).await?;
        let mut tx = self.write(actor).await?;
        accounts::set_password(&mut tx, actor.account, &hash).await?;
        let secret = self.begin_login(&mut tx, actor.account, "password", &knock.headers).await?;
        tx.commit().await?;
        Ok(Ok(secret))
    }

    /// Ends the login that these headers carry.
    pub async fn sign_out(&self, headers: &HeaderMap) -> Result<(), Error> {
        let mut tx = self.db.write("sign-out").await?;
        self.end_former(&mut tx, headers).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Ends one of one's own logins, for one's password: false if that is not right.
    pub async fn end_login(&self, actor: &Actor, knock: &Knock, id: LoginId, password: String) -> Result<bool, Error> {
        if !self.proves_to_be(actor, knock, password).await? {
            return Ok(false);
        }
        let mut tx = self.write(actor).await?;
        logins::end_own(&mut tx, actor.account, id).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Ends all of one's own logins and tokens.
    pub async fn sign_out_everywhere(&self, actor: &Actor) -> Result<(), Error> {
        let mut tx = self.write(actor).await?;
        accounts::sign_out_everywhere(&mut tx, actor.account).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Refuses a change after which the actor could sign in by nothing.
    pub(super) async fn keeps_a_way_in(tx: &mut crate::store::Tx, actor: &Actor) -> Result<(), Error> {
        if accounts::get(tx, actor.account).await?.claimed {
            return Ok(());
        }
        Err(Error::Conflict("this is your only way in; set a password or add a passkey first".into()))
    }

    /// Begins a login by what is one factor, and that waits for another where the account has one.
    pub(super) async fn begin_by(
        &self,
        tx: &mut crate::store::Tx,
        account: AccountId,
        method: &str,
        knock: &Knock,
    ) -> Result<Entered, Error> {
        if !factors::required(tx, account).await? {
            let secret = self.begin_login(tx, account, method, &knock.headers).await?;
            return Ok(Entered { secret, owes_code: false });
        }
        let secret = access::secret();
        logins::begin_waiting(tx, account, &secret, access::agent(&knock.headers)).await?;
        Ok(Entered { secret, owes_code: true })
    }

    /// Ends the login that a browser comes with, also one that still waits for its second factor.
    pub(super) async fn end_former(&self, tx: &mut crate::store::Tx, headers: &HeaderMap) -> Result<(), Error> {
        let Some(secret) = access::cookie(self, headers) else { return Ok(()) };
        if let Some(waiting) = logins::waiting(tx, &secret).await? {
            logins::end(tx, waiting.id).await?;
        }
        if let Some(known) = logins::find(tx, &secret).await?
            && let Credential::Login(id) = known.actor.credential
        {
            logins::end(tx, id).await?;
        }
        Ok(())
    }
}
