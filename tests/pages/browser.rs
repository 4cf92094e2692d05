//! Debian's Chromium, driven through chromedriver: one window of a given size and color scheme.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::house::{EMAIL, PASSWORD, screenshots};

/// Longest wait for anything to appear.
const PATIENCE: Duration = Duration::from_mins(3);
const FLAGS: [&str; 9] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
];

/// Text as a part of an address, every byte escaped.
pub fn quoted(text: &str) -> String {
    text.bytes().fold(String::new(), |mut quoted, byte| {
        let _ = write!(quoted, "%{byte:02X}");
        quoted
    })
}
const AXE: &str = include_str!("axe/axe.min.js");
/// Of the page that is open, as a list of sentences. A clock is looked at in the paragraph or cell that it stands in;
/// axes of a grid are named in its heading, and lengths of time are no clocks.
const FAULTS: &str = r"
    const faults = [];
    const over = document.documentElement.scrollWidth - window.innerWidth;
    if (over > 0) faults.push(`it is ${over} px wider than the window`);
    const walker = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (parent.closest('[aria-hidden=true], [data-live=elapsed], code, pre, option, script')) continue;
        if (!/\b\d{1,2}:\d{2}\b/.test(walker.currentNode.data)) continue;
        const around = (parent.closest('p, li, td, th, dd, dt, h1, h2, h3, label, legend, caption') ?? parent).innerText;
        if (!/\d:\d\d( [AP]M)? (UTC|[A-Z]{1,4}T)\b/.test(around)) faults.push(`a time without a zone: ${around}`);
    }
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    axe.run(document, { resultTypes: ['violations'], runOnly: { type: 'tag', values: tags } }).then(results => {
        for (const { id, impact, nodes } of results.violations.filter(v => ['serious', 'critical'].includes(v.impact)))
            faults.push(`${id} (${impact}): ` + nodes.slice(0, 3).map(n => `${n.html.slice(0, 300)} ${n.failureSummary}`).join(' | '));
        done([...new Set(faults)]);
    }, error => done([`axe: ${error}`]));
";

/// chromedriver, and whatever it started: gone when dropped.
pub struct Driver {
    process: Child,
    address: String,
    profiles: TempDir,
    opened: AtomicUsize,
}

