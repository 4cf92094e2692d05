//! Text that would be markup or script, planted in every field that a page shows: no browser runs any of it, and nothing
//! that a page refuses by its policy is even attempted.

use std::fmt::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::browser::Driver;
use crate::house::{EMAIL, House, PROGRAM};

/// Payloads of the kinds in OWASP's list: elements, attributes, addresses, other namespaces, broken quotes.
const CORPUS: [&str; 12] = [
    "<script>window.owned=1</script>",
    "<img src=x onerror=window.owned=1>",
    "\"><svg onload=window.owned=1>",
    "' autofocus onfocus='window.owned=1",
    "\" autofocus onfocus=\"window.owned=1",
    "</title><script>window.owned=1</script>",
    "</textarea><iframe srcdoc='<script>parent.owned=1</script>'>",
    "<math><mi xlink:href=javascript:window.owned=1>x",
    "javascript:window.owned=1",
    "<details open ontoggle=window.owned=1>",
    "{{constructor.constructor('window.owned=1')()}}",
    "<a hx-get=/runs hx-trigger=load hx-on::load=window.owned=1>x</a>",
];

/// A program with all rights, over HTTP as curl sends it.
struct Program<'h> {
    house: &'h House,
    token: String,
}

impl Program<'_> {
    fn send(&self, path: &str, body: &Value) -> Value {
        let output = Command::new("curl")
            .args(["-s", "-H", "content-type: application/json", "-H"])
            .arg(format!("authorization: Bearer {}", self.token))
            .args(["-d", &body.to_string()])
            .arg(format!("{}{path}", self.house.address))
            .output()
            .expect("curl runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{path}: {text}"));
        assert!(answer["code"].is_null(), "{path} {body}: {answer}");
        answer
    }

    fn id(&self, path: &str, body: &Value) -> String {
        self.send(path, body)["id"].as_str().expect("an id").to_owned()
    }
}

#[tokio::test]
async fn text_that_would_be_script_stays_text_on_every_page() {
    let house = House::furnished();
    let made = Command::new(PROGRAM)
        .args(["admin", "token", "--email", EMAIL, "--name", CORPUS[0], "--db", &house.database])
        .args(["--scope", "read", "--scope", "write", "--scope", "accounts"])
        .output()
        .expect("a token");
    let program = Program { house: &house, token: String::from_utf8_lossy(&made.stdout).trim().to_owned() };
    let mut pages: Vec<String> =
        ["/", "/runs", "/educators", "/schools", "/account", "/accounts"].map(Into::into).to_vec();
    for (n, text) in CORPUS.iter().enumerate() {
        let district = program.id("/api/v1/districts", &json!({"name": text, "state": "AZ", "tz": "America/Phoenix"}));
        let school = program.id("/api/v1/schools", &json!({"district_id": district, "name": text}));
        let educator = json!({"display_name": text, "tz": "America/Phoenix", "max_minutes_per_week": 60});
        let educator = program.id("/api/v1/educators", &educator);
        program.id("/api/v1/terms", &json!({"name": text, "first_on": "2026-08-10", "last_on": "2026-12-18"}));
        let mail = format!("x{n}+{}@test.example", text.replace(' ', "/"));
        let account = json!({"email": mail, "name": text, "role": "district_hr", "district_ids": [district]});
        let invited = program.send("/api/v1/accounts", &account);
        program.send("/api/v1/me/tokens", &json!({"name": text, "scopes": ["read"], "days": 1}));
        let quoted = text.bytes().fold(String::new(), |mut quoted, byte| {
            let _ = write!(quoted, "%{byte:02X}");
            quoted
        });
        pages.extend([
            format!("/schools/{school}/week"),
            format!("/educators/{educator}/week"),
            format!("/educators?q={quoted}"),
            format!("/schools?q={quoted}"),
            format!("/sign-in?next={quoted}"),
            format!("/runs/{quoted}"),
            format!("/schools/{school}/week?on={quoted}"),
            invited["path"].as_str().expect("a path").to_owned(),
        ]);
    }
    let driver = Driver::start();
    let window = driver.window(1440, 1500, false).await;
    window.sign_in(&house.address).await;
    for page in &pages {
        window.open(&format!("{}{page}", house.address)).await;
        window.find("main").await;
        let owned = "Number(window.owned !== undefined) \
                     + document.querySelectorAll('script:not([src]), [onerror], [onload], [onfocus], [ontoggle], iframe, math, main img').length";
        assert!(window.number(owned).await < 1.0, "{page} runs what somebody typed");
    }
    assert!(pages.len() > 90, "{}", pages.len());
    window.client.close().await.expect("the window closes");
}
