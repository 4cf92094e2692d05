//! Accounts over HTTP: whoever keeps them invites, changes and lets go; everyone looks after their own.

use std::collections::BTreeSet;

use axum::extract::State as Axum;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::State;
use super::access::{Keeper, Owner, TOKEN_PREFIX, secret};
use super::error::Error;
use super::extract::{Json, NoQuery, Path, Query};
use super::records::Tags;
use crate::domain::account::{Account, AccountBody, ApiToken};
use crate::domain::actor::{Actor, Credential, Role, Scope};
use crate::domain::id::{AccountId, DistrictId, EducatorId, RecordId as _, TokenId};
use crate::domain::time::Tz;
use crate::store::{Tx, accounts, invitations, tokens};

/// Longest life of a token.
const MOST_DAYS: i64 = 366;

pub(super) fn routes() -> OpenApiRouter<State> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, replace))
        .routes(routes!(invite))
        .routes(routes!(sign_out))
        .routes(routes!(me))
        .routes(routes!(list_tokens, create_token))
        .routes(routes!(revoke_token))
}

/// An account as it is kept.
#[derive(Serialize, ToSchema)]
struct StoredAccount {
    id: Uuid,
    /// Counts updates, from 1; the ETag.
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    email: String,
    name: String,
    role: Role,
    #[schema(value_type = Vec<Uuid>)]
    district_ids: Vec<DistrictId>,
    #[schema(value_type = Option<Uuid>)]
    educator_id: Option<EducatorId>,
    active: bool,
    #[schema(value_type = Option<String>)]
    tz: Option<Tz>,
    /// Whether its owner has chosen a password.
    claimed: bool,
}

impl From<Account> for StoredAccount {
    fn from(account: Account) -> Self {
        let Account { id, version, created_at, updated_at, body, claimed } = account;
        let AccountBody { email, name, role, district_ids, educator_id, active, tz } = body;
        let id = id.uuid();
        Self { id, version, created_at, updated_at, email, name, role, district_ids, educator_id, active, tz, claimed }
    }
}

/// Accounts, oldest first
#[derive(Serialize, ToSchema)]
struct AccountPage {
    items: Vec<StoredAccount>,
    /// Give it as `after` for the next page; none on the last.
    next: Option<Uuid>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct Which {
    /// `next` of the page before.
    #[param(value_type = Option<Uuid>)]
    after: Option<AccountId>,
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Accounts, oldest first
#[utoipa::path(get, path = "/api/v1/accounts", operation_id = "listAccounts", tag = "accounts", params(Which), responses((status = 200, description = "a page of accounts", body = AccountPage)))]
async fn list(
    Axum(state): Axum<State>,
    _: Keeper,
    Query(which): Query<Which>,
) -> Result<axum::Json<AccountPage>, Error> {
    let limit = which.limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::parameter("limit", "give a number from 1 to 200"));
    }
    let items = accounts::list(&mut state.db.read().await?, which.after, limit).await?;
    let full = i64::try_from(items.len()).unwrap_or(i64::MAX) == limit;
    let next = items.last().filter(|_| full).map(|account| account.id.uuid());
    Ok(axum::Json(AccountPage { items: items.into_iter().map(Into::into).collect(), next }))
}

/// A new account, and the link with which its owner claims it. The link is shown this once.
#[derive(Serialize, ToSchema)]
struct Invited {
    account: StoredAccount,
    /// Path on this server; works once, for seven days. Empty for an account that is not active.
    path: String,
}

/// Invite somebody
#[utoipa::path(post, path = "/api/v1/accounts", operation_id = "createAccount", tag = "accounts", request_body = AccountBody, responses(
    (status = 201, description = "the account, with the link that claims it", body = Invited, headers(("location" = String, description = "where the account is"))),
    (status = 409, description = "another account has this mail address"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn create(
    Axum(state): Axum<State>,
    Keeper(actor): Keeper,
    _: NoQuery,
    Json(body): Json<AccountBody>,
) -> Result<Response, Error> {
    let (account, path) = state.invite_new(&actor, body).await?;
    let location = format!("/api/v1/accounts/{}", account.id);
    let body = axum::Json(Invited { account: account.into(), path });
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], body).into_response())
}

/// An account
#[utoipa::path(get, path = "/api/v1/accounts/{id}", operation_id = "getAccount", tag = "accounts", params(("id" = Uuid, Path)), responses(
    (status = 200, description = "the account", body = StoredAccount, headers(("etag" = String, description = "the version, in double quotes"))),
    (status = 404, description = "there is no such account"),
))]
async fn read(Axum(state): Axum<State>, _: Keeper, Path(id): Path<AccountId>, _: NoQuery) -> Result<Response, Error> {
    Ok(shown(accounts::get(&mut state.db.read().await?, id).await?))
}

