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

mod provider;
pub use provider::Provider;

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
const MAIL_URL: &str = "BELLWETHER_MAIL_URL";
const MAIL_FROM: &str = "BELLWETHER_MAIL_FROM";
const MAIL_HOLD: &str = "BELLWETHER_MAIL_HOLD_SECONDS";
const KEYS: [&str; 13] = [
    DATABASE,
    LISTEN,
    TIMEOUT,
    CONNECTIONS,
    URL,
    PROXIES,
    REQUESTS,
    SEALING,
    PROVIDERS,
    SECOND,
    MAIL_URL,
    MAIL_FROM,
    MAIL_HOLD,
];

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
    /// None: nobody gets mail, and none is owed.
    pub mail: Option<Mail>,
}

/// How mail leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    pub carrier: Carrier,
    /// A mail address, also as `Name <address>`; invitations come from it too.
    pub from: String,
    /// How long a digest waits for further changes.
    pub hold: Duration,
}

/// To whom mail is handed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// `smtp://`, with `?tls=required` for STARTTLS, or `smtps://`; user and password may be in it.
    Smtp(Secret),
    /// A file each, for whoever wants to look at them: `folder:PATH`.
    Folder(PathBuf),
}

impl std::str::FromStr for Carrier {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text.strip_prefix("folder:") {
            Some(path) if !path.is_empty() => Ok(Self::Folder(path.into())),
            None if text.starts_with("smtp://") || text.starts_with("smtps://") => Ok(Self::Smtp(Secret::new(text))),
            _ => Err(()),
        }
    }
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
    #[error("{MAIL_URL} and {MAIL_FROM} belong together: one is set, {0} is not")]
    HalfMail(&'static str),
    /// What is set holds a password, perhaps.
    #[error("{MAIL_URL} is not understood; give smtp://HOST:PORT, smtps://USER:PASSWORD@HOST or folder:PATH")]
    MailUrl,
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
    #[error("cannot listen on {at}: {cause}; choose another address or port with --listen, or stop what listens there")]
    Listen { at: SocketAddr, cause: String },
    /// `at` shows no password.
    #[error("cannot open the database {at}: {cause}; give another with --db or DATABASE_URL")]
    Database { at: String, cause: String },
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
            mail: None,
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
                Some(text) => provider::read(&text).map_err(Error::Providers)?,
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
            mail: mail(find)?,
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

    /// Where links in mail lead.
    #[must_use]
    pub fn origin(&self) -> String {
        self.url.as_ref().map_or_else(|| format!("http://{}", self.listen), |url| url.origin.clone())
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

fn mail(find: impl Fn(&str) -> Option<String>) -> Result<Option<Mail>, Error> {
    let (url, from) = match (find(MAIL_URL), find(MAIL_FROM)) {
        (None, None) => return Ok(None),
        (Some(_), None) => return Err(Error::HalfMail(MAIL_FROM)),
        (None, Some(_)) => return Err(Error::HalfMail(MAIL_URL)),
        (Some(url), Some(from)) => (url, from),
    };
    let hold = match find(MAIL_HOLD) {
        Some(text) => text.parse().ok().filter(|seconds| *seconds <= 86_400).ok_or(Error::Value {
            key: MAIL_HOLD,
            value: text,
            expected: "give seconds, 0 to 86400",
        })?,
        None => 30,
    };
    Ok(Some(Mail { carrier: url.parse().map_err(|()| Error::MailUrl)?, from, hold: Duration::from_secs(hold) }))
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
    fn mail_has_a_carrier_and_a_sender_or_neither() {
        let read = |pairs: &[(&str, &str)]| {
            let find = |key: &str| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| (*value).to_owned());
            Settings::read_from(&Flags::default(), find).map(|settings| settings.mail)
        };
        let from = (MAIL_FROM, "Office <office@vendor.example>");
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[from]), Err(Error::HalfMail(MAIL_URL)));
        assert_eq!(read(&[(MAIL_URL, "smtp://localhost")]), Err(Error::HalfMail(MAIL_FROM)));
        let mail = read(&[from, (MAIL_URL, "folder:out")]).expect("reads").expect("there is mail");
        assert_eq!((mail.carrier, mail.hold), (Carrier::Folder("out".into()), Duration::from_secs(30)));
        for bad in ["http://u:secret@host", "folder:", "u:secret@host"] {
            let error = read(&[from, (MAIL_URL, bad)]).expect_err(bad);
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        assert!(read(&[from, (MAIL_URL, "folder:out"), (MAIL_HOLD, "-1")]).is_err());
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
