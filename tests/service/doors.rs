//! The ways in and out: links that work once, passwords, cookies, tokens with scopes, and access that ends at once.

use axum::body::Body;
use bellwether::config::Settings;
use bellwether::domain::actor::Role;
use bellwether::domain::id::AccountId;
use bellwether::store::{Db, accounts, audit, invitations};
use serde_json::{Value, json};

use crate::api::client::{Answer, Client, district};
use crate::fresh::on_both;
use crate::people::person;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const PASSWORD: &str = "otter violin cactus breeze";

pub async fn form(client: &Client, path: &str, fields: &str) -> Answer {
    client.raw("POST", path, &[FORM], fields.to_owned()).await
}

/// The secret of the login that an answer begins.
pub fn cookie(answer: &Answer) -> String {
    let text = answer.header("set-cookie");
    text.split(';').next().and_then(|pair| pair.strip_prefix("bellwether=")).expect("a cookie").to_owned()
}

async fn invitation(db: &Db, id: AccountId, token: &str) {
    let mut tx = db.write("test").await.expect("writes");
    invitations::create(&mut tx, id, token).await.expect("a link");
    tx.commit().await.expect("commits");
}

#[tokio::test]
async fn a_link_makes_one_password_and_a_password_makes_a_login() {
    on_both(async |db| {
        let nobody = Client::unknown(db.clone());
        let (account, old) = person(&db, Role::Coordinator, &[], None).await;
        invitation(&db, account.id, "the-link").await;
        let weak = form(&nobody, "/invitations/the-link", "password=password12345678&again=password12345678").await;
        assert_eq!(weak.status.as_u16(), 422);
        let fields = format!("password={0}&again={0}", PASSWORD.replace(' ', "+"));
        // Twenty at once: one is let in.
        let at_once = (0..20).map(|_| form(&nobody, "/invitations/the-link", &fields));
        let answers = futures::future::join_all(at_once).await;
        let inside: Vec<&Answer> = answers.iter().filter(|answer| answer.status.as_u16() == 303).collect();
        assert_eq!(inside.len(), 1, "{answers:?}");
        let text = inside[0].header("set-cookie");
        assert!(text.contains("HttpOnly") && text.contains("SameSite=Lax") && text.contains("Path=/"), "{text}");
        let client = nobody.signed_in(&cookie(inside[0]));
        assert_eq!(client.get("/api/v1/me").await.body["account_id"], account.id.to_string());
        nobody.signed_in(&old).get("/api/v1/me").await.refused(401, "not_signed_in");
        assert_eq!(form(&nobody, "/invitations/the-link", &fields).await.status.as_u16(), 404, "it works once");

        let email = account.body.email.replace('@', "%40");
        let wrong = form(&nobody, "/sign-in", &format!("email={email}&password=otter+violin+cactus+breezes")).await;
        assert_eq!((wrong.status.as_u16(), wrong.header("set-cookie")), (422, ""));
        let right = format!("email=+{}&password={}&next=/runs", email.to_uppercase(), PASSWORD.replace(' ', "+"));
        let entered = form(&client, "/sign-in", &right).await;
        assert_eq!((entered.status.as_u16(), entered.header("location")), (303, "/runs"));
        assert_ne!(client.get("/api/v1/me").await.status.as_u16(), 200, "the login before has been rotated");
        let client = nobody.signed_in(&cookie(&entered));
        let left = client.raw("POST", "/sign-out", &[], Body::empty()).await;
        assert!(left.header("set-cookie").starts_with("bellwether=;"), "{left:?}");
        client.get("/api/v1/me").await.refused(401, "not_signed_in");
    })
    .await;
}

#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_this_host_and_the_browser_to_tls() {
    on_both(async |db| {
        let (account, _) = person(&db, Role::Coordinator, &[], None).await;
        invitation(&db, account.id, "the-link").await;
        let url = Some("https://staffing.example.org".parse().expect("an origin"));
        let nobody = Client::with(db, Settings { url, ..Settings::default() });
        let fields = format!("password={0}&again={0}", PASSWORD.replace(' ', "+"));
        let headers = [FORM, ("host", "staffing.example.org"), ("origin", "https://staffing.example.org")];
        let inside = nobody.raw("POST", "/invitations/the-link", &headers, fields).await;
        let text = inside.header("set-cookie");
        assert!(
            text.starts_with("__Host-bellwether=") && text.contains("Secure") && !text.contains("Domain"),
            "{inside:?}"
        );
        assert!(inside.header("strict-transport-security").contains("includeSubDomains"), "{inside:?}");
        nobody.raw("GET", "/sign-in", &[("host", "evil.example")], Body::empty()).await.refused(421, "misdirected");
    })
    .await;
}

