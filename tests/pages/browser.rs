//! Debian's Chromium, driven through chromedriver: one window of a given size and color scheme.

use std::fmt::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use serde_json::json;
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

/// chromedriver, and whatever it started: gone when dropped.
pub struct Driver {
    process: Child,
    address: String,
    profiles: TempDir,
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
        }
    }

    /// A window with a profile of its own.
    pub async fn window(&self, width: u32, height: u32, dark: bool) -> Window {
        let name = format!("{width}-{}", if dark { "dark" } else { "light" });
        let mut flags: Vec<String> = FLAGS.iter().map(ToString::to_string).collect();
        flags.push(format!("--user-data-dir={}", self.profiles.path().join(&name).display()));
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

pub struct Window {
    pub client: Client,
    name: String,
}

impl Window {
    pub async fn open(&self, address: &str) {
        self.client.goto(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    }

    /// Through the front door.
    pub async fn sign_in(&self, address: &str) {
        self.open(&format!("{address}/sign-in")).await;
        self.fill("#email", EMAIL).await;
        self.fill("#password", PASSWORD).await;
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

    /// The element, once it is there.
    pub async fn find(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        found.unwrap_or_else(|error| panic!("{css} does not appear: {error}"))
    }

    pub async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("text")
    }

    pub async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
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

    /// Keeps a picture of the page, once it is known not to be wider than the window.
    pub async fn picture(&self, page: &str) {
        let overflow = self.number("document.documentElement.scrollWidth - window.innerWidth").await;
        assert!(overflow <= 0.0, "{page} is {overflow} px wider than the window of {}", self.name);
        let path = screenshots().join(format!("{page}-{}.png", self.name));
        std::fs::write(&path, self.client.screenshot().await.expect("a picture")).expect("written");
    }
}
