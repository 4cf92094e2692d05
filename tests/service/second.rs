//! The second factor: codes of an app, each good once; recovery codes; and what a password alone opens then: nothing.

use bellwether::api::passwords;
use bellwether::config::Settings;
use bellwether::domain::actor::Role;
use bellwether::domain::id::AccountId;
use bellwether::domain::seal::{Keyring, new_key};
use bellwether::domain::time;
use bellwether::store::{Db, Statement, accounts, factors, logins, passkeys};
use totp_rs::{Builder, Secret};

use crate::api::client::{Answer, Client, KEYS};
use crate::doors::{cookie, form};
use crate::fresh::on_both;
use crate::people::person;

const PASSWORD: &str = "otter violin cactus breeze";

/// The code of the step so many seconds from now.
fn code(secret: &str, ahead: u64) -> String {
    let secret = Secret::try_from_base32(secret).expect("a secret");
    let app = Builder::new().with_secret(secret).with_account_name("test").build().expect("an app");
    app.generate(u64::try_from(time::now().timestamp()).expect("after 1970") + ahead).to_string()
}

/// Somebody with a password, in a browser.
async fn somebody(db: &Db) -> (Client, String) {
    let (client, email, _) = somebody_known(db).await;
    (client, email)
}

pub async fn somebody_known(db: &Db) -> (Client, String, AccountId) {
    let (account, _) = person(db, Role::Coordinator, &[], None).await;
    let hash = passwords::hash(PASSWORD.into()).await.expect("hashes");
    let mut tx = db.write("test").await.expect("writes");
    accounts::set_password(&mut tx, account.id, &hash).await.expect("sets");
    let secret = account.id.to_string();
    logins::begin(&mut tx, account.id, &secret, "test", "").await.expect("a login");
    tx.commit().await.expect("commits");
    (Client::unknown(db.clone()).signed_in(&secret), account.body.email, account.id)
}

pub fn fields() -> String {
    format!("password={}", PASSWORD.replace(' ', "+"))
}

async fn enter(client: &Client, email: &str) -> Answer {
    let fields = format!("email={}&password={}", email.replace('@', "%40"), PASSWORD.replace(' ', "+"));
    form(client, "/sign-in", &fields).await
}

