//! Passkeys (WebAuthn Level 3): added to one's account, and asked for instead of a password, or after it.
//!
//! Every passkey is discoverable and verifies its owner by itself (fingerprint, face or PIN), so it is two factors in
//! one: something they have and something they are or know. It answers to this server's name alone, whatever page asks.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::net::IpAddr;

use axum::http::HeaderMap;
use webauthn_rp::bin::{Decode, Encode};
use webauthn_rp::request::auth::AuthenticationVerificationOptions;
use webauthn_rp::request::register::{
    CredProtect, Nickname, PublicKeyCredentialUserEntity, RegistrationVerificationOptions, UserHandle16, Username,
};
use webauthn_rp::request::{AsciiDomain, PublicKeyCredentialDescriptor, RpId};
use webauthn_rp::response::register::{CompressedPubKey, DynamicState, StaticState};
use webauthn_rp::response::{AuthTransports, CredentialId, SentChallenge};
use webauthn_rp::{
    AuthenticatedCredential, DiscoverableAuthentication16, DiscoverableAuthenticationServerState,
    DiscoverableCredentialRequestOptions, PublicKeyCredentialCreationOptions, Registration, RegistrationServerState,
};

use super::State;
use super::access;
use super::error::Error;
use super::sign_in::Knock;
use crate::domain::account::Passkey;
use crate::domain::actor::Actor;
use crate::domain::id::{AccountId, PasskeyId, RecordId as _};
use crate::store::{accounts, factors, passkeys};

/// Longest name of a passkey, in bytes.
const NAME: usize = 100;

/// A public key as it is kept.
type Key = CompressedPubKey<[u8; 32], [u8; 32], [u8; 48], Vec<u8>>;

/// Whom a passkey answers: the name of this server, and the origin of its pages.
struct Party {
    id: RpId,
    origin: String,
}

fn party(state: &State, headers: &HeaderMap) -> Result<Party, Error> {
    let origin = access::origin(state, headers);
    let host = match &state.settings.url {
        Some(url) => url.host.clone(),
        None => "localhost".into(),
    };
    let reached = origin.split_once("://").map_or("", |(_, rest)| rest);
    let named = reached.strip_prefix(host.as_str()).is_some_and(|port| port.is_empty() || port.starts_with(':'));
    let number = host.parse::<IpAddr>().is_ok() || host.starts_with('[');
    match AsciiDomain::try_from(host) {
        Ok(domain) if named && !number => Ok(Party { id: RpId::Domain(domain), origin }),
        _ => Err(Error::Conflict("passkeys belong to a name: open this page by one, on this machine localhost".into())),
    }
}

/// An account as passkeys know it: no more than its random id.
fn handle(account: AccountId) -> Result<UserHandle16, Error> {
    UserHandle16::decode(*account.uuid().as_bytes()).map_err(|_| Error::internal("an account's id is no handle"))
}

/// A challenge as it is kept.
fn spelled(challenge: &SentChallenge) -> [u8; 16] {
    challenge.0.to_be_bytes()
}

fn defect<E>(what: &'static str) -> impl Fn(E) -> Error {
    move |_| Error::internal(what)
}

/// A passkey that was added, with recovery codes if it is the first factor beside the password.
pub struct Added {
    pub codes: BTreeSet<String>,
}

