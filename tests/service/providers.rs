//! Signing in through a real OpenID provider, run beside the tests: who is let in by it, who is not, and what a browser
//! that comes back with something else than it was given is told.

use std::process::Command;

use bellwether::config::{Provider, Secret, Settings};
use bellwether::domain::account::AccountBody;
use bellwether::domain::actor::Role;
use bellwether::domain::id::fresh;
use bellwether::store::{Db, accounts, invitations, passkeys};
use serde_json::{Value, json};

use crate::api::client::{Answer, Client, KEYS};
use crate::doors::{cookie, form};
use crate::fresh::on_both;
use crate::mock::Mock;
use crate::second::{fields, somebody_known};

impl Mock {
    /// What it says of somebody.
    fn know(&self, subject: &str, claims: &Value) {
        curl(
            &["-X", "PUT", "-H", "content-type: application/json", "-d", &claims.to_string()],
            &format!("{}/users/{subject}", self.address),
        );
    }

    /// A server that has it as `local`, and once more as `other`.
    fn server(&self, db: &Db) -> Client {
        let provider = |title: &str| Provider {
            title: title.into(),
            slug: title.to_lowercase(),
            issuer: self.address.clone(),
            client_id: "bellwether".into(),
            secret: Secret::new("hush"),
        };
        let providers = vec![provider("Local"), provider("Other")];
        let keys = KEYS.parse().expect("a key");
        Client::with(db.clone(), Settings { providers, keys, requests_per_minute: 1_000_000, ..Settings::default() })
    }
}

