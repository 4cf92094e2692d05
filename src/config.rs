//! The settings of the program: read once, from flags, else the environment, else a file, else the default.
//!
//! The file has one `KEY=value` per line, under the same names as the environment, so that it also serves
//! as systemd's `EnvironmentFile` or docker's `--env-file`. This file knows no command line and opens nothing
//! but the settings file.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::domain::seal::Keyring;

/// What is used where nothing is said.
pub const DEFAULT_DATABASE: &str = "sqlite:bellwether.db";
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

const FILE: &str = "BELLWETHER_CONFIG";
const DATABASE: &str = "DATABASE_URL";
const LISTEN: &str = "BELLWETHER_LISTEN";
const TIMEOUT: &str = "BELLWETHER_TIMEOUT_SECONDS";
const CONNECTIONS: &str = "BELLWETHER_CONNECTIONS";
const URL: &str = "BELLWETHER_URL";
const PROXIES: &str = "BELLWETHER_PROXIES";
const REQUESTS: &str = "BELLWETHER_REQUESTS_PER_MINUTE";
const SEALING: &str = "BELLWETHER_KEYS";
const PROVIDERS: &str = "BELLWETHER_OIDC";
const SECOND: &str = "BELLWETHER_SECOND_FACTOR";
const KEYS: [&str; 10] = [DATABASE, LISTEN, TIMEOUT, CONNECTIONS, URL, PROXIES, REQUESTS, SEALING, PROVIDERS, SECOND];

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub database: Secret,
    /// Loopback, unless `url` says how others reach it by TLS.
    pub listen: SocketAddr,
    /// Under which address people reach the server; none is plain HTTP on this machine.
    pub url: Option<PublicUrl>,
    /// Whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
    /// What names and birth dates of students are sealed with.
    pub keys: Keyring,
    /// Whom people may sign in with instead of a password.
    pub providers: Vec<Provider>,
    /// Whether an account needs a second factor, or is only offered one; none: it does where `url` is by TLS.
    pub second_factor: Option<bool>,
    /// Most requests of an account or, without one, of an address.
    pub requests_per_minute: u32,
    /// Longest time from a request's first byte to its answer's.
    pub timeout: Duration,
    /// Connections open at once; further ones wait in the kernel's queue.
    pub connections: usize,
}

/// What flags say; it goes before everything else.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub database: Option<String>,
    pub listen: Option<String>,
    pub file: Option<PathBuf>,
}

/// Text that logs must not show: a database URL holds a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("cannot read the settings file {path}: {reason}")]
    Unreadable { path: String, reason: String },
    #[error("{path}, line {line}: {reason}")]
    Line { path: String, line: usize, reason: String },
    #[error("BELLWETHER_KEYS: {0}")]
    Keys(String),
    #[error("BELLWETHER_OIDC: {0}")]
    Providers(String),
    #[error("{key} is {value:?}; {expected}")]
    Value { key: &'static str, value: String, expected: &'static str },
    #[error(
        "refusing to listen on {0}: nobody can administer this installation yet; run `bellwether admin create` first"
    )]
    NoAdministrator(SocketAddr),
    #[error(
        "refusing to listen on {0} without TLS: set BELLWETHER_URL to the https:// address that people use, \
         and let a proxy there speak TLS (README, Running it for others)"
    )]
    NoTls(SocketAddr),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            database: Secret::new(DEFAULT_DATABASE),
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            timeout: Duration::from_secs(30),
            connections: 4096,
            url: None,
            proxies: Vec::new(),
            keys: Keyring::default(),
            providers: Vec::new(),
            second_factor: None,
            requests_per_minute: 1200,
        }
    }
}

impl Settings {
    /// Reads the process's environment and the settings file that the flags or the environment name.
    pub fn read(flags: &Flags) -> Result<Self, Error> {
        Self::read_from(flags, |key| std::env::var(key).ok())
    }

