//! Signing in through an identity provider (OpenID Connect Core 1.0): code flow with PKCE, state and nonce.
//!
//! Who comes back is known by issuer and subject alone. They are let in if that pair is linked to an account. It becomes
//! linked when its account's owner, signed in, sends their own browser there; or when somebody invited, whose account
//! nobody has claimed yet, comes with the invited mail address, which their provider says it has verified. A mail address
//! is never enough for an account that has been claimed: providers let people write there what they like.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderValue};
use axum_extra::extract::cookie::{Cookie, CookieJar, SameSite};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient, CoreIdTokenClaims, CoreProviderMetadata};
use openidconnect::{
    AccessTokenHash, AuthorizationCode, ClientId, ClientSecret, CsrfToken, IssuerUrl, Nonce, OAuth2TokenResponse as _,
    PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope, TokenResponse as _, reqwest,
};

use super::State;
use super::access;
use super::error::Error;
use super::sign_in::{Entered, Knock};
use crate::config::Provider;
use crate::domain::account::normal_email;
use crate::domain::actor::Actor;
use crate::domain::id::LinkId;
use crate::store::links::{self, Subject, Visit};
use crate::store::{StoreError, Tx, accounts, invitations, logins};

/// Longest wait for an answer of a provider.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long what a provider says of itself is believed. Keys are published well before they are used.
const FRESH: Duration = Duration::from_mins(5);
/// Longest name or mail address that is shown of a link, in characters.
const SHOWN: usize = 200;

/// What is known of the providers, by issuer.
#[derive(Default)]
pub struct Known(Mutex<BTreeMap<String, (Instant, CoreProviderMetadata)>>);

/// Where a browser is to go, and what it is to carry.
pub struct Departure {
    pub address: String,
    pub cookie: HeaderValue,
}

/// What a provider sends a browser back with.
#[derive(Clone, Debug, Default, serde::Deserialize)]
pub struct Return {
    pub code: Option<String>,
    pub state: Option<String>,
    /// Why the provider let nobody in.
    pub error: Option<String>,
    /// Who the provider says it is (RFC 9207).
    pub iss: Option<String>,
}

/// What came of a visit.
pub enum Arrival {
    /// They are in, or owe a second factor, and wanted to go there.
    Entered(Entered, String),
    /// Their account has one more link.
    Linked,
    /// They are not; for people.
    Refused(&'static str),
}

const STALE: Arrival =
    Arrival::Refused("That took too long, was answered before, or was begun in another browser. Begin again.");
const UNLINKED: Arrival = Arrival::Refused(
    "Nobody here is linked to that sign-in. Sign in with your password or passkey first, and link it on your account's page.",
);
const TAKEN: Arrival = Arrival::Refused("That sign-in is linked to an account already.");

/// The causes in words: in full they would hold what the provider sent.
fn failed(provider: &Provider, what: &'static str, error: &dyn std::fmt::Display) -> Arrival {
    tracing::warn!(provider = provider.slug, %error, what, "a provider's answer was refused");
    Arrival::Refused("The provider did not confirm who you are. Try again; if it lasts, tell your administrator.")
}

fn cookie_name(state: &State) -> &'static str {
    if state.settings.secure() { "__Host-bellwether-visit" } else { "bellwether-visit" }
}

/// The header that gives a browser the secret of its visit.
fn carried(state: &State, secret: String) -> Result<HeaderValue, Error> {
    let mut cookie = Cookie::new(cookie_name(state), secret);
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_secure(state.settings.secure());
    // It comes back from the provider's page.
    cookie.set_same_site(SameSite::Lax);
    let header = format!("{cookie}; Max-Age={}", links::MINUTES * 60);
    HeaderValue::try_from(header).map_err(Error::internal)
}

fn http(provider: &Provider) -> Result<reqwest::Client, Error> {
    reqwest::ClientBuilder::new()
        // To follow one would let a provider choose whom this server asks.
        .redirect(reqwest::redirect::Policy::none())
        .https_only(provider.issuer.starts_with("https:"))
        .timeout(PATIENCE)
        .build()
        .map_err(Error::internal)
}

impl State {
    fn provider(&self, slug: &str) -> Result<&Provider, Error> {
        self.settings.providers.iter().find(|provider| provider.slug == slug).ok_or(Error::NoRoute)
    }

    fn redirect(&self, provider: &Provider, headers: &HeaderMap) -> Result<RedirectUrl, Error> {
        // One address for each, so that no provider's answer is taken for another's (RFC 9700, 4.4.2.2).
        let address = format!("{}/sign-in/with/{}/callback", access::origin(self, headers), provider.slug);
        RedirectUrl::new(address).map_err(Error::internal)
    }