impl Driver {
    pub fn start() -> Self {
        let path = std::env::var("CHROMEDRIVER").ok().filter(|path| !path.is_empty());
        let path = path.unwrap_or_else(|| "/usr/bin/chromedriver".into());
        assert!(
            Path::new(&path).exists(),
            "there is no chromedriver at {path}: install the packages chromium and chromium-driver (script/setup does), \
             or name one in CHROMEDRIVER"
        );
        let mut process = Command::new(&path)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("chromedriver starts");
        let output = std::io::BufReader::new(process.stdout.take().expect("a pipe"));
        let port = std::io::BufRead::lines(output)
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once("successfully on port ")?.1.trim_end_matches('.').to_owned()))
            .expect("chromedriver says its port");
        Self {
            process,
            address: format!("http://127.0.0.1:{port}"),
            profiles: TempDir::new().expect("a temporary directory"),
            opened: AtomicUsize::new(0),
        }
    }

    /// A window with a profile of its own.
    pub async fn window(&self, width: u32, height: u32, dark: bool) -> Window {
        let name = format!("{width}-{}", if dark { "dark" } else { "light" });
        let mut flags: Vec<String> = FLAGS.iter().map(ToString::to_string).collect();
        let profile = self.opened.fetch_add(1, Ordering::Relaxed).to_string();
        flags.push(format!("--user-data-dir={}", self.profiles.path().join(profile).display()));
        flags.push(format!("--blink-settings=preferredColorScheme={}", u8::from(!dark)));
        // A window cannot be made narrower than 500 px; an emulated device can.
        let device = json!({ "width": width, "height": height, "pixelRatio": 1.0, "touch": false, "mobile": false });
        let wanted = json!({ "goog:chromeOptions": { "args": flags, "mobileEmulation": { "deviceMetrics": device } } });
        let client = ClientBuilder::new(hyper_util::client::legacy::connect::HttpConnector::new())
            .capabilities(wanted.as_object().expect("an object").clone())
            .connect(&self.address)
            .await
            .expect("a browser opens");
        Window { client, name }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // The browsers are of its process group.
        Command::new("kill").args(["--", &format!("-{}", self.process.id())]).status().ok();
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A passkey's device that always finds its owner.
const AUTHENTICATOR: &str = r#"{"protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true, "isUserVerified": true}"#;

/// Whether a click there leaves the page (a link, or the button of a form that no script sends); then the page is marked.
const LEADS: &str = "
    const clicked = document.querySelector(arguments[0]);
    const form = clicked.closest('button')?.form;
    const leads = Boolean(clicked.closest('a[href]') ?? (form && !form.dataset.passkey));
    if (leads) document.documentElement.dataset.left = '';
    return leads";

/// Whether the page that stands there is another one, and is whole.
const ARRIVED: &str =
    "return document.readyState === 'complete' && document.documentElement.dataset.left === undefined";

pub struct Window {
    pub client: Client,
    name: String,
}

impl Window {
    pub async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Through the front door, as the one account of a furnished house.
    pub async fn sign_in(&self, address: &str) {
        self.sign_in_as(address, EMAIL, PASSWORD).await;
    }

    pub async fn sign_in_as(&self, address: &str, email: &str, password: &str) {
        self.open(&format!("{address}/sign-in")).await;
        self.fill("#email", email).await;
        self.fill("#password", password).await;
        self.click("form[action='/sign-in'] button").await;
        self.find("form[action='/sign-out']").await;
    }

    /// Gives the window a device for passkeys (WebAuthn Level 3, 11.3: an extension of WebDriver).
    pub async fn virtual_authenticator(&self, driver: &Driver) {
        let session = self.client.session_id().await.expect("a session").expect("its id");
        let address = format!("{}/session/{session}/webauthn/authenticator", driver.address);
        let output = Command::new("curl").args(["-sf", "-d", AUTHENTICATOR, &address]).output().expect("curl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// The page as it is printed: the bytes of a PDF.
    pub async fn printed(&self, driver: &Driver) -> Vec<u8> {
        let session = self.client.session_id().await.expect("a session").expect("its id");
        let address = format!("{}/session/{session}/print", driver.address);
        // By default WebDriver prints upright, whatever the style sheet says.
        let body = r#"{"background": true, "shrinkToFit": true}"#;
        let output = Command::new("curl").args(["-sf", "-d", body, &address]).output().expect("curl runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let text = answer["value"].as_str().expect("a document");
        let script = "done([...atob(arguments[0])].map(c => c.charCodeAt(0)))";
        let bytes = self.script(script, vec![json!(text)]).await;
        serde_json::from_value(bytes).expect("bytes")
    }

    /// The element, once it is there.
    pub async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css} does not appear: {error}"))
    }

    /// Its text, also where the page is replaced while it is read: the page of a run that ends loads itself anew.
    pub async fn text(&self, css: &str) -> String {
        for _ in 0..10 {
            match self.find(css).await.text().await {
                Err(error) if error.is_stale_element_reference() => {}
                read => return read.unwrap_or_else(|error| panic!("{css}: {error}")),
            }
        }
        panic!("{css} is replaced whenever it is read")
    }

    /// Clicks it; if it leads to another page, that one has been loaded when this returns. (WebDriver promises to wait
    /// for a page that has begun to load, and under load a form is sent later than that.)
    pub async fn click(&self, css: &str) {
        let element = self.find(css).await;
        let leads = self.client.execute(LEADS, vec![json!(css)]).await.expect("a script runs");
        element.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
        let clicked = Instant::now();
        while leads == true && !self.client.execute(ARRIVED, Vec::new()).await.is_ok_and(|arrived| arrived == true) {
            assert!(clicked.elapsed() < PATIENCE, "{css} leads nowhere");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect("cleared");
        field.send_keys(text).await.expect("typed");
    }

    /// A number that a script in the page computes.
    pub async fn number(&self, script: &str) -> f64 {
        let value = self.client.execute(&format!("return {script}"), Vec::new()).await.expect("a script runs");
        value.as_f64().unwrap_or_else(|| panic!("{script} is {value}"))
    }

    /// What a script hands to `done`.
    pub async fn script(&self, script: &str, args: Vec<Value>) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        self.client.execute_async(&script, args).await.unwrap_or_else(|error| panic!("{script:.200}: {error}"))
    }

    /// What this browser, as whoever is signed in, gets from an address of the same server: status, type, text.
    pub async fn fetched(&self, path: &str, accept: &str) -> (u64, String, String) {
        self.answered(path, json!({ "headers": { "accept": accept } })).await
    }

    /// The same for a body of JSON that is sent there.
    pub async fn sent(&self, path: &str, body: &Value) -> (u64, String, String) {
        let headers = json!({ "accept": "application/json", "content-type": "application/json" });
        self.answered(path, json!({ "method": "POST", "headers": headers, "body": body.to_string() })).await
    }

    async fn answered(&self, path: &str, request: Value) -> (u64, String, String) {
        let script = "fetch(arguments[0], arguments[1]).then(async answer => done([answer.status, \
                      answer.headers.get('content-type') ?? '', await answer.text()]), error => done([0, '', String(error)]))";
        let answer = self.script(script, vec![json!(path), request]).await;
        let text = |n: usize| answer[n].as_str().unwrap_or_default().to_owned();
        (answer[0].as_u64().unwrap_or_default(), text(1), text(2))
    }

    /// What is wrong with the page that is open: serious findings of axe, a page wider than the window, times
    /// without a zone.
    pub async fn faults(&self, page: &str) -> Vec<String> {
        // In one script: a page that loads itself anew in between would be without axe.
        let found = self.script(&format!("{AXE}\n{FAULTS}"), Vec::new()).await;
        let found = found.as_array().unwrap_or_else(|| panic!("{page}: {found}"));
        found.iter().map(|fault| format!("{page} at {}: {}", self.name, fault.as_str().unwrap_or_default())).collect()
    }

    /// Keeps a picture of what the window shows.
    pub async fn picture(&self, page: &str) {
        let path = screenshots().join(format!("{page}-{}.png", self.name));
        std::fs::write(&path, self.client.screenshot().await.expect("a picture")).expect("written");
    }
}