#[tokio::test]
async fn an_app_is_asked_for_once_it_is_confirmed_and_each_code_is_good_once() {
    on_both(async |db| {
        let (client, email) = somebody(&db).await;
        assert_eq!(form(&client, "/account/app", "password=wrong").await.status.as_u16(), 422);
        form(&client, "/account/app", &fields()).await;
        let page = client.get("/account/app").await.text;
        let secret = page.split("id=\"secret\" readonly value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let secret = secret.expect("a secret to type").to_owned();
        assert!(page.contains("<svg") && !page.contains("<?xml"), "a picture to scan");
        // Until it is confirmed the password is enough.
        assert_eq!(enter(&Client::unknown(db.clone()), &email).await.header("location"), "/");
        assert_eq!(form(&client, "/account/app/confirm", "code=000000").await.status.as_u16(), 422);
        let used = code(&secret, 0);
        let confirmed = form(&client, "/account/app/confirm", &format!("code={used}")).await;
        let codes: Vec<&str> =
            confirmed.text.split("<code>").skip(1).filter_map(|rest| rest.split('<').next()).collect();
        assert_eq!(codes.len(), 10, "{}", confirmed.text);

        let nobody = Client::unknown(db.clone());
        let half = enter(&nobody, &email).await;
        assert_eq!(half.header("location"), "/sign-in/code?next=%2F");
        let waiting = nobody.signed_in(&cookie(&half));
        for path in ["/api/v1/me", "/api/v1/districts", "/account"] {
            waiting.get(path).await.refused(401, "not_signed_in");
        }
        for wrong in [used.as_str(), "000000", "", "abcdefabcdefabcd"] {
            assert_eq!(form(&waiting, "/sign-in/code", &format!("code={wrong}")).await.status.as_u16(), 422, "{wrong}");
        }
        let next = code(&secret, 30);
        let whole = form(&waiting, "/sign-in/code", &format!("code={next}&next=/account")).await;
        assert_eq!((whole.status.as_u16(), whole.header("location")), (303, "/account"));
        assert_eq!(nobody.signed_in(&cookie(&whole)).get("/api/v1/me").await.status.as_u16(), 200);
        waiting.get("/api/v1/me").await.refused(401, "not_signed_in");

        // The same code again is refused; a recovery code is good once, however it is typed.
        let recovery = format!("code={}-{}", codes[0][..8].to_uppercase(), &codes[0][8..]);
        for (typed, status) in [(format!("code={next}"), 422), (recovery.clone(), 303), (recovery, 422)] {
            let waiting = nobody.signed_in(&cookie(&enter(&nobody, &email).await));
            assert_eq!(form(&waiting, "/sign-in/code", &typed).await.status.as_u16(), status, "{typed}");
        }
        assert_eq!(form(&client, "/account/app/remove", "password=wrong").await.status.as_u16(), 422);
        assert_eq!(form(&client, "/account/app/remove", &fields()).await.status.as_u16(), 303);
        assert_eq!(enter(&nobody, &email).await.header("location"), "/");
    })
    .await;
}

#[tokio::test]
async fn codes_are_not_guessed_by_trying() {
    on_both(async |db| {
        let (client, email) = somebody(&db).await;
        form(&client, "/account/app", &fields()).await;
        let page = client.get("/account/app").await.text;
        let secret = page.split("id=\"secret\" readonly value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let fields = format!("code={}", code(secret.expect("a secret"), 0));
        assert_eq!(form(&client, "/account/app/confirm", &fields).await.status.as_u16(), 200);
        let nobody = Client::unknown(db.clone());
        let waiting = nobody.signed_in(&cookie(&enter(&nobody, &email).await));
        for _ in 0..10 {
            assert_eq!(form(&waiting, "/sign-in/code", "code=000000").await.status.as_u16(), 422);
        }
        form(&waiting, "/sign-in/code", "code=000000").await.refused(429, "too_many");
    })
    .await;
}

#[tokio::test]
async fn the_secret_of_an_app_is_kept_sealed_and_moves_to_a_new_key() {
    on_both(async |db| {
        let (client, _, account) = somebody_known(&db).await;
        form(&client, "/account/app", &fields()).await;
        let page = client.get("/account/app").await.text;
        let typed = page.split("id=\"secret\" readonly value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let typed = Secret::try_from_base32(typed.expect("a secret to type")).expect("base32");

        let ring = |text: &str| -> Keyring { text.parse().expect("keys") };
        let (old, new) = (ring(KEYS), new_key("new"));
        let both = ring(&format!("{new},{KEYS}"));
        let mut tx = db.write("test").await.expect("writes");
        let held = Statement::both("SELECT secret, key_id FROM totp");
        let raw: Vec<u8> = tx.row(&held, &[]).await.expect("reads").expect("a row").get("secret").expect("bytes");
        let open = factors::find(&mut tx, &old, account).await.expect("opens").expect("an app").secret;
        assert!(open == typed.as_ref() && !raw.windows(open.len()).any(|part| part == open), "it is sealed");
        assert!(factors::find(&mut tx, &ring(&new), account).await.is_err(), "by another key it does not open");

        // One of before there was a key, as it lay there.
        let plain = Statement::both("UPDATE totp SET secret = $1, key_id = NULL, wrapped = NULL");
        for unsealed in [false, true] {
            if unsealed {
                tx.execute(&plain, &[open.clone().into()]).await.expect("is put back");
            }
            let moved = factors::rewrap(&mut tx, &both).await.expect("moves");
            assert_eq!((moved, factors::rewrap(&mut tx, &both).await.expect("moves")), (1, 0));
            let again = factors::find(&mut tx, &ring(&new), account).await.expect("opens").expect("an app");
            assert!(again.secret == open, "the new key alone opens it");
        }
        tx.rollback().await.expect("is undone");

        // Without a key there is nothing to seal with, and no app.
        let (client, ..) = somebody_known(&db).await;
        let keyless = Client::with(db.clone(), Settings::default()).as_signed_in(&client);
        form(&keyless, "/account/app", &fields()).await.refused(409, "conflict");
    })
    .await;
}

#[tokio::test]
async fn a_passkey_is_asked_for_after_the_password_and_taken_away_by_its_owner_only() {
    on_both(async |db| {
        let (owner, email, account) = somebody_known(&db).await;
        let (other, ..) = somebody_known(&db).await;
        let nobody = Client::unknown(db.clone());
        assert_eq!(enter(&nobody, &email).await.header("location"), "/");
        let mut tx = db.write("test").await.expect("writes");
        passkeys::add(&mut tx, account, "laptop", b"credential", vec![1], vec![1; 7]).await.expect("adds");
        let id = passkeys::list(&mut tx, account).await.expect("lists")[0].id;
        tx.commit().await.expect("commits");

        let half = enter(&nobody, &email).await;
        assert_eq!(half.header("location"), "/sign-in/code?next=%2F");
        let waiting = nobody.signed_in(&cookie(&half));
        waiting.get("/api/v1/me").await.refused(401, "not_signed_in");
        assert!(waiting.get("/sign-in/code").await.text.contains("data-passkey=\"get\""));

        let remove = format!("/account/passkeys/{id}/remove");
        form(&other, &remove, &fields()).await.refused(404, "not_found");
        assert_eq!(form(&owner, &remove, "password=wrong").await.status.as_u16(), 422);
        assert_eq!(form(&owner, &remove, &fields()).await.status.as_u16(), 303);
        assert_eq!(enter(&nobody, &email).await.header("location"), "/");
    })
    .await;
}

#[tokio::test]
async fn where_a_second_factor_is_demanded_nothing_opens_without_one_but_where_it_is_added() {
    on_both(async |db| {
        let (client, _, account) = somebody_known(&db).await;
        let settings =
            |second_factor| Settings { second_factor, keys: KEYS.parse().expect("a key"), ..Settings::default() };
        let strict = Client::with(db.clone(), settings(Some(true))).as_signed_in(&client);
        for path in ["/api/v1/me", "/api/v1/districts", "/", "/account/links"] {
            strict.get(path).await.refused(403, "no_second_factor");
        }
        let token = serde_json::json!({"name": "x", "scopes": ["read"], "days": 1});
        strict.post("/api/v1/me/tokens", &token).await.refused(403, "no_second_factor");
        form(&strict, "/account/tokens", "name=x&days=1&scope=read").await.refused(403, "no_second_factor");
        for path in ["/account", "/account/app", "/account/passkeys"] {
            assert_eq!(strict.get(path).await.status.as_u16(), 200, "{path}");
        }
        // By itself it is demanded where others reach the server, which is by TLS, and nowhere else.
        let url: Option<bellwether::config::PublicUrl> =
            Some("https://staffing.example.org".parse().expect("an origin"));
        assert!(Settings { url: url.clone(), ..settings(None) }.demands_second_factor());
        assert!(!settings(None).demands_second_factor());
        assert!(!Settings { url, ..settings(Some(false)) }.demands_second_factor());
        let mut tx = db.write("test").await.expect("writes");
        passkeys::add(&mut tx, account, "x", account.to_string().as_bytes(), vec![1], vec![1; 7]).await.expect("adds");
        tx.commit().await.expect("commits");
        assert_eq!(strict.get("/api/v1/me").await.status.as_u16(), 200);
    })
    .await;
}

#[tokio::test]
async fn one_login_is_ended_for_the_password_and_only_by_its_owner() {
    on_both(async |db| {
        let (owner, email, _) = somebody_known(&db).await;
        let (other, ..) = somebody_known(&db).await;
        let nobody = Client::unknown(db.clone());
        let elsewhere = nobody.signed_in(&cookie(&enter(&nobody, &email).await));
        let page = owner.get("/account").await.text;
        let logins = page.split("name=\"login\"").nth(1).expect("a choice of logins");
        let login =
            logins.split("<option value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("another login");
        let ask = format!("login={login}&{}", fields());
        assert_eq!(form(&owner, "/account/logins", &format!("login={login}&password=x")).await.status.as_u16(), 422);
        form(&other, "/account/logins", &ask).await.refused(404, "not_found");
        assert_eq!(elsewhere.get("/api/v1/me").await.status.as_u16(), 200);
        assert_eq!(form(&owner, "/account/logins", &ask).await.status.as_u16(), 303);
        elsewhere.get("/api/v1/me").await.refused(401, "not_signed_in");
        assert_eq!(owner.get("/api/v1/me").await.status.as_u16(), 200);
    })
    .await;
}