impl State {
    /// Begins to add a passkey, for one's password: what the browser needs to know, or none if that is not right.
    pub async fn offer_passkey(&self, actor: &Actor, knock: &Knock, password: String) -> Result<Option<String>, Error> {
        let Party { id, .. } = party(self, &knock.headers)?;
        if !self.proves_to_be(actor, knock, password).await? {
            return Ok(None);
        }
        let mut tx = self.write(actor).await?;
        let account = accounts::get(&mut tx, actor.account).await?;
        let known = passkeys::list(&mut tx, actor.account).await?;
        if known.len() >= passkeys::MOST {
            return Err(Error::Conflict(format!("there are {} passkeys already; remove one first", known.len())));
        }
        let exclude = known.into_iter().map(descriptor).collect::<Result<_, _>>()?;
        let owner = handle(actor.account)?;
        // What browsers list passkeys by. Not every mail address is a user name to them.
        let name = Username::try_from(account.body.email).or_else(|_| Username::try_from(account.id.to_string()));
        let name = name.map_err(defect("an id is no user name"))?;
        let user = PublicKeyCredentialUserEntity {
            name,
            id: &owner,
            display_name: Nickname::try_from(account.body.name).ok(),
        };
        let mut options = PublicKeyCredentialCreationOptions::passkey(&id, user, exclude);
        // Every use is verified here; to demand it of the device as well would only keep some devices out.
        options.extensions.cred_protect = CredProtect::None;
        let (server, client) = options.start_ceremony().map_err(defect("a ceremony does not begin"))?;
        let asked = serde_json::to_string(&client).map_err(Error::internal)?;
        let kept = server.encode().map_err(defect("a ceremony cannot be kept"))?;
        passkeys::ask(&mut tx, spelled(server.borrow()), Some(actor.account), kept).await?;
        tx.commit().await?;
        Ok(Some(asked))
    }

    /// Adds the passkey with which the browser answered, or says why not.
    pub async fn add_passkey(
        &self,
        actor: &Actor,
        knock: &Knock,
        name: &str,
        answer: &str,
    ) -> Result<Result<Added, &'static str>, Error> {
        let Party { id, origin } = party(self, &knock.headers)?;
        let name = name.trim();
        if name.is_empty() || name.len() > NAME || name.chars().any(char::is_control) {
            return Ok(Err("give the passkey a name of 1 to 100 bytes"));
        }
        let Ok(registration) = Registration::from_json_relaxed(answer.as_bytes()) else {
            return Ok(Err("the browser's answer is not understood; try again"));
        };
        let Ok(sent) = registration.challenge_relaxed() else {
            return Ok(Err("the browser's answer is not understood; try again"));
        };
        let mut tx = self.write(actor).await?;
        let Some(kept) = passkeys::take(&mut tx, spelled(&sent), Some(actor.account)).await? else {
            return Ok(Err("that took too long, or was answered before; begin again"));
        };
        let server = RegistrationServerState::<16>::decode(&kept).map_err(defect("a ceremony cannot be read"))?;
        let origins = [origin.as_str()];
        let options = RegistrationVerificationOptions::<&str, &str> {
            allowed_origins: &origins,
            // Browsers may add some of their own; none is used.
            error_on_unsolicited_extensions: false,
            ..RegistrationVerificationOptions::default()
        };
        let made = match server.verify(&id, &registration, &options) {
            Ok(made) => made,
            Err(error) => {
                tracing::warn!(account = %actor.account, %error, "a passkey was refused");
                tx.commit().await?;
                return Ok(Err("the passkey was not made for this page; begin again"));
            }
        };
        let fixed = made.static_state().encode().map_err(defect("a passkey cannot be kept"))?;
        let changing = made.dynamic_state().encode().map_err(defect("a passkey cannot be kept"))?;
        passkeys::add(&mut tx, actor.account, name, made.id().as_ref(), fixed, changing.to_vec()).await?;
        let codes = self.codes_if_none(&mut tx, actor.account).await?;
        tx.commit().await?;
        Ok(Ok(Added { codes }))
    }

    /// Takes one of one's own passkeys away, for one's password: false if that is not right.
    pub async fn remove_passkey(
        &self,
        actor: &Actor,
        knock: &Knock,
        id: PasskeyId,
        password: String,
    ) -> Result<bool, Error> {
        if !self.proves_to_be(actor, knock, password).await? {
            return Ok(false);
        }
        let mut tx = self.write(actor).await?;
        passkeys::remove(&mut tx, actor.account, id).await?;
        factors::drop_codes_of_nothing(&mut tx, actor.account).await?;
        Self::keeps_a_way_in(&mut tx, actor).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Begins to sign in by whichever passkey the browser has: what it needs to know.
    pub async fn ask_for_passkey(&self, knock: &Knock) -> Result<String, Error> {
        let Party { id, .. } = party(self, &knock.headers)?;
        let begun = DiscoverableCredentialRequestOptions::passkey(&id).start_ceremony();
        let (server, client) = begun.map_err(defect("a ceremony does not begin"))?;
        let asked = serde_json::to_string(&client).map_err(Error::internal)?;
        let kept = server.encode().map_err(defect("a ceremony cannot be kept"))?;
        let mut tx = self.db.write("sign-in").await?;
        passkeys::ask(&mut tx, spelled(server.borrow()), None, kept).await?;
        tx.commit().await?;
        Ok(asked)
    }

    /// The secret of a new login, if the browser answered with a passkey of somebody who may sign in.
    pub async fn enter_by_passkey(&self, knock: &Knock, answer: &str) -> Result<Option<String>, Error> {
        let Party { id, origin } = party(self, &knock.headers)?;
        let Ok(given) = DiscoverableAuthentication16::from_json_relaxed(answer.as_bytes()) else { return Ok(None) };
        let Ok(sent) = given.challenge_relaxed() else { return Ok(None) };
        let mut tx = self.db.write("sign-in").await?;
        let Some(kept) = passkeys::take(&mut tx, spelled(&sent), None).await? else { return Ok(None) };
        let found = passkeys::find(&mut tx, given.raw_id().as_ref()).await?;
        let Some((account, passkey, changing)) = found.and_then(|known| judge(&kept, known, &given, &id, &origin))
        else {
            tracing::warn!(from = %knock.address, "a passkey was refused");
            // The challenge stays used.
            tx.commit().await?;
            return Ok(None);
        };
        tx.actor = format!("account:{account}");
        if !passkeys::used(&mut tx, passkey, changing).await? {
            return Ok(None);
        }
        self.end_former(&mut tx, &knock.headers).await?;
        let secret = self.begin_login(&mut tx, account, "passkey", &knock.headers).await?;
        tx.commit().await?;
        Ok(Some(secret))
    }
}