fn shown(account: Account) -> Response {
    ([(header::ETAG, format!("\"{}\"", account.version))], axum::Json(StoredAccount::from(account))).into_response()
}

/// Change an account
///
/// If its rights change, or it is no longer active, every login, token, feed and link made before has ended.
#[utoipa::path(put, path = "/api/v1/accounts/{id}", operation_id = "replaceAccount", tag = "accounts",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "The ETag of the version that this change was made for.")),
    request_body = AccountBody, responses(
    (status = 200, description = "the account as it is now", body = StoredAccount, headers(("etag" = String, description = "the version, in double quotes"))),
    (status = 404, description = "there is no such account"),
    (status = 409, description = "another account has this mail address"),
    (status = 412, description = "changed meanwhile"),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
    (status = 428, description = "If-Match is missing"),
))]
async fn replace(
    Axum(state): Axum<State>,
    Keeper(actor): Keeper,
    Path(id): Path<AccountId>,
    _: NoQuery,
    headers: HeaderMap,
    Json(body): Json<AccountBody>,
) -> Result<Response, Error> {
    let condition = Tags::read(&headers, &header::IF_MATCH)?.ok_or(Error::NoPrecondition)?;
    let mut tx = state.write(&actor).await?;
    let version = accounts::get(&mut tx, id).await?.version;
    if !condition.hold(version) {
        return Err(Error::Stale { version });
    }
    let account = accounts::update(&mut tx, id, version, body).await?;
    tx.commit().await?;
    Ok(shown(account))
}

/// The link that claims an account, or leads back to it. It is shown this once.
#[derive(Serialize, ToSchema)]
struct Link {
    /// Path on this server; works once, for seven days.
    path: String,
}

/// Make a new link to an account
///
/// For an invitation that was lost, or for somebody who cannot sign in any more. Links made before are void.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/invitation", operation_id = "inviteAccount", tag = "accounts", params(("id" = Uuid, Path)), responses(
    (status = 201, description = "the link", body = Link),
    (status = 404, description = "there is no such account"),
    (status = 422, description = "the account is not active"),
))]
async fn invite(
    Axum(state): Axum<State>,
    Keeper(actor): Keeper,
    Path(id): Path<AccountId>,
    _: NoQuery,
) -> Result<Response, Error> {
    let path = state.invite(&actor, id).await?;
    Ok((StatusCode::CREATED, axum::Json(Link { path })).into_response())
}

