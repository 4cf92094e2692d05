//! People who may sign in, made for a test: an account with a login each.

use bellwether::domain::account::{Account, AccountBody};
use bellwether::domain::actor::Role;
use bellwether::domain::id::{DistrictId, EducatorId, fresh};
use bellwether::store::{Db, accounts, logins};

/// An account of this role and the secret of its browser.
pub async fn person(db: &Db, role: Role, districts: &[DistrictId], educator: Option<EducatorId>) -> (Account, String) {
    let body = AccountBody {
        email: format!("{role}-{}@test.example", fresh().simple()),
        name: format!("Test {}", role.title()),
        role,
        district_ids: districts.to_vec(),
        educator_id: educator,
        active: true,
        tz: None,
    };
    let mut tx = db.write("test").await.expect("writes");
    let account = accounts::create(&mut tx, body).await.expect("an account");
    let secret = format!("secret-{}", fresh().simple());
    logins::begin(&mut tx, account.id, &secret, "test", "a test").await.expect("a login");
    tx.commit().await.expect("commits");
    (account, secret)
}