#[tokio::test]
async fn attempts_are_counted_and_who_exists_is_not_told() {
    on_both(async |db| {
        let nobody = Client::unknown(db.clone());
        let (account, _) = person(&db, Role::Coordinator, &[], None).await;
        for email in [account.body.email.as_str(), "nobody@test.example"] {
            let fields = format!("email={}&password=a+wrong+password", email.replace('@', "%40"));
            for _ in 0..10 {
                assert_eq!(form(&nobody, "/sign-in", &fields).await.status.as_u16(), 422);
            }
            let refused = form(&nobody, "/sign-in", &fields).await;
            refused.refused(429, "too_many");
            let seconds: u64 = refused.header("retry-after").parse().expect("seconds");
            assert!((1..=30).contains(&seconds), "{seconds}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_ends_what_the_old_one_opened_and_is_about_to_open() {
    on_both(async |db| {
        let nobody = Client::unknown(db.clone());
        let (account, _) = person(&db, Role::Coordinator, &[], None).await;
        invitation(&db, account.id, "the-link").await;
        let old = PASSWORD.replace(' ', "+");
        let inside = form(&nobody, "/invitations/the-link", &format!("password={old}&again={old}")).await;
        let owner = nobody.signed_in(&cookie(&inside));
        let new = "lantern+gravel+mosaic+thimble";
        let email = account.body.email.replace('@', "%40");
        let by = |password: &str| format!("email={email}&password={password}");
        // While the owner changes it, others sign in with the old one: each of them is on its way when it is changed.
        let others = (0..6).map(|_| {
            let (client, fields) = (Client::unknown(db.clone()), by(&old));
            tokio::spawn(async move { form(&client, "/sign-in", &fields).await })
        });
        let others: Vec<_> = others.collect();
        let wrong = form(&owner, "/account/password", &format!("old=wrong&password={new}&again={new}")).await;
        assert_eq!(wrong.status.as_u16(), 422);
        let changed = form(&owner, "/account/password", &format!("old={old}&password={new}&again={new}")).await;
        assert_eq!(changed.status.as_u16(), 303, "{changed:?}");
        for other in others {
            let entered = other.await.expect("answers");
            if entered.status.as_u16() == 303 {
                nobody.signed_in(&cookie(&entered)).get("/api/v1/me").await.refused(401, "not_signed_in");
            }
        }
        owner.get("/api/v1/me").await.refused(401, "not_signed_in");
        assert_eq!(nobody.signed_in(&cookie(&changed)).get("/api/v1/me").await.status.as_u16(), 200);
        assert_eq!(form(&nobody, "/sign-in", &by(&old)).await.status.as_u16(), 422);
        assert_eq!(form(&nobody, "/sign-in", &by(new)).await.status.as_u16(), 303);
    })
    .await;
}

#[tokio::test]
async fn a_token_does_what_its_scopes_say_is_shown_once_and_ends() {
    on_both(async |db| {
        let admin = Client::of(db.clone()).await;
        let made = admin.post("/api/v1/me/tokens", &json!({"name": "sync", "scopes": ["read"], "days": 2})).await;
        assert_eq!((made.status.as_u16(), made.header("cache-control")), (201, "no-store"));
        let secret = made.body["token"].as_str().expect("a token").to_owned();
        assert!(secret.starts_with("bwt_") && secret.len() == 52, "{secret}");
        let program = admin.with_token(&secret);
        assert_eq!(program.get("/api/v1/districts").await.status.as_u16(), 200);
        program.post("/api/v1/districts", &district("Mesa")).await.refused(403, "forbidden");
        program.get("/api/v1/accounts").await.refused(403, "forbidden");
        program.get("/metrics").await.refused(403, "forbidden");
        program
            .post("/api/v1/me/tokens", &json!({"name": "more", "scopes": ["write"], "days": 2}))
            .await
            .refused(403, "forbidden");
        // One that may make tokens makes none that may do more, or longer.
        let keeper = json!({"name": "keeper", "scopes": ["accounts"], "days": 2});
        let keeper = admin.post("/api/v1/me/tokens", &keeper).await;
        let keeper_id = keeper.body["id"].as_str().expect("an id").to_owned();
        let keeper = admin.with_token(keeper.body["token"].as_str().expect("a token"));
        let more = json!({"name": "more", "scopes": ["accounts", "read"], "days": 1});
        keeper.post("/api/v1/me/tokens", &more).await.refused(422, "bad_fields");
        let same =
            keeper.post("/api/v1/me/tokens", &json!({"name": "same", "scopes": ["accounts"], "days": 300})).await;
        let child = keeper.with_token(same.body["token"].as_str().expect("a token"));
        let ends = |answer: &Answer| answer.body["expires_at"].as_str().expect("an end").to_owned();
        assert!(ends(&same)[..10] == ends(&made)[..10], "{same:?} ends after {made:?}");
        let listed = admin.get("/api/v1/me/tokens").await.body;
        assert!(!listed.to_string().contains(&secret), "{listed}");
        for body in [
            json!({"name": " ", "scopes": ["read"], "days": 2}),
            json!({"name": "x", "scopes": [], "days": 2}),
            json!({"name": "x", "scopes": ["read"], "days": 367}),
            json!({"name": "x", "scopes": ["all"], "days": 1}),
        ] {
            admin.post("/api/v1/me/tokens", &body).await.refused(422, "bad_fields");
        }
        let path = format!("/api/v1/me/tokens/{}", made.body["id"].as_str().expect("an id"));
        assert_eq!(admin.raw("DELETE", &path, &[], Body::empty()).await.status.as_u16(), 204);
        program.get("/api/v1/districts").await.refused(401, "bad_token");
        // What was made with a token ends with it.
        assert_eq!(child.get("/api/v1/me").await.status.as_u16(), 200);
        let path = format!("/api/v1/me/tokens/{keeper_id}");
        assert_eq!(admin.raw("DELETE", &path, &[], Body::empty()).await.status.as_u16(), 204);
        for ended in [&keeper, &child] {
            ended.get("/api/v1/me").await.refused(401, "bad_token");
        }
        assert_eq!(admin.get("/api/v1/me/tokens").await.body, json!([]));
        for header in ["Bearer", "Basic YTpi", "Bearer bwt_none"] {
            let answer = admin.raw("GET", "/api/v1/me", &[("authorization", header)], Body::empty()).await;
            answer.refused(401, "bad_token");
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_leaves_or_changes_roles_has_lost_every_access_when_that_is_answered() {
    on_both(async |db| {
        let admin = Client::of(db.clone()).await;
        for change in [json!({"active": false}), json!({"role": "administrator"})] {
            let (account, secret) = person(&db, Role::Coordinator, &[], None).await;
            let browser = admin.signed_in(&secret);
            let token = browser.post("/api/v1/me/tokens", &json!({"name": "x", "scopes": ["read"], "days": 1})).await;
            let program = admin.with_token(token.body["token"].as_str().expect("a token"));
            let mesa = admin.district("Mesa").await.id();
            let school = admin.post("/api/v1/schools", &json!({"district_id": mesa, "name": "A"})).await.id();
            let feed = browser.post(&format!("/api/v1/schools/{school}/feeds"), &Value::Null).await;
            let feed = feed.body["path"].as_str().expect("a path").to_owned();
            assert_eq!(program.get("/api/v1/me").await.status.as_u16(), 200);
            assert_eq!(admin.get(&feed).await.status.as_u16(), 200);

            let path = format!("/api/v1/accounts/{}", account.id);
            let mut body = json!({"email": account.body.email, "name": account.body.name, "role": "coordinator"});
            body.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
            let changed = admin.send("PUT", &path, &[("if-match", "\"1\"")], &body).await;
            assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"2\""), "{changed:?}");
            browser.get("/api/v1/me").await.refused(401, "not_signed_in");
            program.get("/api/v1/me").await.refused(401, "bad_token");
            assert_eq!(admin.get(&feed).await.status.as_u16(), 404);
        }
    })
    .await;
}

#[tokio::test]
async fn the_last_administrator_stays() {
    on_both(async |db| {
        let admin = Client::of(db.clone()).await;
        let me = admin.get("/api/v1/me").await.body["account_id"].as_str().expect("an id").to_owned();
        let path = format!("/api/v1/accounts/{me}");
        let email = admin.get(&path).await.body["email"].clone();
        let body = json!({"email": email, "name": "x", "role": "administrator", "active": false});
        admin.send("PUT", &path, &[("if-match", "*")], &body).await.refused(422, "bad_fields");
        person(&db, Role::Administrator, &[], None).await;
        assert_eq!(admin.send("PUT", &path, &[("if-match", "*")], &body).await.status.as_u16(), 200);
        admin.get("/api/v1/me").await.refused(401, "not_signed_in");
    })
    .await;
}

#[tokio::test]
async fn who_changed_what_is_kept_without_names_or_secrets() {
    on_both(async |db| {
        let (account, secret) = person(&db, Role::Administrator, &[], None).await;
        let admin = Client::unknown(db.clone()).signed_in(&secret);
        let mesa = admin.district("Mesa").await;
        let mut tx = db.read().await.expect("reads");
        let id = mesa.id().parse().expect("an id");
        let lines = audit::list(&mut tx, Some(("district", id)), None, 10).await.expect("lists");
        assert_eq!(lines[0].actor, format!("account:{}", account.id));
        let all = audit::list(&mut tx, None, None, 100).await.expect("lists");
        let text = serde_json::to_string(&all).expect("json");
        assert!(!text.contains(&secret) && !text.contains("argon2"), "{text}");
        assert!(accounts::has_administrator(&mut tx).await.is_ok_and(|there| !there), "nobody has a password yet");
    })
    .await;
}