    /// As [`Settings::read`], with the environment as an argument.
    pub fn read_from(flags: &Flags, env: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        let file = match flags.file.clone().or_else(|| env(FILE).map(PathBuf::from)) {
            Some(path) => lines(&path)?,
            None => BTreeMap::new(),
        };
        let find = |key: &str| env(key).or_else(|| file.get(key).cloned());
        let default = Self::default();
        let listen = flags.listen.clone().or_else(|| find(LISTEN)).unwrap_or_else(|| DEFAULT_LISTEN.into());
        Ok(Self {
            database: flags.database.clone().or_else(|| find(DATABASE)).map_or(default.database, Secret::new),
            listen: parse(LISTEN, &listen, "give an address and a port, such as 127.0.0.1:8080")?,
            url: find(URL)
                .map(|text| parse(URL, &text, "give an origin, such as https://staffing.example.org"))
                .transpose()?,
            proxies: match find(PROXIES) {
                Some(text) => {
                    let one =
                        |ip: &str| parse(PROXIES, ip.trim(), "give addresses with commas between, such as 10.0.0.7");
                    text.split(',').filter(|ip| !ip.trim().is_empty()).map(one).collect::<Result<_, _>>()?
                }
                None => default.proxies,
            },
            keys: match find(SEALING) {
                Some(text) => text.parse().map_err(Error::Keys)?,
                None => default.keys,
            },
            providers: match find(PROVIDERS) {
                Some(text) => providers(&text).map_err(Error::Providers)?,
                None => default.providers,
            },
            second_factor: match find(SECOND).as_deref() {
                Some("required") => Some(true),
                Some("offered") => Some(false),
                Some(text) => {
                    return Err(Error::Value { key: SECOND, value: text.into(), expected: "say required or offered" });
                }
                None => default.second_factor,
            },
            requests_per_minute: match find(REQUESTS) {
                Some(text) => u32::try_from(within(REQUESTS, &text, 1_000_000)?).unwrap_or(default.requests_per_minute),
                None => default.requests_per_minute,
            },
            timeout: match find(TIMEOUT) {
                Some(text) => Duration::from_secs(within(TIMEOUT, &text, 3600)?),
                None => default.timeout,
            },
            connections: match find(CONNECTIONS) {
                Some(text) => usize::try_from(within(CONNECTIONS, &text, 100_000)?).unwrap_or(default.connections),
                None => default.connections,
            },
        })
    }
}

impl Settings {
    /// Refuses to be reached by other machines before there is somebody to answer to, and without TLS.
    pub fn may_listen(&self, has_administrator: bool) -> Result<(), Error> {
        let secure = self.url.as_ref().is_some_and(|url| url.secure);
        match (self.listen.ip().is_loopback(), has_administrator, secure) {
            (true, ..) | (_, true, true) => Ok(()),
            (_, false, _) => Err(Error::NoAdministrator(self.listen)),
            (_, _, false) => Err(Error::NoTls(self.listen)),
        }
    }

    /// Whether an account without a second factor opens nothing but the pages where one is added.
    #[must_use]
    pub fn demands_second_factor(&self) -> bool {
        self.second_factor.unwrap_or_else(|| self.secure())
    }

    /// Whether cookies travel by TLS only.
    #[must_use]
    pub fn secure(&self) -> bool {
        self.url.as_ref().is_some_and(|url| url.secure)
    }
}

/// The origin under which people reach the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Scheme, host and, where it is not the usual one, port: `https://staffing.example.org`.
    pub origin: String,
    /// As in the `Host` header.
    pub authority: String,
    /// Without a port.
    pub host: String,
    pub secure: bool,
}

