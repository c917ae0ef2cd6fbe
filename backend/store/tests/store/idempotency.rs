//! Keys of repeated requests.

use chrono::TimeDelta;
use hanse_store::idempotency::{Answer, Known};
use hanse_types::UserId;

use crate::db::{Db, both, now};

both! {
    async fn the_same_request_gets_the_first_answer_again(db: &Db) {
        let (user, at) = (UserId::new(), now());
        let take = async |user, body: &str, at| db.store.take_key(user, "k", "POST /users", body.as_bytes(), at).await.unwrap();
        assert_eq!(take(user, "h1", at).await, Known::Fresh);
        assert_eq!(take(user, "h1", at).await, Known::Unanswered(at));
        let answer = Answer { status: 201, headers: "{}".into(), body: "{\"name\":\"ada\"}".into() };
        db.store.answer_key(user, "k", Some(answer.clone()), at).await.unwrap();
        assert_eq!(take(user, "h1", at).await, Known::Answered(answer));
        assert_eq!(take(user, "h2", at).await, Known::Different);
        assert_eq!(take(UserId::new(), "h2", at).await, Known::Fresh);
        assert_eq!(take(user, "h2", at + TimeDelta::hours(25)).await, Known::Fresh);
    }

    async fn a_refused_request_gives_its_key_back(db: &Db) {
        let (user, at) = (UserId::new(), now());
        assert_eq!(db.store.take_key(user, "k", "POST /users", b"h", at).await.unwrap(), Known::Fresh);
        db.store.answer_key(user, "k", None, at).await.unwrap();
        assert_eq!(db.store.take_key(user, "k", "POST /users", b"h", at).await.unwrap(), Known::Fresh);
    }

    async fn of_many_at_once_one_goes_on(db: &Db) {
        let (user, at) = (UserId::new(), now());
        let takers: Vec<_> = (0..12)
            .map(|_| {
                let store = db.store.clone();
                tokio::spawn(async move { store.take_key(user, "k", "POST /users", b"h", at).await.unwrap() })
            })
            .collect();
        let mut fresh = 0;
        for taker in takers {
            match taker.await.unwrap() {
                Known::Fresh => fresh += 1,
                known => assert_eq!(known, Known::Unanswered(at)),
            }
        }
        assert_eq!(fresh, 1);
    }
}
