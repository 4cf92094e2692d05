//! Identity providers, as the settings name them: four words each. Speaks to none of them.

use std::net::IpAddr;

use super::Secret;

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
pub(super) fn read(text: &str) -> Result<Vec<Provider>, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_four_words_and_its_secret_is_told_to_nobody() {
        let good = "Google https://accounts.google.com me hush; Local-1 http://127.0.0.1:9400 me hush ;";
        let found = read(good).expect("two providers");
        let slugs: Vec<&str> = found.iter().map(|provider| provider.slug.as_str()).collect();
        assert_eq!(slugs, ["google", "local-1"]);
        assert!(!format!("{found:?}").contains("hush"));
        for bad in [
            "Google https://a.example me",
            "Google https://a.example me hush more",
            "Google http://a.example me hush",
            "Google http://127.0.0.1.evil.example me hush",
            "Goo/gle https://a.example me hush",
            "A https://a.example me hush; a https://b.example me hush",
        ] {
            let why = read(bad).expect_err(bad);
            assert!(why.contains("provider") && !why.contains("hush"), "{why}");
        }
    }
}
