//! What a request for records says beside its body: which page, which version.

use axum::http::{HeaderMap, HeaderName, header};
use uuid::Uuid;

use crate::api::error::{Error, FieldIssue};

/// Items on a page, unless `limit` says otherwise.
pub const PAGE: i64 = 50;
/// Most items on a page.
pub const LARGEST_PAGE: i64 = 200;

/// A page of a list: how many, after which record, and which records at all.
#[derive(Debug, PartialEq, Eq)]
pub struct Page {
    pub limit: i64,
    pub after: Option<Uuid>,
    pub filters: Vec<(String, String)>,
}

impl Page {
    /// Reads a query; every name it does not know is a filter, for the store to accept or refuse.
    pub fn read(pairs: Vec<(String, String)>) -> Result<Self, Error> {
        let mut page = Self { limit: PAGE, after: None, filters: Vec::new() };
        let mut errors = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        for (name, value) in pairs {
            let mut refuse = |message: String| errors.push(FieldIssue { pointer: format!("#{name}"), message });
            if !seen.insert(name.clone()) {
                refuse("given twice".into());
            } else if name == "limit" {
                match value.parse() {
                    Ok(limit) if (1..=LARGEST_PAGE).contains(&limit) => page.limit = limit,
                    _ => refuse(format!("{value:?} is not a number from 1 to {LARGEST_PAGE}")),
                }
            } else if name == "after" {
                match cursor(&value) {
                    Some(id) => page.after = Some(id),
                    None => refuse("not a cursor; use next of the page before".into()),
                }
            } else {
                page.filters.push((name, value));
            }
        }
        if errors.is_empty() { Ok(page) } else { Err(Error::Parameters(errors)) }
    }
}

/// The cursor that continues after a record.
pub fn cursor_after(id: Uuid) -> String {
    hex::encode(id.as_bytes())
}

fn cursor(text: &str) -> Option<Uuid> {
    let lower = text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let bytes = lower.then(|| hex::decode(text).ok()).flatten()?;
    Uuid::from_slice(&bytes).ok()
}

/// The address of the next page: this query with another cursor.
pub fn next_link(path: &str, query: &str, cursor: &str) -> String {
    // A raw query cannot hold control characters or spaces, but it can hold what would end the link.
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("after="));
    let kept: String = kept.flat_map(|pair| [pair, "&"]).collect();
    let kept = kept.replace('<', "%3C").replace('>', "%3E").replace('"', "%22");
    format!("<{path}?{kept}after={cursor}>; rel=\"next\"")
}

/// The ETag of a version.
pub fn tag(version: i64) -> String {
    format!("\"{version}\"")
}

/// `If-Match` or `If-None-Match`.
#[derive(Debug, PartialEq, Eq)]
pub enum Tags {
    Any,
    /// Versions; `None` for a tag that is none of ours.
    Listed(Vec<Option<i64>>),
}

impl Tags {
    pub fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, Error> {
        let mut values = headers.get_all(name).iter().peekable();
        if values.peek().is_none() {
            return Ok(None);
        }
        let refuse = || Error::parameter(name.as_str(), "give * or entity tags in double quotes, such as \"3\"");
        let mut tags = Vec::new();
        for value in values {
            let text = value.to_str().map_err(|_| refuse())?.trim();
            if text.is_empty() && name == header::IF_NONE_MATCH {
                // No tag at hand is no condition.
                continue;
            }
            if text == "*" {
                return Ok(Some(Self::Any));
            }
            for tag in text.split(',') {
                let tag = tag.trim();
                let strong = tag.strip_prefix("W/").unwrap_or(tag);
                let opaque = strong.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or_else(refuse)?;
                // A weak tag is only good for reading; what would be a version with a sign or zeros is not one.
                let version = opaque.parse::<i64>().ok().filter(|version| version.to_string() == opaque);
                tags.push(version.filter(|_| strong.len() == tag.len() || name == header::IF_NONE_MATCH));
            }
        }
        Ok(Some(Self::Listed(tags)))
    }

    pub fn hold(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.contains(&Some(version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn a_page_is_read_with_its_limits() {
        let id = Uuid::from_u128(7);
        let page = Page::read(pairs(&[("limit", "200"), ("after", &cursor_after(id)), ("name", "x")])).expect("reads");
        assert_eq!(page, Page { limit: 200, after: Some(id), filters: pairs(&[("name", "x")]) });
        for bad in [("limit", "0"), ("limit", "201"), ("limit", "x"), ("after", ""), ("after", "AA"), ("after", "00")] {
            assert!(Page::read(pairs(&[bad])).is_err(), "{bad:?}");
        }
        assert!(Page::read(pairs(&[("name", "a"), ("name", "b")])).is_err(), "given twice");
    }

    #[test]
    fn the_next_link_keeps_the_query_and_replaces_the_cursor() {
        let link = next_link("/x", "limit=2&after=00&name=a%20b>", "ff");
        assert_eq!(link, "</x?limit=2&name=a%20b%3E&after=ff>; rel=\"next\"");
        assert_eq!(next_link("/x", "", "ff"), "</x?after=ff>; rel=\"next\"");
    }

    #[test]
    fn only_strong_tags_permit_a_change_and_weak_ones_spare_a_read() {
        let read = |name: HeaderName, value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(&name, value.parse().expect("a header"));
            Tags::read(&headers, &name)
        };
        let holds = |name: HeaderName, value: &str| read(name, value).expect("reads").is_some_and(|tags| tags.hold(3));
        assert!(holds(header::IF_MATCH, "\"2\", \"3\"") && holds(header::IF_MATCH, "*"));
        assert!(holds(header::IF_NONE_MATCH, "W/\"3\""));
        for other in ["W/\"3\"", "\"03\"", "\"+3\"", "\"\"", "\"99999999999999999999\""] {
            assert!(!holds(header::IF_MATCH, other), "{other}");
        }
        for bad in ["3", "\"3", "\"2\",", ""] {
            assert!(read(header::IF_MATCH, bad).is_err(), "{bad}");
        }
    }
}
