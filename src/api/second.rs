//! The second factor: a code of an authenticator app (TOTP, RFC 6238), or a recovery code, each good once.

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
use crate::store::{Tx, accounts, factors, logins};

/// Recovery codes of an account.
const CODES: usize = 10;
const ISSUER: &str = "Bellwether";

/// What an app needs to know.
pub struct Offer {
    /// `otpauth://…`, for a picture that the app reads.
    pub address: String,
    /// The same secret, for people who type.
    pub secret: String,
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
        if !spend(&mut tx, waiting.account, code).await? {
            tracing::warn!(account = %waiting.account, from = %knock.address, "a code was refused");
            return Ok(None);
        }
        logins::end(&mut tx, waiting.id).await?;
        let secret = self.begin_login(&mut tx, waiting.account, "password and code", &knock.headers).await?;
        tx.commit().await?;
        Ok(Some(secret))
    }

    /// Whether the browser has given a password and owes a code.
    pub async fn owes_code(&self, knock: &Knock) -> Result<bool, Error> {
        let Some(secret) = access::cookie(self, &knock.headers) else { return Ok(false) };
        Ok(logins::waiting(&mut self.db.read().await?, &secret).await?.is_some())
    }

    /// Begins to add an app, for one's password: it counts once a code of it is given. False if that is not right.
    pub async fn offer_app(&self, actor: &Actor, knock: &Knock, password: String) -> Result<bool, Error> {
        if !self.is_own_password(actor, knock, password).await? {
            return Ok(false);
        }
        let secret = rand::random::<[u8; 20]>().to_vec();
        let mut tx = self.write(actor).await?;
        factors::begin(&mut tx, actor.account, secret).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Whether this is the actor's password, which they are asked for again.
    async fn is_own_password(&self, actor: &Actor, knock: &Knock, password: String) -> Result<bool, Error> {
        let email = accounts::get(&mut self.db.read().await?, actor.account).await?.body.email;
        self.doors.attempt(&email, knock.address)?;
        let found = accounts::by_email(&mut self.db.read().await?, &email).await?;
        passwords::matches(password, found.and_then(|(_, hash)| hash)).await
    }

    /// The offer that stands, if one does.
    pub async fn standing_offer(&self, actor: &Actor) -> Result<Option<Offer>, Error> {
        let mut tx = self.db.read().await?;
        let account = accounts::get(&mut tx, actor.account).await?;
        match factors::find(&mut tx, actor.account).await? {
            Some(totp) if !totp.confirmed => offer(&totp.secret, &account).map(Some),
            _ => Ok(None),
        }
    }

    /// Adds the app that was offered: its recovery codes, or none if the code is not one of it.
    pub async fn confirm_app(
        &self,
        actor: &Actor,
        knock: &Knock,
        code: &str,
    ) -> Result<Option<BTreeSet<String>>, Error> {
        self.doors.attempt(&format!("second {}", actor.account), knock.address)?;
        let codes: BTreeSet<String> =
            std::iter::repeat_with(|| hex::encode(rand::random::<[u8; 8]>())).take(CODES).collect();
        let mut tx = self.write(actor).await?;
        if !spend(&mut tx, actor.account, code).await? {
            return Ok(None);
        }
        factors::confirm(&mut tx, actor.account, &codes).await?;
        tx.commit().await?;
        Ok(Some(codes))
    }

    /// Takes away one's own app, for its password: false if that is not right.
    pub async fn remove_app(&self, actor: &Actor, knock: &Knock, password: String) -> Result<bool, Error> {
        if !self.is_own_password(actor, knock, password).await? {
            return Ok(false);
        }
        let mut tx = self.write(actor).await?;
        factors::remove(&mut tx, actor.account).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Takes away somebody else's app, for whom it is lost; they are signed out everywhere.
    pub async fn reset_second_factor(&self, actor: &Actor, id: AccountId) -> Result<(), Error> {
        let mut tx = self.write(actor).await?;
        accounts::sign_out_everywhere(&mut tx, id).await?;
        factors::remove(&mut tx, id).await?;
        tx.commit().await?;
        Ok(())
    }
}

fn offer(secret: &[u8], account: &Account) -> Result<Offer, Error> {
    let app = app(secret, &account.body.email)?;
    let address = app.to_url().map_err(|error| Error::internal(error.to_string()))?;
    Ok(Offer { address, secret: app.secret().to_base32() })
}

/// Uses up a code of the app, or a recovery code.
async fn spend(tx: &mut Tx, account: AccountId, code: &str) -> Result<bool, Error> {
    let Some(totp) = factors::find(tx, account).await? else { return Ok(false) };
    let code = plain(code);
    let now = u64::try_from(time::now().timestamp()).unwrap_or_default();
    if let Some(step) = app(&totp.secret, "account")?.check(&code, now) {
        let step = i64::try_from(step).map_err(Error::internal)?;
        return Ok(factors::spend_step(tx, account, step).await?);
    }
    Ok(totp.confirmed && factors::spend_code(tx, account, &code).await?)
}