impl std::str::FromStr for PublicUrl {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let text = text.trim().trim_end_matches('/').to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://").ok_or(())?;
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let named = host.chars().all(|c| c.is_ascii_alphanumeric() || "-.[]:".contains(c));
        let loopback = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let secure = scheme == "https";
        let good = !host.is_empty() && named && port.is_none_or(|port| port.parse::<u16>().is_ok());
        if !good || !(secure || (scheme == "http" && loopback)) {
            return Err(());
        }
        Ok(Self { origin: text.clone(), authority: authority.into(), host: host.into(), secure })
    }
}

/// An identity provider (OpenID Connect).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// As people know it: `Google`.
    pub title: String,
    /// The same in addresses: `google`.
    pub slug: String,
    /// Its address, as it says it itself: `https://accounts.google.com`.
    pub issuer: String,
    /// Who this installation is to it.
    pub client_id: String,
    pub secret: Secret,
}

/// `NAME ISSUER CLIENT SECRET; …`: four words for each. What is wrong is told by place, never by the words.
fn providers(text: &str) -> Result<Vec<Provider>, String> {
    let mut found: Vec<Provider> = Vec::new();
    for (n, part) in text.split(';').map(str::trim).filter(|part| !part.is_empty()).enumerate() {
        let words: Vec<&str> = part.split_whitespace().collect();
        let [title, issuer, client_id, secret] = words[..] else {
            return Err(format!("provider {} is not NAME ISSUER CLIENT SECRET", n + 1));
        };
        let slug = title.to_ascii_lowercase();
        if !slug.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') || found.iter().any(|other| other.slug == slug)
        {
            return Err(format!("the name of provider {} is not letters, digits and hyphens, or is another's", n + 1));
        }
        let near = issuer.strip_prefix("http://").is_some_and(|rest| {
            let host = rest.split(['/', ':']).next().unwrap_or_default();
            host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        });
        if !near && !issuer.starts_with("https://") {
            return Err(format!("the issuer of provider {} is not an https:// address", n + 1));
        }
        let (title, issuer, client_id) = (title.into(), issuer.into(), client_id.into());
        found.push(Provider { title, slug, issuer, client_id, secret: Secret::new(secret) });
    }
    Ok(found)
}

fn parse<T: std::str::FromStr>(key: &'static str, text: &str, expected: &'static str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::Value { key, value: text.into(), expected })
}

fn within(key: &'static str, text: &str, most: u64) -> Result<u64, Error> {
    let refuse =
        || Error::Value { key, value: text.into(), expected: "give a whole number, at least 1 and not absurd" };
    text.parse().ok().filter(|n| (1..=most).contains(n)).ok_or_else(refuse)
}

