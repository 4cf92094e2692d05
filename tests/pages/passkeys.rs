//! Passkeys in a real browser, with a virtual authenticator of its driver: added, asked for instead of a password and
//! after it, answered twice, taken away.

use serde_json::{Value, json};

use crate::browser::{Driver, Window, quoted};
use crate::house::{EMAIL, House, PASSWORD};

/// The program by the name that passkeys belong to.
fn by_name(house: &House) -> String {
    house.address.replace("127.0.0.1", "localhost")
}

async fn out(window: &Window) {
    window.click("form[action='/sign-out'] button").await;
    window.find("form[action='/sign-in']").await;
}

async fn password(window: &Window) {
    window.fill("#email", EMAIL).await;
    window.fill("#password", PASSWORD).await;
    window.click("form[action='/sign-in'] button").await;
}

/// What the server answers to this, asked by a script of the page: status and text.
async fn asked(window: &Window, path: &str, body: &str) -> (u64, String) {
    let script = "const [path, body, done] = arguments; \
         fetch(path, { method: 'POST', body: new URLSearchParams(body), redirect: 'manual' })\
         .then(async (answer) => done([answer.status, await answer.text()]), (error) => done([1, String(error)]))";
    let answer = window.client.execute_async(script, vec![json!(path), json!(body)]).await.expect("a script runs");
    (answer[0].as_u64().expect("a status"), answer[1].as_str().unwrap_or_default().to_owned())
}

/// The browser's answer to a challenge, as the page's script would send it.
const ANSWER: &str = "const [asked, done] = arguments; \
     const bytes = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)); \
     const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''); \
     const options = JSON.parse(asked); const publicKey = { ...(options.publicKey ?? options) }; publicKey.challenge = bytes(publicKey.challenge); \
     navigator.credentials.get({ publicKey }).then((c) => done(JSON.stringify({ id: c.id, rawId: text(c.rawId), type: c.type, response: { \
       clientDataJSON: text(c.response.clientDataJSON), authenticatorData: text(c.response.authenticatorData), \
       signature: text(c.response.signature), userHandle: text(c.response.userHandle) } })), (error) => done(String(error)))";

#[tokio::test]
async fn a_passkey_lets_in_alone_and_after_the_password_once_each_until_it_is_taken_away() {
    let house = House::furnished();
    let address = by_name(&house);
    let driver = Driver::start();
    let window = driver.window(1440, 1500, false).await;
    window.virtual_authenticator(&driver).await;
    window.sign_in(&address).await;

    // Added for the password alone, and with codes for the day it is lost.
    window.open(&format!("{address}/account/passkeys")).await;
    window.fill("#name", "A <b>laptop</b>").await;
    window.fill("#password", "not my password").await;
    window.click("form[data-passkey='create'] button").await;
    assert!(
        window.text("form[data-passkey='create'] [data-note]:not([hidden])").await.contains("password is not right")
    );
    window.fill("#password", PASSWORD).await;
    window.click("form[data-passkey='create'] button").await;
    window.find("#codes").await;
    window.open(&format!("{address}/account/passkeys")).await;
    assert!(window.text("form[action$='/remove'] h2").await == "A <b>laptop</b>");

    // Alone.
    out(&window).await;
    window.click("form[data-passkey='get'] button").await;
    window.find("form[action='/sign-out']").await;

    // After the password, which opens nothing by itself any more.
    out(&window).await;
    password(&window).await;
    window.find("#code").await;
    window.open(&format!("{address}/account")).await;
    window.find("form[action='/sign-in']").await;
    password(&window).await;
    window.find("#code").await;
    window.click("form[data-passkey='get'] button").await;
    window.find("form[action='/sign-out']").await;

    // An answer is good once, for its own challenge, and unaltered.
    out(&window).await;
    let (status, challenge) = asked(&window, "/sign-in/passkey/begin", "").await;
    assert_eq!(status, 200, "{challenge}");
    let answer = window.client.execute_async(ANSWER, vec![json!(challenge)]).await.expect("an answer");
    let answer = answer.as_str().expect("text").to_owned();
    let spoiled = |answer: &str, part: &str| {
        let mut value: Value = serde_json::from_str(answer).expect("json");
        let text = value["response"][part].as_str().expect("a part").to_owned();
        // Near the end of a signature, whose beginning is its form; in the middle of what was signed.
        let at = if part == "signature" { text.len() - 6 } else { text.len() / 2 };
        let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        value["response"][part] = json!(format!("{}{other}{}", &text[..at], &text[at + 1..]));
        value.to_string()
    };
    let form = |answer: &str| format!("answer={}", quoted(answer));
    for (answer, what) in
        [(answer.as_str(), "good"), (answer.as_str(), "the same again"), ("{}", "nothing"), ("", "less")]
    {
        let (status, _) = asked(&window, "/sign-in/passkey", &form(answer)).await;
        // A redirect that the script does not follow has no status.
        assert_eq!(status, if what == "good" { 0 } else { 422 }, "{what}");
    }
    for part in ["signature", "authenticatorData", "clientDataJSON", "userHandle"] {
        window.client.delete_all_cookies().await.expect("no cookies");
        let (_, challenge) = asked(&window, "/sign-in/passkey/begin", "").await;
        let fresh = window.client.execute_async(ANSWER, vec![json!(challenge)]).await.expect("an answer");
        let spoiled = spoiled(fresh.as_str().expect("text"), part);
        let (status, text) = asked(&window, "/sign-in/passkey", &form(&spoiled)).await;
        assert_eq!(status, 422, "{part}: {text}");
    }

    // Taken away, it opens nothing, and the password is enough again.
    window.open(&format!("{address}/sign-in")).await;
    window.click("form[data-passkey='get'] button").await;
    window.find("form[action='/sign-out']").await;
    window.open(&format!("{address}/account/passkeys")).await;
    window.fill("form[action$='/remove'] [type='password']", PASSWORD).await;
    window.click("form[action$='/remove'] button").await;
    window.find("main:not(:has(form[action$='/remove']))").await;
    out(&window).await;
    window.click("form[data-passkey='get'] button").await;
    assert!(window.text(".note.bad").await.contains("not known here"));
    window.sign_in(&address).await;
    window.client.close().await.expect("the window closes");
}
