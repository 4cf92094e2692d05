//! Revoking against using, a thousand times each: once a revocation has been answered, nothing succeeds any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::Body;
use bellwether::domain::actor::Role;
use bellwether::store::{Db, accounts};
use serde_json::{Value, json};

use crate::api::client::{Client, district};
use crate::fresh::on_both;
use crate::people::person;

const LOOPS: usize = 1000;

/// Something that works until it is revoked.
struct Right {
    /// True if it worked.
    use_it: Box<dyn Fn() -> Use + Send + Sync>,
    /// Answers when it is gone.
    revoke: Use,
}
type Use = std::pin::Pin<Box<dyn std::future::Future<Output = bool> + Send>>;

/// Three users hammer a right while it is revoked: uses that began after the revocation was answered must all fail, and
/// the right must have worked before.
async fn race(right: Right) {
    let revoked = Arc::new(AtomicBool::new(false));
    let use_it: Arc<dyn Fn() -> Use + Send + Sync> = right.use_it.into();
    assert!(use_it().await, "the right works to begin with");
    let users = (0..3).map(|_| {
        let (revoked, use_it) = (revoked.clone(), use_it.clone());
        tokio::spawn(async move {
            for _ in 0..50 {
                let after = revoked.load(Ordering::SeqCst);
                let worked = use_it().await;
                assert!(!(after && worked), "it worked after it was revoked");
                if after {
                    return;
                }
            }
        })
    });
    let users: Vec<_> = users.collect();
    assert!(right.revoke.await, "it is revoked");
    revoked.store(true, Ordering::SeqCst);
    assert!(!use_it().await, "it worked after it was revoked");
    for user in users {
        user.await.expect("no use after the end");
    }
}

fn reads(client: Client, path: String) -> Box<dyn Fn() -> Use + Send + Sync> {
    Box::new(move || {
        let (client, path) = (client.clone(), path.clone());
        Box::pin(async move { client.get(&path).await.status.is_success() })
    })
}

/// Writes, so that the change itself is looked at and not only the request's beginning.
fn writes(client: Client) -> Box<dyn Fn() -> Use + Send + Sync> {
    Box::new(move || {
        let client = client.clone();
        Box::pin(async move { client.post("/api/v1/districts", &district("raced")).await.status.is_success() })
    })
}

fn removes(client: Client, method: &'static str, path: String) -> Use {
    Box::pin(async move { client.raw(method, &path, &[], Body::empty()).await.status.is_success() })
}

async fn right(db: &Db, admin: &Client, school: &str, n: usize) -> Right {
    let (account, secret) = person(db, Role::Coordinator, &[], None).await;
    let browser = admin.signed_in(&secret);
    let everywhere = format!("/api/v1/accounts/{}/sign-out", account.id);
    match n % 5 {
        0 => Right { use_it: reads(browser, "/api/v1/me".into()), revoke: removes(admin.clone(), "POST", everywhere) },
        1 => Right { use_it: writes(browser), revoke: removes(admin.clone(), "POST", everywhere) },
        2 => {
            let made = browser.post("/api/v1/me/tokens", &json!({"name": "x", "scopes": ["write"], "days": 1})).await;
            let path = format!("/api/v1/me/tokens/{}", made.body["id"].as_str().expect("an id"));
            let program = admin.with_token(made.body["token"].as_str().expect("a token"));
            Right { use_it: writes(program), revoke: removes(browser, "DELETE", path) }
        }
        3 => {
            let made = browser.post(&format!("/api/v1/schools/{school}/feeds"), &Value::Null).await;
            let path = format!("/api/v1/feeds/{}", made.body["id"].as_str().expect("an id"));
            let feed = made.body["path"].as_str().expect("a path").to_owned();
            Right { use_it: reads(admin.clone(), feed), revoke: removes(browser, "DELETE", path) }
        }
        _ => {
            let db = db.clone();
            let revoke = async move {
                let mut tx = db.write("test").await.expect("writes");
                let now = accounts::get(&mut tx, account.id).await.expect("an account");
                let mut body = now.body;
                (body.role, body.active) = (Role::Administrator, true);
                accounts::update(&mut tx, account.id, now.version, body).await.expect("changes");
                tx.commit().await.is_ok()
            };
            Right { use_it: writes(browser), revoke: Box::pin(revoke) }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_works_after_its_revocation_was_answered() {
    on_both(async |db| {
        let admin = Client::of(db.clone()).await;
        let mesa = admin.district("Mesa").await.id();
        let school = admin.post("/api/v1/schools", &json!({"district_id": mesa, "name": "A"})).await.id();
        // A fifth of them each: login read, login write, token, feed, role.
        for n in 0..5 * LOOPS / loops_share() {
            race(right(&db, &admin, &school, n).await).await;
        }
    })
    .await;
}

/// All loops where BELLWETHER_RACES asks for them; else as many as a usual run of the tests has time for.
fn loops_share() -> usize {
    if std::env::var_os("BELLWETHER_RACES").is_some() { 1 } else { 20 }
}
