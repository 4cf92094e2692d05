//! The second factor: a code of an authenticator app (TOTP, RFC 6238), or a recovery code, each good once. Passkeys,
//! which are both factors in one, are next door.

use std::collections::BTreeSet;

use totp_rs::{Builder, Totp};

use super::State;
use super::error::Error;
use super::sign_in::Knock;
use super::{access, passwords};
use crate::domain::account::Account;
use crate::domain::actor::Actor;
use crate::domain::id::AccountId;
use crate::domain::time;
use crate::store::{Tx, accounts, factors, logins, passkeys};

/// Recovery codes of an account. Each has 112 random bits, for which a plain hash is enough (OWASP ASVS 5.0, 6.5.2).
const CODES: usize = 10;
const ISSUER: &str = "Bellwether";

/// What an app needs to know.
pub struct Offer {
    /// `otpauth://…`, for a picture that the app reads.
    pub address: String,
    /// The same secret, for people who type.
    pub secret: String,
}

/// What may be given as the second factor; a recovery code always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    pub app: bool,
    pub passkey: bool,
}

fn app(secret: &[u8], account: &str) -> Result<Totp, Error> {
    // The defaults are what every app understands: SHA-1, six digits, thirty seconds, one step of tolerance.
    let name = account.replace(':', " ");
    let builder = Builder::new().with_secret(secret.to_vec()).with_issuer(Some(ISSUER)).with_account_name(name);
    builder.build().map_err(|error| Error::internal(error.to_string()))
}