    /// What a provider says of itself.
    async fn described(&self, provider: &Provider) -> Result<CoreProviderMetadata, Error> {
        let known = || self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((asked, described)) = known().get(&provider.issuer)
            && asked.elapsed() < FRESH
        {
            return Ok(described.clone());
        }
        let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(Error::internal)?;
        let described = CoreProviderMetadata::discover_async(issuer, &http(provider)?).await.map_err(|error| {
            tracing::error!(provider = provider.slug, %error, "a provider does not describe itself");
            Error::Unreachable(provider.title.clone())
        })?;
        known().insert(provider.issuer.clone(), (Instant::now(), described.clone()));
        Ok(described)
    }

    /// Sends a browser to a provider: to sign in, or to link its answer to the actor's account.
    pub async fn depart(
        &self,
        slug: &str,
        knock: &Knock,
        linking: Option<&Actor>,
        onward: &str,
    ) -> Result<Departure, Error> {
        let provider = self.provider(slug)?;
        let described = self.described(provider).await?;
        let (id, secret) = credentials(provider);
        let client = CoreClient::from_provider_metadata(described, id, Some(secret))
            .set_redirect_uri(self.redirect(provider, &knock.headers)?);
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (address, state, nonce) = client
            .authorize_url(CoreAuthenticationFlow::AuthorizationCode, CsrfToken::new_random, Nonce::new_random)
            .add_scope(Scope::new("email".into()))
            .add_scope(Scope::new("profile".into()))
            .set_pkce_challenge(challenge)
            .url();
        let browser = access::secret();
        let visit = Visit {
            provider: provider.slug.clone(),
            account: linking.map(|actor| actor.account),
            nonce: nonce.secret().clone(),
            verifier: verifier.secret().clone(),
            onward: onward.into(),
        };
        let mut tx = match linking {
            Some(actor) => self.write(actor).await?,
            None => self.db.write("sign-in").await?,
        };
        links::depart(&mut tx, state.secret(), &browser, visit).await?;
        tx.commit().await?;
        Ok(Departure { address: address.into(), cookie: carried(self, browser)? })
    }

    /// Sends the actor's browser to a provider whose answer is to be linked to their account, for their password; none if
    /// that is not right.
    pub async fn depart_to_link(
        &self,
        slug: &str,
        knock: &Knock,
        actor: &Actor,
        password: String,
    ) -> Result<Option<Departure>, Error> {
        self.provider(slug)?;
        if !self.proves_to_be(actor, knock, password).await? {
            return Ok(None);
        }
        self.depart(slug, knock, Some(actor), "").await.map(Some)
    }

    /// Receives a browser that a provider sent back.
    pub async fn arrive(&self, slug: &str, knock: &Knock, given: Return) -> Result<Arrival, Error> {
        let provider = self.provider(slug)?;
        let jar = CookieJar::from_headers(&knock.headers);
        let (Some(state), Some(browser)) = (&given.state, jar.get(cookie_name(self))) else { return Ok(STALE) };
        let mut tx = self.db.write("sign-in").await?;
        let visit = links::come_back(&mut tx, state, browser.value()).await?;
        tx.commit().await?;
        let Some(visit) = visit.filter(|visit| visit.provider == provider.slug) else { return Ok(STALE) };
        if given.iss.is_some_and(|issuer| issuer != provider.issuer) {
            return Ok(STALE);
        }
        let (None, Some(code)) = (given.error, given.code) else {
            return Ok(Arrival::Refused("The provider let nobody in."));
        };
        let claims = match self.claims(provider, knock, code, &visit).await? {
            Ok(claims) => claims,
            Err(refused) => return Ok(refused),
        };
        let subject = subject(&claims);
        match visit.account {
            Some(account) => {
                // Whoever began this must be who is signed in now.
                let known = match access::cookie(self, &knock.headers) {
                    Some(secret) => logins::find(&mut self.db.read().await?, &secret).await?,
                    None => None,
                };
                let Some(known) = known.filter(|known| known.actor.account == account) else { return Ok(STALE) };
                let mut tx = self.write(&known.actor).await?;
                match links::add(&mut tx, account, &subject).await {
                    Err(StoreError::Duplicate { .. }) => return Ok(TAKEN),
                    added => added?,
                }
                tx.commit().await?;
                Ok(Arrival::Linked)
            }
            None => self.enter_by_subject(knock, &claims, &subject, visit.onward).await,
        }
    }