/// Whose passkey this is and what has changed of it, if the answer is right.
fn judge(
    kept: &[u8],
    known: passkeys::Kept,
    given: &DiscoverableAuthentication16,
    id: &RpId,
    origin: &str,
) -> Option<(AccountId, PasskeyId, Vec<u8>)> {
    let server = DiscoverableAuthenticationServerState::decode(kept).ok()?;
    let fixed = StaticState::<Key>::decode(&known.fixed).ok()?;
    let changing = DynamicState::decode(known.changing.try_into().ok()?).ok()?;
    let owner = handle(known.account).ok()?;
    let mut credential = AuthenticatedCredential::new(given.raw_id(), &owner, fixed, changing).ok()?;
    let origins = [origin];
    let options = AuthenticationVerificationOptions::<&str, &str> {
        allowed_origins: &origins,
        error_on_unsolicited_extensions: false,
        ..AuthenticationVerificationOptions::default()
    };
    if let Err(error) = server.verify(id, given, &mut credential, &options) {
        tracing::warn!(account = %known.account, %error, "the answer of a passkey is not right");
        return None;
    }
    let changing = credential.dynamic_state().encode().ok()?;
    Some((known.account, known.id, changing.to_vec()))
}

fn descriptor(passkey: Passkey) -> Result<PublicKeyCredentialDescriptor<Vec<u8>>, Error> {
    let id = CredentialId::<Vec<u8>>::decode(passkey.credential).map_err(defect("a passkey cannot be read"))?;
    let transports = AuthTransports::decode(0).map_err(defect("no transports cannot be read"))?;
    Ok(PublicKeyCredentialDescriptor { id, transports })
}
