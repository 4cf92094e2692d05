//! How often anyone may knock: requests of an account or an address, and attempts to sign in. Counted in this process;
//! several servers each allow as much.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::error::Error;
use crate::domain::hash::sha256;
use crate::domain::id::AccountId;

/// Attempts to sign in at once, and one more after each of these.
const ATTEMPTS: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
const ATTEMPT_AFTER: Duration = Duration::from_secs(30);
/// Checks after which keys that no longer matter are forgotten.
const SWEEP: u32 = 10_000;

/// The doors of one server.
#[derive(Debug)]
pub struct Doors {
    accounts: DefaultKeyedRateLimiter<AccountId>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    /// By the hash of the name, which may be long, and where it is tried from.
    attempts_of: DefaultKeyedRateLimiter<(String, IpAddr)>,
    /// By the hash of the name, from anywhere: who knocks elsewhere does not keep its owner out.
    attempts_on: DefaultKeyedRateLimiter<String>,
    attempts_from: DefaultKeyedRateLimiter<IpAddr>,
    checks: AtomicU32,
}

impl Doors {
    #[must_use]
    pub fn new(requests_per_minute: u32) -> Self {
        let requests = Quota::per_minute(NonZeroU32::new(requests_per_minute).unwrap_or(NonZeroU32::MIN));
        let attempts = Quota::with_period(ATTEMPT_AFTER).unwrap_or(requests).allow_burst(ATTEMPTS);
        let many = Quota::with_period(ATTEMPT_AFTER / ATTEMPTS.get()).unwrap_or(requests);
        let many = many.allow_burst(ATTEMPTS.saturating_mul(ATTEMPTS));
        Self {
            accounts: RateLimiter::keyed(requests),
            addresses: RateLimiter::keyed(requests),
            attempts_of: RateLimiter::keyed(attempts),
            attempts_on: RateLimiter::keyed(many),
            // A school shares one address among many.
            attempts_from: RateLimiter::keyed(attempts.allow_burst(ATTEMPTS.saturating_mul(ATTEMPTS))),
            checks: AtomicU32::new(0),
        }
    }

    /// A request of someone known.
    pub fn account(&self, account: AccountId) -> Result<(), Error> {
        self.sweep();
        passed(self.accounts.check_key(&account))
    }

    /// A request of someone unknown.
    pub fn address(&self, address: IpAddr) -> Result<(), Error> {
        self.sweep();
        passed(self.addresses.check_key(&network(address)))
    }

    /// An attempt to prove to be the owner of `name`.
    pub fn attempt(&self, name: &str, address: IpAddr) -> Result<(), Error> {
        self.sweep();
        passed(self.attempts_from.check_key(&network(address)))?;
        let name = sha256(name);
        passed(self.attempts_of.check_key(&(name.clone(), network(address))))?;
        passed(self.attempts_on.check_key(&name))
    }

    fn sweep(&self) {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.accounts.retain_recent();
            self.addresses.retain_recent();
            self.attempts_of.retain_recent();
            self.attempts_on.retain_recent();
            self.attempts_from.retain_recent();
        }
    }
}

/// Whoever has one IPv6 address has the whole /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => {
            six.to_ipv4_mapped().map_or_else(|| IpAddr::from((u128::from(six) >> 64 << 64).to_be_bytes()), IpAddr::V4)
        }
    }
}

fn passed<T>(checked: Result<T, governor::NotUntil<governor::clock::QuantaInstant>>) -> Result<(), Error> {
    checked.map(drop).map_err(|not_until| Error::TooMany(not_until.wait_time_from(DefaultClock::default().now())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn an_account_is_attempted_ten_times_from_one_place_and_its_owner_elsewhere_has_not_to_wait() {
        let doors = Doors::new(100);
        for _ in 0..10 {
            doors.attempt("ana@school.example", ip("192.0.2.1")).expect("passes");
        }
        let Err(Error::TooMany(wait)) = doors.attempt("ana@school.example", ip("192.0.2.1")) else {
            panic!("the eleventh attempt passes")
        };
        assert!(wait > Duration::from_secs(20) && wait <= ATTEMPT_AFTER, "{wait:?}");
        doors.attempt("ben@school.example", ip("192.0.2.1")).expect("another account is not affected");
        doors.attempt("ana@school.example", ip("198.51.100.7")).expect("its owner is not kept out");
    }

    #[test]
    fn an_account_is_attempted_a_hundred_times_from_everywhere() {
        let doors = Doors::new(100);
        let passed = (0..200).filter(|n| doors.attempt("ana@school.example", ip(&format!("192.0.2.{n}"))).is_ok());
        assert!((100..=102).contains(&passed.count()));
    }

    #[test]
    fn an_address_is_answered_so_often_and_a_network_of_ipv6_counts_as_one() {
        let doors = Doors::new(3);
        for n in 1..=3 {
            doors.address(ip(&format!("2001:db8::{n}"))).expect("passes");
        }
        assert!(doors.address(ip("2001:db8::ffff")).is_err());
        doors.address(ip("2001:db8:0:1::1")).expect("another network");
    }
}