    /// What the provider vouches for, checked: signature, issuer, audience, times, nonce, and the token beside it.
    async fn claims(
        &self,
        provider: &Provider,
        knock: &Knock,
        code: String,
        visit: &Visit,
    ) -> Result<Result<CoreIdTokenClaims, Arrival>, Error> {
        let described = self.described(provider).await?;
        let (id, secret) = credentials(provider);
        let client = CoreClient::from_provider_metadata(described, id, Some(secret))
            .set_redirect_uri(self.redirect(provider, &knock.headers)?);
        let request = match client.exchange_code(AuthorizationCode::new(code)) {
            Ok(request) => request.set_pkce_verifier(PkceCodeVerifier::new(visit.verifier.clone())),
            Err(error) => return Ok(Err(failed(provider, "no address for tokens", &error))),
        };
        let answer = match request.request_async(&http(provider)?).await {
            Ok(answer) => answer,
            Err(error) => return Ok(Err(failed(provider, "the code was not exchanged", &error))),
        };
        let Some(token) = answer.id_token() else {
            return Ok(Err(failed(provider, "there is no ID token", &"")));
        };
        let verifier = client.id_token_verifier();
        let claims = match token.claims(&verifier, &Nonce::new(visit.nonce.clone())) {
            Ok(claims) => claims.clone(),
            Err(error) => return Ok(Err(failed(provider, "the ID token is not right", &error))),
        };
        if let Some(expected) = claims.access_token_hash() {
            let algorithm = token.signing_alg().map_err(Error::internal)?;
            let key = token.signing_key(&verifier).map_err(Error::internal)?;
            match AccessTokenHash::from_token(answer.access_token(), algorithm, key) {
                Ok(found) if found == *expected => {}
                _ => return Ok(Err(failed(provider, "the access token is another's", &""))),
            }
        }
        Ok(Ok(claims))
    }

    async fn enter_by_subject(
        &self,
        knock: &Knock,
        claims: &CoreIdTokenClaims,
        subject: &Subject,
        onward: String,
    ) -> Result<Arrival, Error> {
        let mut tx = self.db.write("sign-in").await?;
        let account = match links::used(&mut tx, subject).await? {
            Some(account) => Some(accounts::get(&mut tx, account).await?).filter(|account| account.body.active),
            None => claimed_by_mail(&mut tx, claims, subject).await?,
        };
        let Some(account) = account else {
            tracing::warn!(issuer = subject.issuer, from = %knock.address, "a provider's subject is nobody here");
            return Ok(UNLINKED);
        };
        tx.actor = format!("account:{}", account.id);
        self.end_former(&mut tx, &knock.headers).await?;
        let entered = self.begin_by(&mut tx, account.id, "provider", knock).await?;
        tx.commit().await?;
        Ok(Arrival::Entered(entered, onward))
    }

    /// Takes one of one's own links away, for one's password; false if that is not right.
    pub async fn unlink(&self, actor: &Actor, knock: &Knock, id: LinkId, password: String) -> Result<bool, Error> {
        if !self.proves_to_be(actor, knock, password).await? {
            return Ok(false);
        }
        let mut tx = self.write(actor).await?;
        links::remove(&mut tx, actor.account, id).await?;
        Self::keeps_a_way_in(&mut tx, actor).await?;
        tx.commit().await?;
        Ok(true)
    }
}

/// The account of an invitation that nobody has answered, if the provider has verified its mail address: linked now.
async fn claimed_by_mail(
    tx: &mut Tx,
    claims: &CoreIdTokenClaims,
    subject: &Subject,
) -> Result<Option<crate::domain::account::Account>, Error> {
    let Some(email) = claims.email().filter(|_| claims.email_verified() == Some(true)) else { return Ok(None) };
    let Some((account, _)) = accounts::by_email(tx, &normal_email(email.as_str())).await? else { return Ok(None) };
    if account.claimed || !account.body.active || !invitations::spend_all(tx, account.id).await? {
        return Ok(None);
    }
    tx.actor = format!("account:{}", account.id);
    links::add(tx, account.id, subject).await?;
    Ok(Some(account))
}

fn credentials(provider: &Provider) -> (ClientId, ClientSecret) {
    (ClientId::new(provider.client_id.clone()), ClientSecret::new(provider.secret.reveal().into()))
}

fn subject(claims: &CoreIdTokenClaims) -> Subject {
    let email = claims.email().map(|email| email.as_str().to_owned());
    let name = || claims.preferred_username().map(|name| name.as_str().to_owned());
    let shown: String = email.or_else(name).unwrap_or_else(|| claims.subject().as_str().to_owned());
    let shown = shown.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    Subject { issuer: claims.issuer().as_str().into(), subject: claims.subject().as_str().into(), shown }
}