fn lines(path: &Path) -> Result<BTreeMap<String, String>, Error> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::Unreadable { path: name.clone(), reason: error.to_string() })?;
    let mut found = BTreeMap::new();
    for (n, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let refuse = |reason: String| Error::Line { path: name.clone(), line: n + 1, reason };
        let (key, value) = line.split_once('=').ok_or_else(|| refuse("expected KEY=value".into()))?;
        let (key, value) = (key.trim(), value.trim().trim_matches('"'));
        if !KEYS.contains(&key) {
            return Err(refuse(format!("unknown key {key:?}; the keys are {}", KEYS.join(", "))));
        }
        found.insert(key.to_owned(), value.to_owned());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening_on(listen: &str) -> Result<Settings, Error> {
        Settings::read_from(&Flags { listen: Some(listen.into()), ..Flags::default() }, |_| None)
    }

    #[test]
    fn other_machines_are_answered_only_with_an_administrator_and_tls() {
        let secure = |mut settings: Settings| {
            settings.url = Some("https://staffing.example.org".parse().expect("an origin"));
            settings
        };
        for near in ["127.0.0.1:8080", "127.9.9.9:1", "[::1]:0"] {
            assert_eq!(listening_on(near).expect("an address").may_listen(false), Ok(()), "{near}");
        }
        for far in ["0.0.0.0:8080", "[::]:8080", "10.0.0.1:80", "192.0.2.1:8080"] {
            let settings = listening_on(far).expect("an address");
            assert_eq!(settings.may_listen(false), Err(Error::NoAdministrator(settings.listen)), "{far}");
            assert_eq!(settings.may_listen(true), Err(Error::NoTls(settings.listen)), "{far}");
            let settings = secure(settings);
            assert!(settings.may_listen(false).is_err() && settings.may_listen(true).is_ok(), "{far}");
        }
        assert!(listening_on("localhost").expect_err("no port").to_string().contains("such as 127.0.0.1:8080"));
    }

    #[test]
    fn an_origin_is_tls_or_this_machine() {
        for (text, authority, secure) in [
            ("https://Staffing.Example.org/", "staffing.example.org", true),
            ("https://a.example:8443", "a.example:8443", true),
            ("http://localhost:8080", "localhost:8080", false),
            ("http://127.0.0.1:8080", "127.0.0.1:8080", false),
        ] {
            let url: PublicUrl = text.parse().unwrap_or_else(|()| panic!("{text}"));
            assert_eq!((url.authority.as_str(), url.secure), (authority, secure), "{text}");
        }
        for bad in [
            "http://a.example",
            "a.example",
            "https://",
            "https://a/b",
            "https://a:x",
            "ftp://localhost",
            "https://u@a",
        ] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_provider_is_four_words_and_its_secret_is_told_to_nobody() {
        let read = |text: &str| {
            let text = text.to_owned();
            Settings::read_from(&Flags::default(), move |key| (key == PROVIDERS).then(|| text.clone()))
        };
        let good = "Google https://accounts.google.com me hush; Local-1 http://127.0.0.1:9400 me hush ;";
        let settings = read(good).expect("two providers");
        let slugs: Vec<&str> = settings.providers.iter().map(|provider| provider.slug.as_str()).collect();
        assert_eq!(slugs, ["google", "local-1"]);
        assert!(!format!("{settings:?}").contains("hush"));
        for bad in [
            "Google https://a.example me",
            "Google https://a.example me hush more",
            "Google http://a.example me hush",
            "Google http://127.0.0.1.evil.example me hush",
            "Goo/gle https://a.example me hush",
            "A https://a.example me hush; a https://b.example me hush",
        ] {
            let error = read(bad).expect_err(bad).to_string();
            assert!(error.starts_with("BELLWETHER_OIDC: ") && !error.contains("hush"), "{error}");
        }
    }

    #[test]
    fn flags_go_before_the_environment_and_that_before_the_file() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "# ours\nDATABASE_URL=sqlite:file.db\nBELLWETHER_LISTEN=\"127.0.0.1:3\"\n")
            .expect("written");
        let flags = |database: Option<&str>| Flags {
            database: database.map(Into::into),
            listen: None,
            file: Some(file.path().to_owned()),
        };
        let env = |key: &str| (key == DATABASE).then(|| "sqlite:env.db".to_owned());
        let read =
            |flags: &Flags, env: &dyn Fn(&str) -> Option<String>| Settings::read_from(flags, env).expect("reads");
        assert_eq!(read(&flags(Some("sqlite:flag.db")), &env).database.reveal(), "sqlite:flag.db");
        assert_eq!(read(&flags(None), &env).database.reveal(), "sqlite:env.db");
        let settings = read(&flags(None), &|_| None);
        assert_eq!((settings.database.reveal(), settings.listen.port()), ("sqlite:file.db", 3));
        assert!(!format!("{settings:?}").contains("file.db"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        std::fs::write(file.path(), "\nLISTEN=127.0.0.1:3\n").expect("written");
        let flags = Flags { file: Some(file.path().to_owned()), ..Flags::default() };
        let error = Settings::read_from(&flags, |_| None).expect_err("unknown key").to_string();
        assert!(error.contains("line 2: unknown key \"LISTEN\"; the keys are DATABASE_URL"), "{error}");
    }
}