/// Sign an account out everywhere
///
/// Its logins and tokens have ended when this answers.
#[utoipa::path(post, path = "/api/v1/accounts/{id}/sign-out", operation_id = "signOutAccount", tag = "accounts", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "done"),
    (status = 404, description = "there is no such account"),
))]
async fn sign_out(
    Axum(state): Axum<State>,
    Keeper(actor): Keeper,
    Path(id): Path<AccountId>,
    _: NoQuery,
) -> Result<StatusCode, Error> {
    let mut tx = state.write(&actor).await?;
    accounts::sign_out_everywhere(&mut tx, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The path of a fresh link to an account.
async fn linked(tx: &mut Tx, id: AccountId) -> Result<String, Error> {
    let token = secret();
    invitations::create(tx, id, &token).await?;
    Ok(format!("/invitations/{token}"))
}

impl State {
    /// Makes an account and says the path of the link that claims it; of one that is not active there is none.
    pub async fn invite_new(&self, actor: &Actor, body: AccountBody) -> Result<(Account, String), Error> {
        let mut tx = self.write(actor).await?;
        let account = accounts::create(&mut tx, body).await?;
        let path = if account.body.active { linked(&mut tx, account.id).await? } else { String::new() };
        tx.commit().await?;
        Ok((account, path))
    }

    /// Makes a link to an account and says its path.
    pub async fn invite(&self, actor: &Actor, id: AccountId) -> Result<String, Error> {
        let mut tx = self.write(actor).await?;
        let path = linked(&mut tx, id).await?;
        tx.commit().await?;
        Ok(path)
    }

    /// Makes a token of the actor's account and says it.
    pub async fn make_token(&self, actor: &Actor, wanted: Wanted) -> Result<(ApiToken, String), Error> {
        let wanted = wanted.checked(actor)?;
        let scopes = wanted.scopes.iter().copied().collect();
        let token = format!("{TOKEN_PREFIX}{}", secret());
        let mut tx = self.write(actor).await?;
        let mut until = tx.at + TimeDelta::days(wanted.days);
        let made_by = if let Credential::Token(parent) = actor.credential { Some(parent) } else { None };
        if let Some(parent) = made_by {
            until = until.min(tokens::expiry(&mut tx, parent).await?);
        }
        let made = tokens::create(&mut tx, actor.account, &wanted.name, &scopes, &token, until, made_by).await?;
        tx.commit().await?;
        Ok((made, token))
    }
}

/// Who is asking.
#[derive(Serialize, ToSchema)]
struct Me {
    account_id: Uuid,
    name: String,
    role: Role,
    #[schema(value_type = Vec<Uuid>)]
    district_ids: Vec<DistrictId>,
    #[schema(value_type = Option<Uuid>)]
    educator_id: Option<EducatorId>,
    /// Of the token that asks; none for a browser, which may do all that the role may.
    scopes: Option<BTreeSet<Scope>>,
}

/// Who am I
#[utoipa::path(get, path = "/api/v1/me", operation_id = "me", tag = "accounts", responses((status = 200, description = "who asks", body = Me)))]
async fn me(actor: Actor, _: NoQuery) -> axum::Json<Me> {
    axum::Json(Me {
        account_id: actor.account.uuid(),
        name: actor.name,
        role: actor.role,
        district_ids: actor.districts.into_iter().collect(),
        educator_id: actor.educator,
        scopes: actor.scopes,
    })
}

/// A token to be made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// What it is for.
    #[schema(min_length = 1, max_length = 200)]
    pub name: String,
    #[schema(min_items = 1, max_items = 4)]
    pub scopes: Vec<Scope>,
    /// Until it ends.
    #[schema(minimum = 1, maximum = 366)]
    pub days: i64,
}

impl Wanted {
    fn checked(self, actor: &Actor) -> Result<Self, Error> {
        if self.name.trim().is_empty() || self.name.len() > 200 || self.name.chars().any(char::is_control) {
            return Err(Error::field("/name", "give 1 to 200 bytes of plain text"));
        }
        let distinct: BTreeSet<Scope> = self.scopes.iter().copied().collect();
        if distinct.len() != self.scopes.len() {
            return Err(Error::field("/scopes", "a scope is listed twice"));
        }
        if self.scopes.is_empty() {
            return Err(Error::field("/scopes", "give at least one scope"));
        }
        if let Some(scopes) = &actor.scopes
            && !distinct.is_subset(scopes)
        {
            return Err(Error::field("/scopes", "a token makes no token that may do more than itself"));
        }
        if actor.role != Role::Administrator && self.scopes.contains(&Scope::Metrics) {
            return Err(Error::field("/scopes", "metrics are for administrators"));
        }
        if !(1..=MOST_DAYS).contains(&self.days) {
            return Err(Error::field("/days", format!("give 1 to {MOST_DAYS} days")));
        }
        Ok(self)
    }
}

/// A new token. Its secret is shown this once; only a hash of it is kept.
#[derive(Serialize, ToSchema)]
struct NewToken {
    #[serde(flatten)]
    about: ApiToken,
    /// Send it as `Authorization: Bearer …`.
    token: String,
}

/// One's own tokens
#[utoipa::path(get, path = "/api/v1/me/tokens", operation_id = "listTokens", tag = "accounts", responses((status = 200, description = "those that live, oldest first", body = Vec<ApiToken>)))]
async fn list_tokens(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
) -> Result<axum::Json<Vec<ApiToken>>, Error> {
    Ok(axum::Json(tokens::list(&mut state.db.read().await?, actor.account).await?))
}

/// Make a token
///
/// It may do what its account may, within its scopes.
#[utoipa::path(post, path = "/api/v1/me/tokens", operation_id = "createToken", tag = "accounts", request_body = Wanted, responses(
    (status = 201, description = "the token, with its secret", body = NewToken),
    (status = 413, description = "the body is too long"),
    (status = 415, description = "the body is not JSON"),
    (status = 422, description = "fields refused"),
))]
async fn create_token(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    _: NoQuery,
    Json(wanted): Json<Wanted>,
) -> Result<Response, Error> {
    let (about, token) = state.make_token(&actor, wanted).await?;
    Ok((StatusCode::CREATED, axum::Json(NewToken { about, token })).into_response())
}

/// Revoke one of one's own tokens
#[utoipa::path(delete, path = "/api/v1/me/tokens/{id}", operation_id = "revokeToken", tag = "accounts", params(("id" = Uuid, Path)), responses(
    (status = 204, description = "it has ended"), (status = 404, description = "there is no such token, or it has ended before"),
))]
async fn revoke_token(
    Axum(state): Axum<State>,
    Owner(actor): Owner,
    Path(id): Path<TokenId>,
    _: NoQuery,
) -> Result<StatusCode, Error> {
    let mut tx = state.write(&actor).await?;
    tokens::end(&mut tx, actor.account, id).await?;
    tx.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}