/// As it was typed, without what people put between.
fn plain(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

impl State {
    /// The secret of a new login, once the second factor of the one that waits for it is given.
    pub async fn second(&self, knock: &Knock, code: &str) -> Result<Option<String>, Error> {
        let Some(secret) = access::cookie(self, &knock.headers) else { return Err(Error::NotSignedIn) };
        let waiting = logins::waiting(&mut self.db.read().await?, &secret).await?.ok_or(Error::NotSignedIn)?;
        self.doors.attempt(&format!("second {}", waiting.account), knock.address)?;
        let mut tx = self.db.write(&format!("account:{}", waiting.account)).await?;
        // Looked at again where nobody else can use it.
        if logins::waiting(&mut tx, &secret).await?.is_none() {
            return Err(Error::NotSignedIn);
        }
        if !self.spend(&mut tx, waiting.account, code).await? {
            tracing::warn!(account = %waiting.account, from = %knock.address, "a code was refused");
            return Ok(None);
        }
        if !logins::end(&mut tx, waiting.id).await? {
            return Err(Error::NotSignedIn);
        }
        let secret = self.begin_login(&mut tx, waiting.account, "second factor", &knock.headers).await?;
        tx.commit().await?;
        Ok(Some(secret))
    }

    /// What the browser that has given a password owes besides, if it does.
    pub async fn owed(&self, knock: &Knock) -> Result<Option<Owed>, Error> {
        let Some(secret) = access::cookie(self, &knock.headers) else { return Ok(None) };
        let mut tx = self.db.read().await?;
        let Some(waiting) = logins::waiting(&mut tx, &secret).await? else { return Ok(None) };
        let app = factors::has_app(&mut tx, waiting.account).await?;
        Ok(Some(Owed { app, passkey: passkeys::any(&mut tx, waiting.account).await? }))
    }

    /// Begins to add an app, for one's password: it counts once a code of it is given. False if that is not right.
    pub async fn offer_app(&self, actor: &Actor, knock: &Knock, password: String) -> Result<bool, Error> {
        if !self.proves_to_be(actor, knock, password).await? {
            return Ok(false);
        }
        let secret = rand::random::<[u8; 20]>();
        let mut tx = self.write(actor).await?;
        factors::begin(&mut tx, &self.settings.keys, actor.account, &secret).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Whether this is the actor's password, which they are asked for again before a factor changes. Whoever has none
    /// must have signed in only just now instead.
    pub(super) async fn proves_to_be(&self, actor: &Actor, knock: &Knock, password: String) -> Result<bool, Error> {
        let (email, hash, fresh) = {
            let mut tx = self.db.read().await?;
            let email = accounts::get(&mut tx, actor.account).await?.body.email;
            let found = accounts::by_email(&mut tx, &email).await?;
            (email, found.and_then(|(_, hash)| hash), logins::is_fresh(&mut tx, actor).await?)
        };
        self.doors.attempt(&email, knock.address)?;
        if hash.is_none() {
            return Ok(fresh);
        }
        passwords::matches(password, hash).await
    }

    /// Fresh recovery codes for an account that has a factor and none that stand in for it.
    pub(super) async fn codes_if_none(&self, tx: &mut Tx, account: AccountId) -> Result<BTreeSet<String>, Error> {
        if factors::codes_left(tx, account).await? > 0 {
            return Ok(BTreeSet::new());
        }
        let codes = std::iter::repeat_with(|| hex::encode(rand::random::<[u8; 14]>())).take(CODES).collect();
        factors::replace_codes(tx, account, &codes).await?;
        Ok(codes)
    }

    /// The offer that stands, if one does.
    pub async fn standing_offer(&self, actor: &Actor) -> Result<Option<Offer>, Error> {
        let mut tx = self.db.read().await?;
        let account = accounts::get(&mut tx, actor.account).await?;
        match factors::find(&mut tx, &self.settings.keys, actor.account).await? {
            Some(totp) if !totp.confirmed => offer(&totp.secret, &account).map(Some),
            _ => Ok(None),
        }
    }

    /// Adds the app that was offered: recovery codes unless there are some already, or none if the code is not one of it.
    pub async fn confirm_app(
        &self,
        actor: &Actor,
        knock: &Knock,
        code: &str,
    ) -> Result<Option<BTreeSet<String>>, Error> {
        self.doors.attempt(&format!("second {}", actor.account), knock.address)?;
        let mut tx = self.write(actor).await?;
        if !self.spend_of_app(&mut tx, actor.account, code).await? {
            return Ok(None);
        }
        factors::confirm(&mut tx, actor.account).await?;
        let codes = self.codes_if_none(&mut tx, actor.account).await?;
        tx.commit().await?;
        Ok(Some(codes))
    }

    /// Takes away one's own app, for its password: false if that is not right.
    pub async fn remove_app(&self, actor: &Actor, knock: &Knock, password: String) -> Result<bool, Error> {
        if !self.proves_to_be(actor, knock, password).await? {
            return Ok(false);
        }
        let mut tx = self.write(actor).await?;
        factors::remove_app(&mut tx, actor.account).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes away somebody else's app and passkeys, for whom they are lost; they are signed out everywhere.
    pub async fn reset_second_factor(&self, actor: &Actor, id: AccountId) -> Result<(), Error> {
        let mut tx = self.write(actor).await?;
        passkeys::remove_all(&mut tx, id).await?;
        factors::remove_app(&mut tx, id).await?;
        // Last, so that it also ends the login of whoever used one of them meanwhile.
        accounts::sign_out_everywhere(&mut tx, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Uses up a code of the app, or a recovery code.
    async fn spend(&self, tx: &mut Tx, account: AccountId, code: &str) -> Result<bool, Error> {
        if factors::has_app(tx, account).await? && self.spend_of_app(tx, account, code).await? {
            return Ok(true);
        }
        Ok(factors::required(tx, account).await? && factors::spend_code(tx, account, &plain(code)).await?)
    }

    /// Uses up a code of the app, confirmed or not.
    async fn spend_of_app(&self, tx: &mut Tx, account: AccountId, code: &str) -> Result<bool, Error> {
        let Some(totp) = factors::find(tx, &self.settings.keys, account).await? else { return Ok(false) };
        let now = u64::try_from(time::now().timestamp()).unwrap_or_default();
        let Some(step) = app(&totp.secret, "account")?.check(&plain(code), now) else { return Ok(false) };
        let step = i64::try_from(step).map_err(Error::internal)?;
        Ok(factors::spend_step(tx, account, step).await?)
    }
}

fn offer(secret: &[u8], account: &Account) -> Result<Offer, Error> {
    let app = app(secret, &account.body.email)?;
    let address = app.to_url().map_err(|error| Error::internal(error.to_string()))?;
    Ok(Offer { address, secret: app.secret().to_base32() })
}