/// Where the answer leads.
fn curl(arguments: &[&str], address: &str) -> String {
    let output = Command::new("curl")
        .args(["-sf", "-o", "/dev/null", "-w", "%{redirect_url}"])
        .args(arguments)
        .arg(address)
        .output()
        .expect("curl runs");
    assert!(output.status.success(), "{address}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// A browser on its way: where it was sent, and its cookie.
struct Visit {
    address: String,
    cookie: String,
}

fn on_the_way(page: &Answer) -> Visit {
    assert_eq!(page.status.as_u16(), 200, "{page:?}");
    let address = page.text.split("id=\"on\" href=\"").nth(1).and_then(|rest| rest.split('"').next());
    let address = address.expect("an address").replace("&amp;", "&");
    let carried = page.header("set-cookie");
    assert!(
        carried.contains("HttpOnly") && carried.contains("SameSite=Lax") && carried.contains("Max-Age=600"),
        "{carried}"
    );
    Visit { address, cookie: carried.split(';').next().unwrap_or_default().to_owned() }
}

async fn depart(server: &Client) -> Visit {
    on_the_way(&form(server, "/sign-in/with/local", "next=/runs").await)
}

/// Says at the provider who one is: the address to come back to.
fn be(visit: &Visit, subject: &str) -> String {
    let back = curl(&["-d", &format!("sub={subject}")], &visit.address);
    back.strip_prefix("http://localhost").unwrap_or_else(|| panic!("back to us, not {back}")).to_owned()
}

async fn arrive(server: &Client, visit: &Visit, back: &str) -> Answer {
    server.raw("GET", back, &[("cookie", &visit.cookie)], axum::body::Body::empty()).await
}

async fn enter(server: &Client, subject: &str) -> Answer {
    let visit = depart(server).await;
    let back = be(&visit, subject);
    arrive(server, &visit, &back).await
}

#[track_caller]
fn refused(answer: &Answer, why: &str) {
    assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (422, ""), "{answer:?}");
    assert!(answer.text.contains(why), "{why:?} is not in {}", answer.text);
}

async fn link(server: &Client, browser: &Client, subject: &str) -> Answer {
    let visit = on_the_way(&form(browser, "/account/links/local", &fields()).await);
    assert!(visit.address.contains("code_challenge_method=S256"), "{}", visit.address);
    let back = be(&visit, subject);
    arrive(&server.as_signed_in(browser), &visit, &back).await
}

#[tokio::test]
async fn somebody_who_is_linked_is_let_in_by_their_provider_and_nobody_else() {
    let mock = Mock::start();
    on_both(async |db| {
        let server = mock.server(&db);
        let (browser, _, account) = somebody_known(&db).await;
        let browser = server.as_signed_in(&browser);
        refused(&enter(&server, "ana").await, "Nobody here is linked");

        assert_eq!(form(&browser, "/account/links/local", "password=wrong").await.status.as_u16(), 422);
        let linked = link(&server, &browser, "ana").await;
        assert_eq!((linked.status.as_u16(), linked.header("location")), (303, "/account/links"), "{linked:?}");
        assert!(browser.get("/account/links").await.text.contains("<h2>Local</h2><p>ana</p>"));
        let inside = enter(&server, "ana").await;
        assert_eq!((inside.status.as_u16(), inside.header("location")), (303, "/runs"), "{inside:?}");
        let me = server.signed_in(&cookie(&inside)).get("/api/v1/me").await.body;
        assert_eq!(me["account_id"], account.to_string());
        refused(&enter(&server, "ben").await, "Nobody here is linked");

        // A subject belongs to one account.
        let (other, ..) = somebody_known(&db).await;
        refused(&link(&server, &server.as_signed_in(&other), "ana").await, "linked to an account already");
        // A second factor here is asked for as well.
        let mut tx = db.write("test").await.expect("writes");
        passkeys::add(&mut tx, account, "x", b"x", vec![1], vec![1; 7]).await.expect("adds");
        tx.commit().await.expect("commits");
        assert_eq!(enter(&server, "ana").await.header("location"), "/sign-in/code?next=%2Fruns");
        // Whoever left is let in no more; nor by a link that was taken away.
        let mut tx = db.write("test").await.expect("writes");
        let now = accounts::get(&mut tx, account).await.expect("an account");
        passkeys::remove_all(&mut tx, account).await.expect("removes");
        let left = AccountBody { active: false, ..now.body.clone() };
        let gone = accounts::update(&mut tx, account, now.version, left).await.expect("ends");
        tx.commit().await.expect("commits");
        refused(&enter(&server, "ana").await, "Nobody here is linked");
        let mut tx = db.write("test").await.expect("writes");
        accounts::update(&mut tx, account, gone.version, now.body).await.expect("is let back in");
        tx.commit().await.expect("commits");
        let inside = enter(&server, "ana").await;
        let browser = server.signed_in(&cookie(&inside));
        let page = browser.get("/account/links").await.text;
        let remove =
            page.split("action=\"").find_map(|rest| rest.split('"').next().filter(|to| to.ends_with("/remove")));
        let remove = remove.expect("a link to take away").to_owned();
        form(&server.as_signed_in(&other), &remove, &fields()).await.refused(404, "not_found");
        assert_eq!(form(&browser, &remove, &fields()).await.status.as_u16(), 303);
        refused(&enter(&server, "ana").await, "Nobody here is linked");
    })
    .await;
}

#[tokio::test]
async fn a_visit_is_good_once_in_its_own_browser_and_as_it_was_begun() {
    let mock = Mock::start();
    on_both(async |db| {
        let server = mock.server(&db);
        let (browser, ..) = somebody_known(&db).await;
        let browser = server.as_signed_in(&browser);
        assert_eq!(link(&server, &browser, "ana").await.status.as_u16(), 303);

        let visit = depart(&server).await;
        let back = be(&visit, "ana");
        let elsewhere = Visit { cookie: depart(&server).await.cookie, ..visit };
        refused(&arrive(&server, &elsewhere, &back).await, "another browser");
        refused(&server.get(&be(&depart(&server).await, "ana")).await, "another browser");
        let visit = depart(&server).await;
        let back = be(&visit, "ana");
        assert_eq!(arrive(&server, &visit, &back).await.status.as_u16(), 303);
        refused(&arrive(&server, &visit, &back).await, "answered before");

        // What is exchanged on the way there: the nonce, who asked, the challenge.
        let part = |address: &str, name: &str| {
            let value = address.split(['?', '&']).find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            format!("{name}={}", value.expect("a parameter"))
        };
        for name in ["nonce", "client_id", "code_challenge"] {
            let visit = depart(&server).await;
            let address = visit.address.replace(&part(&visit.address, name), &format!("{name}={}", fresh().simple()));
            let visit = Visit { address, ..visit };
            refused(&arrive(&server, &visit, &be(&visit, "ana")).await, "did not confirm");
        }
        // And on the way back: the state, the code, the provider.
        for (name, why) in [("state", "Begin again"), ("code", "did not confirm")] {
            let visit = depart(&server).await;
            let back = be(&visit, "ana");
            let back = back.replace(&part(&back, name), &format!("{name}={}", fresh().simple()));
            refused(&arrive(&server, &visit, &back).await, why);
        }
        let visit = depart(&server).await;
        let back = be(&visit, "ana").replace("/with/local/", "/with/other/");
        refused(&arrive(&server, &visit, &back).await, "Begin again");
        let visit = depart(&server).await;
        let back = format!("{}&iss=https://evil.example", be(&visit, "ana"));
        refused(&arrive(&server, &visit, &back).await, "Begin again");
        let visit = depart(&server).await;
        let back = format!("/sign-in/with/local/callback?error=access_denied&{}", part(&be(&visit, "ana"), "state"));
        refused(&arrive(&server, &visit, &back).await, "let nobody in");
        refused(&server.get("/sign-in/with/local/callback").await, "Begin again");
        assert_eq!(server.get("/sign-in/with/nobody/callback").await.status.as_u16(), 404);

        // What one person began is not finished by another, who would be linked to a stranger.
        let visit = on_the_way(&form(&browser, "/account/links/local", &fields()).await);
        let back = be(&visit, "mallory");
        let (victim, ..) = somebody_known(&db).await;
        refused(&arrive(&server.as_signed_in(&victim), &visit, &back).await, "Begin again");
        refused(&enter(&server, "mallory").await, "Nobody here is linked");
    })
    .await;
}

#[tokio::test]
async fn a_mail_address_claims_an_invitation_that_is_open_if_it_is_verified_and_nothing_else() {
    let mock = Mock::start();
    on_both(async |db| {
        let server = mock.server(&db);
        let invited = async |open: bool| {
            let body = AccountBody {
                email: format!("{}@test.example", fresh().simple()),
                name: "Test".into(),
                role: Role::Coordinator,
                district_ids: Vec::new(),
                educator_id: None,
                active: true,
                tz: None,
            };
            let mut tx = db.write("test").await.expect("writes");
            let account = accounts::create(&mut tx, body).await.expect("an account");
            if open {
                invitations::create(&mut tx, account.id, &account.id.to_string()).await.expect("a link");
            }
            tx.commit().await.expect("commits");
            account
        };
        let account = invited(true).await;
        let claims = |email: &str, verified: Value| json!({"email": email, "email_verified": verified});
        let (ana, mallory) = (fresh().simple().to_string(), fresh().simple().to_string());
        for verified in [json!(false), Value::Null] {
            mock.know(&ana, &claims(&account.body.email, verified));
            refused(&enter(&server, &ana).await, "Nobody here is linked");
        }
        mock.know(&ana, &claims(&account.body.email.to_uppercase(), json!(true)));
        let inside = enter(&server, &ana).await;
        assert_eq!(inside.status.as_u16(), 303, "{inside:?}");
        let browser = server.signed_in(&cookie(&inside));
        assert_eq!(browser.get("/api/v1/me").await.body["account_id"], account.id.to_string());
        assert_eq!(server.get(&format!("/invitations/{}", account.id)).await.status.as_u16(), 404, "the link is spent");
        // From then on it is the subject that counts, whatever mail address anybody has.
        mock.know(&mallory, &claims(&account.body.email, json!(true)));
        refused(&enter(&server, &mallory).await, "Nobody here is linked");
        mock.know(&ana, &claims("somebody.else@test.example", json!(true)));
        assert_eq!(enter(&server, &ana).await.status.as_u16(), 303);
        // It is their only way in.
        let page = browser.get("/account/links").await.text;
        let remove =
            page.split("action=\"").find_map(|rest| rest.split('"').next().filter(|to| to.ends_with("/remove")));
        form(&browser, remove.expect("a link"), "password=").await.refused(409, "conflict");

        // An account that was never invited, and one that has a password.
        let (uninvited, (_, claimed, _)) = (invited(false).await, somebody_known(&db).await);
        for email in [uninvited.body.email, claimed] {
            mock.know(&mallory, &claims(&email, json!(true)));
            refused(&enter(&server, &mallory).await, "Nobody here is linked");
        }
    })
    .await;
}
